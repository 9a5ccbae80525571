// The arguments of `ratebook generate`, and its help.
#include <fmt/format.h>

#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto generate_footer = R"(Examples:
  ratebook generate --prices 50000 | ratebook push - --source carrier-a
  ratebook generate --prices 10000000 --days 365 --seed 7 > large.csv
  ratebook generate --prices 10000000 --format ndjson | zstd > large.ndjson.zst
  ratebook generate --ports ports.csv --format json --source carrier-b > batch.json

The same options give the same prices, on any machine.)";

}  // namespace

void add_generate(CommandLine& line) {
  const auto options = std::make_shared<GenerateOptions>();
  const auto from = std::make_shared<std::string>(format_day(options->prices.first_day));
  const auto word = line.add("generate", "Print plausible prices, as many as wanted", generate_footer);
  word.add("--prices", options->prices.price_count, "How many").shows_default().takes("N");
  word.add("--seed", options->prices.seed, "Another one gives other prices").shows_default().takes("S");
  word.add("--from", *from, "First day").shows_default().takes("YYYY-MM-DD");
  word.add("--days", options->prices.day_count, "How many days").shows_default().takes("N");
  word.add("--ports", options->ports, "The ports that trade: a file (CSV or JSON), or sample")
      .shows_default()
      .takes("FILE|sample");
  word.add("--format", options->format, "csv, ndjson or json")
      .one_of({"csv", "ndjson", "json"})
      .shows_default()
      .takes("FORMAT");
  word.add("--source", options->source, "Named in JSON").shows_default().takes("NAME");
  line.does(
      word, [options](const Console& console) { return generate_prices(*options, console); },
      [options, from]() -> std::string {
        const auto day = parse_day(*from);
        if (!day) return fmt::format("--from {}: write a day from 1970-01-01 to 2149-12-31 as YYYY-MM-DD", *from);
        options->prices.first_day = *day;
        return {};
      });
}

}  // namespace ratebook::cli
