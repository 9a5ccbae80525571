// From the bytes of a body to a batch that is valid, named and spooled, or to the list of what is wrong with it.
//
//   bytes ─▶ GzipStream │ ZstdStream ─▶ Window ─▶ Decoder ─▶ Builder: checks every item, digests, packs ─▶ Decoded
//     └─▶ BodyDigests                    (one a format)        │ └─ errors: the first 100, and their count ─▶ Refused
//                                                              └─▶ Spool
//
// Nothing here waits: pieces are fed as they come, so that a slow client pins no thread.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intake/body_digests.hpp"
#include "intake/coding.hpp"
#include "intake/memory_budget.hpp"
#include "intake/spool.hpp"
#include "model/digest.hpp"
#include "model/places.hpp"
#include "model/price.hpp"

namespace ratebook::intake {

inline constexpr std::size_t errors_listed_max = 100;

/// What is wrong with one item, or (no index) with the whole.
struct ItemError {
  std::optional<std::uint64_t> index;  ///< of the item, from 0
  std::optional<std::uint64_t> line;   ///< of the body, from 1, where the format has lines
  std::string field;                   ///< such as `price`; empty: the whole item
  std::string code;                    ///< stable, such as `unknown-port`
  std::string message;                 ///< says how to mend it
};

struct Refused {
  enum class Kind : std::uint8_t {
    malformed,        ///< 400: the format's syntax is broken
    broken_coding,    ///< 400: so is its compression
    digest_mismatch,  ///< 400: these are not the bytes that were sent
    invalid,          ///< 422: well-formed but wrong
    too_large,        ///< 413: a body or an item count over its limit
    expands,          ///< 413: compressed far beyond what prices can be
    no_memory,        ///< 503: all intakes together hold too much
    spool,            ///< 503: the temporary file cannot be written
  };
  Kind kind = Kind::invalid;
  std::string detail;
  std::vector<ItemError> errors;  ///< the first errors_listed_max
  std::uint64_t error_count = 0;
};

struct Decoded {
  std::string source;  ///< from the body (JSON), or as given
  std::uint64_t price_count = 0;
  Digest digest{};
  Spool spool;  ///< its chunks, packed, in the order sent
};

struct Limits {
  std::size_t body_bytes_max = std::size_t{4} << 30;  ///< decompressed, of any format
  std::size_t json_body_bytes_max = 128u << 20;       ///< of JSON; a client that has more sends NDJSON or CSV
  std::size_t compression_ratio_max = 500;            ///< a body's bytes to those that were sent; prices reach 8 to 30
  std::size_t compression_free_bytes = 1u << 20;      ///< of a body, before its ratio counts
  std::size_t zstd_window_bytes_max = 8u << 20;       ///< what a client may count on (RFC 9659)
  std::uint64_t items_max = 20'000'000;
  std::size_t chunk_items_max = chunk_prices_max;  ///< at most that
  std::size_t spool_memory_bytes_max = 16u << 20;  ///< beyond it the spool goes into an unlinked file
  std::string spool_folder;                        ///< for that file; empty: none, everything stays in memory
  MemoryBudget* spool_files = nullptr;             ///< what these files hold together; nullptr: no bound
};

enum class Format : std::uint8_t { json, ndjson, csv };

struct Request {
  Format format = Format::json;
  std::shared_ptr<const PlaceTree> places;
  std::string source;    ///< as the query names it; JSON may name it in the body instead, but not another one
  std::string replaces;  ///< id of the batch that this one replaces, or empty
  Coding coding = Coding::identity;
  std::vector<BodyDigest> digests;  ///< of the bytes as they are fed, as their sender says
};

/// Takes one body. Not thread-safe; calls may come from different threads one after the other.
class Intake {
 public:
  /// `memory` lives longer than this and than what finish() gives: a Decoded's spool counts against it, too.
  Intake(Request request, const Limits& limits, MemoryBudget& memory);
  Intake(Intake&&) noexcept;
  Intake& operator=(Intake&&) noexcept;
  ~Intake();

  /// The next bytes of the body. False: no more bytes are wanted, finish() will say why.
  bool feed(std::string_view piece);
  /// As given or as the body has named it so far; empty: not known yet.
  std::string_view source() const;
  /// After the last byte. Call once.
  std::expected<Decoded, Refused> finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace ratebook::intake
