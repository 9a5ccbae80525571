// The arguments of `ratebook places`, and its help.
#include <memory>

#include "cli/command_line.hpp"
#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

constexpr auto places_footer = R"(Examples:
  ratebook places
  ratebook places put --sample
  ratebook places get --json > places.json
  ratebook places put places.json
  ratebook places put --regions regions.csv --ports ports.csv

Places are replaced whole. A port that the new ones do not name is closed: it takes no new prices.
CSV has a header row: slug,name,parent_slug for regions, code,name,parent_slug for ports.
--server and --json stand for get and put, too.)";

}  // namespace

void add_places(CommandLine& line) {
  const auto options = std::make_shared<PlacesOptions>();
  const auto word = line.add("places", "Show the regions and ports, or replace them", places_footer);
  // Told once, above or below: a second --server of the lower words would fall back to its own default.
  word.add_flag("--json", options->json, "Print the server's JSON");
  add_server(word, options->server);
  const auto get = word.add_word("get", "Show them as a tree (what `places` alone does)").accepts_those_above();
  const auto put = word.add_word("put", "Replace them, whole").accepts_those_above();
  const auto file = put.add("FILE", options->file, "The places as JSON; - is standard input");
  const auto sample = put.add_flag("--sample", options->sample, "Those that come with ratebook").excludes(file);
  const auto regions = put.add("--regions", options->regions, "Regions as CSV").takes("FILE");
  const auto ports = put.add("--ports", options->ports, "Ports as CSV").takes("FILE");
  regions.needs(ports).excludes(file).excludes(sample);
  ports.needs(regions);
  put.add("--if-match", options->if_match, "Only if this is still their tag; else: as they stand now").takes("TAG");
  word.require_words(0, 1);
  for (const auto each : {word, get, put}) each.footer(places_footer);
  for (const auto each : {word, get}) {
    line.does(each, [options](const Console& console) { return get_places(*options, console); });
  }
  line.does(
      put, [options](const Console& console) { return put_places(*options, console); },
      [options]() -> std::string {
        const bool named = !options->file.empty() || options->sample || !options->regions.empty();
        return named ? "" : "name a FILE, --sample, or --regions and --ports";
      });
}

}  // namespace ratebook::cli
