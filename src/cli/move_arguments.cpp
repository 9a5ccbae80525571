// The arguments of `ratebook move`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto move_footer = R"(Examples:
  ratebook move prices.sqlite --config node.toml
  ratebook move prices.sqlite --postgres-primary "host=db dbname=ratebook user=ratebook" --kafka-brokers kafka-1:9092

Places, batches with their keys, and versions come along: the same questions get the same answers, and what a supplier
repeats is known. Stop the server of the file first, and start the nodes of the cluster afterwards. The database must be
empty; the file stays as it is. A move that breaks off leaves nothing that counts: repeat it.)";

}  // namespace

void add_move(CommandLine& line) {
  const auto options = std::make_shared<MoveOptions>();
  const auto word = line.add("move", "Move the history of a data file into a cluster's empty store", move_footer);
  word.add("FILE", options->from, "The data file").required();
  add_settings(word, options->inputs);
  line.does(word, [options](const Console& console) { return move(*options, console); });
}

}  // namespace ratebook::cli
