// The arguments of `ratebook config`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto config_footer = R"(Examples:
  ratebook config
  ratebook config --config ratebook.toml --http-connections-max 500
  ratebook config --example > ratebook.toml

It takes the flags of `ratebook serve`, and prints each setting with where it came from, as `serve` would have it.)";

}  // namespace

void add_config(CommandLine& line) {
  const auto options = std::make_shared<ConfigOptions>();
  const auto word =
      line.add("config", "Show the settings of `ratebook serve`, and where each came from", config_footer);
  const auto json = word.add_flag("--json", options->json, "Print them as JSON");
  const auto example = word.add_flag("--example", options->example, "Print a documented file with all of them");
  const auto markdown = word.add_flag("--markdown", options->markdown, "Print the table of the reference");
  json.excludes(example).excludes(markdown);
  example.excludes(markdown);
  add_settings(word, options->inputs);
  line.does(word, [options](const Console& console) { return config(*options, console); });
}

}  // namespace ratebook::cli
