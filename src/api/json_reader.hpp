// Reads a JSON body strictly, and reports everything that is wrong with it: what, where, and how to mend it.
#pragma once
#include <simdjson.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problems.hpp"

namespace ratebook::api {

class JsonReader {
 public:
  using Element = simdjson::dom::element;
  using Object = simdjson::dom::object;
  /// A member that may be missing.
  using Member = std::optional<Element>;

  void report(std::string field, std::string code, std::string message);
  std::uint64_t problem_count() const { return problem_count_; }
  /// Everything reported (the first 100), as a problem of that kind.
  Problem problem(const ProblemKind& kind);

  /// The members named, in that order; unknown and repeated ones are reported. `path` stands before their names.
  std::vector<Member> members_of(const Object& object, const std::string& path,
                                 std::initializer_list<std::string_view> names);
  /// Each element of a list, as an object, with its path.
  void each(const Member& list, const std::string& name,
            const std::function<void(const Object&, const std::string& path)>& read_one);
  std::string text(const Member& value, const std::string& field, bool may_be_null = false);
  bool boolean(const Member& value, const std::string& field);

 private:
  std::vector<ProblemItem> items_;
  std::uint64_t problem_count_ = 0;
};

/// Parses, and hands the root object to `read`; a body that is no JSON is problems::malformed_body.
std::optional<Problem> read_json(std::string_view json, const std::function<void(JsonReader::Element root)>& read);

}  // namespace ratebook::api
