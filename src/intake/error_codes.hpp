// The codes of item errors: stable, for programs. docs/reference/batch-errors.md says what each means and how to mend
// it; a code that is new here is added there.
#pragma once
#include <string_view>

namespace ratebook::intake::code {

// A value.
inline constexpr std::string_view missing = "missing";
inline constexpr std::string_view wrong_type = "wrong-type";
inline constexpr std::string_view bad_utf8 = "bad-utf8";
inline constexpr std::string_view unknown_port = "unknown-port";
inline constexpr std::string_view closed_port = "closed-port";
inline constexpr std::string_view same_port = "same-port";
inline constexpr std::string_view bad_day = "bad-day";
inline constexpr std::string_view no_such_day = "no-such-day";
inline constexpr std::string_view day_out_of_range = "day-out-of-range";
inline constexpr std::string_view not_a_number = "not-a-number";
inline constexpr std::string_view exponent = "exponent";
inline constexpr std::string_view too_many_decimals = "too-many-decimals";
inline constexpr std::string_view not_positive = "not-positive";
inline constexpr std::string_view too_large = "too-large";

// An item, or the object around the items.
inline constexpr std::string_view unknown_field = "unknown-field";
inline constexpr std::string_view repeated_field = "repeated-field";

// A line of CSV or NDJSON.
inline constexpr std::string_view wrong_field_count = "wrong-field-count";
inline constexpr std::string_view bad_quote = "bad-quote";
inline constexpr std::string_view bad_line = "bad-line";
inline constexpr std::string_view line_too_long = "line-too-long";
inline constexpr std::string_view missing_column = "missing-column";
inline constexpr std::string_view unknown_column = "unknown-column";
inline constexpr std::string_view repeated_column = "repeated-column";

// The bytes as sent.
inline constexpr std::string_view bad_compression = "bad-compression";
inline constexpr std::string_view truncated_compression = "truncated-compression";
inline constexpr std::string_view trailing_bytes = "trailing-bytes";
inline constexpr std::string_view window_too_large = "window-too-large";
inline constexpr std::string_view compression_ratio = "compression-ratio";
inline constexpr std::string_view digest_mismatch = "digest-mismatch";

// The whole batch.
inline constexpr std::string_view empty = "empty";
inline constexpr std::string_view bad_source = "bad-source";
inline constexpr std::string_view source_conflict = "source-conflict";
inline constexpr std::string_view bad_batch_id = "bad-batch-id";

}  // namespace ratebook::intake::code
