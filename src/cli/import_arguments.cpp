// The arguments of `ratebook import`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto import_footer = R"(Examples:
  ratebook import 'host=db.example dbname=rates user=reader' --dry-run
  PGPASSWORD=… ratebook import 'host=db.example dbname=rates user=reader'
  PGSERVICE=rates ratebook import --skip-wrong
  ratebook import postgresql://reader@db.example/rates --source moved

Reads the tables regions (slug, name, parent_slug), ports (code, name, parent_slug) and prices (orig_code, dest_code,
day, price) from one snapshot, and says of each row that cannot come in why. Nothing is sent before all is read. The
same prices imported again count once.
CONNECTION is what libpq takes; without it RATEBOOK_IMPORT_FROM, or PGHOST, PGDATABASE and so on. A password belongs into
PGPASSWORD, ~/.pgpass or a service file.)";

}  // namespace

void add_import(CommandLine& line) {
  const auto options = std::make_shared<ImportOptions>();
  const auto word = line.add("import", "Bring in the tables of an existing PostgreSQL service", import_footer);
  word.add("CONNECTION", options->connection, "Its database: 'host=HOST dbname=NAME user=USER', or a URI");
  word.add("--source", options->source, "Who its prices come from").shows_default().takes("NAME");
  word.add("--key", options->key, "Idempotency-Key of the batch").shows_default().takes("KEY");
  word.add_flag("--dry-run", options->dry_run, "Only read, and say what cannot come in");
  word.add_flag("--skip-wrong", options->skip_wrong, "Leave out the rows that cannot come in");
  word.add_flag("--replace-places", options->replace_places, "Also where the server has other places");
  word.add_seconds("--wait", options->wait, "For the commit, once it is accepted; 0: not at all");
  word.add_seconds("--retry-time", options->retry_time, "To repeat what fails; 0: one try");
  word.add_flag("--json", options->json, "Print JSON: the batch, or what a dry run found");
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return import_tables(*options, console); });
}

}  // namespace ratebook::cli
