#include "api/places_document.hpp"

#include "api/json_reader.hpp"

namespace ratebook::api {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t problems_counted_max = 1'000'000;

class PlacesReader {
 public:
  std::expected<PlacesDocument, Problem> run(std::string_view text) {
    if (auto problem = read_json(text, [this](dom::element root) { read(root); })) return std::unexpected(*problem);
    if (json_.problem_count() == 0) {
      for (auto& problem : check_places(places_, problems_counted_max)) {
        json_.report(std::move(problem.field), std::move(problem.code), std::move(problem.message));
      }
    }
    if (json_.problem_count() == 0) return std::move(places_);
    return std::unexpected(json_.problem(problems::invalid_places));
  }

 private:
  void read(dom::element root) {
    dom::object object;
    if (root.get(object)) return json_.report("", "wrong-type", "send an object with regions and ports");
    const auto members = json_.members_of(object, "", {"regions", "ports"});
    json_.each(members[0], "regions", [&](const dom::object& region, const std::string& path) {
      const auto fields = json_.members_of(region, path + ".", {"slug", "name", "parent_slug"});
      places_.regions.push_back({json_.text(fields[0], path + ".slug"), json_.text(fields[1], path + ".name"),
                                 json_.text(fields[2], path + ".parent_slug", true)});
    });
    json_.each(members[1], "ports", [&](const dom::object& port, const std::string& path) {
      const auto fields = json_.members_of(port, path + ".", {"code", "name", "parent_slug", "closed"});
      places_.ports.push_back({json_.text(fields[0], path + ".code"), json_.text(fields[1], path + ".name"),
                               json_.text(fields[2], path + ".parent_slug", true),
                               json_.boolean(fields[3], path + ".closed")});
    });
  }

  JsonReader json_;
  PlacesDocument places_;
};

}  // namespace

std::expected<PlacesDocument, Problem> read_places(std::string_view json) { return PlacesReader{}.run(json); }

}  // namespace ratebook::api
