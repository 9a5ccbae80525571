// The arguments of `ratebook serve`, and its help.
#include <memory>

#include "cli/arguments.hpp"
#include "cli/command_line.hpp"

namespace ratebook::cli {
namespace {

constexpr auto footer = R"(Examples:
  ratebook serve --data prices.sqlite
  ratebook serve --data prices.sqlite --listen 127.0.0.1:0      (picks a free port and says which)
  ratebook serve --data prices.sqlite --drain-time 5 --grace-time 60

When it is ready it prints: listening on http://ADDRESS:PORT
SIGTERM or Ctrl-C stops it: it goes on for the drain time, then finishes what runs within the grace time.)";

}  // namespace

void add_serve(CommandLine& line, const ServeFunction& serve) {
  const auto options = std::make_shared<ServeOptions>();
  const auto listen = std::make_shared<std::string>("127.0.0.1:8080");
  auto* word = line.add("serve", "Run a server: everything in one process and one file", footer);
  word->add_option("--data", options->data_path, "The data file (SQLite); made where there is none")
      ->required()
      ->type_name("PATH");
  word->add_option("--listen", *listen, "ADDRESS:PORT to listen on; port 0 picks a free one")
      ->capture_default_str()
      ->type_name("ADDRESS");
  word->add_flag("--open-to-everyone", options->open_to_everyone,
                 "Listen beyond loopback: whoever reaches it may read, send and retract");
  add_seconds(*word, "--drain-time", options->drain_time, "To go on serving after SIGTERM, not ready");
  add_seconds(*word, "--grace-time", options->grace_time, "To finish what runs after that");
  word->add_option("--cores", options->cores, "Threads that serve connections; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->type_name("N");
  line.does(
      word, [options, serve](const Console&) { return serve(*options); },
      [options, listen] {
        auto wrong = read_listen(*listen, *options);
        return wrong.empty() ? refuse_beyond_loopback(*options) : wrong;
      });
}

}  // namespace ratebook::cli
