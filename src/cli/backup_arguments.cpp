// The arguments of `ratebook backup`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto backup_footer = R"(Examples:
  ratebook backup /backups/prices.sqlite --data prices.sqlite
  ratebook serve --data /backups/prices.sqlite                  (a backup is a data file)

It may run while the server does, on the server's machine: the copy is that of one version. Nothing stands under FILE
until all of it is on the disk. `ratebook check FILE` proves it.)";

}  // namespace

void add_backup(CommandLine& line) {
  const auto options = std::make_shared<BackupOptions>();
  const auto word = line.add("backup", "Copy the data file, while it is served or not", backup_footer);
  word.add("FILE", options->file, "The copy").required();
  word.add("--data", options->data, "The data file").environment("RATEBOOK_DATA").required().takes("PATH");
  word.add_flag("--force", options->force, "Also where FILE is there already: it is replaced");
  word.add_flag("--json", options->json, "Print JSON");
  line.does(word, [options](const Console& console) { return backup(*options, console); });
}

}  // namespace ratebook::cli
