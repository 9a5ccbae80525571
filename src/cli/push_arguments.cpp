// The arguments of `ratebook push`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto push_footer = R"(Examples:
  ratebook push prices.csv --source carrier-a
  ratebook push batch.json --key 2026-11-23-evening
  ratebook push prices.ndjson.zst --source carrier-a            (sent as it is, compressed)
  zstdcat large.ndjson.zst | head -1000 | ratebook push - --source carrier-a
  ratebook push prices.csv --source carrier-a --dry-run         (only checks it)
  ratebook push fixed.csv --source carrier-a --replaces 0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e

CSV has a header row: orig_code,dest_code,day,price in any order. NDJSON has such a price a line; JSON reads
{"source":"carrier-a","prices":[{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2026-11-23","price":1154.50}]}
The format and the compression (.gz, .zst) are seen from the name, else from the first bytes.
All prices of a batch go in, or none. Sent again with the same key, it counts once.)";

}  // namespace

void add_push(CommandLine& line) {
  const auto options = std::make_shared<PushOptions>();
  const auto word = line.add("push", "Send a batch of prices, and follow it until it is committed", push_footer);
  word.add("FILE", options->file, "The file; - is standard input").required();
  word.add("--source", options->source, "Who sends it; needed unless JSON names it").takes("NAME");
  word.add("--key", options->key, "Idempotency-Key; else a fresh one").takes("KEY");
  word.add("--format", options->format, "csv, ndjson or json; else seen from the file")
      .one_of({"csv", "ndjson", "json"})
      .takes("FORMAT");
  word.add_flag("--dry-run", options->dry_run, "Only check it, store nothing");
  word.add("--replaces", options->replaces, "A batch of the same source that this one replaces").takes("ID");
  word.add_seconds("--wait", options->wait, "For the commit, once it is accepted; 0: not at all");
  word.add_seconds("--retry-time", options->retry_time, "To repeat what fails; 0: one try");
  word.add_flag("--json", options->json, "Print the server's JSON");
  add_server(word, options->server);
  line.does(word, [options](const Console& console) { return push(*options, console); });
}

}  // namespace ratebook::cli
