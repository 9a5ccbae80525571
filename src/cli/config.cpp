// `ratebook config`: what holds, and from where it came.
#include "cli/exit_code.hpp"
#include "cli/words.hpp"
#include "settings/documents.hpp"
#include "settings/load.hpp"

namespace ratebook::cli {
namespace {

int print(const Console& console, std::string_view text) { return console.out(text) ? exit_ok : exit_output; }

}  // namespace

int config(const ConfigOptions& options, const Console& console) {
  if (options.example) return print(console, settings::example_file());
  if (options.markdown) return print(console, settings::reference_table());
  auto loaded = settings::load(options.inputs);
  if (!loaded) return report_wrong_settings(loaded.error(), console);
  return print(console, options.json ? settings::held_json(*loaded) : settings::held(*loaded));
}

}  // namespace ratebook::cli
