// What holds for all formats: pieces, chunks, memory, and that the same prices are the same batch.
#include "intake/intake.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "intake/testing.hpp"
#include "model/batch.hpp"

namespace ratebook::intake::testing {
namespace {

TEST(Intake, TheSamePricesInAnyFormatAreTheSameBatch) {
  const auto prices = some_prices(1000);
  for (const auto format : formats) {
    const auto result = decode(body_of(format, prices), {.format = format});
    ASSERT_TRUE(result) << text_of(result);
    EXPECT_EQ(hex(result->digest), digest_of(prices));
    EXPECT_EQ(prices_of(result->spool), prices);
  }
}

TEST(Intake, PacksChunksOfBoundedSizeInTheOrderSent) {
  const auto prices = some_prices(2 * chunk_prices_max + 1);
  const auto result = decode_csv(csv_of(prices));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->spool.chunk_count(), 3U);
  EXPECT_EQ(unpack_chunk(result->spool.read(1).value())->items.size(), chunk_prices_max);
  EXPECT_EQ(unpack_chunk(result->spool.read(2).value())->items.size(), 1U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(result->spool.read(i)->size(), packed_chunk_bytes_max);
  EXPECT_EQ(result->price_count, prices.size());
  EXPECT_EQ(prices_of(result->spool), prices);
  EXPECT_EQ(hex(result->digest), digest_of(prices));
}

TEST(Intake, AFullChunkIsFollowedByNoEmptyOne) {
  const auto result = decode_csv(csv_of(some_prices(chunk_prices_max)));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->spool.chunk_count(), 1U);
}

TEST(Intake, NamesEachPortOnceAChunk) {
  // More ports than a chunk's indexes can tell apart, two new ones a price.
  PlacesDocument document{.regions = {{"all", "All", ""}}, .ports = {}};
  constexpr std::size_t port_count = 100'000;
  for (std::size_t i = 0; i < port_count; ++i) {
    std::string code = "AAAAA";
    for (std::size_t at = 5, rest = i; at-- > 0; rest /= 26) code[at] = static_cast<char>('A' + rest % 26);
    document.ports.push_back({code, "p", "all"});
  }
  const auto places = std::make_shared<const PlaceTree>(document);
  MemoryBudget budget{512u << 20};
  Intake intake{{Format::csv, places, "carrier-a", ""}, {}, budget};
  intake.feed("orig_code,dest_code,day,price\n");
  std::vector<Price> prices;
  for (PortNumber i = 0; i + 1 < port_count; i += 2) {
    prices.push_back({places->code(i), places->code(i + 1), Day{18658}, Cents{100}});
    intake.feed(fmt::format("{},{},2021-01-31,1\n", prices.back().orig.view(), prices.back().dest.view()));
  }
  const auto result = intake.finish();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->spool.chunk_count(), 2U);
  EXPECT_EQ(unpack_chunk(result->spool.read(0).value())->ports.size(), 65'536U);
  EXPECT_EQ(prices_of(result->spool), prices);
}

/// A body out of parts that are good, wrong and broken, so that every path of the decoders meets a cut.
std::string any_csv() {
  const auto part = rc::gen::elementOf(
      std::vector<std::string>{"CNSGH,NLRTM,2021-01-31,1154.50\n", "CNSGH,NLRTM,2021-01-31,1154.50\r\n",
                               "\"CNSGH\",\"NLRTM\",\"2021-01-31\",\"1\"\n", "\"CN\nSGH\",NLRTM,2021-01-31,1\r\n",
                               "a,b\n", "\n", "\r\n", "\"open\n", "x\"y\n", "\"a\"\"b\",,,\n", "\"a\"\r\n", "\r", "\"",
                               std::string(70'000, 'x'), std::string("\0", 1), "\xEF\xBB\xBF"});
  const std::string begin = *rc::gen::weightedElement<std::string>(
      {{8, "orig_code,dest_code,day,price\n"}, {1, "\xEF\xBB\xBFprice,day,\"orig_code\",dest_code\r\n"}, {1, ""}});
  std::string body = begin;
  for (const auto& text : *rc::gen::container<std::vector<std::string>>(part)) body += text;
  return body;
}

std::string any_json() {
  const auto part = rc::gen::elementOf(std::vector<std::string>{
      R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1154.50},)", "\n ", "5,",
      "[[],{\"a\":\"\\u00e4\"}],", R"({"d\u0061y":"\ud800","price":1e5,"price":true},)",
      R"({"x":-0.5e+1,"y":null,"":"ä"},)", "],\"source\":\"a\",\"prices\":[", "{}", ",", "\"", "\\", "1",
      std::string(70'000, '1') + ","});
  std::string body =
      *rc::gen::element<std::string>("{\"prices\":[", "\xEF\xBB\xBF { \"source\" : \"carrier-a\", \"prices\": [", "");
  const auto parts = *rc::gen::container<std::vector<std::string>>(part);
  for (const auto& text : parts) body += text;
  return body + *rc::gen::element<std::string>("{}]}", "]}", "");
}

std::string any_ndjson() {
  const auto part = rc::gen::elementOf(std::vector<std::string>{
      R"({"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-31","price":1154.50})", "\n", "\n", "\r\n", " \t",
      "{}", "5", "[1,", "{\"a\":[", "{\"a\":\"\\u00e4\"}", R"({"d\u0061y":"\ud800","price":1e5,"price":true})", "}",
      "\"", "\\", std::string(70'000, ' '), std::string("\0", 1), "\xEF\xBB\xBF"});
  std::string body = *rc::gen::element<std::string>("\xEF\xBB\xBF", "", "");
  for (const auto& text : *rc::gen::container<std::vector<std::string>>(part)) body += text;
  return body;
}

void expect_pieces_change_nothing(Format format, const std::string& plain) {
  Setting setting;
  setting.format = format;
  setting.coding = *rc::gen::element(Coding::identity, Coding::gzip, Coding::zstd);
  std::string body = encode(setting.coding, plain);
  const auto broken = *rc::gen::weightedElement<int>({{6, 0}, {1, 1}, {1, 2}, {1, 3}});
  if (broken == 1) body.resize(*rc::gen::inRange<std::size_t>(0, body.size() + 1));
  if (broken == 2) body += *rc::gen::element<std::string>("x", "\x1f", "\x1f\x8b\n", "(\xb5/\xfd", "\x51*M\x18");
  if (broken == 3 && !body.empty()) body[*rc::gen::inRange<std::size_t>(0, body.size())] ^= 4;
  setting.limits.items_max = *rc::gen::weightedElement<std::uint64_t>({{3, 1000}, {1, 2}});
  // How much of a block is read before its checksum fails hangs on the pieces, and with it which error comes first.
  const bool any_error = broken == 3 && setting.coding != Coding::identity;
  const auto outcome = [&] {
    const auto result = decode(body, setting);
    return !result && any_error ? "refused" : text_of(result);
  };
  const std::string whole = outcome();
  setting.piece_bytes = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 9), rc::gen::inRange<std::size_t>(1, 70'000))));
  RC_ASSERT(outcome() == whole);
  setting.piece_bytes = {1};
  RC_ASSERT(outcome() == whole);
}

RC_GTEST_PROP(IntakeProperty, PiecesOfCsvChangeNothing, ()) { expect_pieces_change_nothing(Format::csv, any_csv()); }
RC_GTEST_PROP(IntakeProperty, PiecesOfJsonChangeNothing, ()) { expect_pieces_change_nothing(Format::json, any_json()); }
RC_GTEST_PROP(IntakeProperty, PiecesOfNdjsonChangeNothing, ()) {
  expect_pieces_change_nothing(Format::ndjson, any_ndjson());
}

RC_GTEST_PROP(IntakeProperty, AnyBytesAreRefusedWithReadableWords, (const std::string& bytes)) {
  for (const auto format : formats) {
    const auto coding = *rc::gen::element(Coding::identity, Coding::gzip, Coding::zstd);
    const auto result = decode(bytes, {.format = format, .coding = coding});
    RC_ASSERT(!result.has_value());
    RC_ASSERT(is_utf8(text_of(result)));
  }
}

// Bytes that are changed in a valid body: whatever comes out of it, it is a batch as its digest says, or refused.
RC_GTEST_PROP(IntakeProperty, WhatIsTakenIsWhatTheDigestSays, ()) {
  const auto format = *rc::gen::elementOf(std::vector(formats.begin(), formats.end()));
  std::string body = body_of(format, some_prices(5));
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    body[*rc::gen::inRange<std::size_t>(0, body.size())] =
        *rc::gen::elementOf(std::string{"0123456789CNSGHLRTM,.\"-e \n"});
  }
  const auto result = decode(body, {.format = format});
  RC_CLASSIFY(result.has_value());
  if (!result) return RC_ASSERT(is_utf8(text_of(result)));
  const auto prices = prices_of(result->spool);
  RC_ASSERT(hex(result->digest) == digest_of(prices));
  RC_ASSERT(result->price_count == prices.size());
  for (const auto& price : prices) {
    RC_ASSERT(price.orig != price.dest);
    RC_ASSERT(price.day >= day_min && price.day <= day_max);
    RC_ASSERT(price.amount.value > 0 && price.amount <= cents_max);
  }
}

TEST(Intake, HoldsLittleMemoryHoweverMuchIsFed) {
  MemoryBudget budget{4u << 20};
  Limits limits;
  limits.spool_memory_bytes_max = 100'000;
  limits.spool_folder = std::filesystem::temp_directory_path();
  const auto prices = some_prices(300'000);
  const std::string body = json_of(prices);
  Intake intake{{Format::json, sample_places(), "carrier-a", ""}, limits, budget};
  std::size_t most = 0;
  for (std::size_t at = 0; at < body.size(); at += 100'000) {
    ASSERT_TRUE(intake.feed(std::string_view{body}.substr(at, 100'000)));
    most = std::max(most, budget.bytes_taken());
  }
  {
    const auto result = intake.finish();
    ASSERT_TRUE(result) << result.error().detail;
    EXPECT_EQ(result->price_count, prices.size());
    EXPECT_LE(result->spool.bytes_in_memory(), 100'000U);
    EXPECT_EQ(hex(result->digest), digest_of(prices));
  }
  EXPECT_GT(most, 500'000U) << "a chunk that is being filled is not counted";
  EXPECT_LT(most, 2u << 20);
}

TEST(Intake, GivesItsMemoryBack) {
  MemoryBudget budget{64u << 20};
  const std::string body = csv_of(some_prices(60'000));
  std::optional<Intake> intake;
  intake.emplace(Request{Format::csv, sample_places(), "carrier-a", ""}, Limits{}, budget);
  ASSERT_TRUE(intake->feed(body));
  EXPECT_GT(budget.bytes_taken(), 500'000U);
  {
    auto result = intake->finish();
    ASSERT_TRUE(result);
    intake.reset();
    EXPECT_EQ(budget.bytes_taken(), result->spool.bytes_in_memory());
    EXPECT_GT(budget.bytes_taken(), 500'000U);
  }
  EXPECT_EQ(budget.bytes_taken(), 0U);
}

TEST(Intake, GivesWhatItPackedBackAtTheFirstError) {
  MemoryBudget budget{64u << 20};
  Intake intake{{Format::csv, sample_places(), "carrier-a", ""}, {}, budget};
  ASSERT_TRUE(intake.feed(csv_of(some_prices(60'000))));
  ASSERT_GT(budget.bytes_taken(), 500'000U);
  ASSERT_TRUE(intake.feed("x\n" + std::string(100'000, '\n')));
  EXPECT_LT(budget.bytes_taken(), 300'000U);
}

TEST(Intake, RefusesWhereTheBudgetIsUsedUp) {
  const std::string body = csv_of(some_prices(60'000));
  for (const std::size_t budget_bytes : {100u, 100'000u, 1'000'000u}) {
    MemoryBudget budget{budget_bytes};
    Intake intake{{Format::csv, sample_places(), "carrier-a", ""}, {}, budget};
    EXPECT_FALSE(intake.feed(body));
    const auto result = intake.finish();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Refused::Kind::no_memory);
    EXPECT_LE(budget.bytes_taken(), budget_bytes);
  }
}

TEST(Intake, SaysWhenTheSpoolCannotBeWritten) {
  Setting setting;
  setting.limits.spool_memory_bytes_max = 0;
  setting.limits.spool_folder = "/nowhere/at/all";
  const auto result = decode_csv(csv_of(some_prices(10)), setting);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Refused::Kind::spool);
}

TEST(Intake, MayBeMovedBetweenPieces) {
  MemoryBudget budget{64u << 20};
  const auto prices = some_prices(100);
  const std::string body = json_of(prices);
  Intake first{{Format::json, sample_places(), "carrier-a", ""}, {}, budget};
  ASSERT_TRUE(first.feed(std::string_view{body}.substr(0, 1000)));
  Intake second = std::move(first);
  ASSERT_TRUE(second.feed(std::string_view{body}.substr(1000)));
  const auto result = second.finish();
  ASSERT_TRUE(result);
  EXPECT_EQ(prices_of(result->spool), prices);
}

}  // namespace
}  // namespace ratebook::intake::testing
