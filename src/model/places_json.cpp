#include "model/places_json.hpp"

#include "json/writer.hpp"

namespace ratebook {

std::string places_json(const PlacesDocument& places) {
  std::string text;
  {
    json::Object object{text};
    json::append_objects(object.member("regions"), places.regions, [](json::Object& one, const RegionDocument& region) {
      one.text("slug", region.slug);
      one.text("name", region.name);
      one.text_or_null("parent_slug", region.parent_slug);
    });
    json::append_objects(object.member("ports"), places.ports, [](json::Object& one, const PortDocument& port) {
      one.text("code", port.code);
      one.text("name", port.name);
      one.text_or_null("parent_slug", port.parent_slug);
      if (port.closed) one.boolean("closed", true);
    });
  }
  return text + '\n';
}

}  // namespace ratebook
