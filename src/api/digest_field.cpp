#include "api/digest_field.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <string>

namespace ratebook::api {
namespace {

using intake::BodyDigest;

constexpr std::string_view lower_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view key_characters = "abcdefghijklmnopqrstuvwxyz0123456789_-.*";
constexpr std::string_view base64_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Without its padding it is read, too (RFC 9651, 4.2.7).
std::optional<std::string> decode_base64(std::string_view text) {
  const std::size_t digits = std::min(text.find_last_not_of('=') + 1, text.size());
  const bool good = text.find_first_not_of(base64_characters) >= digits && text.size() - digits <= 2 && digits % 4 != 1;
  if (!good) return std::nullopt;
  std::string padded{text.substr(0, digits)};
  padded.resize((digits + 3) / 4 * 4, '=');
  std::string bytes(padded.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(padded.data()),
                  static_cast<int>(padded.size()));
  bytes.resize(digits * 3 / 4);
  return bytes;
}

/// Each takes something off the front; false or nothing: it does not stand there.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) { skip(" "); }

  bool at_end() const { return rest_.empty(); }
  void skip(std::string_view blanks) { rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size())); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view key() {
    const bool begins = !rest_.empty() && (lower_letters.contains(rest_[0]) || rest_[0] == '*');
    return begins ? run(key_characters) : std::string_view{};
  }

  std::optional<std::string> byte_sequence() {
    const auto end = rest_.starts_with(':') ? rest_.find(':', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    auto bytes = decode_base64(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return bytes;
  }

  /// No digest has a parameter: what stands there is passed over, a string as a whole.
  bool parameters() {
    while (take(';')) {
      skip(" ");
      if (key().empty()) return false;
      if (take('=') && !value()) return false;
    }
    return true;
  }

 private:
  std::string_view run(std::string_view characters) {
    const auto taken = rest_.substr(0, rest_.find_first_not_of(characters));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  bool value() {
    if (!take('"')) {
      const auto taken = rest_.substr(0, rest_.find_first_of(" \t,;\""));
      rest_.remove_prefix(taken.size());
      return !taken.empty();
    }
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '"') return rest_.remove_prefix(i + 1), true;
      if (rest_[i] == '\\') ++i;
    }
    return false;
  }

  std::string_view rest_;
};

/// Where a key stands more than once, the last one counts.
bool keep(std::vector<BodyDigest>& digests, std::string_view name, std::string_view key, std::string value) {
  if (key != "sha-256" && key != "sha-512") return true;
  const auto algorithm = key == "sha-256" ? BodyDigest::Algorithm::sha256 : BodyDigest::Algorithm::sha512;
  if (value.size() != (key == "sha-256" ? 32U : 64U)) return false;
  std::erase_if(digests, [&](const BodyDigest& digest) { return digest.algorithm == algorithm; });
  digests.push_back({algorithm, std::move(value), std::string{name}});
  return true;
}

}  // namespace

std::optional<std::vector<BodyDigest>> read_digest_field(std::string_view name, std::string_view value) {
  std::vector<BodyDigest> digests;
  FieldReader reader{value};
  for (bool follows = !reader.at_end(); follows;) {
    const auto key = reader.key();
    if (key.empty() || !reader.take('=')) return std::nullopt;
    auto bytes = reader.byte_sequence();
    if (!bytes || !reader.parameters() || !keep(digests, name, key, *std::move(bytes))) return std::nullopt;
    reader.skip(" \t");
    follows = reader.take(',');
    if (!follows && !reader.at_end()) return std::nullopt;
    reader.skip(" \t");
  }
  return digests;
}

}  // namespace ratebook::api
