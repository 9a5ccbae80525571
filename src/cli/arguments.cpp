#include "cli/arguments.hpp"

#include <fmt/format.h>

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"

namespace ratebook::cli {
namespace {

constexpr auto version = "ratebook " RATEBOOK_VERSION;

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

}  // namespace

std::variant<Word, Said> read_arguments(int argc, const char* const* argv, const ServeFunction& serve) {
  CommandLine line{version, main_footer};
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
  line.does(line.add("version", "Print the version of this program", main_footer),
            [](const Console& console) { return console.out(fmt::format("{}\n", version)) ? exit_ok : exit_output; });
  return line.read(argc, argv);
}

}  // namespace ratebook::cli
