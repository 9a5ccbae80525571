#include "access/tokens.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "model/batch.hpp"

namespace ratebook::access {
namespace {

constexpr std::size_t name_length_max = 64;
constexpr std::string_view none = "-";

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return parts;
    text.remove_prefix(begin);
    parts.push_back(text.substr(0, text.find_first_of(separators)));
    text.remove_prefix(parts.back().size());
  }
}

Result<void> read_roles(std::string_view text, Grant& grant) {
  for (const auto word : split(text, ",")) {
    const auto role = parse_role(word);
    if (!role) return fail(Failure::damaged, fmt::format("'{}' is no role: write send, read or operate", word));
    grant.roles.push_back(*role);
  }
  return {};
}

Result<void> read_sources(std::string_view text, Grant& grant) {
  const bool sends = std::ranges::count(grant.roles, Role::send) > 0;
  if (sends == (text == none)) {
    return fail(Failure::damaged, "the role send needs sources such as carrier-a,carrier-b; the other roles have '-'");
  }
  if (!sends) return {};
  for (const auto source : split(text, ",")) {
    if (!is_source(source)) return fail(Failure::damaged, fmt::format("'{}' is no source", source));
    grant.sources.emplace_back(source);
  }
  return {};
}

Result<Grant> read_grant(std::string_view line) {
  const auto words = split(line, " \t\r");
  if (words.size() != 5) return fail(Failure::damaged, "a line has a name, roles, sources, a SHA-256 and a day");
  Grant grant{.name = std::string{words[0]}};
  if (!is_token_name(grant.name)) return fail(Failure::damaged, "a name has 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.'");
  if (const auto read = read_roles(words[1], grant); !read) return std::unexpected(read.error());
  if (const auto read = read_sources(words[2], grant); !read) return std::unexpected(read.error());
  const auto digest = parse_digest(words[3]);
  if (!digest) return fail(Failure::damaged, "a SHA-256 has 64 hexadecimal characters");
  const auto day = parse_day(words[4]);
  if (!day) return fail(Failure::damaged, "a day reads YYYY-MM-DD");
  grant.token = *digest;
  grant.created = *day;
  return grant;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::send:
      return "send";
    case Role::read:
      return "read";
    case Role::operate:
      return "operate";
  }
  return {};
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::send, Role::read, Role::operate}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

bool Grant::has(Role role) const {
  return std::ranges::any_of(roles, [role](Role held) { return held == role || held == Role::operate; });
}

bool Grant::may_send(std::string_view source) const {
  return has(Role::operate) || (has(Role::send) && std::ranges::count(sources, source) > 0);
}

bool is_token_name(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= name_length_max && std::ranges::all_of(text, good);
}

Result<Tokens> Tokens::parse(std::string_view text, Limits limits) {
  Tokens tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    auto grant = read_grant(line);
    const auto at_line = [number](std::string_view why) {
      return fail(Failure::damaged, fmt::format("line {}: {}", number, why));
    };
    if (!grant) return at_line(grant.error().message);
    if (tokens.named(grant->name) != nullptr) return at_line(fmt::format("the name {} stands twice", grant->name));
    if (tokens.grants_.size() == limits.tokens_max) {
      return at_line(fmt::format("there may be {} tokens; revoke some", limits.tokens_max));
    }
    tokens.grants_.push_back(*std::move(grant));
  }
  return tokens;
}

const Grant* Tokens::find(std::string_view token) const {
  const Digest digest = sha256(token);
  const Grant* found = nullptr;
  for (const Grant& grant : grants_) {
    if (CRYPTO_memcmp(grant.token.data(), digest.data(), digest.size()) == 0) found = &grant;
  }
  return found;
}

const Grant* Tokens::named(std::string_view name) const {
  const auto found = std::ranges::find(grants_, name, &Grant::name);
  return found == grants_.end() ? nullptr : &*found;
}

std::string format_grant(const Grant& grant) {
  std::vector<std::string_view> roles;
  for (const Role role : grant.roles) roles.push_back(to_string(role));
  return fmt::format("{} {} {} {} {}\n", grant.name, fmt::join(roles, ","),
                     grant.sources.empty() ? std::string{none} : fmt::format("{}", fmt::join(grant.sources, ",")),
                     hex(grant.token), format_day(grant.created));
}

}  // namespace ratebook::access
