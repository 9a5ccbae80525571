#include "client/answers.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace ratebook::client {
namespace {

namespace dom = simdjson::dom;

/// What it hands out lives as long as it does.
class Document {
 public:
  explicit Document(std::string_view json) {
    const simdjson::padded_string padded{json};
    if (const auto error = parser_.parse(padded).get(root_)) {
      fault_ = fmt::format("the server's answer is not JSON ({})", simdjson::error_message(error));
    } else if (!root_.is_object()) {
      fault_ = "the server's answer is not a JSON object";
    }
  }

  bool is_good() const { return fault_.empty(); }
  std::unexpected<Fault> fault() const { return fail(Failure::damaged, fault_); }
  dom::element root() const { return root_; }

 private:
  dom::parser parser_;
  dom::element root_;
  std::string fault_;
};

std::unexpected<Fault> missing(std::string_view what) {
  return fail(Failure::damaged, fmt::format("the server's answer has no {}", what));
}

std::string text(dom::element object, std::string_view field) {
  std::string_view value;
  if (object[field].get(value)) return {};
  return std::string{value};
}

std::optional<std::uint64_t> number(dom::element object, std::string_view field) {
  std::uint64_t value = 0;
  if (object[field].get(value)) return std::nullopt;
  return value;
}

bool flag(dom::element object, std::string_view field) {
  bool value = false;
  return !object[field].get(value) && value;
}

/// The words of a problem inside a batch: an RFC 9457 object, or a plain string.
std::string problem_text(dom::element batch) {
  dom::element problem;
  if (batch["problem"].get(problem) || problem.is_null()) return {};
  if (problem.is_string()) return text(batch, "problem");
  const std::string title = text(problem, "title");
  const std::string detail = text(problem, "detail");
  if (title.empty() || detail.empty()) return title + detail;
  return fmt::format("{}: {}", title, detail);
}

BatchAnswer read_batch(dom::element batch) {
  return {.id = text(batch, "id"),
          .source = text(batch, "source"),
          .key = text(batch, "idempotency_key"),
          .status = text(batch, "status"),
          .price_count = number(batch, "price_count").value_or(0),
          .digest = text(batch, "digest"),
          .accepted_at = text(batch, "accepted_at"),
          .committed_at = text(batch, "committed_at"),
          .version = number(batch, "version"),
          .retracted_version = number(batch, "retracted_version"),
          .problem = problem_text(batch),
          .json = {}};
}

ItemProblem read_item_problem(dom::element item) {
  return {.index = number(item, "index"),
          .line = number(item, "line"),
          .field = text(item, "field"),
          .code = text(item, "code"),
          .message = text(item, "message")};
}

std::vector<std::string> statistics_of(dom::object day) {
  std::vector<std::string> names;
  for (const auto [name, value] : day) {
    if (name != "day") names.emplace_back(name);
  }
  return names;
}

Rates::OfDay read_day(dom::element day, const std::vector<std::string>& statistics) {
  Rates::OfDay result{.day = text(day, "day"), .values = {}};
  for (const auto& name : statistics) {
    double value = 0;
    result.values.push_back(day[name].get(value) ? Value{} : Value{value});
  }
  return result;
}

}  // namespace

Result<BatchAnswer> parse_batch(std::string_view json) {
  const Document document{json};
  if (!document.is_good()) return document.fault();
  auto batch = read_batch(document.root());
  if (batch.id.empty() && batch.digest.empty()) return missing("batch");
  batch.json = json;
  return batch;
}

Result<BatchList> parse_batches(std::string_view json) {
  const Document document{json};
  if (!document.is_good()) return document.fault();
  dom::array batches;
  if (document.root()["batches"].get(batches)) return missing("list of batches");
  BatchList list;
  for (const dom::element batch : batches) list.batches.push_back(read_batch(batch));
  list.next_cursor = text(document.root(), "next_cursor");
  return list;
}

Result<Rates> parse_rates(std::string_view json) {
  const Document document{json};
  if (!document.is_good()) return document.fault();
  const dom::element root = document.root();
  dom::array days;
  if (root["rates"].get(days)) return missing("rates");
  Rates rates{.version = number(root, "version").value_or(0),
              .origin = text(root, "origin"),
              .destination = text(root, "destination"),
              .currency = text(root, "currency"),
              .statistics = {},
              .days = {}};
  for (const dom::element day : days) {
    dom::object fields;
    if (day.get(fields)) return missing("day that is an object");
    if (rates.days.empty()) rates.statistics = statistics_of(fields);
    rates.days.push_back(read_day(day, rates.statistics));
  }
  return rates;
}

Result<ExistingRates> parse_existing_rates(std::string_view json) {
  const Document document{json};
  if (!document.is_good()) return document.fault();
  dom::array days;
  if (document.root()["rates"].get(days)) return missing("rates");
  ExistingRates rates;
  for (const dom::element day : days) {
    if (!day.is_object()) return missing("day that is an object");
    double price = 0;
    rates.push_back({.day = text(day, "day"),
                     .count = number(day, "count"),
                     .price = day["price"].get(price) ? Value{} : Value{price}});
  }
  return rates;
}

Result<PlacesDocument> parse_places(std::string_view json) {
  const Document document{json};
  if (!document.is_good()) return document.fault();
  dom::array regions;
  dom::array ports;
  if (document.root()["regions"].get(regions)) return missing("regions");
  if (document.root()["ports"].get(ports)) return missing("ports");
  PlacesDocument places;
  for (const dom::element region : regions) {
    places.regions.push_back({text(region, "slug"), text(region, "name"), text(region, "parent_slug")});
  }
  for (const dom::element port : ports) {
    places.ports.push_back({text(port, "code"), text(port, "name"), text(port, "parent_slug"), flag(port, "closed")});
  }
  return places;
}

Problem parse_problem(std::string_view body, unsigned status) {
  Problem problem;
  const Document document{body};
  if (document.is_good()) {
    const dom::element root = document.root();
    problem.type = text(root, "type");
    problem.title = text(root, "title");
    problem.detail = text(root, "detail");
    problem.error_count = number(root, "error_count").value_or(0);
    dom::array errors;
    if (!root["errors"].get(errors)) {
      for (const dom::element item : errors) problem.errors.push_back(read_item_problem(item));
    }
  }
  if (problem.title.empty()) problem.title = fmt::format("the server answered {}", status);
  problem.error_count = std::max<std::uint64_t>(problem.error_count, problem.errors.size());
  return problem;
}

}  // namespace ratebook::client
