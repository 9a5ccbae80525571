// Names and times of batches as clients write and read them.
#include "model/batch.hpp"

#include <gtest/gtest.h>

namespace ratebook {
namespace {

TEST(Batch, Sources) {
  for (const char* good : {"a", "7", "carrier-a", "a.b_c-d", "0.1"}) EXPECT_TRUE(is_source(good)) << good;
  EXPECT_TRUE(is_source(std::string(64, 'a')));
  EXPECT_FALSE(is_source(std::string(65, 'a')));
  for (const char* bad : {"", "-a", ".a", "_a", "A", "a b", "a/b", "ä"}) EXPECT_FALSE(is_source(bad)) << bad;
  EXPECT_FALSE(is_source(std::string_view{"a\0b", 3}));
}

TEST(Batch, Keys) {
  for (const char* good : {"a", " ", "~", "K 1/\\\""}) EXPECT_TRUE(is_idempotency_key(good)) << good;
  EXPECT_TRUE(is_idempotency_key(std::string(200, 'k')));
  EXPECT_FALSE(is_idempotency_key(std::string(201, 'k')));
  for (const char* bad : {"", "a\n", "\x7f", "ä", "\t"}) EXPECT_FALSE(is_idempotency_key(bad)) << bad;
}

TEST(Batch, Ids) {
  EXPECT_TRUE(is_batch_id("0123456789abcdef0123456789abcdef"));
  EXPECT_FALSE(is_batch_id("0123456789ABCDEF0123456789abcdef"));
  EXPECT_FALSE(is_batch_id("0123456789abcdef0123456789abcde"));
  EXPECT_FALSE(is_batch_id("0123456789abcdef0123456789abcdeg"));
}

// date -u -d @1795423493.120 +%FT%T.%3NZ
TEST(Batch, Times) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'795'423'493'120), "2026-11-23T08:44:53.120Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Batch, StatusesReadBack) {
  for (const auto status :
       {BatchStatus::accepted, BatchStatus::committed, BatchStatus::rejected, BatchStatus::retracted}) {
    EXPECT_EQ(parse_batch_status(to_string(status)), status);
  }
  EXPECT_FALSE(parse_batch_status(""));
  EXPECT_FALSE(parse_batch_status("Committed"));
}

}  // namespace
}  // namespace ratebook
