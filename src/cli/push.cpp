// `ratebook push`: a file of prices to the server, exactly once, followed until it is committed.
#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/send_batch.hpp"
#include "client/submit.hpp"
#include "client/url.hpp"
#include "model/batch.hpp"

namespace ratebook::cli {
namespace {

constexpr std::chrono::seconds prefer_wait_max{60};  // the server's limit

/// What is wrong with the command line; empty: nothing.
std::string check(const PushOptions& options, const FileForm& form) {
  if (form.format.empty()) {
    return fmt::format("{} does not tell its format: add --format csv, ndjson or json", options.file);
  }
  if (options.source.empty() && form.format != "json") {
    return "a file of this format does not name its source: add --source NAME";
  }
  if (!options.source.empty() && !is_source(options.source)) {
    return fmt::format("'{}' is no source: 1 to 64 of a-z, 0-9, '-', '_', '.'", options.source);
  }
  if (!options.key.empty() && !is_idempotency_key(options.key))
    return "--key takes 1 to 200 printable ASCII characters";
  if (!options.replaces.empty() && !is_batch_id(options.replaces)) {
    return fmt::format("--replaces takes the id of a batch, 32 hexadecimal characters, not '{}'", options.replaces);
  }
  return {};
}

class Push {
 public:
  Push(const PushOptions& options, const Console& console, client::Client client, const client::FileBody& file,
       FileForm form, std::string digest)
      : options_(options),
        console_(console),
        client_(std::move(client)),
        file_(file),
        form_(std::move(form)),
        digest_(std::move(digest)),
        key_(options.key.empty() ? client::fresh_key() : options.key),
        pace_(client::machine_pace()),
        progress_(console, pace_.now) {}

  int run() {
    if (options_.key.empty() && !options_.dry_run) console_.err(fmt::format("key {}\n", key_));
    const client::Retries retries{.time_max = options_.retry_time,
                                  .before = [this](const client::Again& again) { say_again(again); }};
    const auto answer = client::send_until_answered(client_, [this] { return request(); }, retries, pace_);
    progress_.clear();
    if (!answer) return unreachable(answer.error());
    if (answer->status >= 300) return refused(*answer);
    return decided(*answer);
  }

 private:
  client::Request request() {
    progress_.restart();
    std::vector<std::pair<std::string, std::string>> parameters;
    if (!options_.source.empty()) parameters.emplace_back("source", options_.source);
    if (!options_.replaces.empty()) parameters.emplace_back("replaces", options_.replaces);
    if (options_.dry_run) parameters.emplace_back("dry_run", "true");
    client::Request request;
    request.method = "POST";
    request.target = client::target("/v1/batches", parameters);
    request.headers = {{"Content-Type", std::string{form_.content_type()}},
                       {"Repr-Digest", digest_},
                       {"Idempotency-Key", key_},
                       {"Prefer", fmt::format("wait={}", std::min(options_.wait, prefer_wait_max).count())}};
    if (!form_.coding.empty()) request.headers.emplace_back("Content-Encoding", form_.coding);
    request.body = file_.body();
    request.progress = [this](std::uint64_t bytes) { progress_.sent(bytes, file_.bytes_total()); };
    return request;
  }

  // A reason is said once, however often it is tried: a minute of the same line tells nothing.
  void say_again(const client::Again& again) {
    if (again.reason == last_reason_) return;
    last_reason_ = again.reason;
    progress_.clear();
    console_.err(fmt::format("{}; trying again with the same key for up to {} s\n", printable(again.reason),
                             options_.retry_time.count()));
  }

  int unreachable(const Fault& fault) {
    const bool connection = fault.failure == Failure::refused || fault.failure == Failure::unknown;
    if (!connection) {  // the file, not the server
      say_error(console_, fault.message);
      return exit_usage;
    }
    const int code = report_fault(console_, fault);
    if (fault.failure == Failure::unknown) say_same_key();
    return code;
  }

  int refused(const client::Answer& answer) {
    if (options_.json) pass_through(console_, answer.body);
    const int code = report_refusal(console_, answer, {.file = options_.file, .item_a_line = form_.format != "json"});
    if (code == exit_unavailable) say_same_key();
    return code;
  }

  void say_same_key() {
    if (options_.dry_run) return;
    console_.err(
        fmt::format("It may have been accepted all the same. Sent again with --key {}, it counts once.\n", key_));
  }

  int decided(const client::Answer& answer) {
    auto batch = client::parse_batch(answer.body);
    if (!batch) return report_fault(console_, batch.error());
    const bool follows = batch->status == "accepted" && options_.wait.count() > 0;
    if (follows) {
      const std::string location{answer.header("Location").value_or("/v1/batches/" + batch->id)};
      batch = client::follow_batch(
          client_, location, *std::move(batch), "accepted",
          {.time_max = options_.wait, .waiting = [this] { progress_.waiting("waiting for the commit"); }}, pace_);
      progress_.clear();
      if (!batch) return report_fault(console_, batch.error());
    }
    if (options_.json) {
      pass_through(console_, batch->json);
    } else {
      print(*batch, answer.status);
    }
    if (batch->status == "rejected") return exit_refused;
    return batch->status == "accepted" && follows ? exit_waiting : exit_ok;
  }

  void print(const client::BatchAnswer& batch, unsigned status) {
    console_.out(describe(console_, batch));
    if (options_.dry_run) {
      console_.err("A dry run: the batch is right, nothing was stored.\n");
    } else if (status == 200) {
      console_.err("The server had this batch already: it counts once.\n");
    }
    if (batch.status == "rejected") say_error(console_, "the batch was rejected; none of its prices are in");
    if (batch.status == "accepted") {
      console_.err(fmt::format("Accepted, not yet committed. Look again with: ratebook batches {}\n", batch.id));
    }
  }

  const PushOptions& options_;
  const Console& console_;
  client::Client client_;
  const client::FileBody& file_;
  FileForm form_;
  std::string digest_;
  std::string key_;
  std::string last_reason_;
  client::Pace pace_;
  Progress progress_;
};

}  // namespace

int send_batch(const PushOptions& options, const Console& console, client::Client client, const client::FileBody& file,
               FileForm form) {
  auto digest = file.repr_digest();
  if (!digest) {
    say_error(console, digest.error().message);
    return exit_usage;
  }
  return Push{options, console, std::move(client), file, std::move(form), *std::move(digest)}.run();
}

int push(const PushOptions& options, const Console& console) {
  auto client = connect_to(options.server, console);
  if (!client) return exit_usage;
  const auto file = client::FileBody::open(options.file);
  if (!file) {
    say_error(console, file.error().message);
    return exit_usage;
  }
  FileForm form = form_of(options.file, options.format, file->start(form_bytes_seen).value_or(""));
  if (const auto wrong = check(options, form); !wrong.empty()) {
    say_error(console, wrong);
    return exit_usage;
  }
  return send_batch(options, console, *std::move(client), *file, std::move(form));
}

}  // namespace ratebook::cli
