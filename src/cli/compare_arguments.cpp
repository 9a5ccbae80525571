// The arguments of `ratebook compare`, and its help.
#include <fmt/format.h>

#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"
#include "model/day.hpp"

namespace ratebook::cli {
namespace {

constexpr auto compare_footer = R"(Examples:
  ratebook compare http://old.example:5000 --routes 1000
  ratebook compare http://old.example:5000 --routes 50 --seed 7 --json
  ratebook compare http://old.example:5000 --from 2021-01-01 --to 2021-01-31

Asks both GET /rates between random ports and regions of this server, on days that have prices here, edge cases among
them, and shows each question that they answer differently. Averages may differ by rounding. Exit code 1: some differ.)";

std::string wrong_day(const std::string& name, const std::string& text) {
  if (text.empty() || parse_day(text)) return {};
  return fmt::format("{} {}: write a day from 1970-01-01 to 2149-12-31 as YYYY-MM-DD", name, text);
}

}  // namespace

void add_compare(CommandLine& line) {
  const auto options = std::make_shared<CompareOptions>();
  const auto word =
      line.add("compare", "Ask the existing service the same questions, show differences", compare_footer);
  word.add("URL", options->url, "Where the existing service is").required();
  word.add("--routes", options->routes, "How many questions").between(1, 1'000'000).shows_default().takes("N");
  word.add("--seed", options->seed, "The same seed asks the same; else a fresh one").takes("S");
  const auto from = word.add("--from", options->from, "First day; else the first with prices here");
  const auto to = word.add("--to", options->to, "Last day");
  from.takes("YYYY-MM-DD").needs(to);
  to.takes("YYYY-MM-DD").needs(from);
  word.add("--tolerance", options->tolerance, "Of averages, relative").shows_default().takes("X");
  word.add_flag("--json", options->json, "Print the differences as JSON");
  add_server(word, options->server);
  line.does(
      word, [options](const Console& console) { return compare(*options, console); },
      [options] {
        auto wrong = wrong_day("--from", options->from);
        if (wrong.empty()) wrong = wrong_day("--to", options->to);
        if (wrong.empty() && options->to < options->from) wrong = "--from lies after --to";
        return wrong;
      });
}

}  // namespace ratebook::cli
