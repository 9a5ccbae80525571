// Records of every format that was ever written stay readable: their bytes stand in tests/data/records, as that
// format's encoder made them, and say the same for ever.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "log/record.hpp"
#include "model/packed_chunk.hpp"

namespace ratebook::log {
namespace {

std::string golden_bytes(const std::string& name) {
  std::ifstream file{RATEBOOK_TEST_DATA "/records/" + name, std::ios::binary};
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(GoldenRecords, FormatOneChunk) {
  const auto record = decode(golden_bytes("format-1.chunk"));
  ASSERT_TRUE(record) << record.error().message;
  const auto& chunk = std::get<ChunkRecord>(*record);
  EXPECT_EQ(chunk.batch.id, "004f5a2ba830ad1d2ac2d84c94d0bf77");
  EXPECT_EQ(chunk.batch.source, "carrier-a");
  EXPECT_EQ(chunk.batch.key, "2026-11-23/1");
  EXPECT_EQ(hex(chunk.batch.digest), "dd56de4137951d9c92681b03416ec15f886b4482a27e3a517d32f085244cbe5d");
  EXPECT_EQ(chunk.batch.price_count, 3U);
  EXPECT_EQ(chunk.batch.accepted_at, 1'795'420'800'123);
  EXPECT_EQ(chunk.batch.replaces, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(chunk.attempt, "fedcba9876543210fedcba9876543210");
  EXPECT_EQ(chunk.number, 1U);
  EXPECT_TRUE(chunk.last);
  const auto prices = unpack_chunk(chunk.prices);
  ASSERT_TRUE(prices) << prices.error().message;
  ASSERT_EQ(prices->items.size(), 2U);
  EXPECT_EQ(prices->ports[prices->items[0].orig].view(), "CNSGH");
  EXPECT_EQ(prices->ports[prices->items[0].dest].view(), "NLRTM");
  EXPECT_EQ(prices->items[0].day.since_1970, 20'780);
  EXPECT_EQ(prices->items[0].amount.value, 123'456U);
  EXPECT_EQ(prices->ports[prices->items[1].orig].view(), "NLRTM");
  EXPECT_EQ(prices->items[1].day.since_1970, 20'790);
  EXPECT_EQ(prices->items[1].amount.value, 1U);
}

TEST(GoldenRecords, FormatOneAbandon) {
  const auto record = decode(golden_bytes("format-1.abandon"));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(std::get<AbandonRecord>(*record).attempt, "fedcba9876543210fedcba9876543210");
}

TEST(GoldenRecords, FormatOneRetraction) {
  const auto record = decode(golden_bytes("format-1.retraction"));
  ASSERT_TRUE(record) << record.error().message;
  const auto& retraction = std::get<RetractionRecord>(*record);
  EXPECT_EQ(retraction.batch_id, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(retraction.source, "carrier-a");
  EXPECT_EQ(retraction.requested_at, 1'795'420'800'456);
}

TEST(GoldenRecords, EachFormatHasItsOwn) {
  EXPECT_EQ(record_format, 1U)
      << "encode one record of each kind in the new format into tests/data/records/format-N.*, "
         "add a test that reads them as literals, then raise this number";
}

}  // namespace
}  // namespace ratebook::log
