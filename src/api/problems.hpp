// Everything that this API answers when it does not do what was asked, each kind with its stable type (RFC 9457).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http.hpp"
#include "model/error.hpp"

namespace ratebook::api {

struct ProblemKind {
  unsigned status = 500;
  std::string_view type;  ///< behind `/problems/`
  std::string_view title;
};

namespace problems {
inline constexpr ProblemKind bad_parameter{400, "bad-parameter", "A query parameter is wrong"};
inline constexpr ProblemKind bad_header{400, "bad-header", "A header is wrong"};
inline constexpr ProblemKind malformed_body{400, "malformed-body", "The body cannot be read"};
inline constexpr ProblemKind broken_encoding{400, "broken-encoding", "The body cannot be decompressed"};
inline constexpr ProblemKind digest_mismatch{400, "digest-mismatch", "The body is not the one that was sent"};
inline constexpr ProblemKind token_missing{401, "token-missing", "This needs a token"};
inline constexpr ProblemKind token_unknown{401, "token-unknown", "The token is not known"};
inline constexpr ProblemKind forbidden{403, "forbidden", "The token is not for this"};
inline constexpr ProblemKind unknown_place{404, "unknown-place", "There is no such place"};
inline constexpr ProblemKind unknown_batch{404, "unknown-batch", "There is no such batch"};
inline constexpr ProblemKind unknown_version{404, "unknown-version", "There is no such version"};
inline constexpr ProblemKind no_places{409, "no-places", "There are no places yet"};
inline constexpr ProblemKind key_conflict{409, "key-conflict", "The Idempotency-Key names another batch"};
inline constexpr ProblemKind replaces_conflict{409, "replaces-conflict", "The batch to replace is not there"};
inline constexpr ProblemKind not_committed{409, "not-committed", "The batch is not committed"};
inline constexpr ProblemKind places_changed{412, "places-changed", "The places are other ones"};
inline constexpr ProblemKind too_large{413, "too-large", "The body is too large"};
inline constexpr ProblemKind compression_ratio{413, "compression-ratio", "The body is compressed too far"};
inline constexpr ProblemKind unsupported_type{415, "unsupported-media-type", "The body's type is not known"};
inline constexpr ProblemKind unsupported_encoding{415, "unsupported-encoding", "The body's encoding is not known"};
inline constexpr ProblemKind invalid_batch{422, "invalid-batch", "The batch is wrong; nothing of it was taken"};
inline constexpr ProblemKind invalid_places{422, "invalid-places", "The places are wrong; nothing was changed"};
inline constexpr ProblemKind invalid_query{422, "invalid-query", "The question is wrong"};
inline constexpr ProblemKind if_match_missing{428, "if-match-missing", "If-Match is missing"};
inline constexpr ProblemKind too_much_waiting{429, "too-much-waiting", "This source has too much waiting"};
inline constexpr ProblemKind not_ready{503, "not-ready", "This node is not ready"};
inline constexpr ProblemKind version_not_visible{503, "version-not-visible",
                                                 "This node does not show that version yet"};
inline constexpr ProblemKind overloaded{503, "overloaded", "This node has too much to do"};
inline constexpr ProblemKind store_unavailable{503, "store-unavailable", "The store does not answer"};
inline constexpr ProblemKind log_unavailable{503, "log-unavailable", "The log does not answer"};
inline constexpr ProblemKind not_accepted{503, "not-accepted",
                                          "The batch could not be accepted; nothing of it was taken"};
inline constexpr ProblemKind outcome_unknown{503, "outcome-unknown", "It is unknown whether this has taken effect"};
}  // namespace problems

/// One thing that is wrong, where.
struct ProblemItem {
  std::optional<std::uint64_t> index;
  std::optional<std::uint64_t> line;
  std::string field;
  std::string code;
  std::string message;
};

struct Problem {
  ProblemKind kind;
  std::string detail;  ///< what, and how to mend it
  std::vector<ProblemItem> errors;
  std::optional<std::uint64_t> error_count;  ///< `errors` may be only the first of them; nullopt: no `errors` at all
};

/// As the body reads it, also inside of a batch.
void append_problem(std::string& out, const Problem& problem);
/// A 503 and a 429 get a Retry-After, a 401 and a 403 a WWW-Authenticate.
void answer_problem(const Problem& problem, http::Response& response);
http::Response problem_response(const Problem& problem);

/// What a client hears of a store that did not do what was asked.
Problem store_problem(const Fault& fault);

}  // namespace ratebook::api
