// Packed chunks: both directions agree, and no bytes are taken that are not exactly the packed form of a chunk.
#include "model/packed_chunk.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace ratebook {
namespace {

PortCode nth_code(std::size_t n) {
  std::string text = "AA000";
  for (std::size_t i = text.size(); i-- > 0; n /= 26) text[i] = static_cast<char>('A' + n % 26);
  return PortCode::parse(text).value();
}

Chunk any_chunk() {
  Chunk chunk;
  const auto port_count = *rc::gen::inRange<std::size_t>(1, 40);
  for (std::size_t i = 0; i < port_count; ++i) chunk.ports.push_back(nth_code(i * 7919 % 1000));
  const auto index = rc::gen::inRange<std::uint16_t>(0, static_cast<std::uint16_t>(port_count));
  const auto day = rc::gen::oneOf(rc::gen::inRange(0, day_max.since_1970 + 1), rc::gen::inRange(18'000, 18'010));
  const auto amount = rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(1, cents_max.value + 1),
                                     rc::gen::element<std::uint32_t>(1, cents_max.value));
  chunk.items.resize(*rc::gen::inRange<std::size_t>(1, 60));
  for (auto& item : chunk.items) item = {*index, *index, Day{*day}, Cents{*amount}};
  return chunk;
}

std::string packed(const Chunk& chunk) {
  std::string bytes;
  pack_chunk(chunk, bytes);
  return bytes;
}

Chunk small_chunk() {
  return {{nth_code(1), nth_code(2)}, {{0, 1, Day{18658}, Cents{115450}}, {1, 0, Day{18659}, Cents{1}}}};
}

void expect_damaged(std::string_view bytes) {
  const auto chunk = unpack_chunk(bytes);
  ASSERT_FALSE(chunk.has_value());
  EXPECT_EQ(chunk.error().failure, Failure::damaged);
  EXPECT_FALSE(chunk.error().message.empty());
}

// python3: struct.pack("<BBHIII", 1, 2, 0, 2, 2, 18658) + b"AAAABAAAAC" + struct.pack("<HHHHHHII", 0,1, 1,0, 0,1,
// 115450,1)
TEST(PackedChunk, IsTheseBytes) {
  const std::string expected{
      "\x01\x02\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\xe2\x48\x00\x00"
      "AAAABAAAAC"
      "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01\x00\xfa\xc2\x01\x00\x01\x00\x00\x00",
      46};
  EXPECT_EQ(packed(small_chunk()), expected);
}

TEST(PackedChunk, AppendsToWhatIsThere) {
  std::string bytes = "before";
  pack_chunk(small_chunk(), bytes);
  EXPECT_EQ(bytes, "before" + packed(small_chunk()));
}

TEST(PackedChunk, TakesTheLargestUnderItsBound) {
  Chunk chunk;
  for (std::size_t i = 0; i < 65'536; ++i) chunk.ports.push_back(nth_code(i));
  for (std::size_t i = 0; i < chunk_prices_max; ++i) {
    const auto index = static_cast<std::uint16_t>(65'535 - i);
    chunk.items.push_back({index, 0, i % 2 == 0 ? day_min : day_max, cents_max});
  }
  const std::string bytes = packed(chunk);
  EXPECT_LE(bytes.size(), packed_chunk_bytes_max);
  EXPECT_EQ(unpack_chunk(bytes).value(), chunk);
}

TEST(PackedChunk, IsTenBytesAPrice) {
  Chunk chunk = small_chunk();
  chunk.items.resize(chunk_prices_max, chunk.items[0]);
  EXPECT_EQ(packed(chunk).size(), 16 + 2 * 5 + 10 * chunk_prices_max);
}

RC_GTEST_PROP(PackedChunkProperty, ReadsBackWhatItPacks, ()) {
  const Chunk chunk = any_chunk();
  const auto back = unpack_chunk(packed(chunk));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == chunk);
}

RC_GTEST_PROP(PackedChunkProperty, WhatItTakesItPacksToTheSameBytes, ()) {
  std::string bytes = packed(any_chunk());
  const auto changes = *rc::gen::inRange(0, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::element<char>(0, 1, 2, 4, 'A', 'Z'));
  }
  const auto length =
      *rc::gen::weightedElement<std::size_t>({{4, bytes.size()}, {1, bytes.size() / 2}, {1, bytes.size() - 1}});
  bytes.resize(length);
  const auto chunk = unpack_chunk(bytes);
  RC_CLASSIFY(chunk.has_value());
  if (chunk) {
    RC_ASSERT(packed(*chunk) == bytes);
  } else {
    RC_ASSERT(chunk.error().failure == Failure::damaged);
  }
}

RC_GTEST_PROP(PackedChunkProperty, TakesAnyBytes, (const std::string& bytes)) {
  const auto chunk = unpack_chunk(bytes);
  if (chunk) RC_ASSERT(packed(*chunk) == bytes);
}

TEST(PackedChunk, RefusesWhatIsCutOrTooLong) {
  const std::string bytes = packed(small_chunk());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    expect_damaged(std::string_view{bytes}.substr(0, length));
  expect_damaged(bytes + '\0');
}

TEST(PackedChunk, RefusesEachFieldOutOfRange) {
  const std::string good = packed(small_chunk());
  const auto with = [&](std::size_t at, std::uint32_t value, std::size_t size) {
    std::string bytes = good;
    std::memcpy(bytes.data() + at, &value, size);
    return bytes;
  };
  expect_damaged(with(0, 0, 1));               // format
  expect_damaged(with(0, 2, 1));               // format
  expect_damaged(with(1, 3, 1));               // day width
  expect_damaged(with(1, 4, 1));               // day width of other bytes
  expect_damaged(with(2, 1, 2));               // zero
  expect_damaged(with(4, 0, 4));               // price count
  expect_damaged(with(4, 50'001, 4));          // price count
  expect_damaged(with(4, 0xFFFFFFFF, 4));      // price count
  expect_damaged(with(8, 0, 4));               // port count
  expect_damaged(with(8, 0xFFFFFFFF, 4));      // port count
  expect_damaged(with(12, 65'744, 4));         // first day
  expect_damaged(with(12, 65'743, 4));         // second day past the last
  expect_damaged(with(16, 'a', 1));            // port code
  expect_damaged(with(20, 'C', 1));            // the same port twice
  expect_damaged(with(26, 2, 2));              // origin
  expect_damaged(with(30, 2, 2));              // destination
  expect_damaged(with(34, 1, 2));              // no price on the first day
  expect_damaged(with(38, 0, 4));              // amount
  expect_damaged(with(38, 2'000'000'001, 4));  // amount
  EXPECT_TRUE(unpack_chunk(with(38, 2'000'000'000, 4)).has_value());
  EXPECT_TRUE(unpack_chunk(with(12, 65'742, 4)).has_value());
}

TEST(PackedChunk, RefusesDaysWiderThanNeeded) {
  Chunk chunk = small_chunk();
  chunk.items[1].day = day_max;
  chunk.items[0].day = day_min;
  std::string bytes = packed(chunk);
  ASSERT_EQ(bytes[1], 4);
  ASSERT_TRUE(unpack_chunk(bytes).has_value());
  const std::uint32_t near = 65'535;
  std::memcpy(bytes.data() + 16 + 10 + 8 + 4, &near, 4);
  expect_damaged(bytes);
}

}  // namespace
}  // namespace ratebook
