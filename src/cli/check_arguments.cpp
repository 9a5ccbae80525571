// The arguments of `ratebook check`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto check_footer = R"(Examples:
  ratebook check prices.sqlite
  ratebook check /backups/prices.sqlite --json

It changes nothing, and may run while the server does. What is wrong is told a line each, and the exit code is 1.)";

}  // namespace

void add_check(CommandLine& line) {
  const auto options = std::make_shared<CheckOptions>();
  const auto word = line.add("check", "Prove a data file or a backup: pages, versions, batches, prices", check_footer);
  word.add("FILE", options->file, "The data file").required();
  word.add_flag("--json", options->json, "Print JSON");
  line.does(word, [options](const Console& console) { return check(*options, console); });
}

}  // namespace ratebook::cli
