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
  auto* word = line.add("batches", "List batches, or show how one stands", batches_footer);
  word->add_option("ID", options->id, "Show this one");
  word->add_option("--source", options->source, "Only of this source")->type_name("NAME");
  word->add_option("--status", options->status, "Only these: accepted, committed, rejected or retracted")
      ->check(CLI::IsMember({"accepted", "committed", "rejected", "retracted"}))
      ->type_name("STATUS");
  word->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  word->add_option("--cursor", options->cursor, "Go on where a list ended")->type_name("CURSOR");
  word->add_flag("--json", options->json, "Print the server's JSON");
  add_server(*word, options->server);
  line.does(word, [options](const Console& console) { return batches(*options, console); });
}

}  // namespace ratebook::cli
