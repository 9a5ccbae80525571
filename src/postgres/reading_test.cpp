// One connection for all that the follower reads, one write that confirms it, and proofs that spare even that (rule
// 27).
#include "postgres/test_database.hpp"

namespace ratebook::postgres {
namespace {

class Readings : public ::testing::Test {
 protected:
  PostgresOptions quick() const {
    return {.primary = database.conninfo(), .question_time = milliseconds{500}, .answer_time = milliseconds{500}};
  }
  void end_all_connections() {
    Sql{server() + " dbname=postgres"}.rows(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + database.name() + "'");
  }
  static bool is_proven(store::Store& store, const store::Head& head) {
    const auto proven = store.proven();
    return std::ranges::find(proven, head) != proven.end();
  }

  TestDatabase database;
  std::vector<NumberedPrice> prices = some_prices(300);
  const store::PriceSink ignore = [](std::span<const NumberedPrice>) { return true; };
};

TEST_F(Readings, ReadsWaitForNoStandbyAndTheirConfirmationDoes) {
  TestNode node{quick()};
  TestWriter writer{node.store()};
  writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  const NoStandby no_standby;
  const auto reading = node.store().reading();
  EXPECT_EQ(reading->head()->version, 1U);
  EXPECT_EQ(reading->versions(0, 10)->size(), 1U);
  EXPECT_TRUE(reading->places(1));
  EXPECT_TRUE(reading->prices_of(attempt_name(1), ignore));
  EXPECT_EQ(reading->confirm().error().failure, Failure::unavailable);
}

TEST_F(Readings, AreConfirmedByOneWriteThatWasNotCancelled) {
  TestNode node{database};
  const auto reading = node.store().reading();
  ASSERT_TRUE(reading->head());
  EXPECT_TRUE(reading->confirm());
  NoStandby no_standby;
  std::jthread operator_thread{[&] { no_standby.cancel_waiting_commit(); }};
  EXPECT_EQ(reading->confirm().error().failure, Failure::unavailable) << "it succeeds, with a warning";
}

TEST_F(Readings, AConnectionThatBrokeConfirmsNothing) {
  TestNode node{database};
  for (const bool reads_once_more : {false, true}) {
    const auto reading = node.store().reading();
    ASSERT_TRUE(reading->head());
    const auto session = reading->session();
    end_all_connections();
    if (reads_once_more) {
      EXPECT_EQ(reading->versions(0, 1).error().failure, Failure::unavailable);
    }
    EXPECT_EQ(reading->confirm().error().failure, Failure::unavailable);
    EXPECT_EQ(reading->head().error().failure, Failure::unavailable) << "it is never made anew";
    EXPECT_EQ(reading->confirm().error().failure, Failure::unavailable);
    EXPECT_EQ(reading->session(), session);
  }
  const auto fresh = node.store().reading();
  EXPECT_TRUE(fresh->head());
  EXPECT_TRUE(fresh->confirm());
}

TEST_F(Readings, KeepTheirConnectionAndSayWhereItIsAnother) {
  TestNode node{database};
  std::uint64_t session = 0;
  for (int i = 0; i < 3; ++i) {
    const auto reading = node.store().reading();
    ASSERT_TRUE(reading->head());
    EXPECT_NE(reading->session(), 0U);
    if (session == 0) session = reading->session();
    EXPECT_EQ(reading->session(), session);
  }
  end_all_connections();
  const auto reading = node.store().reading();
  ASSERT_TRUE(reading->head());
  EXPECT_NE(reading->session(), session);
}

TEST_F(Readings, AStandbyIsNotRead) {
  TestNode node{database};
  Sql sql{database.conninfo()};
  // As a standby answers; it goes with the database.
  sql.rows("SET allow_system_table_mods = on");
  sql.rows("ALTER FUNCTION pg_catalog.pg_is_in_recovery() RENAME TO was_in_recovery");
  sql.rows("CREATE FUNCTION pg_catalog.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'");
  const auto reading = node.store().reading();
  EXPECT_EQ(reading->head().error().failure, Failure::unavailable);
  EXPECT_EQ(reading->confirm().error().failure, Failure::unavailable) << "also once it is promoted";
}

TEST_F(Readings, APublishProvesItsVersionToEveryNode) {
  TestNode node{database};
  TestNode other{database};
  ASSERT_TRUE(until([&] { return other.store().changed().count() > 0; })) << "it listens";
  TestWriter writer{node.store()};
  const std::uint64_t seen = other.store().changed().count();
  writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  const store::Head head = *node.store().head();
  EXPECT_TRUE(is_proven(node.store(), head));
  EXPECT_TRUE(until([&] { return is_proven(other.store(), head); }));
  // By the version, and once more by its proof.
  EXPECT_TRUE(until([&] { return other.store().changed().count() >= seen + 2; })) << "the follower is woken";
}

TEST_F(Readings, APublishWhoseOutcomeIsUnknownProvesNothing) {
  TestNode node{database};
  TestNode other{database};
  TestWriter writer{node.store()};
  ASSERT_TRUE(node.store().stage(writer.chunk(attempt_name(1), 0, prices)));
  const auto request = writer.request({store::CommitDecision{header_of("carrier-a", "k", 300), attempt_name(1), 1}});
  {
    NoStandby no_standby;
    std::jthread operator_thread{[&] { no_standby.cancel_waiting_commit(); }};
    EXPECT_EQ(node.store().publish(request).error().failure, Failure::unknown);
  }
  const store::Head head = *node.store().head();
  EXPECT_EQ(head.version, 1U);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(is_proven(node.store(), head));
    EXPECT_FALSE(is_proven(other.store(), head));
    std::this_thread::sleep_for(milliseconds{10});
  }
}

TEST_F(Readings, WhatIsNoProofIsNotTakenForOne) {
  TestNode node{database};
  Sql sql{database.conninfo()};
  const std::uint64_t seen = node.store().changed().count();
  const std::string chain(64, 'a');
  for (const auto& said : std::vector<std::string>{"proven", "proven ", "proven 1", "proven 1 ", "proven x " + chain,
                                                   "proven -1 " + chain, "proven 1 " + chain + "a",
                                                   "proven 1 " + chain.substr(1), "proven 1" + chain, "other"}) {
    sql.rows("SELECT pg_notify('ratebook', '" + said + "')");
  }
  sql.rows("NOTIFY ratebook");
  EXPECT_TRUE(until([&] { return node.store().changed().count() > seen; }));
  EXPECT_TRUE(node.store().proven().empty());
  sql.rows("SELECT pg_notify('ratebook', 'proven 7 " + chain + "')");
  EXPECT_TRUE(until([&] { return node.store().proven().size() == 1; }));
  EXPECT_EQ(node.store().proven().front().version, 7U);
}

}  // namespace
}  // namespace ratebook::postgres
