// `ratebook export`: all prices of a version, to standard output or a file that is there whole or not at all.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/exit_code.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/url.hpp"

namespace ratebook::cli {
namespace {

/// Where the prices go, and how many lines they are.
class Outlet {
 public:
  Outlet(const Console& console, std::optional<OutputFile> file) : console_(console), file_(std::move(file)) {}

  bool write(std::string_view text) {
    lines_ += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    if (!file_) {
      failed_ = !console_.out(text);
    } else if (const auto written = file_->write(text); !written) {
      failed_ = true;
      say_error(console_, written.error().message);
    }
    return !failed_;
  }
  bool finish() {
    if (!file_) return true;
    const auto finished = file_->finish();
    if (!finished) say_error(console_, finished.error().message);
    return finished.has_value();
  }
  bool failed() const { return failed_; }
  std::uint64_t lines() const { return lines_; }

 private:
  const Console& console_;
  std::optional<OutputFile> file_;
  std::uint64_t lines_ = 0;
  bool failed_ = false;
};

client::Request request_of(const ExportOptions& options, Outlet& outlet) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (options.version) parameters.emplace_back("version", fmt::format("{}", *options.version));
  client::Request request;
  request.target = client::target("/v1/prices", parameters);
  request.headers.emplace_back("Accept", options.format == "csv" ? "text/csv" : "application/x-ndjson");
  request.take = [&outlet](std::string_view text) { return outlet.write(text); };
  return request;
}

}  // namespace

int export_prices(const ExportOptions& options, const Console& console) {
  auto client = connect_to(options.server, console);
  if (!client) return exit_usage;
  std::optional<OutputFile> file;
  if (!options.output.empty()) {
    auto made = OutputFile::make(options.output);
    if (!made) {
      say_error(console, made.error().message);
      return exit_output;
    }
    file.emplace(*std::move(made));
  }
  Outlet outlet{console, std::move(file)};
  const auto answer = client->send(request_of(options, outlet));
  if (outlet.failed()) return exit_output;
  if (!answer) {
    const int code = report_fault(console, answer.error());
    console.err("What came is not all of it.\n");
    return code;
  }
  if (answer->status != 200) return report_refusal(console, *answer, {});
  if (!outlet.finish()) return exit_output;
  const std::uint64_t prices = outlet.lines() - (options.format == "csv" ? 1 : 0);
  const std::string version = options.version ? fmt::format("{}", *options.version)
                                              : std::string{answer->header("Ratebook-Version").value_or("?")};
  console.err(fmt::format("{} prices of version {}\n", grouped(prices), printable(version)));
  return exit_ok;
}

}  // namespace ratebook::cli
