// The arguments of `ratebook batches`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto batches_footer = R"(Examples:
  ratebook batches
  ratebook batches --source carrier-a --status rejected --limit 100
  ratebook batches 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e)";

}  // namespace

void add_batches(CommandLine& line) {
  const auto options = std::make_shared<BatchesOptions>();
  const auto word = line.add("batches", "List batches, or show how one stands", batches_footer);
  word.add("ID", options->id, "Show this one");
  word.add("--source", options->source, "Only of this source").takes("NAME");
  word.add("--status", options->status, "Only these: accepted, committed, rejected or retracted")
      .one_of({"accepted", "committed", "rejected", "retracted"})
      .takes("STATUS");
  word.add("--limit", options->limit, "At most so many").between(1, 1000).shows_default().takes("N");
  word.add("--cursor", options->cursor, "Go on where a list ended").takes("CURSOR");
  word.add_flag("--json", options->json, "Print the server's JSON");
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return batches(*options, console); });
}

}  // namespace ratebook::cli
