#include "api/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ratebook::api {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t problems_max = 100;

}  // namespace

void JsonReader::report(std::string field, std::string code, std::string message) {
  ++problem_count_;
  if (items_.size() < problems_max) {
    items_.push_back({std::nullopt, std::nullopt, std::move(field), std::move(code), std::move(message)});
  }
}

Problem JsonReader::problem(const ProblemKind& kind) {
  const auto detail =
      problem_count_ == 1 ? std::string{"one thing is wrong"} : fmt::format("{} things are wrong", problem_count_);
  return {kind, detail, std::move(items_), problem_count_};
}

std::vector<JsonReader::Member> JsonReader::members_of(const Object& object, const std::string& path,
                                                       std::initializer_list<std::string_view> names) {
  std::vector<Member> members(names.size());
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

void JsonReader::each(const Member& list, const std::string& name,
                      const std::function<void(const Object&, const std::string& path)>& read_one) {
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

std::string JsonReader::text(const Member& value, const std::string& field, bool may_be_null) {
  std::string_view text;
  if (may_be_null && (!value || value->is_null())) return {};
  if (!value) {
    report(field, "missing-field", "add it");
  } else if (value->get(text)) {
    report(field, "wrong-type", "write a string");
  }
  return std::string{text};
}

bool JsonReader::boolean(const Member& value, const std::string& field) {
  bool boolean = false;
  if (value && value->get(boolean)) report(field, "wrong-type", "write true or false");
  return boolean;
}

std::optional<Problem> read_json(std::string_view json, const std::function<void(JsonReader::Element root)>& read) {
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return Problem{
        problems::malformed_body, fmt::format("this is no JSON: {}", simdjson::error_message(error)), {}, {}};
  }
  read(root);
  return std::nullopt;
}

}  // namespace ratebook::api
