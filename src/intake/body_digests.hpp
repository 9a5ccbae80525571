// What a body's bytes as sent must hash to, as its sender says (RFC 9530), checked as they come.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_md_ctx_st;

namespace ratebook::intake {

struct BodyDigest {
  enum class Algorithm : std::uint8_t { sha256, sha512 } algorithm = Algorithm::sha256;
  std::string value;  ///< its bytes: 32 or 64
  std::string field;  ///< the header that names it, for messages
};

class BodyDigests {
 public:
  explicit BodyDigests(std::vector<BodyDigest> expected);
  void add(std::string_view bytes);
  /// After the last byte, once: the first of them that does not hold.
  std::optional<BodyDigest> mismatch();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  struct Check {
    BodyDigest expected;
    std::unique_ptr<evp_md_ctx_st, Free> context;
  };
  std::vector<Check> checks_;
};

}  // namespace ratebook::intake
