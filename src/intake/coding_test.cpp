// Compressed bodies, and what their bytes must hash to: whole, broken, foreign, and made to explode.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "intake/testing.hpp"

namespace ratebook::intake::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::array compressions{Coding::gzip, Coding::zstd};

Refused refused(std::string_view body, Setting setting) {
  auto result = decode(body, setting);
  EXPECT_FALSE(result.has_value());
  return result ? Refused{} : std::move(result.error());
}

/// Kind and code of the one thing that is wrong.
std::string wrong(std::string_view body, Setting setting) {
  const auto result = refused(body, std::move(setting));
  EXPECT_EQ(result.errors.size(), 1U) << result.detail;
  if (result.errors.empty()) return result.detail;
  EXPECT_EQ(result.errors[0].message, result.detail);
  return fmt::format("{} {}", static_cast<int>(result.kind), result.errors[0].code);
}

std::string broken(std::string_view code) {
  return fmt::format("{} {}", static_cast<int>(Refused::Kind::broken_coding), code);
}

Setting csv(Coding coding) { return {.format = Format::csv, .coding = coding}; }

TEST(Coding, ThePricesOfAnyFormatAndCodingAreTheSameBatch) {
  const auto prices = some_prices(20'000);
  for (const auto format : formats) {
    for (const auto coding : compressions) {
      const std::string body = encode(coding, body_of(format, prices));
      for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, body.size()}) {
        const auto result = decode(body, {.format = format, .coding = coding, .piece_bytes = {piece}});
        ASSERT_TRUE(result) << text_of(result);
        EXPECT_EQ(hex(result->digest), digest_of(prices));
      }
    }
  }
}

TEST(Coding, MembersAndFramesBehindEachOtherAreOneBody) {
  const auto prices = some_prices(100);
  const std::string body = csv_of(prices);
  for (const auto coding : compressions) {
    std::string parts;
    for (std::size_t at = 0; at < body.size(); at += 1000) parts += encode(coding, body.substr(at, 1000));
    const auto result = decode(encode(coding, "") + parts + encode(coding, ""), csv(coding));
    ASSERT_TRUE(result) << text_of(result);
    EXPECT_EQ(hex(result->digest), digest_of(prices));
  }
  const std::string skippable{"\x5A\x2A\x4D\x18\x03\0\0\0abc", 11};
  EXPECT_TRUE(decode(skippable + zstd(body) + skippable, csv(Coding::zstd)));
}

TEST(Coding, ATruncatedBodyIsRefusedWhereverItEnds) {
  const std::string body = csv_of(some_prices(20));
  for (const auto coding : compressions) {
    const std::string whole = encode(coding, body);
    for (std::size_t length = 1; length < whole.size(); ++length) {
      EXPECT_EQ(wrong(whole.substr(0, length), csv(coding)), broken("truncated-compression")) << length;
    }
    EXPECT_EQ(wrong(whole + whole.substr(0, 5), csv(coding)), broken("truncated-compression"));
  }
}

TEST(Coding, WhatStandsBehindIsRefused) {
  for (const auto coding : compressions) {
    const std::string whole = encode(coding, csv_of(some_prices(20)));
    for (const std::string& rest : {std::string{"\n"}, std::string(1, '\0'), std::string(1000, 'x'),
                                    encode(coding == Coding::gzip ? Coding::zstd : Coding::gzip, "x")}) {
      const auto result = refused(whole + rest, csv(coding));
      EXPECT_EQ(result.errors.at(0).code, "trailing-bytes") << result.detail;
      EXPECT_THAT(result.detail, HasSubstr(fmt::format("at byte {},", whole.size())));
    }
  }
  EXPECT_EQ(wrong(gzip(csv_of(some_prices(1))) + "\x1fx", csv(Coding::gzip)), broken("trailing-bytes"));
}

TEST(Coding, AChangedByteIsNoticed) {
  const std::string body = csv_of(some_prices(200));
  for (const auto coding : compressions) {
    const std::string whole = encode(coding, body);
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x10);
      const auto result = decode(changed, csv(coding));
      // Some bits of gzip's header mean nothing (its time, its system).
      EXPECT_TRUE(!result || hex(result->digest) == digest_of(some_prices(200))) << at;
    }
  }
}

TEST(Coding, ForeignBytesAreRefused) {
  const std::string body = csv_of(some_prices(20));
  for (const auto coding : compressions) {
    const auto other = coding == Coding::gzip ? Coding::zstd : Coding::gzip;
    EXPECT_EQ(wrong(body, csv(coding)), broken("bad-compression"));
    EXPECT_EQ(wrong(encode(other, body), csv(coding)), broken("bad-compression"));
  }
  // Zstandard of before 1.0, which its library reads, too, with windows of any size.
  EXPECT_EQ(wrong("\x27\xB5\x2F\xFD" + body, csv(Coding::zstd)), broken("bad-compression"));
}

TEST(Coding, AWindowAboveItsBoundIsRefused) {
  const auto prices = some_prices(300'000);
  const std::string body = csv_of(prices);
  ASSERT_GT(body.size(), 8u << 20);
  EXPECT_TRUE(decode(zstd(body, 23), csv(Coding::zstd)));
  EXPECT_EQ(wrong(zstd(body, 24), csv(Coding::zstd)), broken("window-too-large"));
}

TEST(Coding, BombsAreStoppedWhileTheyExpand) {
  const std::string zeros(64u << 20, '\0');
  for (const auto coding : compressions) {
    for (const auto format : {Format::ndjson, Format::csv}) {
      const std::string bomb = encode(coding, "orig_code,dest_code,day,price\n" + zeros);
      MemoryBudget budget{20u << 20};
      Intake intake{{format, sample_places(), "carrier-a", "", coding, {}}, {}, budget};
      EXPECT_FALSE(intake.feed(bomb));
      const auto result = intake.finish();
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().kind, Refused::Kind::expands) << result.error().detail;
    }
  }
}

TEST(Coding, TheRatioHoldsFromABodysFirstStretchOn) {
  const std::string body = csv_of(some_prices(10)) + std::string(2u << 20, '\n');
  Setting setting = csv(Coding::gzip);
  const std::string compressed = gzip(body);
  setting.limits.compression_ratio_max = body.size() / compressed.size() + 100;
  EXPECT_TRUE(decode(compressed, setting));
  setting.limits.compression_ratio_max = 100;
  EXPECT_EQ(refused(compressed, setting).kind, Refused::Kind::expands);
  setting.limits.compression_free_bytes = body.size();
  EXPECT_TRUE(decode(compressed, setting));
}

TEST(Coding, TheBoundOfABodyIsThatOfItsDecompressedBytes) {
  const std::string body = csv_of(some_prices(1000));
  for (const auto coding : {Coding::identity, Coding::gzip, Coding::zstd}) {
    Setting setting = csv(coding);
    setting.limits.body_bytes_max = body.size();
    EXPECT_TRUE(decode(encode(coding, body), setting));
    setting.limits.body_bytes_max = body.size() - 1;
    EXPECT_EQ(refused(encode(coding, body), setting).kind, Refused::Kind::too_large);
  }
}

TEST(Coding, MemoryIsAskedForBeforeItIsTakenAndGivenBack) {
  const std::string body = csv_of(some_prices(300'000));
  for (const auto& [coding, needed] : {std::pair{Coding::gzip, 20'000u}, std::pair{Coding::zstd, 8u << 20}}) {
    const std::string compressed = coding == Coding::zstd ? zstd(body, 23) : gzip(body);
    Setting setting = csv(coding);
    setting.budget_bytes = needed + 100'000;
    EXPECT_EQ(refused(compressed, setting).kind, Refused::Kind::no_memory);
    MemoryBudget budget{64u << 20};
    {
      Intake intake{{Format::csv, sample_places(), "carrier-a", "", coding, {}}, {}, budget};
      ASSERT_TRUE(intake.feed(std::string_view{compressed}.substr(0, 100'000)));
      EXPECT_GT(budget.bytes_taken(), needed);
    }
    EXPECT_EQ(budget.bytes_taken(), 0U);
  }
}

TEST(Coding, AnEmptyBodyIsMalformed) {
  for (const auto format : formats) {
    for (const auto coding : {Coding::identity, Coding::gzip, Coding::zstd}) {
      for (const std::string& body : {std::string{}, encode(coding, "")}) {
        const auto result = refused(body, {.format = format, .coding = coding});
        EXPECT_EQ(result.kind, Refused::Kind::malformed);
        EXPECT_THAT(lines_of(result), ::testing::ElementsAre("-:- - empty"));
      }
    }
  }
}

std::string raw(std::string_view hex_text) {
  std::string bytes;
  for (std::size_t i = 0; i < hex_text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string{hex_text.substr(i, 2)}, nullptr, 16)));
  }
  return bytes;
}

TEST(Digests, AreThoseOfTheBytesAsSent) {
  // printf 'orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-31,1\n' | sha256sum, sha512sum
  const std::string body = "orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-31,1\n";
  const BodyDigest sha256_of_body{BodyDigest::Algorithm::sha256,
                                  raw("f8b26d739f68d5c67351ac047ea2e144320491c384946da57b237da01d97440b"),
                                  "Repr-Digest"};
  const BodyDigest sha512_of_body{BodyDigest::Algorithm::sha512,
                                  raw("5638768c34c23100d2d9fdc0a3b7e97bf4b445644233705499ea960c88158ce2f56228f59a09e0af"
                                      "35bf3ebc0b6e0c87b0afd16cfd55e4ac3cfa8ccd159f5f24"),
                                  "Repr-Digest"};
  for (const std::size_t piece : {1u, 10u, 1000u}) {
    Setting setting{.format = Format::csv, .digests = {sha256_of_body, sha512_of_body}, .piece_bytes = {piece}};
    EXPECT_TRUE(decode(body, setting));
    EXPECT_EQ(refused(body + "\n", setting).kind, Refused::Kind::digest_mismatch);
    EXPECT_EQ(refused(body.substr(0, body.size() - 1), setting).kind, Refused::Kind::digest_mismatch);
    setting.digests[1].value[63] ^= 1;
    EXPECT_EQ(wrong(body, setting),
              fmt::format("{} digest-mismatch", static_cast<int>(Refused::Kind::digest_mismatch)));
  }
  Setting compressed = csv(Coding::gzip);
  compressed.digests = {sha256_of_body};
  EXPECT_EQ(refused(gzip(body), compressed).kind, Refused::Kind::digest_mismatch);
  const Digest sent = sha256(gzip(body));
  compressed.digests[0].value.assign(sent.begin(), sent.end());
  EXPECT_TRUE(decode(gzip(body), compressed));
}

TEST(Digests, AMismatchIsToldBeforeWhatIsWrongWithThePrices) {
  Setting setting{.format = Format::csv, .digests = {{.value = std::string(32, 'x'), .field = "Repr-Digest"}}};
  for (const char* body : {"", "orig_code,dest_code,day,price\nx\n", "\"", "\n"}) {
    EXPECT_EQ(refused(body, setting).kind, Refused::Kind::digest_mismatch) << body;
  }
}

RC_GTEST_PROP(CodingProperty, AnyBytesBehindTheMagicAreRefusedWithReadableWords, (const std::string& bytes)) {
  for (const auto coding : compressions) {
    const std::string magic = coding == Coding::gzip ? std::string{"\x1f\x8b\x08\0", 4} : "\x28\xB5\x2F\xFD";
    const auto result = decode(magic + bytes, csv(coding));
    RC_ASSERT(!result.has_value());
    RC_ASSERT(is_utf8(text_of(result)));
  }
}

}  // namespace
}  // namespace ratebook::intake::testing
