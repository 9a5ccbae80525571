#include "postgres/places_json.hpp"

#include "json/writer.hpp"

namespace ratebook::postgres {

std::string places_json(const PlacesDocument& places) {
  const auto write_region = [](json::Object& object, const RegionDocument& region) {
    object.text("slug", region.slug);
    object.text("name", region.name);
    object.text("parent", region.parent_slug);
  };
  const auto write_port = [](json::Object& object, const PortDocument& port) {
    object.text("code", port.code);
    object.text("name", port.name);
    object.text("parent", port.parent_slug);
    object.boolean("closed", port.closed);
  };
  std::string text;
  {
    json::Object document{text};
    json::append_objects(document.member("regions"), places.regions, write_region);
    json::append_objects(document.member("ports"), places.ports, write_port);
  }
  return text;
}

}  // namespace ratebook::postgres
