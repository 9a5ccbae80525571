// Formats and codings by their names, and digests as RFC 9530 writes them.
#include "api/body_headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/digest_field.hpp"

namespace ratebook::api {
namespace {

using intake::BodyDigest;
using intake::Coding;
using intake::Format;

std::expected<BodyHeaders, Problem> read(std::vector<std::pair<std::string_view, std::string_view>> headers) {
  http::Request request;
  request.headers_ = std::move(headers);
  return read_body_headers(request);
}

TEST(BodyHeaders, FormatsByTheirNames) {
  const auto format = [](std::string_view type) { return read({{"Content-Type", type}})->format; };
  EXPECT_EQ(format("Application/JSON"), Format::json);
  EXPECT_EQ(format("text/csv; charset=utf-8"), Format::csv);
  for (const auto* type : {"application/x-ndjson", "application/ndjson", "application/jsonl; charset=utf-8"}) {
    EXPECT_EQ(format(type), Format::ndjson) << type;
  }
}

TEST(BodyHeaders, CodingsByTheirNames) {
  const auto coding = [](std::string_view name) {
    const auto headers = read({{"Content-Type", "text/csv"}, {"Content-Encoding", name}});
    return headers ? std::optional{headers->coding} : std::nullopt;
  };
  EXPECT_EQ(read({{"Content-Type", "text/csv"}})->coding, Coding::identity);
  EXPECT_EQ(coding(""), Coding::identity);
  EXPECT_EQ(coding("Identity"), Coding::identity);
  EXPECT_EQ(coding(" gzip "), Coding::gzip);
  EXPECT_EQ(coding("X-GZIP"), Coding::gzip);
  EXPECT_EQ(coding("zstd"), Coding::zstd);
  for (const auto* name : {"br", "deflate", "gzip, gzip", "gzip,zstd", "gzip;q=1", "zst", "*"}) {
    EXPECT_EQ(coding(name), std::nullopt) << name;
  }
  EXPECT_EQ(read({{"Content-Type", "text/csv"}, {"Content-Encoding", "gzip"}, {"content-encoding", "gzip"}})
                .error()
                .kind.type,
            problems::unsupported_encoding.type)
      << "several lines are one list";
}

TEST(BodyHeaders, ARefusalSaysWhatIsTaken) {
  using ::testing::Contains;
  using ::testing::Pair;
  http::Response response;
  add_accepted(read({{"Content-Type", "text/plain"}}).error(), response);
  EXPECT_THAT(response.headers, Contains(Pair("Accept-Post", ::testing::HasSubstr("application/x-ndjson"))));
  EXPECT_EQ(response.headers.size(), 1U);
  add_accepted(read({{"Content-Type", "text/csv"}, {"Content-Encoding", "br"}}).error(), response);
  EXPECT_THAT(response.headers, Contains(Pair("Accept-Encoding", "gzip, zstd, identity")));
  EXPECT_EQ(response.headers.size(), 2U);
}

// printf '' | sha256sum, sha512sum in base64.
constexpr std::string_view sha256_of_nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
constexpr std::string_view sha512_of_nothing =
    "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

std::string member(std::string_view key, std::string_view base64) {
  return std::string{key} + "=:" + std::string{base64} + ":";
}

TEST(DigestField, ReadsBothAlgorithmsAndPassesOverOthers) {
  const auto digests = read_digest_field("Repr-Digest", "md5=:AAAA:, " + member("sha-512", sha512_of_nothing) + " ,\t" +
                                                            member("sha-256", sha256_of_nothing) +
                                                            ";a=1; b;c=\"x,;\\\"y\";d=:AA==:,unixsum=:AA:");
  ASSERT_TRUE(digests);
  ASSERT_EQ(digests->size(), 2U);
  EXPECT_EQ((*digests)[0].algorithm, BodyDigest::Algorithm::sha512);
  EXPECT_EQ((*digests)[0].value.size(), 64U);
  EXPECT_EQ((*digests)[1].algorithm, BodyDigest::Algorithm::sha256);
  EXPECT_EQ((*digests)[1].value.substr(0, 4), "\xe3\xb0\xc4\x42");
  EXPECT_EQ((*digests)[1].value.substr(28), "\x78\x52\xb8\x55");
  EXPECT_EQ((*digests)[1].field, "Repr-Digest");
}

TEST(DigestField, PaddingMayBeMissingAndTheLastOfAKeyCounts) {
  const std::string zeros(43, 'A');
  const auto digests = read_digest_field(
      "Repr-Digest", member("sha-256", zeros) + "," + member("sha-256", sha256_of_nothing.substr(0, 43)));
  ASSERT_TRUE(digests);
  ASSERT_EQ(digests->size(), 1U);
  EXPECT_EQ((*digests)[0].value.substr(28), "\x78\x52\xb8\x55");
}

TEST(DigestField, NothingIsNoDigest) {
  EXPECT_EQ(read_digest_field("Repr-Digest", "")->size(), 0U);
  EXPECT_EQ(read_digest_field("Repr-Digest", "  ")->size(), 0U);
}

TEST(DigestField, BrokenSyntaxIsRefused) {
  const std::string good = member("sha-256", sha256_of_nothing);
  for (const std::string& field : {std::string{"sha-256"},
                                   std::string{"sha-256="},
                                   std::string{"sha-256=abc"},
                                   std::string{"sha-256=:AAAA:"},
                                   good + ",",
                                   good + " " + good,
                                   "," + good,
                                   "SHA-256" + good.substr(7),
                                   member("md5", "A"),
                                   member("md5", "A=A="),
                                   member("md5", "AA==="),
                                   member("md5", "AA A"),
                                   std::string{"md5=:AAAA"},
                                   good + ";",
                                   good + ";a=",
                                   good + ";a=\"x",
                                   std::string{"md5=1"},
                                   std::string{"=:AAAA:"},
                                   member("sha-512", "AAAA"),
                                   member("sha-256", sha512_of_nothing)}) {
    EXPECT_FALSE(read_digest_field("Repr-Digest", field)) << field;
  }
  const auto refused = read({{"Content-Type", "text/csv"}, {"content-digest", "sha-256=x"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind.type, problems::bad_header.type);
  EXPECT_TRUE(refused.error().detail.starts_with("Content-Digest: "));
}

TEST(DigestField, LinesOfAHeaderAreOneDictionary) {
  const std::string one = member("sha-256", sha256_of_nothing);
  const std::string other = member("sha-512", sha512_of_nothing);
  const auto headers = read({{"Content-Type", "text/csv"}, {"Repr-Digest", one}, {"repr-digest", other}});
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->digests.size(), 2U);
}

}  // namespace
}  // namespace ratebook::api
