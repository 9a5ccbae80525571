// `ratebook retract`: takes a committed batch out again, whole. Safe to repeat: what is retracted stays so.
#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/submit.hpp"
#include "model/batch.hpp"

namespace ratebook::cli {

int retract(const RetractOptions& options, const Console& console) {
  if (!is_batch_id(options.id)) {
    say_error(console, fmt::format("'{}' is no id of a batch: 32 hexadecimal characters", options.id));
    return exit_usage;
  }
  auto client = connect_to(options.server, console);
  if (!client) return exit_usage;
  const auto pace = client::machine_pace();
  Progress progress{console, pace.now};
  const auto make = [&] {
    client::Request request;
    request.method = "POST";
    request.target = fmt::format("/v1/batches/{}/retraction", options.id);
    request.headers.emplace_back("Prefer", fmt::format("wait={}", std::min<std::int64_t>(options.wait.count(), 60)));
    request.progress = [&](std::uint64_t) { progress.waiting("waiting for the retraction"); };
    return request;
  };
  const client::Retries retries{.time_max = options.retry_time, .before = [&](const client::Again& again) {
                                  progress.clear();
                                  console.err(fmt::format("{}; trying again\n", printable(again.reason)));
                                }};
  const auto answer = client::send_until_answered(*client, make, retries, pace);
  progress.clear();
  if (!answer) return report_fault(console, answer.error());
  if (answer->status >= 300) {
    if (options.json) pass_through(console, answer->body);
    return report_refusal(console, *answer, {});
  }
  auto batch = client::parse_batch(answer->body);
  if (batch && answer->status == 202 && options.wait.count() > 0) {
    const std::string location{answer->header("Location").value_or("/v1/batches/" + options.id)};
    const std::string status = batch->status;
    batch = client::follow_batch(
        *client, location, *std::move(batch), status,
        {.time_max = options.wait, .waiting = [&] { progress.waiting("waiting for the retraction"); }}, pace);
    progress.clear();
  }
  if (!batch) return report_fault(console, batch.error());
  pass_through(console, options.json ? batch->json : describe(console, *batch));
  if (batch->status == "retracted" || options.wait.count() == 0) return exit_ok;
  console.err("Accepted, not yet retracted.\n");
  return exit_waiting;
}

}  // namespace ratebook::cli
