// The arguments of `ratebook serve`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"
#include "settings/table.hpp"

namespace ratebook::cli {
namespace {

constexpr auto serve_footer = R"(Examples:
  ratebook serve --data prices.sqlite
  ratebook serve --data prices.sqlite --listen 127.0.0.1:0      (picks a free port and says which)
  ratebook serve --data prices.sqlite --drain-time 5s --grace-time 1m
  ratebook serve --config ratebook.toml --http-connections-max 500
  ratebook serve --data prices.sqlite --listen 0.0.0.0:8080 --tokens tokens

Every setting is a flag, a variable and a line of the file: flags over RATEBOOK_… over the file over defaults.
`ratebook config` prints what holds and from where it came, `ratebook config --example` a file with all of them.

When it is ready it prints: listening on http://ADDRESS:PORT
SIGTERM or Ctrl-C stops it: it goes on for the drain time, then finishes what runs within the grace time.)";

std::string type_name(const settings::Row& row) {
  switch (row.kind) {
    case settings::Kind::count:
      return "N";
    case settings::Kind::bytes:
      return "BYTES";
    case settings::Kind::duration:
      return "TIME";
    case settings::Kind::text:
    case settings::Kind::toggle:
      break;
  }
  return row.takes.starts_with("ADDRESS") ? "ADDRESS" : row.takes.starts_with("one of") ? "WORD" : "PATH";
}

}  // namespace

void add_settings(Arguments word, settings::Inputs& inputs) {
  word.add("--config", inputs.file, "The file; else RATEBOOK_CONFIG, ./ratebook.toml or /etc/ratebook/ratebook.toml")
      .takes("PATH");
  settings::Settings defaults;
  for (const auto& row : settings::table(defaults).rows) {
    const bool toggle = row.kind == settings::Kind::toggle;
    const auto set = [&inputs, key = row.key](const std::string& text) { inputs.flags[key] = text; };
    const auto argument =
        toggle ? word.add_flag_function(
                     row.flag(), [set](bool on) { set(on ? "true" : "false"); }, row.meaning)
               : word.add_function(row.flag(), set, row.meaning).shows_default(row.get()).takes(type_name(row));
    if (!row.section.empty()) argument.hidden();
  }
}

void add_serve(CommandLine& line, const ServeFunction& run) {
  const auto inputs = std::make_shared<settings::Inputs>();
  const auto word = line.add("serve", "Run a server: everything in one process and one file", serve_footer);
  add_settings(word, *inputs);
  line.does(word, [inputs, run](const Console& console) { return serve(*inputs, run, console); });
}

}  // namespace ratebook::cli
