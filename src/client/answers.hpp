// The server's JSON as types, and the places as JSON. Unknown fields are passed over, so that an older client reads a
// newer server.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/error.hpp"
#include "model/places.hpp"

namespace ratebook::client {

/// A batch as the server tells of it.
struct BatchAnswer {
  std::string id;
  std::string source;
  std::string key;     ///< idempotency_key
  std::string status;  ///< empty in the answer to a dry run
  std::uint64_t price_count = 0;
  std::string digest;
  std::string accepted_at;
  std::string committed_at;
  std::optional<std::uint64_t> version;
  std::optional<std::uint64_t> retracted_version;
  std::string problem;  ///< why it was rejected, in words; empty where it was not
  std::string json;     ///< as it came; empty within a list
};

struct BatchList {
  std::vector<BatchAnswer> batches;
  std::string next_cursor;  ///< empty: this was the last page
};

/// One thing that is wrong with what was sent.
struct ItemProblem {
  std::optional<std::uint64_t> index;
  std::optional<std::uint64_t> line;
  std::string field;
  std::string code;
  std::string message;
};

/// RFC 9457, with the errors of a batch or of places.
struct Problem {
  std::string type;
  std::string title;
  std::string detail;
  std::vector<ItemProblem> errors;
  std::uint64_t error_count = 0;
};

/// A statistic of a day; nothing where the server says null.
using Value = std::optional<double>;

struct Rates {
  std::uint64_t version = 0;
  std::string origin;
  std::string destination;
  std::string currency;
  std::vector<std::string> statistics;  ///< as the first day names them, without `day`
  struct OfDay {
    std::string day;
    std::vector<Value> values;  ///< one a statistic
  };
  std::vector<OfDay> days;
};

/// GET /rates, as the existing service answers it, too.
struct ExistingDay {
  std::string day;
  std::optional<std::uint64_t> count;
  Value price;
};
using ExistingRates = std::vector<ExistingDay>;

/// Failure::damaged: not the JSON that was expected, and what is wrong with it.
Result<BatchAnswer> parse_batch(std::string_view json);
Result<BatchList> parse_batches(std::string_view json);
Result<Rates> parse_rates(std::string_view json);
Result<ExistingRates> parse_existing_rates(std::string_view json);
Result<PlacesDocument> parse_places(std::string_view json);
/// Never fails: what is no problem document becomes a title without a type.
Problem parse_problem(std::string_view body, unsigned status);

}  // namespace ratebook::client
