// The arguments of `ratebook retract`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto retract_footer = R"(Example:
  ratebook retract 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e

Its prices are out as of a new version; the record of the batch stays.)";

}  // namespace

void add_retract(CommandLine& line) {
  const auto options = std::make_shared<RetractOptions>();
  const auto word = line.add("retract", "Take a committed batch out again, whole", retract_footer);
  word.add("ID", options->id, "The batch").required();
  word.add_seconds("--wait", options->wait, "Until it is out; 0: not at all");
  word.add_seconds("--retry-time", options->retry_time, "To repeat what fails; 0: one try");
  word.add_flag("--json", options->json, "Print the server's JSON");
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return retract(*options, console); });
}

}  // namespace ratebook::cli
