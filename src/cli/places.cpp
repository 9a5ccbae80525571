// `ratebook places`: the regions and ports as a tree, and how they are replaced.
#include <fmt/format.h>

#include <map>
#include <set>

#include "cli/exit_code.hpp"
#include "cli/places_file.hpp"
#include "cli/report.hpp"
#include "cli/sample.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "model/places_json.hpp"

namespace ratebook::cli {
namespace {

struct TreeLine {
  std::string name;  ///< slug or code, indented
  std::string title;
  Style style = Style::plain;
};

/// Every region below its parent, its ports below it; what lies in no region comes last.
std::vector<TreeLine> tree_lines(const PlacesDocument& places) {
  std::map<std::string, std::vector<const RegionDocument*>> children;
  std::map<std::string, std::vector<const PortDocument*>> ports;
  for (const auto& region : places.regions) children[region.parent_slug].push_back(&region);
  for (const auto& port : places.ports) ports[port.parent_slug].push_back(&port);
  std::vector<TreeLine> lines;
  struct Step {
    const RegionDocument* region;
    std::size_t depth;
  };
  std::vector<Step> stack;
  const auto push_children = [&](const std::string& parent, std::size_t depth) {
    const auto& list = children[parent];
    for (auto at = list.rbegin(); at != list.rend(); ++at) stack.push_back({*at, depth});
  };
  push_children("", 0);
  while (!stack.empty()) {
    const auto [region, depth] = stack.back();
    stack.pop_back();
    lines.push_back({std::string(2 * depth, ' ') + region->slug, region->name, Style::bold});
    for (const auto* port : ports[region->slug]) {
      lines.push_back({std::string(2 * depth + 2, ' ') + port->code, port->name});
    }
    push_children(region->slug, depth + 1);
  }
  for (const auto* port : ports[""]) lines.push_back({port->code, port->name + " (closed)", Style::dim});
  return lines;
}

void print_tree(const PlacesDocument& places, const Console& console) {
  const auto lines = tree_lines(places);
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, columns(line.name));
  for (const auto& line : lines) {
    const std::string padding(width - columns(line.name) + 2, ' ');
    console.out(
        fmt::format("{}{}{}\n", styled(console, line.style, printable(line.name)), padding, printable(line.title)));
  }
}

/// The document that the options name.
Result<std::string> document_of(const PlacesOptions& options) {
  if (options.sample) return places_json(sample_places());
  if (!options.file.empty()) return read_text_file(options.file);
  PlacesDocument places;
  const auto regions_text = read_text_file(options.regions);
  if (!regions_text) return regions_text;
  const auto ports_text = read_text_file(options.ports);
  if (!ports_text) return ports_text;
  auto regions = read_regions_csv(*regions_text, options.regions);
  if (!regions) return std::unexpected(regions.error());
  auto ports = read_ports_csv(*ports_text, options.ports);
  if (!ports) return std::unexpected(ports.error());
  return places_json({*std::move(regions), *std::move(ports)});
}

/// Tags are quoted in HTTP; people leave the quotes out.
std::string quoted(const std::string& tag) {
  return tag == "*" || tag.starts_with('"') || tag.starts_with("W/") ? tag : fmt::format("\"{}\"", tag);
}

client::Request get_request() {
  client::Request request;
  request.target = "/v1/places";
  return request;
}

std::string what_changed(const PlacesDocument& before, const PlacesDocument& after) {
  std::set<std::string> open_before;
  for (const auto& port : before.ports) {
    if (!port.closed) open_before.insert(port.code);
  }
  std::size_t open = 0;
  std::size_t opened = 0;
  for (const auto& port : after.ports) {
    if (port.closed) continue;
    ++open;
    if (open_before.erase(port.code) == 0) ++opened;
  }
  return fmt::format("{} regions, {} ports ({} new or opened, {} closed)", after.regions.size(), open, opened,
                     open_before.size());
}

}  // namespace

int get_places(const PlacesOptions& options, const Console& console) {
  auto client = connect_to(options.server, console, question_timeouts);
  if (!client) return exit_usage;
  const auto answer = client->send(get_request());
  if (!answer) return report_fault(console, answer.error());
  if (options.json) pass_through(console, answer->body);
  if (answer->status != 200) return report_refusal(console, *answer, {});
  if (options.json) return exit_ok;
  const auto places = client::parse_places(answer->body);
  if (!places) return report_fault(console, places.error());
  print_tree(*places, console);
  if (places->regions.empty() && places->ports.empty()) {
    console.err("no places yet; `ratebook places put --sample` puts some\n");
  }
  if (const auto tag = answer->header("ETag")) console.err(fmt::format("tag {}\n", printable(*tag)));
  return exit_ok;
}

int put_places(const PlacesOptions& options, const Console& console) {
  const auto document = document_of(options);
  if (!document) {
    say_error(console, document.error().message);
    return exit_usage;
  }
  auto client = connect_to(options.server, console);
  if (!client) return exit_usage;
  const auto before = client->send(get_request());
  if (!before) return report_fault(console, before.error());
  if (before->status != 200) return report_refusal(console, *before, {});
  client::Request request;
  request.method = "PUT";
  request.target = "/v1/places";
  request.headers.emplace_back("Content-Type", "application/json");
  if (!options.if_match.empty()) {
    request.headers.emplace_back("If-Match", quoted(options.if_match));
  } else if (const auto tag = before->header("ETag")) {
    request.headers.emplace_back("If-Match", *tag);
  }
  request.body = client::text_body(*document);
  const auto answer = client->send(request);
  if (!answer) return report_fault(console, answer.error());
  if (options.json) pass_through(console, answer->body);
  if (answer->status >= 300) {
    const int code = report_refusal(console, *answer, {.file = options.file});
    if (answer->status == 412) console.err("Somebody changed the places meanwhile: look at them again, then decide.\n");
    return code;
  }
  if (options.json) return exit_ok;
  const auto old_places = client::parse_places(before->body);
  const auto new_places = client::parse_places(answer->body);
  if (!new_places) return report_fault(console, new_places.error());
  console.out(what_changed(old_places.value_or(PlacesDocument{}), *new_places) + '\n');
  if (const auto version = answer->header("Ratebook-Version"))
    console.out(fmt::format("version {}\n", printable(*version)));
  return exit_ok;
}

}  // namespace ratebook::cli
