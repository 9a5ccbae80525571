#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "cli/exit_code.hpp"
#include "cli/words.hpp"

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
  1  refused: the batch, the places or the question is wrong, or the batch was rejected
  2  the command line is wrong, or a file that it names cannot be read
  3  the server cannot be reached or cannot answer now; what was sent may count: repeat it with the same key
  4  accepted, but not decided within --wait
  5  the output cannot be written)";

constexpr auto serve_footer = R"(Examples:
  ratebook serve --data prices.sqlite
  ratebook serve --data prices.sqlite --listen 127.0.0.1:0      (picks a free port and says which)
  ratebook serve --data prices.sqlite --drain-time 5 --grace-time 60

When it is ready it prints: listening on http://ADDRESS:PORT
SIGTERM or Ctrl-C stops it: it goes on for the drain time, then finishes what runs within the grace time.)";

constexpr auto push_footer = R"(Examples:
  ratebook push prices.csv --source carrier-a
  ratebook push batch.json --key 2026-11-23-evening
  zcat prices.csv.gz | ratebook push - --source carrier-a
  ratebook push prices.csv --source carrier-a --dry-run         (only checks it)
  ratebook push fixed.csv --source carrier-a --replaces 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e

CSV has a header row: orig_code,dest_code,day,price in any order. JSON reads
{"source":"carrier-a","prices":[{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2026-11-23","price":1154.50}]}
All prices of a batch go in, or none. Sent again with the same key, it counts once.)";

constexpr auto rates_footer = R"(Examples:
  ratebook rates CNSGH NLRTM
  ratebook rates china_main north_europe_main --from 2021-01-01 --to 2021-01-31
  ratebook rates CNSGH NLRTM --stats avg,p20,p80,count --csv > rates.csv
  ratebook rates CNSGH NLRTM --version 7                        (as of version 7)

Without --from and --to it shows the newest 31 days that have prices.)";

constexpr auto batches_footer = R"(Examples:
  ratebook batches
  ratebook batches --source carrier-a --status rejected --limit 100
  ratebook batches 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e)";

constexpr auto retract_footer = R"(Example:
  ratebook retract 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e

Its prices are out as of a new version; the record of the batch stays.)";

constexpr auto places_footer = R"(Examples:
  ratebook places
  ratebook places put --sample
  ratebook places get --json > places.json
  ratebook places put places.json
  ratebook places put --regions regions.csv --ports ports.csv

Places are replaced whole. A port that the new ones do not name is closed: it takes no new prices.
CSV has a header row: slug,name,parent_slug for regions, code,name,parent_slug for ports.
--server and --json stand for get and put, too.)";

constexpr auto generate_footer = R"(Examples:
  ratebook generate --prices 50000 | ratebook push - --source carrier-a
  ratebook generate --prices 10000000 --days 365 --seed 7 > large.csv
  ratebook generate --ports ports.csv --format json --source carrier-b > batch.json

The same options give the same prices, on any machine.)";

std::string with_line_end(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

/// Help as `--name TYPE  words (default)`: CLI11's own form runs types, defaults and rules together.
class HelpForm : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_items_expected_max() == 0 || option->get_positional()) return {};
    const std::string type = option->get_type_name();  // NAME:{values} or NAME:rule
    return " " + type.substr(0, type.find(':'));
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (!option->get_default_str().empty()) text += fmt::format(" ({})", option->get_default_str());
    if (!option->get_envname().empty()) text += fmt::format(" ({}, or {})", default_server, option->get_envname());
    return text;
  }
};

/// Everything that the command line can say.
struct Arguments {
  ServeOptions serve;
  std::string listen = "127.0.0.1:8080";
  std::uint32_t drain_time_s = 0;
  std::uint32_t grace_time_s = 30;
  PushOptions push;
  std::uint32_t push_wait_s = 600;
  std::uint32_t push_retry_time_s = 60;
  RatesOptions rates;
  BatchesOptions batches;
  RetractOptions retract;
  std::uint32_t retract_wait_s = 600;
  std::uint32_t retract_retry_time_s = 60;
  PlacesOptions places;
  GenerateOptions generate;
  std::string first_day = format_day(GeneratorOptions{}.first_day);
};

void add_server(CLI::App& word, std::string& server) {
  word.add_option("--server", server, "Where the server is")->envname("RATEBOOK_SERVER")->type_name("URL");
}

CLI::App* add_serve(CLI::App& app, Arguments& arguments) {
  auto* word = app.add_subcommand("serve", "Run a server: everything in one process and one file");
  word->add_option("--data", arguments.serve.data_path, "The data file (SQLite); made where there is none")
      ->required()
      ->type_name("PATH");
  word->add_option("--listen", arguments.listen, "ADDRESS:PORT to listen on; port 0 picks a free one")
      ->capture_default_str()
      ->type_name("ADDRESS");
  word->add_flag("--open-to-everyone", arguments.serve.open_to_everyone,
                 "Listen beyond loopback: whoever reaches it may read, send and retract");
  word->add_option("--drain-time", arguments.drain_time_s, "To go on serving after SIGTERM, not ready")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_option("--grace-time", arguments.grace_time_s, "To finish what runs after that")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_option("--cores", arguments.serve.cores, "Threads that serve connections; 0: one a core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->type_name("N");
  word->footer(serve_footer);
  return word;
}

CLI::App* add_push(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.push;
  auto* word = app.add_subcommand("push", "Send a batch of prices, and follow it until it is committed");
  word->add_option("FILE", options.file, "The file; - is standard input")->required();
  word->add_option("--source", options.source, "Who sends it; needed for CSV")->type_name("NAME");
  word->add_option("--key", options.key, "Idempotency-Key; else a fresh one")->type_name("KEY");
  word->add_option("--format", options.format, "json or csv; else seen from the file")
      ->check(CLI::IsMember({"json", "csv"}))
      ->type_name("FORMAT");
  word->add_flag("--dry-run", options.dry_run, "Only check it, store nothing");
  word->add_option("--replaces", options.replaces, "A batch of the same source that this one replaces")
      ->type_name("ID");
  word->add_option("--wait", arguments.push_wait_s, "For the commit, once it is accepted; 0: not at all")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_option("--retry-time", arguments.push_retry_time_s, "To repeat what fails; 0: one try")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_flag("--json", options.json, "Print the server's JSON");
  add_server(*word, options.server);
  word->footer(push_footer);
  return word;
}

CLI::App* add_rates(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.rates;
  auto* word = app.add_subcommand("rates", "Show what a route costs, day by day");
  word->add_option("ORIG", options.origin, "A port's code or a region's slug")->required();
  word->add_option("DEST", options.destination, "A port's code or a region's slug")->required()->type_name("DEST");
  word->add_option("--from", options.from, "First day")->type_name("YYYY-MM-DD");
  word->add_option("--to", options.to, "Last day")->type_name("YYYY-MM-DD");
  word->add_option("--stats", options.stats, "Any of avg, min, max, count, p0 to p100")->type_name("LIST");
  word->add_option("--min-count", options.min_count, "Hide statistics of fewer prices")->type_name("N");
  word->add_option("--version", options.version, "A past version of all data")->type_name("V");
  word->add_option("--chart", options.chart, "auto (on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  auto* json = word->add_flag("--json", options.json, "Print the server's JSON");
  word->add_flag("--csv", options.csv, "Print the server's CSV")->excludes(json);
  add_server(*word, options.server);
  word->footer(rates_footer);
  return word;
}

CLI::App* add_batches(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.batches;
  auto* word = app.add_subcommand("batches", "List batches, or show how one stands");
  word->add_option("ID", options.id, "Show this one");
  word->add_option("--source", options.source, "Only of this source")->type_name("NAME");
  word->add_option("--status", options.status, "Only these: accepted, committed, rejected or retracted")
      ->check(CLI::IsMember({"accepted", "committed", "rejected", "retracted"}))
      ->type_name("STATUS");
  word->add_option("--limit", options.limit, "At most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  word->add_option("--cursor", options.cursor, "Go on where a list ended")->type_name("CURSOR");
  word->add_flag("--json", options.json, "Print the server's JSON");
  add_server(*word, options.server);
  word->footer(batches_footer);
  return word;
}

CLI::App* add_retract(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.retract;
  auto* word = app.add_subcommand("retract", "Take a committed batch out again, whole");
  word->add_option("ID", options.id, "The batch")->required();
  word->add_option("--wait", arguments.retract_wait_s, "Until it is out; 0: not at all")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_option("--retry-time", arguments.retract_retry_time_s, "To repeat what fails; 0: one try")
      ->capture_default_str()
      ->type_name("SECONDS");
  word->add_flag("--json", options.json, "Print the server's JSON");
  add_server(*word, options.server);
  word->footer(retract_footer);
  return word;
}

CLI::App* add_places(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.places;
  auto* word = app.add_subcommand("places", "Show the regions and ports, or replace them");
  // Told once, above or below: a second --server of the lower words would fall back to its own default.
  word->add_flag("--json", options.json, "Print the server's JSON");
  add_server(*word, options.server);
  auto* get = word->add_subcommand("get", "Show them as a tree (what `places` alone does)")->fallthrough();
  auto* put = word->add_subcommand("put", "Replace them, whole")->fallthrough();
  auto* file = put->add_option("FILE", options.file, "The places as JSON; - is standard input");
  auto* sample = put->add_flag("--sample", options.sample, "Those that come with ratebook")->excludes(file);
  auto* regions = put->add_option("--regions", options.regions, "Regions as CSV")->type_name("FILE");
  auto* ports = put->add_option("--ports", options.ports, "Ports as CSV")->type_name("FILE");
  regions->needs(ports)->excludes(file)->excludes(sample);
  ports->needs(regions);
  put->add_option("--if-match", options.if_match, "Only if this is still their tag; else: as they stand now")
      ->type_name("TAG");
  word->require_subcommand(0, 1);
  for (auto* each : {word, get, put}) each->footer(places_footer);
  return word;
}

CLI::App* add_generate(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.generate;
  auto* word = app.add_subcommand("generate", "Print plausible prices, as many as wanted");
  word->add_option("--prices", options.prices.price_count, "How many")->capture_default_str()->type_name("N");
  word->add_option("--seed", options.prices.seed, "Another one gives other prices")
      ->capture_default_str()
      ->type_name("S");
  word->add_option("--from", arguments.first_day, "First day")->capture_default_str()->type_name("YYYY-MM-DD");
  word->add_option("--days", options.prices.day_count, "How many days")->capture_default_str()->type_name("N");
  word->add_option("--ports", options.ports, "The ports that trade: a file (CSV or JSON), or sample")
      ->capture_default_str()
      ->type_name("FILE|sample");
  word->add_option("--format", options.format, "csv or json")
      ->check(CLI::IsMember({"csv", "json"}))
      ->capture_default_str()
      ->type_name("FORMAT");
  word->add_option("--source", options.source, "Named in JSON")->capture_default_str()->type_name("NAME");
  word->footer(generate_footer);
  return word;
}

Said usage(std::string_view message, const CLI::App& word) {
  const auto* parent = word.get_parent();
  const auto name = parent == nullptr ? "ratebook" : "ratebook " + word.get_name();
  return {fmt::format("error: {}\nRun `{} --help` for help.\n", message, name), exit_usage};
}

/// What CLI11 cannot check by itself. An empty text: all is right.
std::string finish(Arguments& arguments, const CLI::App& put) {
  const auto day = parse_day(arguments.first_day);
  if (!day)
    return fmt::format("--from {}: write a day from 1970-01-01 to 2149-12-31 as YYYY-MM-DD", arguments.first_day);
  arguments.generate.prices.first_day = *day;
  arguments.serve.drain_time = std::chrono::seconds{arguments.drain_time_s};
  arguments.serve.grace_time = std::chrono::seconds{arguments.grace_time_s};
  arguments.push.wait = std::chrono::seconds{arguments.push_wait_s};
  arguments.push.retry_time = std::chrono::seconds{arguments.push_retry_time_s};
  arguments.retract.wait = std::chrono::seconds{arguments.retract_wait_s};
  arguments.retract.retry_time = std::chrono::seconds{arguments.retract_retry_time_s};
  const auto& places = arguments.places;
  if (put.parsed() && places.file.empty() && !places.sample && places.regions.empty()) {
    return "name a FILE, --sample, or --regions and --ports";
  }
  if (auto wrong = read_listen(arguments.listen, arguments.serve); !wrong.empty()) return wrong;
  return refuse_beyond_loopback(arguments.serve);
}

}  // namespace

std::variant<Word, Said> read_arguments(int argc, const char* const* argv, const ServeFunction& serve) {
  CLI::App app{
      "Ratebook receives batches of freight prices, each all or nothing,\nand answers what a route costs on a day.\n",
      "ratebook"};
  const auto all = std::make_shared<Arguments>();
  app.set_version_flag("--version", "ratebook " RATEBOOK_VERSION);
  app.formatter(std::make_shared<HelpForm>());
  app.get_formatter()->column_width(32);
  app.require_subcommand(0, 1);
  app.footer(main_footer);
  const auto* serve_word = add_serve(app, *all);
  const auto* push_word = add_push(app, *all);
  const auto* rates_word = add_rates(app, *all);
  const auto* batches_word = add_batches(app, *all);
  const auto* retract_word = add_retract(app, *all);
  const auto* places_word = add_places(app, *all);
  const auto* generate_word = add_generate(app, *all);
  const auto* version_word = app.add_subcommand("version", "Print the version of this program");
  const auto* put_word = places_word->get_subcommand("put");
  const auto chosen = [&]() -> const CLI::App& {
    const auto words = app.get_subcommands();
    return words.empty() ? app : *words.front();
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage(error.what(), chosen());
    std::ostringstream text;  // help and version travel as exceptions, too
    app.exit(error, text, text);
    return Said{with_line_end(text.str()), exit_ok};
  }
  if (app.get_subcommands().empty()) return Said{app.help(), exit_usage};
  if (const auto wrong = finish(*all, *put_word); !wrong.empty()) return usage(wrong, chosen());
  if (serve_word->parsed()) return Word{[all, serve](const Console&) { return serve(all->serve); }};
  if (push_word->parsed()) return Word{[all](const Console& console) { return push(all->push, console); }};
  if (rates_word->parsed()) return Word{[all](const Console& console) { return rates(all->rates, console); }};
  if (batches_word->parsed()) return Word{[all](const Console& console) { return batches(all->batches, console); }};
  if (retract_word->parsed()) return Word{[all](const Console& console) { return retract(all->retract, console); }};
  if (put_word->parsed()) return Word{[all](const Console& console) { return put_places(all->places, console); }};
  if (places_word->parsed()) return Word{[all](const Console& console) { return get_places(all->places, console); }};
  if (generate_word->parsed()) {
    return Word{[all](const Console& console) { return generate_prices(all->generate, console); }};
  }
  if (version_word->parsed()) return Said{"ratebook " RATEBOOK_VERSION "\n", exit_ok};
  return Said{app.help(), exit_usage};
}

}  // namespace ratebook::cli
