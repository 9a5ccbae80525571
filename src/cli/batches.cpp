// `ratebook batches`: which batches there are, newest first as the server lists them, or how one stands.
#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "client/url.hpp"

namespace ratebook::cli {
namespace {

client::Request request_of(const BatchesOptions& options) {
  client::Request request;
  if (!options.id.empty()) {
    request.target = "/v1/batches/" + client::percent_encode(options.id);
    return request;
  }
  std::vector<std::pair<std::string, std::string>> parameters{{"limit", fmt::format("{}", options.limit)}};
  if (!options.source.empty()) parameters.emplace_back("source", options.source);
  if (!options.status.empty()) parameters.emplace_back("status", options.status);
  if (!options.cursor.empty()) parameters.emplace_back("cursor", options.cursor);
  request.target = client::target("/v1/batches", parameters);
  return request;
}

void print(const client::BatchList& list, const Console& console) {
  if (list.batches.empty()) {
    console.err("no batches\n");
    return;
  }
  Table table{{{"batch"}, {"source"}, {"status"}, {"version", true}, {"prices", true}, {"accepted"}}};
  for (const auto& batch : list.batches) {
    table.add({{batch.id},
               {batch.source},
               {batch.status, style_of_status(batch.status)},
               {batch.version ? fmt::format("{}", *batch.version) : ""},
               {grouped(batch.price_count)},
               {batch.accepted_at}});
  }
  console.out(table.text(console));
  if (!list.next_cursor.empty()) console.err(fmt::format("more with --cursor {}\n", printable(list.next_cursor)));
}

}  // namespace

int batches(const BatchesOptions& options, const Console& console) {
  auto client = connect_to(options.server, console, question_timeouts);
  if (!client) return exit_usage;
  const auto answer = client->send(request_of(options));
  if (!answer) return report_fault(console, answer.error());
  if (options.json) pass_through(console, answer->body);
  if (answer->status != 200) return report_refusal(console, *answer, {});
  if (options.json) return exit_ok;
  if (options.id.empty()) {
    const auto list = client::parse_batches(answer->body);
    if (!list) return report_fault(console, list.error());
    print(*list, console);
  } else {
    const auto batch = client::parse_batch(answer->body);
    if (!batch) return report_fault(console, batch.error());
    console.out(describe(console, *batch));
  }
  return exit_ok;
}

}  // namespace ratebook::cli
