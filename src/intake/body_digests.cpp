#include "intake/body_digests.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>
#include <utility>

namespace ratebook::intake {

void BodyDigests::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

BodyDigests::BodyDigests(std::vector<BodyDigest> expected) {
  for (auto& one : expected) {
    const auto* algorithm = one.algorithm == BodyDigest::Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    auto& check = checks_.emplace_back(std::move(one), decltype(Check::context){EVP_MD_CTX_new()});
    if (!check.context || EVP_DigestInit_ex(check.context.get(), algorithm, nullptr) != 1) throw std::bad_alloc{};
  }
}

void BodyDigests::add(std::string_view bytes) {
  for (const auto& check : checks_) EVP_DigestUpdate(check.context.get(), bytes.data(), bytes.size());
}

std::optional<BodyDigest> BodyDigests::mismatch() {
  for (const auto& [expected, context] : checks_) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> value;
    unsigned length = 0;
    EVP_DigestFinal_ex(context.get(), value.data(), &length);
    if (std::string_view{reinterpret_cast<const char*>(value.data()), length} != expected.value) return expected;
  }
  return std::nullopt;
}

}  // namespace ratebook::intake
