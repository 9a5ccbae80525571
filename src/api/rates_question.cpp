#include "api/rates_question.hpp"

#include <fmt/format.h>

#include "api/json_reader.hpp"

namespace ratebook::api {
namespace {

namespace dom = simdjson::dom;

class QuestionReader {
 public:
  explicit QuestionReader(const Limits& limits) : limits_(limits) {}

  std::expected<RatesQuestion, Problem> run(std::string_view text) {
    if (auto problem = read_json(text, [this](dom::element root) { read(root); })) return std::unexpected(*problem);
    if (json_.problem_count() == 0) return std::move(question_);
    return std::unexpected(json_.problem(problems::invalid_query));
  }

 private:
  void read(dom::element root) {
    dom::object object;
    if (root.get(object)) return wrong_type("", "send an object with routes, date_from and date_to");
    const auto members =
        json_.members_of(object, "", {"routes", "date_from", "date_to", "stats", "min_count", "version"});
    read_routes(members[0]);
    read_days(members[1], members[2]);
    read_stats(members[3]);
    if (const auto number = unsigned_number(members[4], "min_count")) {
      take(read_min_count(number), "min_count", question_.wanted.min_count);
    }
    question_.version = unsigned_number(members[5], "version");
  }

  void read_routes(const JsonReader::Member& list) {
    dom::array array;
    if (list && !list->get(array) && (array.size() == 0 || array.size() > limits_.query_routes_max)) {
      return wrong_value("routes", fmt::format("name 1 to {} routes", limits_.query_routes_max));
    }
    json_.each(list, "routes", [&](const dom::object& route, const std::string& path) {
      const auto fields = json_.members_of(route, path + ".", {"origin", "destination"});
      question_.routes.push_back({place(fields[0], path + ".origin"), place(fields[1], path + ".destination")});
    });
  }

  std::string place(const JsonReader::Member& value, const std::string& field) {
    const auto before = json_.problem_count();
    auto text = json_.text(value, field);
    if (text.empty() && json_.problem_count() == before) wrong_value(field, std::string{place_wanted});
    return text;
  }

  void read_days(const JsonReader::Member& from, const JsonReader::Member& to) {
    RatesWanted& wanted = question_.wanted;
    const auto before = json_.problem_count();
    read_day(from, "date_from", wanted.from);
    read_day(to, "date_to", wanted.to);
    if (json_.problem_count() != before) return;
    if (auto wrong = check_days(wanted.from, wanted.to, limits_); !wrong.empty()) {
      return wrong_value("date_to", std::move(wrong));
    }
    const auto days = static_cast<std::size_t>(wanted.to.since_1970 - wanted.from.since_1970) + 1;
    if (days * question_.routes.size() > limits_.query_route_days_max) {
      wrong_value("routes", fmt::format("{} routes of {} days are more than {} days together; ask in several calls",
                                        question_.routes.size(), days, limits_.query_route_days_max));
    }
  }

  void read_day(const JsonReader::Member& value, const std::string& field, Day& day) {
    const auto before = json_.problem_count();
    const auto text = json_.text(value, field);
    if (json_.problem_count() == before) take(read_rates_day(text), field, day);
  }

  // As a list, or as GET /v1/rates takes them.
  void read_stats(const JsonReader::Member& value) {
    std::string text = value ? "" : "avg";
    std::string_view written;
    dom::array names;
    if (value && !value->get(written)) {
      text = written;
    } else if (value && !value->get(names)) {
      for (const dom::element name : names) {
        if (name.get(written) || written.contains(',')) {
          return wrong_type("stats", "write a list of names such as \"avg\"");
        }
        if (!text.empty()) text += ',';
        text += written;
      }
      if (names.size() == 0) text = "count";
    } else if (value) {
      return wrong_type("stats", "write a list of names such as \"avg\"");
    }
    take(read_statistics(text), "stats", question_.wanted.statistics);
  }

  std::optional<std::uint64_t> unsigned_number(const JsonReader::Member& value, const std::string& field) {
    std::uint64_t number = 0;
    if (!value || value->is_null()) return std::nullopt;
    if (!value->get(number)) return number;
    wrong_type(field, "write a whole number, not negative");
    return std::nullopt;
  }

  template <class Value>
  void take(std::expected<Value, std::string> read, const std::string& field, Value& to) {
    if (read) {
      to = *std::move(read);
    } else {
      wrong_value(field, std::move(read.error()));
    }
  }
  void wrong_value(std::string field, std::string message) {
    json_.report(std::move(field), "wrong-value", std::move(message));
  }
  void wrong_type(std::string field, std::string message) {
    json_.report(std::move(field), "wrong-type", std::move(message));
  }

  const Limits& limits_;
  JsonReader json_;
  RatesQuestion question_;
};

}  // namespace

std::expected<RatesQuestion, Problem> read_question(std::string_view json, const Limits& limits) {
  return QuestionReader{limits}.run(json);
}

}  // namespace ratebook::api
