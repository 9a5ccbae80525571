// Each kind of work has connections of its own, few of them, and who came first is served first (rule 26).
#include <set>

#include "postgres/test_database.hpp"
#include "postgres/test_servers.hpp"

namespace ratebook::postgres {
namespace {

std::chrono::milliseconds since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
}

class Pools : public ::testing::Test {
 protected:
  BootTime in(Duration time) const { return runtime.boot_time() + time; }

  TestDatabase database;
  Runtime runtime = machine_runtime();
  PostgresOptions options{.primary = database.conninfo()};
  Servers servers;
  Pool pool{{"tests", "postgres.test_connections"}, options.primary, 1, servers, options, runtime};
};

TEST_F(Pools, WhoHasWaitedLongestIsServedFirst) {
  std::mutex mutex;
  std::vector<int> served;
  std::vector<std::jthread> threads;
  {
    auto first = pool.lease();
    ASSERT_TRUE(first.has_value());
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        auto lease = pool.lease();
        EXPECT_TRUE(lease.has_value());
        const std::lock_guard lock{mutex};
        served.push_back(i);
      });
      ASSERT_TRUE(until([&] { return pool.waiting() == static_cast<std::size_t>(i) + 1; }));
    }
    // Whoever asks again and again takes it from nobody.
    threads.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) (void)pool.lease(runtime.boot_time());
    });
  }
  ASSERT_TRUE(until([&] {
    const std::lock_guard lock{mutex};
    return served.size() == 8;
  }));
  threads.clear();
  EXPECT_EQ(served, (std::vector{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST_F(Pools, WhoGivesUpLeavesTheQueue) {
  std::optional<Pool::Lease> first{*pool.lease()};
  std::atomic<bool> is_served = false;
  std::optional<std::jthread> patient;
  {
    const std::jthread hasty{[&] {
      const auto began = std::chrono::steady_clock::now();
      const auto lease = pool.lease(in(milliseconds{300}));
      ASSERT_FALSE(lease.has_value());
      EXPECT_EQ(lease.error().failure, Failure::full);
      EXPECT_NE(lease.error().message.find("for tests are in use (postgres.test_connections)"), std::string::npos)
          << lease.error().message;
      EXPECT_GE(since(began), milliseconds{300});
    }};
    ASSERT_TRUE(until([&] { return pool.waiting() == 1; }));
    patient.emplace([&] { is_served = pool.lease(in(std::chrono::minutes{1})).has_value(); });
    ASSERT_TRUE(until([&] { return pool.waiting() == 2; }));
  }
  EXPECT_EQ(pool.waiting(), 1U);
  first.reset();
  patient.reset();
  EXPECT_TRUE(is_served);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.waiting(), 0U);
}

TEST_F(Pools, AConnectionThatCannotBeMadeIsLeftToTheNext) {
  Pool broken{{"tests", ""}, "host=127.0.0.1 port=1", 1, servers, options, runtime};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(broken.lease().error().failure, Failure::unavailable); });
    }
  }
  EXPECT_EQ(broken.in_use(), 0U);
  EXPECT_EQ(broken.waiting(), 0U);
}

TEST_F(Pools, ConnectionsToAServerThatWasSilentToOthersAreLeft) {
  Pool other{{"others", ""}, options.primary, 1, servers, options, runtime};
  {
    const auto lease = *pool.lease();
  }
  {
    const auto lease = *other.lease();
  }
  Sql sql{database.conninfo()};
  const auto pids = [&] {
    const auto rows = sql.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'ratebook' AND datname = '" +
                               database.name() + "'");
    return std::set<std::string>{rows.begin(), rows.end()};
  };
  const auto before = pids();
  ASSERT_EQ(before.size(), 2U);
  {
    auto lease = *other.lease();
    EXPECT_FALSE(lease->run(std::array{Statement{"SELECT pg_sleep(9)"}}, Effect::none, milliseconds{10}));
  }
  auto lease = *pool.lease();
  const auto own = lease->run(Statement{"SELECT pg_backend_pid()::text"}, Effect::none);
  EXPECT_FALSE(before.contains(own->text(0, 0)));
}

/// Someone holds up all questions of a node: a lock that each of them waits for.
class HeldQuestions {
 public:
  explicit HeldQuestions(const TestDatabase& database) : sql_(database.conninfo()) {
    sql_.rows("BEGIN");
    sql_.rows("LOCK TABLE region IN ACCESS EXCLUSIVE MODE");
  }

 private:
  Sql sql_;
};

TEST_F(Pools, AFloodOfQuestionsHoldsUpNoPublish) {
  const TestNode node{PostgresOptions{
      .primary = database.conninfo(), .question_time = milliseconds{600}, .lock_time = std::chrono::seconds{9}}};
  store::Store& store = const_cast<TestNode&>(node).store();
  TestWriter writer{store};
  const auto prices = some_prices(300);
  std::atomic<int> busy = 0;
  std::vector<std::jthread> flood;
  {
    const HeldQuestions held{database};
    for (int i = 0; i < 16; ++i) {
      flood.emplace_back([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const auto places = store.places(0);
          if (!places && places.error().failure == Failure::full) ++busy;
          const auto batch = store.batch("x");
          if (!batch && batch.error().failure == Failure::full) ++busy;
        }
      });
    }
    ASSERT_TRUE(until([&] { return busy > 0; }));
    milliseconds longest{0};
    for (int i = 0; i < 5; ++i) {
      const auto began = std::chrono::steady_clock::now();
      const BatchHeader header = header_of("carrier-a", std::to_string(i), 300);
      EXPECT_EQ(writer.commit(header, attempt_name(i), prices).kind, store::Outcome::Kind::committed);
      longest = std::max(longest, since(began));
    }
    // Far less than a question waits.
    EXPECT_LT(longest, milliseconds{5000});
  }
  flood.clear();
  // Nobody took the database for silent: the next question is asked at once.
  EXPECT_TRUE(store.batch("x").has_value());
}

TEST_F(Pools, AFloodOfQuestionsDoesNotTakeAHealthyServerForSilent) {
  const Sql sql{database.conninfo()};
  Proxy proxy{sql};
  TestNode node{PostgresOptions{.primary = database.conninfo() + " host=127.0.0.1 port=" + proxy.port()}};
  ASSERT_TRUE(until([&] { return node.store().batch("x").has_value(); }));
  proxy.slow_down(milliseconds{100});
  std::atomic<int> busy = 0;
  {
    std::vector<std::jthread> flood;
    for (int i = 0; i < 32; ++i) {
      flood.emplace_back([&] {
        for (int k = 0; k < 2; ++k) {
          const auto batch = node.store().batch("x");
          if (batch) continue;
          EXPECT_EQ(batch.error().failure, Failure::full) << batch.error().message;
          ++busy;
        }
      });
    }
  }
  EXPECT_GT(busy, 0);
  EXPECT_TRUE(node.store().batch("x").has_value());
}

TEST_F(Pools, AClaimThatWaitsForALockHoldsUpNoPublish) {
  TestNode node{PostgresOptions{.primary = database.conninfo(), .lock_time = std::chrono::seconds{5}}};
  TestWriter writer{node.store()};
  Sql other{database.conninfo()};
  other.rows("BEGIN");
  other.rows("SELECT FROM log_partition WHERE partition > 0 FOR UPDATE");
  std::atomic<int> failed = 0;
  std::vector<std::jthread> claims;
  for (std::uint32_t partition = 1; partition < 12; ++partition) {
    claims.emplace_back([&, partition] {
      if (!node.store().claim(partition)) ++failed;
    });
  }
  const auto prices = some_prices(300);
  for (int i = 0; i < 3; ++i) {
    const BatchHeader header = header_of("carrier-a", std::to_string(i), 300);
    EXPECT_EQ(writer.commit(header, attempt_name(i), prices).kind, store::Outcome::Kind::committed);
    EXPECT_EQ(failed, 0) << "a publish waited as long as the claims";
  }
  claims.clear();
  EXPECT_EQ(failed, 11);
  other.rows("ROLLBACK");
  EXPECT_TRUE(node.store().claim(5).has_value());
}

TEST_F(Pools, ClaimsAtOnceEachRaiseTheEpochByOne) {
  constexpr int claims = 20;
  constexpr int threads = 4;
  std::mutex mutex;
  std::set<std::uint64_t> epochs;
  std::vector<std::unique_ptr<TestNode>> nodes;
  for (int i = 0; i < 2; ++i) nodes.push_back(std::make_unique<TestNode>(database));
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&, i] {
        for (int k = 0; k < claims; ++k) {
          const auto claim = nodes[static_cast<std::size_t>(i % 2)]->store().claim(3);
          ASSERT_TRUE(claim.has_value()) << claim.error().message;
          const std::lock_guard lock{mutex};
          epochs.insert(claim->epoch);
        }
      });
    }
  }
  EXPECT_EQ(epochs.size(), static_cast<std::size_t>(claims * threads));
  EXPECT_EQ(*epochs.rbegin(), static_cast<std::uint64_t>(claims * threads));
}

TEST_F(Pools, PortsThatAreKnownAreNumberedWithoutALock) {
  TestNode node{database};
  const std::array codes{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")};
  ASSERT_TRUE(node.store().number_ports(codes).has_value());
  Sql other{database.conninfo()};
  other.rows("BEGIN");
  other.rows("LOCK TABLE port IN SHARE ROW EXCLUSIVE MODE");
  const auto numbers = node.store().number_ports(std::array{codes[1], codes[0], codes[1]});
  ASSERT_TRUE(numbers.has_value()) << numbers.error().message;
  EXPECT_EQ(*numbers, (std::vector<PortNumber>{1, 0, 1}));
}

// Promise 7: limits everywhere. Eight with default settings, whatever is done at once.
TEST_F(Pools, ANodeHasEightConnectionsToThePrimaryAtMost) {
  TestNode node{database};
  store::Store& store = node.store();
  TestWriter writer{store};
  const auto prices = some_prices(20'000);
  writer.commit(header_of("carrier-a", "first", prices.size()), attempt_name(99), prices);
  const store::Head head = *store.head();
  std::vector<std::function<void(int)>> work{
      [&](int i) { (void)store.stage(writer.chunk(attempt_name(i), 0, prices)); },
      [&](int i) { (void)store.stage(writer.chunk(attempt_name(i), 1, prices)); },
      [&](int i) { (void)store.stage(writer.chunk(attempt_name(i), 2, prices)); },
      [&](int) { (void)store.claim(7); },
      [&](int) { (void)store.batch("x"); },
      [&](int) { (void)store.head(); },
      [&](int) { (void)store.places(1); },
      [&](int i) { (void)store.number_ports(std::array{*PortCode::parse(fmt::format("AA{:03}", i % 50))}); },
      [&](int) { (void)store.reading()->prices_of(attempt_name(99), [](auto) { return true; }); },
      [&](int) { (void)store.prices_at(head, {}, [](auto) { return true; }); },
      [&](int) { (void)store.next_chunk(head, std::nullopt); },
  };
  Sql sql{server() + " dbname=postgres"};
  const auto connections = [&] {
    return std::stoi(sql.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ratebook' AND datname = "
                              "'" +
                              database.name() + "'")
                         .front());
  };
  int most = 0;
  {
    std::atomic<int> number = 100;
    std::vector<std::jthread> threads;
    for (const auto& each : work) {
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&](const std::stop_token& stop) {
          while (!stop.stop_requested()) each(++number);
        });
      }
    }
    EXPECT_TRUE(until([&] { return connections() >= 8; }));
    for (int i = 0; i < 100; ++i) most = std::max(most, connections());
  }
  EXPECT_EQ(most, 8);
}

}  // namespace
}  // namespace ratebook::postgres
