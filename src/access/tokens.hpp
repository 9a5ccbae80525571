// Who may do what: the tokens of a server, each known by its SHA-256 alone, with its roles.
//
//   # name           roles  sources    SHA-256 of the token  created
//   carrier-a-loader send   carrier-a  9f86d081884c7d65…     2026-11-23
//   dashboard        read   -          60303ae22b998861…     2026-11-23
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/day.hpp"
#include "model/digest.hpp"
#include "model/error.hpp"

namespace ratebook::access {

/// send: batches and retractions of some sources, and a look at these batches and at the places. read: everything that
/// can be read. operate: everything.
enum class Role : std::uint8_t { send = 1, read = 2, operate = 4 };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

struct Grant {
  std::string name;
  std::vector<Role> roles;
  std::vector<std::string> sources;  ///< that `send` is for
  Digest token{};                    ///< SHA-256
  Day created{};

  /// True of every role for an operator.
  bool has(Role role) const;
  bool may_send(std::string_view source) const;
};

/// 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'.
bool is_token_name(std::string_view text);

struct Limits {
  std::size_t tokens_max = 1000;                  ///< each is compared with, for each request
  std::chrono::milliseconds look_interval{1000};  ///< at the file, whether it has changed
};

class Tokens {
 public:
  /// Reads the text of a token file; the fault names the line and how to mend it.
  static Result<Tokens> parse(std::string_view text, Limits limits = {});

  /// In a time that does not depend on which token it is, nor on how much of it is right. nullptr: unknown.
  const Grant* find(std::string_view token) const;
  const Grant* named(std::string_view name) const;
  const std::vector<Grant>& grants() const { return grants_; }

 private:
  std::vector<Grant> grants_;
};

/// A line of a token file, with its end.
std::string format_grant(const Grant& grant);

}  // namespace ratebook::access
