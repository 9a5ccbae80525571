#include "api/places_document.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <initializer_list>
#include <optional>

#include "api/json_writer.hpp"

namespace ratebook::api {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t problems_max = 100;
constexpr std::size_t problems_counted_max = 1'000'000;

class Reader {
 public:
  std::expected<PlacesDocument, Problem> run(std::string_view json) {
    dom::parser parser;
    dom::element root;
    if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
      return std::unexpected(Problem{
          problems::malformed_body, fmt::format("this is no JSON: {}", simdjson::error_message(error)), {}, {}});
    }
    read(root);
    if (problem_count_ == 0) {
      for (auto& problem : check_places(places_, problems_counted_max)) {
        report(std::move(problem.field), std::move(problem.code), std::move(problem.message));
      }
    }
    if (problem_count_ == 0) return std::move(places_);
    return std::unexpected(Problem{problems::invalid_places, fmt::format("{} things are wrong", problem_count_),
                                   std::move(items_), problem_count_});
  }

 private:
  void report(std::string field, std::string code, std::string message) {
    ++problem_count_;
    if (items_.size() < problems_max) {
      items_.push_back({std::nullopt, std::nullopt, std::move(field), std::move(code), std::move(message)});
    }
  }

  void read(dom::element root) {
    dom::object object;
    if (root.get(object)) return report("", "wrong-type", "send an object with regions and ports");
    const auto members = members_of(object, "", {"regions", "ports"});
    each(members[0], "regions", [&](const dom::object& region, const std::string& path) {
      const auto fields = members_of(region, path + ".", {"slug", "name", "parent_slug"});
      places_.regions.push_back({text(fields[0], path + ".slug"), text(fields[1], path + ".name"),
                                 text(fields[2], path + ".parent_slug", true)});
    });
    each(members[1], "ports", [&](const dom::object& port, const std::string& path) {
      const auto fields = members_of(port, path + ".", {"code", "name", "parent_slug", "closed"});
      places_.ports.push_back({text(fields[0], path + ".code"), text(fields[1], path + ".name"),
                               text(fields[2], path + ".parent_slug", true), boolean(fields[3], path + ".closed")});
    });
  }

  // The members named, in that order; unknown and repeated ones are reported.
  std::vector<std::optional<dom::element>> members_of(const dom::object& object, const std::string& path,
                                                      std::initializer_list<std::string_view> names) {
    std::vector<std::optional<dom::element>> members(names.size());
    for (const auto& [key, value] : object) {
      const auto name = std::find(names.begin(), names.end(), std::string_view{key});
      const std::string field = path + std::string{key.substr(0, 80)};
      if (name == names.end()) {
        report(field, "unknown-field", "leave it out");
      } else if (auto& member = members[static_cast<std::size_t>(name - names.begin())]; member) {
        report(field, "repeated-field", "keep one of them");
      } else {
        member = value;
      }
    }
    return members;
  }

  template <class Read>
  void each(const std::optional<dom::element>& list, const std::string& name, Read read_one) {
    dom::array array;
    if (!list) return report(name, "missing-field", "add it, if only as an empty list");
    if (list->get(array)) return report(name, "wrong-type", "write a list");
    std::size_t index = 0;
    for (const dom::element element : array) {
      const std::string path = fmt::format("{}[{}]", name, index++);
      dom::object object;
      if (element.get(object)) {
        report(path, "wrong-type", "write an object");
      } else {
        read_one(object, path);
      }
    }
  }

  std::string text(const std::optional<dom::element>& value, const std::string& field, bool may_be_null = false) {
    std::string_view text;
    if (may_be_null && (!value || value->is_null())) return {};
    if (!value) {
      report(field, "missing-field", "add it");
    } else if (value->get(text)) {
      report(field, "wrong-type", "write a string");
    }
    return std::string{text};
  }

  bool boolean(const std::optional<dom::element>& value, const std::string& field) {
    bool boolean = false;
    if (value && value->get(boolean)) report(field, "wrong-type", "write true or false");
    return boolean;
  }

  PlacesDocument places_;
  std::vector<ProblemItem> items_;
  std::uint64_t problem_count_ = 0;
};

template <class Items, class Write>
void append_list(std::string& out, const Items& items, Write write) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) out += ',';
    JsonObject object{out};
    write(object, item);
  }
  out += ']';
}

}  // namespace

void append_places(std::string& out, const PlacesDocument& places) {
  JsonObject object{out};
  append_list(object.member("regions"), places.regions, [](JsonObject& one, const RegionDocument& region) {
    one.text("slug", region.slug);
    one.text("name", region.name);
    one.text_or_null("parent_slug", region.parent_slug);
  });
  append_list(object.member("ports"), places.ports, [](JsonObject& one, const PortDocument& port) {
    one.text("code", port.code);
    one.text("name", port.name);
    one.text_or_null("parent_slug", port.parent_slug);
    if (port.closed) one.boolean("closed", true);
  });
}

std::expected<PlacesDocument, Problem> read_places(std::string_view json) { return Reader{}.run(json); }

}  // namespace ratebook::api
