// `ratebook backup`: a copy of the data file, of one version.
#include "sqlite/backup.hpp"

#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/submit.hpp"
#include "json/writer.hpp"

namespace ratebook::cli {
namespace {

int exit_code_of(Failure failure) {
  switch (failure) {
    case Failure::not_found:
    case Failure::conflict:
    case Failure::damaged:
    case Failure::refused:
      return exit_usage;
    case Failure::full:
      return exit_output;
    default:
      return exit_unavailable;
  }
}

std::string for_people(const sqlite::BackupReport& report) {
  return fmt::format("version {} ({}), {:.1f} MB\n", report.version, version_tag(report.version, report.chain),
                     static_cast<double>(report.bytes) / 1e6);
}

std::string as_json(const sqlite::BackupReport& report) {
  std::string text;
  {
    json::Object object{text};
    object.number("version", report.version);
    object.text("tag", version_tag(report.version, report.chain));
    object.number("bytes", report.bytes);
  }
  return text + '\n';
}

}  // namespace

int backup(const BackupOptions& options, const Console& console) {
  Progress progress{console, client::machine_pace().now};
  const auto made = sqlite::backup_file(
      options.data, options.file, {.replace = options.force, .progress = [&](std::uint64_t bytes, std::uint64_t total) {
                                     progress.copied(bytes, total);
                                   }});
  progress.clear();
  if (!made) {
    say_error(console, made.error().message);
    return exit_code_of(made.error().failure);
  }
  const std::string said = options.json ? as_json(*made) : for_people(*made);
  return console.out(said) ? exit_ok : exit_output;
}

}  // namespace ratebook::cli
