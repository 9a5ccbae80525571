// `ratebook check`: what is wrong with a data file, or that nothing is.
#include "sqlite/check.hpp"

#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/submit.hpp"
#include "json/writer.hpp"

namespace ratebook::cli {
namespace {

std::string for_people(const sqlite::CheckReport& report) {
  std::string text;
  for (const auto& finding : report.findings) text += printable(finding) + "\n";
  if (report.findings_left_out > 0) text += fmt::format("and {} more\n", grouped(report.findings_left_out));
  text += fmt::format("version {} ({}), {} batches, {} prices, {} records to decide: {}\n", report.version,
                      version_tag(report.version, report.chain), grouped(report.batches), grouped(report.prices),
                      grouped(report.records_waiting), report.findings.empty() ? "all is well" : "damaged");
  return text;
}

std::string as_json(const sqlite::CheckReport& report) {
  std::string text;
  {
    json::Object object{text};
    object.number("version", report.version);
    object.text("tag", version_tag(report.version, report.chain));
    object.number("batches", report.batches);
    object.number("prices", report.prices);
    object.number("records_waiting", report.records_waiting);
    std::string& findings = object.member("findings");
    for (std::size_t i = 0; i < report.findings.size(); ++i) {
      findings += i == 0 ? '[' : ',';
      json::append_string(findings, report.findings[i]);
    }
    findings += report.findings.empty() ? "[]" : "]";
    object.number("findings_left_out", report.findings_left_out);
  }
  return text + '\n';
}

}  // namespace

int check(const CheckOptions& options, const Console& console) {
  Progress progress{console, client::machine_pace().now};
  const auto checked = sqlite::check_file(
      options.file, {.progress = [&](std::string_view what, std::uint64_t done, std::uint64_t total) {
        progress.part(fmt::format("checking {}", what), done, total);
      }});
  progress.clear();
  if (!checked) {
    say_error(console, checked.error().message);
    return exit_usage;
  }
  if (!console.out(options.json ? as_json(*checked) : for_people(*checked))) return exit_output;
  if (checked->findings.empty()) return exit_ok;
  console.err("go on from a backup: ratebook serve --data BACKUP\n");
  return exit_refused;
}

}  // namespace ratebook::cli
