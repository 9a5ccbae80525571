// `ratebook token`: makes, lists and revokes the tokens of a server, in the file that the server reads. No server is
// asked: who can write the file is an operator.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "access/token_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/words.hpp"
#include "model/batch.hpp"

namespace ratebook::cli {
namespace {

Day day_now() {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  return {static_cast<std::int32_t>(days.time_since_epoch().count())};
}

std::string roles_of(const access::Grant& grant) {
  std::vector<std::string_view> roles;
  for (const auto role : grant.roles) roles.push_back(access::to_string(role));
  return fmt::format("{}", fmt::join(roles, ","));
}

/// What is wrong with the command line; empty: nothing.
std::string read_grant(const TokenOptions& options, access::Grant& grant) {
  grant.name = options.name;
  if (!access::is_token_name(grant.name)) return "--name takes 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'";
  for (const auto& role : options.roles) grant.roles.push_back(access::parse_role(role).value());
  const bool sends = std::ranges::count(grant.roles, access::Role::send) > 0;
  if (sends && options.sources.empty()) return "the role send is for sources: add --source NAME, once or more often";
  if (!sends && !options.sources.empty()) return "--source goes with --role send: the other roles are for all sources";
  for (const auto& source : options.sources) {
    if (!is_source(source)) return fmt::format("'{}' is no source: 1 to 64 of a-z, 0-9, '-', '_', '.'", source);
  }
  grant.sources = options.sources;
  grant.created = day_now();
  return {};
}

int refused(const Fault& fault, const Console& console) {
  say_error(console, fault.message);
  return fault.failure == Failure::conflict || fault.failure == Failure::not_found ? exit_refused : exit_usage;
}

}  // namespace

int create_token(const TokenOptions& options, const Console& console) {
  access::Grant grant;
  if (const auto wrong = read_grant(options, grant); !wrong.empty()) {
    say_error(console, wrong);
    return exit_usage;
  }
  const auto token = access::create_token(options.file, grant);
  if (!token) return refused(token.error(), console);
  console.out(*token + '\n');
  console.err(
      "This is the token; it is shown this once, the file has only its SHA-256. Clients take it from\n"
      "RATEBOOK_TOKEN or --token-file, servers from `ratebook serve --tokens FILE`.\n");
  return exit_ok;
}

int list_tokens(const TokenOptions& options, const Console& console) {
  const auto tokens = access::read_token_file(options.file);
  if (!tokens) return refused(tokens.error(), console);
  if (tokens->grants().empty()) {
    console.err("no tokens\n");
    return exit_ok;
  }
  Table table{{{"token"}, {"roles"}, {"sources"}, {"created"}, {"SHA-256"}}};
  for (const auto& grant : tokens->grants()) {
    table.add({{grant.name},
               {roles_of(grant)},
               {fmt::format("{}", fmt::join(grant.sources, ","))},
               {format_day(grant.created)},
               {hex(grant.token).substr(0, 16) + "…", Style::dim}});
  }
  console.out(table.text(console));
  return exit_ok;
}

int revoke_token(const TokenOptions& options, const Console& console) {
  const auto revoked = access::revoke_token(options.file, options.name);
  if (!revoked) return refused(revoked.error(), console);
  console.err(fmt::format("{} is revoked; a server that reads this file refuses it within a second\n",
                          printable(options.name)));
  return exit_ok;
}

}  // namespace ratebook::cli
