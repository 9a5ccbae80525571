// Amounts: exact, and every way to be wrong has its own name.
#include "model/cents.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ratebook {
namespace {

std::expected<Cents, CentsError> cents(std::uint32_t value) { return Cents{value}; }
std::expected<Cents, CentsError> error(CentsError error) { return std::unexpected(error); }

TEST(Cents, ReadsDecimals) {
  EXPECT_EQ(parse_cents("1154"), cents(115400));
  EXPECT_EQ(parse_cents("1154.5"), cents(115450));
  EXPECT_EQ(parse_cents("1154.05"), cents(115405));
  EXPECT_EQ(parse_cents("0.01"), cents(1));
  EXPECT_EQ(parse_cents("007.10"), cents(710));
  EXPECT_EQ(parse_cents("20000000"), cents(2'000'000'000));
  EXPECT_EQ(parse_cents("20000000.00"), cents(2'000'000'000));
  EXPECT_EQ(parse_cents("000000000000000000000000000001"), cents(100));
}

TEST(Cents, SaysWhatIsWrong) {
  for (const char* text : {"",   "-",  ".",  ".5",    "5.",   "1,5", "1.5.5", "0x10", "NaN", "inf",
                           "+1", " 1", "1 ", "1_000", "1.e5", "e5",  "1e",    "--1",  "1-",  "１"}) {
    EXPECT_EQ(parse_cents(text), error(CentsError::not_a_number)) << text;
  }
  for (const char* text : {"1e5", "1E5", "1.5e-1", "1.234e2", "-1e5"}) {
    EXPECT_EQ(parse_cents(text), error(CentsError::exponent)) << text;
  }
  for (const char* text : {"1.234", "1.000", "0.001", "99999999999.001"}) {
    EXPECT_EQ(parse_cents(text), error(CentsError::too_many_decimals)) << text;
  }
  for (const char* text : {"0", "0.0", "0.00", "-1", "-0", "-0.01", "-99999999999", "-1.234"}) {
    EXPECT_EQ(parse_cents(text), error(CentsError::not_positive)) << text;
  }
  for (const char* text : {"20000000.01", "20000001", "42949672.96", "184467440737095516.16", "18446744073709551617",
                           "99999999999999999999999999999999999999"}) {
    EXPECT_EQ(parse_cents(text), error(CentsError::too_large)) << text;
  }
}

TEST(Cents, FormatsWithoutNeedlessDecimals) {
  EXPECT_EQ(format_cents(Cents{115400}), "1154");
  EXPECT_EQ(format_cents(Cents{115450}), "1154.50");
  EXPECT_EQ(format_cents(Cents{1}), "0.01");
  EXPECT_EQ(format_cents(cents_max), "20000000");
}

RC_GTEST_PROP(CentsProperty, ReadsBackWhatItFormats, ()) {
  const auto value = *rc::gen::inRange<std::uint32_t>(1, cents_max.value + 1);
  RC_ASSERT(parse_cents(format_cents(Cents{value})).value() == Cents{value});
  RC_ASSERT(parse_cents(fmt::format("{}.{:02}", value / 100, value % 100)).value() == Cents{value});
}

}  // namespace
}  // namespace ratebook
