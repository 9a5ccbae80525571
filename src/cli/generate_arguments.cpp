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
  auto* word = line.add("generate", "Print plausible prices, as many as wanted", generate_footer);
  word->add_option("--prices", options->prices.price_count, "How many")->capture_default_str()->type_name("N");
  word->add_option("--seed", options->prices.seed, "Another one gives other prices")
      ->capture_default_str()
      ->type_name("S");
  word->add_option("--from", *from, "First day")->capture_default_str()->type_name("YYYY-MM-DD");
  word->add_option("--days", options->prices.day_count, "How many days")->capture_default_str()->type_name("N");
  word->add_option("--ports", options->ports, "The ports that trade: a file (CSV or JSON), or sample")
      ->capture_default_str()
      ->type_name("FILE|sample");
  word->add_option("--format", options->format, "csv, ndjson or json")
      ->check(CLI::IsMember({"csv", "ndjson", "json"}))
      ->capture_default_str()
      ->type_name("FORMAT");
  word->add_option("--source", options->source, "Named in JSON")->capture_default_str()->type_name("NAME");
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
