// The arguments of `ratebook export`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto export_footer = R"(Examples:
  ratebook export > prices.csv
  ratebook export --version 7 --format ndjson --output prices.ndjson
  ratebook export | ratebook push - --source moved --server http://127.0.0.1:8081

What was retracted in that version or before is not in it. The server goes on meanwhile; the export does not see it.)";

}  // namespace

void add_export(CommandLine& line) {
  const auto options = std::make_shared<ExportOptions>();
  const auto word = line.add("export", "Write all prices of a version", export_footer);
  word.add("--version", options->version, "Of this version; else of the newest").takes("V");
  word.add("--format", options->format, "csv or ndjson").one_of({"csv", "ndjson"}).shows_default().takes("FORMAT");
  word.add("--output", options->output, "Into this file, once all is there; else to standard output").takes("FILE");
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return export_prices(*options, console); });
}

}  // namespace ratebook::cli
