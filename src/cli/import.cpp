// `ratebook import`: the tables of an existing PostgreSQL service: its places, then all its prices as one batch. Reads
// everything before anything is sent.
#include <fmt/format.h>

#include "cli/exit_code.hpp"
#include "cli/import_rows.hpp"
#include "cli/report.hpp"
#include "cli/send_batch.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "client/file_body.hpp"
#include "json/writer.hpp"
#include "model/places_json.hpp"

namespace ratebook::cli {
namespace {

constexpr std::size_t csv_piece_bytes = 256 * 1024;

/// What was read: the prices stand in a temporary file, as CSV.
struct Read {
  PlacesDocument places;
  client::FileBody prices;
  std::uint64_t price_count = 0;
  WrongRows wrong;
};

Result<Read> read_tables(const std::string& connection) {
  auto tables = ExistingTables::open(connection);
  if (!tables) return std::unexpected(tables.error());
  auto places = tables->places();
  if (!places) return std::unexpected(places.error());
  auto file = client::FileBody::make();
  if (!file) return std::unexpected(file.error());
  Read read{{}, *std::move(file), 0, {}};
  read.places = good_places(*std::move(places), read.wrong);
  const PlaceTree tree{read.places};
  std::string csv = "orig_code,dest_code,day,price\n";
  const auto all = tables->each_price([&](const ExistingPrice& price) -> Result<void> {
    if (append_price(csv, price, tree, read.wrong)) ++read.price_count;
    if (csv.size() < csv_piece_bytes) return {};
    const auto written = read.prices.append(csv);
    csv.clear();
    return written;
  });
  if (!all) return std::unexpected(all.error());
  if (const auto written = read.prices.append(csv); !written) return std::unexpected(written.error());
  return read;
}

/// Open ports and all regions: what PUT takes.
PlacesDocument open_places(PlacesDocument places) {
  std::erase_if(places.ports, [](const PortDocument& port) { return port.closed; });
  return places;
}

class Import {
 public:
  Import(const ImportOptions& options, const Console& console, client::Client client, const Read& read)
      : options_(options), console_(console), client_(std::move(client)), read_(read) {}

  int run() {
    if (const int code = bring_places(); code != exit_ok) return code;
    if (read_.price_count == 0) {
      console_.err("The table of prices is empty: only the places are in.\n");
      return exit_ok;
    }
    const PushOptions push{.server = options_.server,
                           .file = "prices",
                           .source = options_.source,
                           .key = options_.key,
                           .wait = options_.wait,
                           .retry_time = options_.retry_time,
                           .json = options_.json};
    const int code = send_batch(push, console_, std::move(client_), read_.prices, {.format = "csv", .coding = ""});
    if (code == exit_refused) {
      console_.err(
          fmt::format("If these prices were imported before and have changed since: take that batch out with `ratebook "
                      "retract ID`, "
                      "then import with another --key than {}.\n",
                      options_.key));
    }
    return code;
  }

 private:
  int bring_places() {
    client::Request get;
    get.target = "/v1/places";
    const auto before = client_.send(get);
    if (!before) return report_fault(console_, before.error());
    if (before->status != 200) return report_refusal(console_, *before, {});
    const auto places = client::parse_places(before->body);
    if (!places) return report_fault(console_, places.error());
    const bool is_empty = places->regions.empty() && places->ports.empty();
    if (places_digest(open_places(*places)) == places_digest(read_.places)) return exit_ok;
    if (!is_empty && !options_.replace_places) {
      say_error(console_,
                "the server has other places already; look at them with `ratebook places`, and say --replace-places if "
                "those of the existing service shall take their place");
      return exit_refused;
    }
    return put_places(is_empty ? std::nullopt : before->header("ETag"));
  }

  int put_places(std::optional<std::string_view> tag) {
    const std::string document = places_json(read_.places);
    client::Request put;
    put.method = "PUT";
    put.target = "/v1/places";
    put.headers.emplace_back("Content-Type", "application/json");
    if (tag) put.headers.emplace_back("If-Match", *tag);
    put.body = client::text_body(document);
    const auto answer = client_.send(put);
    if (!answer) return report_fault(console_, answer.error());
    return answer->status == 200 ? exit_ok : report_refusal(console_, *answer, {});
  }

  const ImportOptions& options_;
  const Console& console_;
  client::Client client_;
  const Read& read_;
};

void say_wrong(const WrongRows& wrong, const Console& console) {
  for (const auto& row : wrong.kept()) {
    console.err(fmt::format("{}\n", printable(fmt::format("{} {}: {}", row.table, row.key, row.why))));
  }
  if (wrong.count() > wrong.kept().size()) {
    console.err(fmt::format("and {} more\n", grouped(wrong.count() - wrong.kept().size())));
  }
}

std::string counts_json(const Read& read) {
  std::string text;
  {
    json::Object object{text};
    object.number("regions", read.places.regions.size());
    object.number("ports", read.places.ports.size());
    object.number("prices", read.price_count);
    object.number("wrong_count", read.wrong.count());
    json::append_objects(object.member("wrong"), read.wrong.kept(), [](json::Object& one, const auto& row) {
      one.text("table", row.table);
      one.text("key", row.key);
      one.text("why", row.why);
    });
  }
  return text + '\n';
}

/// The database's own URI may hold a password: it may stand in the environment, which others cannot read.
std::optional<std::string> connection_of(const ImportOptions& options, const Console& console) {
  const char* named = std::getenv("RATEBOOK_IMPORT_FROM");
  if (options.connection.empty()) return named == nullptr ? "" : named;
  const auto has_password = ExistingTables::names_password(options.connection);
  if (has_password && !*has_password) return options.connection;
  say_error(console, has_password ? "everybody on this machine can read a password on the command line: put it into "
                                    "PGPASSWORD, ~/.pgpass or a service file, or the connection into "
                                    "RATEBOOK_IMPORT_FROM"
                                  : has_password.error().message);
  return std::nullopt;
}

}  // namespace

int import_tables(const ImportOptions& options, const Console& console) {
  const auto connection = connection_of(options, console);
  if (!connection) return exit_usage;
  auto client = connect_to(options.server, console);
  if (!client) return exit_usage;
  const auto read = read_tables(*connection);
  if (!read) {
    say_error(console, read.error().message);
    return exit_usage;
  }
  say_wrong(read->wrong, console);
  const auto counts =
      fmt::format("{} regions, {} ports, {} prices; {} rows cannot come in\n", grouped(read->places.regions.size()),
                  grouped(read->places.ports.size()), grouped(read->price_count), grouped(read->wrong.count()));
  if (options.dry_run) {
    console.out(options.json ? counts_json(*read) : counts);
    console.err("A dry run: nothing was sent.\n");
    return read->wrong.count() == 0 ? exit_ok : exit_refused;
  }
  console.err(counts);
  if (read->wrong.count() > 0 && !options.skip_wrong) {
    say_error(console, "nothing was sent; mend these rows, or say --skip-wrong to import without them");
    return exit_refused;
  }
  return Import{options, console, *std::move(client), *read}.run();
}

}  // namespace ratebook::cli
