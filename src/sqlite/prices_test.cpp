// Prices of a file: what only a file can do to them.
#include "sqlite/test_file.hpp"

namespace ratebook::sqlite {
namespace {

TEST(Prices, OfAnAttemptDoNotWaitForReadersOfVersions) {
  const TestFolder folder;
  const auto file = open_file(folder.file(), {.scan_reader_count = 1});
  TestWriter writer{file->store()};
  const auto prices = some_prices(300, 1);
  writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);
  std::vector<NumberedPrice> read;
  const auto while_all_are_busy = [&](std::span<const NumberedPrice>) {
    const auto done = file->store().reading()->prices_of(attempt_name(1), [&](std::span<const NumberedPrice> some) {
      read.insert(read.end(), some.begin(), some.end());
      return true;
    });
    return done.has_value();
  };
  ASSERT_TRUE(file->store().prices_at(*file->store().head(), {}, while_all_are_busy).has_value());
  EXPECT_EQ(read, prices);
}

TEST(Prices, DamagedRowsAreSaidAndNotRead) {
  for (const std::string damage :
       {"UPDATE price SET day = -1 WHERE row = 7", "UPDATE price SET day = 70000 WHERE row = 7",
        "UPDATE price SET cents = 0 WHERE row = 7", "UPDATE price SET cents = cents + 4294967296 WHERE row = 7",
        "UPDATE price SET orig = -1 WHERE row = 7", "UPDATE price SET orig = 0, dest = 0 WHERE row = 7",
        "UPDATE price SET cents = cents + 1 WHERE row = 300 OR row = 150", "DELETE FROM price WHERE row = 300",
        "UPDATE marker SET price_count = -1", "UPDATE marker SET first_row = 9223372036854775807"}) {
    const TestFolder folder;
    const auto prices = some_prices(300);
    {
      const auto file = open_file(folder.file());
      TestWriter{file->store()}.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);
      ASSERT_EQ(prices_at(file->store(), 1), prices);
    }
    Sql{folder.file()}.rows(damage);
    const auto file = open_file(folder.file());
    const auto read =
        file->store().prices_at(*file->store().head(), {}, [](std::span<const NumberedPrice>) { return true; });
    ASSERT_FALSE(read.has_value()) << damage;
    EXPECT_EQ(read.error().failure, Failure::damaged) << damage;
    EXPECT_FALSE(file->store().reading()->prices_of(attempt_name(1), [](std::span<const NumberedPrice>) {
      return true;
    })) << damage;
  }
}

}  // namespace
}  // namespace ratebook::sqlite
