#include "model/digest.hpp"

#include <openssl/evp.h>

#include <charconv>
#include <cstring>
#include <new>

namespace ratebook {

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::optional<Digest> parse_digest(std::string_view text) {
  Digest digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* at = text.data() + i * 2;
    const auto [end, error] = std::from_chars(at, at + 2, digest[i], 16);
    if (error != std::errc{} || end != at + 2) return std::nullopt;
  }
  return digest;
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc{};
}

Sha256& Sha256::add(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  return *this;
}

Sha256& Sha256::add(std::span<const std::uint8_t> bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  return *this;
}

Digest Sha256::finish() {
  Digest digest{};
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
}

Digest sha256(std::string_view bytes) { return Sha256{}.add(bytes).finish(); }

ContentDigest::ContentDigest(std::string_view replaces_id) { sha_.add(replaces_id).add("\n"); }

void ContentDigest::add(const Price& price) {
  constexpr std::size_t line_max = 5 + 1 + 5 + 1 + 10 + 1 + 10 + 1;
  if (used_ + line_max > lines_.size()) flush();
  char* at = lines_.data() + used_;
  std::memcpy(at, price.orig.view().data(), 5);
  at[5] = ',';
  std::memcpy(at + 6, price.dest.view().data(), 5);
  at[11] = ',';
  format_day(price.day, at + 12);
  at[22] = ',';
  char* end = std::to_chars(at + 23, at + line_max, price.amount.value).ptr;
  *end++ = '\n';
  used_ = static_cast<std::size_t>(end - lines_.data());
}

void ContentDigest::flush() {
  sha_.add(std::string_view{lines_.data(), used_});
  used_ = 0;
}

Digest ContentDigest::finish() {
  flush();
  return sha_.finish();
}

std::string batch_id(std::string_view source, std::string_view key, const Digest& digest) {
  static constexpr std::string_view nul{"\0", 1};
  const Digest whole = Sha256{}.add(source).add(nul).add(key).add(nul).add(digest).finish();
  return hex(std::span{whole}.first(16));
}

std::uint32_t partition_of(std::string_view source, std::uint32_t partition_count) {
  const Digest digest = sha256(source);
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) head = head << 8 | digest[i];
  return static_cast<std::uint32_t>(head % partition_count);
}

Digest chain_after(const Digest& before, std::uint64_t version, std::uint8_t kind, std::string_view content) {
  std::array<std::uint8_t, 9> head{};
  for (std::size_t i = 0; i < 8; ++i) head[i] = static_cast<std::uint8_t>(version >> (56 - 8 * i));
  head[8] = kind;
  return Sha256{}.add(before).add(head).add(content).finish();
}

}  // namespace ratebook
