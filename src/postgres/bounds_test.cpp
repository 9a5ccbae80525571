// What the store reads and keeps does not grow with all that it has ever held: lists come in pages, and what nobody
// needs goes.
#include <set>

#include "postgres/test_database.hpp"

namespace ratebook::postgres {
namespace {

class Bounds : public ::testing::Test {
 protected:
  TestDatabase database;
};

TEST_F(Bounds, ChunksAreListedAPageAtATime) {
  TestNode node{database};
  Sql sql{database.conninfo()};
  sql.rows("ALTER TABLE batch SET (autovacuum_enabled = off)");
  sql.rows("ALTER TABLE marker SET (autovacuum_enabled = off)");
  // A third of the attempts are of no batch, a third of rejected or retracted ones.
  sql.rows(
      "INSERT INTO batch SELECT n, md5(n::text), 's' || n, n, '', 1, '', 1 + n % 3, 0, md5('a' || n), 0, 0, n, "
      "CASE n % 3 WHEN 2 THEN 20000 ELSE 0 END FROM generate_series(1, 30000) AS n");
  sql.rows(
      "INSERT INTO marker (attempt, chunk, price_count, first_day, last_day) SELECT md5('a' || n), 0, 1, "
      "date '2024-01-01' + n % 2, date '2024-01-01' + n % 2 FROM generate_series(1, 45000) AS n");
  sql.rows("INSERT INTO price SELECT number, 0, 1, first_day, number FROM marker");
  sql.rows("INSERT INTO version VALUES (25000, 1, 25000, NULL, 0, decode(repeat('00', 32), 'hex'))");
  const store::Head at{.version = 25'000};
  std::set<std::uint32_t> wanted;
  std::set<std::uint32_t> wanted_of_a_day;
  for (std::uint32_t n = 3; n <= 25'000; n += 3) {
    wanted.insert(n);
    if (n % 2 == 1) wanted_of_a_day.insert(n);
  }
  const auto read = [&](store::PriceFilter filter, const std::function<void()>& after_first = {}) {
    std::multiset<std::uint32_t> found;
    for (filter.part.index = 0; filter.part.index < filter.part.count; ++filter.part.index) {
      const auto done = node.store().prices_at(at, filter, [&](std::span<const NumberedPrice> some) {
        if (found.empty() && after_first) after_first();
        for (const auto& price : some) found.insert(price.amount.value);
        return true;
      });
      EXPECT_TRUE(done.has_value()) << done.error().message;
    }
    EXPECT_EQ(std::set(found.begin(), found.end()).size(), found.size()) << "a price in two parts";
    return std::set(found.begin(), found.end());
  };
  const Day second = *parse_day("2024-01-02");
  EXPECT_EQ(read({}), wanted);
  EXPECT_EQ(read({.part = {0, 3}}), wanted);
  EXPECT_EQ(read({.from = second, .to = second, .part = {0, 2}}), wanted_of_a_day);
  // Once the first prices are there, most markers have not been asked for.
  const auto rest_gone = read({}, [&] { sql.rows("DELETE FROM marker WHERE number > 10000"); });
  EXPECT_EQ(*rest_gone.rbegin(), 9999U);
}

TEST_F(Bounds, AbandonedAttemptsAreForgottenByTheDatabasesClock) {
  TestNode node{PostgresOptions{.primary = database.conninfo(), .void_keep = std::chrono::hours{1}}};
  TestWriter writer{node.store()};
  auto request = writer.request({});
  request.now = 1;  // the node's clock is wrong by decades
  request.swept = {attempt_name(1), attempt_name(2)};
  ASSERT_TRUE(writer.publish(request).has_value());
  Sql sql{database.conninfo()};
  // More than one look takes.
  sql.rows(
      "INSERT INTO void_attempt SELECT md5(n::text), CASE WHEN n % 2 = 0 THEN "
      "(extract(epoch FROM clock_timestamp() - interval '61 minutes') * 1000)::bigint ELSE "
      "(extract(epoch FROM clock_timestamp() - interval '30 minutes') * 1000)::bigint END "
      "FROM generate_series(1, 5000) AS n");
  EXPECT_TRUE(until([&] { return sql.rows("SELECT count(*) FROM void_attempt").front() == "2502"; }));
  std::this_thread::sleep_for(milliseconds{300});
  EXPECT_EQ(sql.rows("SELECT count(*) FROM void_attempt").front(), "2502");
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), some_prices(300)).kind,
            Outcome::Kind::swept_before);
}

}  // namespace
}  // namespace ratebook::postgres
