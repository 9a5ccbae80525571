// `ratebook serve`: its settings, and whether they are safe to run with. The server itself is passed in.
#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/words.hpp"
#include "runtime/service_manager.hpp"
#include "settings/load.hpp"

namespace ratebook::cli {
namespace {

/// Says what is missing, or how to listen beyond loopback if that is meant; empty where all is well.
std::string refusal(const settings::Settings& settings) {
  if (settings.data_path.empty() && !settings.is_cluster()) {
    return "no data file is named: say --data PATH, RATEBOOK_DATA=PATH, or data = \"PATH\" in ratebook.toml";
  }
  const std::string& address = settings.http.address;
  if (settings.open_to_everyone || !settings.tokens_path.empty() || address == "localhost" || address == "::1" ||
      address.starts_with("127."))
    return {};
  return fmt::format(
      "listen {}: that is beyond loopback, where nothing keeps others from sending and retracting; make "
      "tokens (`ratebook token create`) and name their file with --tokens, say --open-to-everyone if that is meant, or "
      "listen on 127.0.0.1",
      address);
}

}  // namespace

int report_wrong_settings(const std::vector<std::string>& wrong, const Console& console) {
  for (const auto& each : wrong) console.err(fmt::format("error: {}\n", printable(each)));
  console.err("`ratebook config --example` prints all settings.\n");
  return exit_usage;
}

int serve(const settings::Inputs& inputs, const ServeFunction& run, const Console& console) {
  auto loaded = settings::load(inputs);
  if (!loaded) return report_wrong_settings(loaded.error(), console);
  const auto inherited = take_inherited_socket();
  if (!inherited) return report_wrong_settings({inherited.error().message}, console);
  if (*inherited) {
    loaded->settings.http.inherited_socket = (*inherited)->descriptor;
    loaded->settings.http.address = (*inherited)->address;
    loaded->settings.http.port = (*inherited)->port;
  }
  if (const auto why = refusal(loaded->settings); !why.empty()) {
    console.err(fmt::format("error: {}\nRun `ratebook serve --help` for help.\n", why));
    return exit_usage;
  }
  return run(loaded->settings);
}

}  // namespace ratebook::cli
