#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <sstream>

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "settings/nearest.hpp"

namespace ratebook::cli {
namespace {

constexpr auto main_footer = R"(Examples:
  ratebook serve --data prices.sqlite
  ratebook places put --sample
  ratebook generate --prices 50000 | ratebook push - --source carrier-a
  ratebook rates CNSGH NLRTM

Data goes to standard output, messages to standard error. NO_COLOR is honoured.

Exit codes:
  0  done
  1  refused: the batch, the places or the question is wrong, or the batch was rejected; answers that compare
     asked for differ, or check found something
  2  the command line is wrong, or a file or database that it names cannot be read
  3  the server cannot be reached or cannot answer now; what was sent may count: repeat it with the same key
  4  accepted, but not decided within --wait
  5  the output cannot be written)";

std::string with_line_end(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

/// `ratebook places put`
std::string path_of(const CLI::App& word) {
  const auto* parent = word.get_parent();
  return parent == nullptr ? word.get_name() : path_of(*parent) + " " + word.get_name();
}

Said usage(std::string_view message, const CLI::App& word) {
  return {fmt::format("error: {}\nRun `{} --help` for help.\n", message, path_of(word)), exit_usage};
}

/// An argument that is none of the word's: for a flag, with the nearest one that is.
Said unknown_argument(CLI::App& app, const CLI::App& word, std::string_view message) {
  const auto rest = app.remaining(true);
  if (rest.empty() || !rest.front().starts_with("--")) return usage(message, word);
  std::vector<std::string> known;
  for (const auto* option : word.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back(fmt::format("--{}", name));
  }
  const auto flag = rest.front().substr(0, rest.front().find('='));
  return usage(fmt::format("there is no {}; the nearest is {}", flag, settings::nearest(flag, known)), word);
}

}  // namespace

std::variant<Word, Said> read_arguments(int argc, const char* const* argv, const ServeFunction& serve) {
  CommandLine line;
  CLI::App& app = line.app();
  app.set_version_flag("--version", "ratebook " RATEBOOK_VERSION);
  app.footer(main_footer);
  add_serve(line, serve);
  add_config(line);
  add_push(line);
  add_rates(line);
  add_batches(line);
  add_retract(line);
  add_places(line);
  add_token(line);
  add_generate(line);
  add_import(line);
  add_export(line);
  add_compare(line);
  add_completion(line);
  add_backup(line);
  add_check(line);
  add_move(line);
  const auto* version_word = app.add_subcommand("version", "Print the version of this program");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {
    return unknown_argument(app, line.chosen(), error.what());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage(error.what(), line.chosen());
    std::ostringstream text;  // help and version travel as exceptions, too
    app.exit(error, text, text);
    return Said{with_line_end(text.str()), exit_ok};
  }
  const CLI::App& chosen = line.chosen();
  if (&chosen == version_word) return Said{"ratebook " RATEBOOK_VERSION "\n", exit_ok};
  const auto* entry = line.entry(chosen);
  if (entry == nullptr) return Said{chosen.help(), exit_usage};
  if (const auto wrong = entry->check ? entry->check() : ""; !wrong.empty()) return usage(wrong, chosen);
  return entry->run;
}

}  // namespace ratebook::cli
