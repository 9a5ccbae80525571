// The arguments of `ratebook rates`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto rates_footer = R"(Examples:
  ratebook rates CNSGH NLRTM
  ratebook rates china_main north_europe_main --from 2021-01-01 --to 2021-01-31
  ratebook rates CNSGH NLRTM --stats avg,p20,p80,count --csv > rates.csv
  ratebook rates CNSGH NLRTM --version 7                        (as of version 7)

Without --from and --to it shows the newest 31 days that have prices.)";

}  // namespace

void add_rates(CommandLine& line) {
  const auto options = std::make_shared<RatesOptions>();
  const auto word = line.add("rates", "Show what a route costs, day by day", rates_footer);
  word.add("ORIG", options->origin, "A port's code or a region's slug").required();
  word.add("DEST", options->destination, "A port's code or a region's slug").required().takes("DEST");
  word.add("--from", options->from, "First day").takes("YYYY-MM-DD");
  word.add("--to", options->to, "Last day").takes("YYYY-MM-DD");
  word.add("--stats", options->stats, "Any of avg, min, max, count, p0 to p100").takes("LIST");
  word.add("--min-count", options->min_count, "Hide statistics of fewer prices").takes("N");
  word.add("--version", options->version, "A past version of all data").takes("V");
  word.add("--chart", options->chart, "auto (on a terminal), always, never")
      .one_of({"auto", "always", "never"})
      .takes("WHEN");
  const auto json = word.add_flag("--json", options->json, "Print the server's JSON");
  word.add_flag("--csv", options->csv, "Print the server's CSV").excludes(json);
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return rates(*options, console); });
}

}  // namespace ratebook::cli
