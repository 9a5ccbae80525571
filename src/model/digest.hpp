// SHA-256, and the names that are made with it (rules 4 and 10): a batch's digest and id, a source's partition, the
// chain over the versions.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/price.hpp"

struct evp_md_ctx_st;

namespace ratebook {

using Digest = std::array<std::uint8_t, 32>;

/// Lower-case hexadecimal, two characters a byte.
std::string hex(std::span<const std::uint8_t> bytes);
/// 64 hexadecimal characters back to a digest; nullopt for anything else.
std::optional<Digest> parse_digest(std::string_view text);

/// SHA-256 (FIPS 180-4) over what is added, piece by piece.
class Sha256 {
 public:
  Sha256();
  Sha256& add(std::string_view bytes);
  Sha256& add(std::span<const std::uint8_t> bytes);
  /// The digest of all added so far. Call once.
  Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Digest sha256(std::string_view bytes);

/// The digest of a batch's content: a line with the id that it replaces (or an empty line), then a line
/// `ORIG,DEST,YYYY-MM-DD,CENTS` a price, in the order sent; each line ends with one '\n'.
class ContentDigest {
 public:
  explicit ContentDigest(std::string_view replaces_id);
  void add(const Price& price);
  /// The digest of all added so far. Call once.
  Digest finish();

 private:
  void flush();

  Sha256 sha_;
  std::size_t used_ = 0;
  std::array<char, 16 * 1024> lines_;
};

/// The first 16 bytes of SHA-256(source, NUL, key, NUL, digest) in hex: 32 characters.
std::string batch_id(std::string_view source, std::string_view key, const Digest& digest);

/// The first 8 bytes of SHA-256(source), big-endian, mod partition_count.
std::uint32_t partition_of(std::string_view source, std::uint32_t partition_count);

/// chain(v) = SHA-256(chain(v-1), v as 8 bytes big-endian, kind byte, content); chain(0) is 32 zero bytes. The content
/// of a batch or retraction is the batch's id, that of a change of places the SHA-256 in hex of its canonical text.
Digest chain_after(const Digest& before, std::uint64_t version, std::uint8_t kind, std::string_view content);

}  // namespace ratebook
