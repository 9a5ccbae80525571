#include "cli/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "cli/exit_code.hpp"
#include "client/submit.hpp"
#include "client/url.hpp"

namespace ratebook::cli {
namespace {

/// `prices.csv:17: price: write at most two decimals (too-many-decimals)`, `batch.json:1: prices[16].price: …`
std::string describe(const client::ItemProblem& problem, const Sent& sent) {
  std::string text{sent.file == "-" ? "<input>" : sent.file};
  if (problem.line && !text.empty()) text += fmt::format(":{}", *problem.line);
  if (!text.empty()) text += ": ";
  std::string where;
  if (problem.index && !(problem.line && sent.item_a_line)) where = fmt::format("prices[{}]", *problem.index);
  if (!problem.field.empty()) where += where.empty() ? problem.field : "." + problem.field;
  if (!where.empty()) text += where + ": ";
  text += problem.message;
  if (!problem.code.empty()) text += fmt::format(" ({})", problem.code);
  return printable(text);
}

/// From the file, else from the environment; empty: none.
Result<std::string> read_token(const Server& server) {
  if (server.token_file.empty()) {
    const char* value = std::getenv("RATEBOOK_TOKEN");
    return value == nullptr ? std::string{} : std::string{value};
  }
  std::ifstream file{server.token_file};
  std::string token;
  if (file >> token) return token;
  return fail(Failure::not_found, fmt::format("--token-file {}: there is no token in it", server.token_file));
}

std::string ca_file_of(const Server& server) {
  const char* value = std::getenv("RATEBOOK_CA");
  return server.ca_file.empty() && value != nullptr ? value : server.ca_file;
}

}  // namespace

std::optional<client::Client> connect_to(const Server& server, const Console& console, client::Timeouts timeouts) {
  auto url = client::parse_url(server.url);
  auto token = read_token(server);
  if (url && token)
    return client::Client{*std::move(url), timeouts, {.token = *std::move(token), .ca_file = ca_file_of(server)}};
  say_error(console, url ? token.error().message : url.error().message);
  return std::nullopt;
}

void pass_through(const Console& console, std::string_view text) {
  console.out(text);
  if (!text.empty() && !text.ends_with('\n')) console.out("\n");
}

void say_error(const Console& console, std::string_view message) {
  console.err(fmt::format("error: {}\n", printable(message)));
}

int report_fault(const Console& console, const Fault& fault) {
  say_error(console, fault.message);
  if (fault.failure == Failure::refused) {
    console.err("Start one with `ratebook serve --data FILE`, or name another with --server URL or RATEBOOK_SERVER.\n");
  }
  return exit_unavailable;
}

int report_refusal(const Console& console, const client::Answer& answer, const Sent& sent) {
  const auto problem = client::parse_problem(answer.body, answer.status);
  for (const auto& item : problem.errors) console.err(describe(item, sent) + '\n');
  if (problem.error_count > problem.errors.size()) {
    console.err(fmt::format("and {} more\n", grouped(problem.error_count - problem.errors.size())));
  }
  // Where one thing ended it all, the list has said so.
  const bool told =
      std::ranges::any_of(problem.errors, [&](const auto& item) { return item.message == problem.detail; });
  say_error(console,
            told || problem.detail.empty() ? problem.title : fmt::format("{}: {}", problem.title, problem.detail));
  if (const auto wait = client::retry_after(answer)) {
    console.err(fmt::format("The server asks to wait {} s before the next try.\n", wait->count() / 1000));
  }
  const bool is_unavailable = answer.status >= 500 || answer.status == 429;
  const auto request_id = answer.header("X-Request-Id");
  if (is_unavailable && request_id) {
    console.err(fmt::format("The server's log knows this as request {}.\n", printable(*request_id)));
  }
  return is_unavailable ? exit_unavailable : exit_refused;
}

Style style_of_status(std::string_view status) {
  if (status == "committed") return Style::green;
  if (status == "rejected") return Style::red;
  if (status == "accepted") return Style::yellow;
  return Style::dim;
}

std::string describe(const Console& console, const client::BatchAnswer& batch) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value, Style style = Style::plain) {
    if (value.empty()) return;
    text += fmt::format("{} {}\n", styled(console, Style::dim, fmt::format("{:<10}", name)),
                        styled(console, style, printable(value)));
  };
  line("batch", batch.id, Style::bold);
  line("source", batch.source);
  line("key", batch.key);
  line("status", batch.status, style_of_status(batch.status));
  line("problem", batch.problem, Style::red);
  line("prices", grouped(batch.price_count));
  line("version", batch.version ? fmt::format("{}", *batch.version) : "");
  line("retracted", batch.retracted_version ? fmt::format("in version {}", *batch.retracted_version) : "");
  line("accepted", batch.accepted_at);
  line("committed", batch.committed_at);
  line("digest", batch.digest);
  return text;
}

}  // namespace ratebook::cli
