// What PostgreSQL can do to a store: silence, locks, commits that nobody can vouch for, other nodes at the same time.
#include <fstream>
#include <set>

#include "postgres/test_database.hpp"
#include "postgres/test_servers.hpp"

namespace ratebook::postgres {
namespace {

class Faults : public ::testing::Test {
 protected:
  PostgresOptions quick() const {
    return {.primary = database.conninfo(), .answer_time = milliseconds{500}, .lock_time = milliseconds{100}};
  }

  TestDatabase database;
  std::vector<NumberedPrice> prices = some_prices(300);
};

TEST_F(Faults, CommitThatIsCancelledWhileItWaitsIsUnknownAndIsLookedUp) {
  TestNode node{database};
  TestWriter writer{node.store()};
  const BatchHeader header = header_of("carrier-a", "k", 300);
  ASSERT_TRUE(node.store().stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  {
    NoStandby no_standby;
    std::jthread operator_thread{[&] { no_standby.cancel_waiting_commit(); }};
    const auto outcomes = node.store().publish(writer.request({store::CommitDecision{header, attempt_name(1), 1}}));
    ASSERT_FALSE(outcomes.has_value());
    EXPECT_EQ(outcomes.error().failure, Failure::unknown) << outcomes.error().message;
  }
  EXPECT_EQ(node.store().batch(header.id)->value().status, BatchStatus::committed);
}

TEST_F(Faults, NorIsAChunkOrAChangeOfPlacesVouchedForWhoseCommitWasCancelled) {
  TestNode node{database};
  TestWriter writer{node.store()};
  const PlacesDocument places{.regions = {{"china", "China", ""}}, .ports = {}};
  NoStandby no_standby;
  const auto cancelled = [&](const auto& call) {
    const std::jthread operator_thread{[&] { no_standby.cancel_waiting_commit(); }};
    const auto done = call();
    return done ? Failure::refused : done.error().failure;
  };
  EXPECT_EQ(cancelled([&] { return node.store().put_places(places, std::nullopt, 1); }), Failure::unknown);
  EXPECT_EQ(cancelled([&] { return node.store().stage(writer.chunk(attempt_name(1), 1, prices)); }), Failure::unknown);
}

TEST_F(Faults, AnErrorThatMayHaveComeAfterTheCommitIsUnknown) {
  const auto options = quick();
  const Runtime runtime = machine_runtime();
  auto connection = Connection::open(options.primary, options, runtime, BootTime::max(), 0);
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  const auto failure = [&](const std::string& state, Effect effect) {
    const auto raised =
        connection->run(Statement{"DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '" + state + "'; END$$"}, effect);
    return raised ? Failure::refused : raised.error().failure;
  };
  // A session that is ended, a connection that breaks, an error of the server or of its disk.
  for (const auto* state : {"57P01", "57P02", "08006", "XX000", "58030"}) {
    EXPECT_EQ(failure(state, Effect::change), Failure::unknown) << state;
    EXPECT_EQ(failure(state, Effect::none), Failure::unavailable) << state;
  }
  EXPECT_EQ(failure("40P01", Effect::change), Failure::unavailable) << "surely without effect";
  EXPECT_EQ(failure("53100", Effect::change), Failure::full);
  EXPECT_EQ(failure("RB001", Effect::change), Failure::lost);
  EXPECT_EQ(failure("RB002", Effect::change), Failure::not_found);
}

TEST_F(Faults, WhatIsReadIsNotShownWhereNoStandbyConfirmsIt) {
  TestNode node{quick()};
  TestWriter writer{node.store()};
  const std::vector known{*PortCode::parse("DEHAM")};
  ASSERT_TRUE(node.store().number_ports(known));
  NoStandby no_standby;
  EXPECT_EQ(node.store().number_ports(known).error().failure, Failure::unknown) << "another may have the number";
  EXPECT_EQ(node.store().head().error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().versions(0, 10).error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().places(0).error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().batch("x").error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().number_ports(std::vector{*PortCode::parse("CNSGH")}).error().failure, Failure::unknown);
  EXPECT_EQ(node.store().publish(writer.request({})).error().failure, Failure::unknown);
  EXPECT_TRUE(node.store().stage(writer.chunk(attempt_name(1), 0, prices)).has_value())
      << "what nobody sees need not wait";
}

TEST_F(Faults, ClaimWaitsForAPublishThatNobodyCanVouchFor) {
  TestNode node{quick()};
  TestWriter writer{node.store()};
  NoStandby no_standby;
  EXPECT_EQ(node.store().publish(writer.request({})).error().failure, Failure::unknown);
  EXPECT_EQ(node.store().claim(0).error().failure, Failure::unavailable) << "its row is still locked";
}

TEST_F(Faults, LockOfOthersIsGivenUpInTime) {
  TestNode node{quick()};
  TestWriter writer{node.store()};
  Sql other{database.conninfo()};
  other.rows("BEGIN");
  other.rows("SELECT FROM log_partition FOR UPDATE");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(node.store().claim(0).error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().publish(writer.request({})).error().failure, Failure::unavailable);
  EXPECT_EQ(node.store().stage(writer.chunk(attempt_name(1), 0, prices)).error().failure, Failure::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{30});
  other.rows("ROLLBACK");
  EXPECT_TRUE(node.store().publish(writer.request({})).has_value());
}

TEST_F(Faults, ChunkThatAFrozenNodeLeftHalfSentKeepsNoOtherOut) {
  TestNode node{quick()};
  Sql frozen{database.conninfo()};
  frozen.rows("BEGIN");
  frozen.rows("SELECT FROM log_partition WHERE partition = 0 FOR KEY SHARE");
  frozen.begin_copy("COPY price FROM STDIN (FORMAT binary)");
  EXPECT_EQ(node.store().claim(0).error().failure, Failure::unavailable) << "it may still be on its way";
  EXPECT_TRUE(until([&] { return node.store().claim(0).has_value(); }));
}

TEST_F(Faults, SilentServerIsLeftInTime) {
  const SilentServer silent;
  const PostgresOptions options{.primary = "host=127.0.0.1 dbname=x user=x port=" + silent.port(),
                                .connect_time = milliseconds{200}};
  const auto opened = PostgresStore::open(options, machine_runtime());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().failure, Failure::unavailable);
  EXPECT_NE(opened.error().message.find("200 ms"), std::string::npos) << opened.error().message;
}

TEST_F(Faults, SilentServerIsNoObstacleToTheNext) {
  const SilentServer silent;
  const Sql sql{database.conninfo()};
  // What is named last counts.
  const std::string both =
      fmt::format("{} host={},{} port={},{}", database.conninfo(), "127.0.0.1", sql.host(), silent.port(), sql.port());
  const TestNode node{PostgresOptions{.primary = both, .connect_time = std::chrono::seconds{3}}};
  EXPECT_EQ(Sql{database.conninfo()}.rows("SELECT count(*) FROM migration").front(), "2");
}

TEST_F(Faults, AnswerThatDoesNotComeClosesTheConnection) {
  const PostgresOptions options = quick();
  const Runtime runtime = machine_runtime();
  auto connection = Connection::open(options.primary, options, runtime);
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  const auto slept = connection->run(Statement{"SELECT pg_sleep(30)"}, Effect::change);
  ASSERT_FALSE(slept.has_value());
  EXPECT_EQ(slept.error().failure, Failure::unknown);
  EXPECT_FALSE(connection->is_usable());
  EXPECT_EQ(connection->run(Statement{"SELECT 1"}, Effect::none).error().failure, Failure::unavailable);
}

// A crash takes the counts along that ask for new statistics: tables grow unseen, and a node that loads them must not
// wait for a plan that suits a few rows.
TEST_F(Faults, ManyBatchesAreReadWithoutStatistics) {
  TestNode node{database};
  Sql sql{database.conninfo()};
  sql.rows("ALTER TABLE batch SET (autovacuum_enabled = off)");
  sql.rows("ALTER TABLE marker SET (autovacuum_enabled = off)");
  sql.rows(
      "INSERT INTO batch SELECT n, md5(n::text), 's', n, '', 1, '', 1, 0, md5('a' || n), 0, 0, n, 0 "
      "FROM generate_series(1, 40000) AS n");
  sql.rows(
      "INSERT INTO marker (attempt, chunk, price_count, first_day, last_day) "
      "SELECT md5('a' || n), 0, 1, '2024-01-01', '2024-01-01' FROM generate_series(1, 40000) AS n");
  sql.rows("INSERT INTO price SELECT number, 0, 1, '2024-01-01', 100 FROM marker");
  sql.rows("INSERT INTO version VALUES (40000, 1, 40000, NULL, 0, decode(repeat('00', 32), 'hex'))");
  std::size_t count = 0;
  const auto read = node.store().prices_at({.version = 40'000}, {}, [&](std::span<const NumberedPrice> some) {
    count += some.size();
    return true;
  });
  EXPECT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(count, 40'000U);
}

TEST_F(Faults, ManyWhoAskASilentServerDoNotAllWaitForIt) {
  auto options = quick();
  options.question_time = milliseconds{500};
  TestNode node{options};
  {
    NoStandby no_standby;
    EXPECT_FALSE(node.store().batch("x"));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(node.store().batch("x").error().failure, Failure::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 50 * options.question_time);
  }
  EXPECT_TRUE(until([&] { return node.store().batch("x").has_value(); }));
  EXPECT_TRUE(node.store().batch("x"));
}

TEST_F(Faults, QuestionsThatWereGivenUpDoNotStayOnTheServer) {
  auto options = quick();
  options.question_time = milliseconds{300};
  TestNode node{options};
  NoStandby no_standby;
  Sql sql{database.conninfo()};
  const auto waiting = [&] {
    return std::stoi(sql.rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").front());
  };
  int most = 0;
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(node.store().head());
    most = std::max(most, waiting());
  }
  EXPECT_GT(most, 0);
  EXPECT_LT(most, 10);
  EXPECT_TRUE(until([&] { return waiting() == 0; }));
}

TEST_F(Faults, AServerThatTakesConnectionsAndGivesNoAnswerIsNotTheFirstAgain) {
  const Sql sql{database.conninfo()};
  Proxy fallen{sql};
  const std::string both =
      fmt::format("{} host=127.0.0.1,{} port={},{}", database.conninfo(), sql.host(), fallen.port(), sql.port());
  TestNode node{PostgresOptions{.primary = both}};
  ASSERT_TRUE(until([&] { return node.store().head().has_value(); }));
  fallen.keep_questions();
  EXPECT_FALSE(node.store().head());
  EXPECT_TRUE(until([&] { return node.store().head().has_value(); }));
}

TEST_F(Faults, BrokenConnectionsAreMadeAnew) {
  TestNode node{database};
  TestWriter writer{node.store()};
  Sql admin{server() + " dbname=postgres"};
  const auto end_all = [&] {
    admin.rows("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + database.name() +
               "'");
  };
  end_all();
  EXPECT_TRUE(node.store().head().has_value()) << "those that lay idle are looked at before";
  EXPECT_TRUE(node.store().publish(writer.request({})).has_value());
  std::uint64_t seen = node.store().changed().count();
  end_all();
  EXPECT_TRUE(until([&] { return node.store().changed().count() > seen; })) << "what came meanwhile is looked for";
  seen = node.store().changed().count();
  TestNode other{database};
  TestWriter its{other.store()};
  its.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  EXPECT_TRUE(until([&] { return node.store().changed().count() > seen; })) << "it listens again";
}

TEST_F(Faults, OtherNodesHearOfAVersion) {
  TestNode one{database};
  TestNode other{database};
  const auto seen = [&] { return other.store().changed().count(); };
  std::uint64_t before = seen();
  ASSERT_TRUE(until([&] { return std::exchange(before, seen()) == before; }));
  TestWriter writer{one.store()};
  writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  EXPECT_TRUE(until([&] { return seen() > before; }));
  EXPECT_EQ(prices_at(other.store(), 1), prices);
}

TEST_F(Faults, SweptPricesGoWhileVersionsKeepComing) {
  TestNode node{database};
  TestWriter writer{node.store()};
  ASSERT_TRUE(node.store().stage(writer.chunk(attempt_name(1), 0, prices)));
  const std::jthread versions{[&](const std::stop_token& stop) {
    Sql sql{database.conninfo()};
    while (!stop.stop_requested()) {
      sql.rows("NOTIFY ratebook");
      std::this_thread::sleep_for(milliseconds{5});
    }
  }};
  auto request = writer.request({});
  request.swept = {attempt_name(1)};
  ASSERT_TRUE(node.store().publish(request));
  Sql sql{database.conninfo()};
  EXPECT_TRUE(until([&] { return sql.rows("SELECT count(*) FROM price").front() == "0"; }));
}

TEST_F(Faults, AbandonedAttemptStaysVoidForEver) {
  TestNode node{database};
  TestWriter writer{node.store()};
  auto request = writer.request({});
  request.swept = {attempt_name(1)};
  ASSERT_TRUE(writer.publish(request).has_value());
  const Outcome outcome = writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  EXPECT_EQ(outcome.kind, Outcome::Kind::swept_before);
  EXPECT_EQ(node.store().head()->version, 0U);
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k", 300), attempt_name(2), prices).kind, Outcome::Kind::committed);
}

TEST_F(Faults, ChunkWhosePortsHaveOtherNumbersThanBeforeARestoreIsNotStaged) {
  TestNode node{database};
  TestWriter writer{node.store()};
  const std::array codes{*PortCode::parse("CNSGH"), *PortCode::parse("NLRTM")};
  ASSERT_TRUE(node.store().number_ports(codes).has_value());
  const std::vector<NumberedPrice> price{{0, 1, Day{18'600}, Cents{100}}};
  auto chunk = writer.chunk(attempt_name(1), 0, price);
  const std::array before{store::NumberedPort{0, codes[1]}, store::NumberedPort{1, codes[0]}};
  chunk.ports = before;
  const auto staged = node.store().stage(chunk);
  ASSERT_FALSE(staged.has_value());
  EXPECT_EQ(staged.error().failure, Failure::lost);
  EXPECT_EQ(Sql{database.conninfo()}.rows("SELECT count(*) FROM marker").front(), "0");
  const std::array now{store::NumberedPort{0, codes[0]}, store::NumberedPort{1, codes[1]}};
  chunk.ports = now;
  EXPECT_TRUE(node.store().stage(chunk).has_value());
  EXPECT_EQ(Sql{database.conninfo()}.rows("SELECT count(*) FROM marker").front(), "1");
}

TEST_F(Faults, TablesWhoseCommitIsUnknownAreLookedForAgain) {
  const Runtime runtime = machine_runtime();
  const PostgresOptions options{.primary = database.conninfo()};
  {
    NoStandby none;
    std::optional<Failure> failure;
    {
      const std::jthread opening{[&] {
        const auto opened = PostgresStore::open(options, runtime);
        if (!opened) failure = opened.error().failure;
      }};
      none.cancel_waiting_commit();
    }
    EXPECT_EQ(failure, Failure::unavailable) << "others end the process";
  }
  EXPECT_EQ(TestNode{database}.store().partition_count(), 12U);
}

TEST_F(Faults, NodesThatStartAtOnceMakeTheTablesOnce) {
  std::vector<std::unique_ptr<TestNode>> nodes(4);
  {
    std::vector<std::jthread> threads;
    for (auto& node : nodes) threads.emplace_back([&] { node = std::make_unique<TestNode>(database); });
  }
  EXPECT_EQ(Sql{database.conninfo()}.rows("SELECT count(*) FROM migration").front(), "2");
  EXPECT_EQ(nodes[3]->store().partition_count(), 12U);
}

TEST_F(Faults, TablesOfTheReleaseBeforeAreBroughtUpToDateUnderItsNodes) {
  TestNode before{database};
  TestWriter writer{before.store()};
  Sql sql{database.conninfo()};
  sql.rows("DROP TABLE bad_record_dropped");
  sql.rows("DELETE FROM migration WHERE version > 1");
  sql.rows("INSERT INTO void_attempt VALUES ('" + attempt_name(1) + "', 1)");  // by a clock that was wrong
  // A publish that runs is not waited for.
  Sql other{database.conninfo()};
  other.rows("BEGIN");
  other.rows("UPDATE log_partition SET epoch = epoch WHERE partition = 0");
  other.rows("INSERT INTO bad_record VALUES (0, 1, '', '', 0)");
  TestNode node{database};
  other.rows("ROLLBACK");
  EXPECT_EQ(sql.rows("SELECT count(*) FROM bad_record_dropped").front(), "0");
  EXPECT_EQ(sql.rows("SELECT max(version) FROM migration").front(), "2");
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices).kind, Outcome::Kind::swept_before);
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k", 300), attempt_name(2), prices).kind, Outcome::Kind::committed);
}

TEST_F(Faults, NewerTablesAreLivedWithUnlessTheySayNo) {
  {
    TestNode node{database};
  }
  Sql sql{database.conninfo()};
  sql.rows("INSERT INTO migration VALUES (98, 1)");
  {
    TestNode node{database};
  }
  sql.rows("INSERT INTO migration VALUES (99, 99)");
  const PostgresOptions options{.primary = database.conninfo()};
  const auto opened = PostgresStore::open(options, machine_runtime());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().failure, Failure::refused);
  EXPECT_NE(opened.error().message.find("install a newer ratebook"), std::string::npos) << opened.error().message;
}

TEST_F(Faults, ReplicaThatHasNotGotThatFarIsNotAsked) {
  const TestDatabase behind;
  {
    TestNode node{behind};
  }
  TestNode node{{.primary = database.conninfo(), .replica = behind.conninfo()}};
  TestNode alone{{.primary = database.conninfo(), .replica = "host=127.0.0.1 port=1"}};
  TestWriter writer{node.store()};
  writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  // The same version, of another history.
  TestNode other{behind};
  TestWriter others{other.store()};
  others.commit(header_of("carrier-b", "k", 300), attempt_name(9), some_prices(300, 7));
  for (TestNode* each : {&node, &alone}) {
    EXPECT_EQ(prices_at(each->store(), 1), prices);
    std::vector<NumberedPrice> read;
    ASSERT_TRUE(each->store().reading()->prices_of(attempt_name(1), [&](std::span<const NumberedPrice> some) {
      read.insert(read.end(), some.begin(), some.end());
      return true;
    }));
    EXPECT_EQ(read, prices);
  }
}

TEST_F(Faults, ReplicaIsReadWhereItHoldsTheVersion) {
  TestNode node{{.primary = database.conninfo(), .replica = database.conninfo() + " application_name=replica"}};
  TestWriter writer{node.store()};
  writer.commit(header_of("carrier-a", "k", 300), attempt_name(1), prices);
  EXPECT_EQ(prices_at(node.store(), 1), prices);
  EXPECT_EQ(Sql{server() + " dbname=postgres"}
                .rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'replica'")
                .front(),
            "1");
}

TEST_F(Faults, ManyPricesAreReadInTransactionsThatAReplicaDoesNotCancel) {
  constexpr std::size_t size = 20'000;
  TestNode node{PostgresOptions{.primary = database.conninfo(), .copied_prices_max = size}};
  TestWriter writer{node.store()};
  for (const int number : {1, 2}) {
    auto some = some_prices(size, number);
    std::ranges::sort(some);
    writer.commit(header_of("carrier-a", std::to_string(number), size), attempt_name(number), some);
  }
  std::set<std::string> ended;
  Sql other{database.conninfo()};
  std::size_t count = 0;
  const store::PriceSink sink = [&](std::span<const NumberedPrice> some) {
    count += some.size();
    EXPECT_EQ(other.rows("SELECT FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT chunk%'").size(), 0U);
    const auto rows = other.rows("SELECT query_start FROM pg_stat_activity WHERE query = 'ROLLBACK' AND datname = '" +
                                 database.name() + "'");
    ended.insert(rows.begin(), rows.end());
    return true;
  };
  ASSERT_TRUE(node.store().prices_at(*node.store().head(), {}, sink));
  EXPECT_EQ(count, 2 * size);
  EXPECT_EQ(ended.size(), 2U);
}

TEST_F(Faults, WhatAReplicaBreaksOffIsReadOnFromThePrimary) {
  constexpr std::size_t size = 20'000;
  Sql sql{database.conninfo()};
  auto replica = std::make_unique<Proxy>(sql);
  TestNode node{PostgresOptions{
      .primary = database.conninfo(),
      .replica = database.conninfo() + " application_name=replica host=127.0.0.1 port=" + replica->port(),
      .copied_prices_max = size}};
  TestWriter writer{node.store()};
  std::vector<NumberedPrice> all;
  for (const int number : {1, 2, 3}) {
    const auto some = some_prices(size, number);
    writer.commit(header_of("carrier-a", std::to_string(number), size), attempt_name(number), some);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::vector<std::string> replicas;
  std::vector<NumberedPrice> read;
  const store::PriceSink sink = [&](std::span<const NumberedPrice> some) {
    read.insert(read.end(), some.begin(), some.end());
    if (replica) replicas = sql.rows("SELECT FROM pg_stat_activity WHERE application_name = 'replica'");
    replica.reset();
    return true;
  };
  ASSERT_TRUE(node.store().prices_at(*node.store().head(), {}, sink));
  EXPECT_EQ(replicas.size(), 1U);
  std::ranges::sort(read);
  std::ranges::sort(all);
  EXPECT_EQ(read, all);
}

TEST_F(Faults, PasswordComesFromItsFileAndIsNotShown) {
  const std::string path = ::testing::TempDir() + "ratebook-password-" + database.name();
  const PostgresOptions options{.primary = "host=127.0.0.1 port=1 user=x dbname=x", .password_file = path};
  EXPECT_NE(PostgresStore::open(options, machine_runtime()).error().message.find(path), std::string::npos);
  std::ofstream{path} << "s3cret\n";
  const auto opened = PostgresStore::open(options, machine_runtime());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().message.find("s3cret"), std::string::npos) << opened.error().message;
  std::remove(path.c_str());
}

TEST_F(Faults, TlsIsCheckedToTheEnd) {
  const char* const tls = std::getenv("RATEBOOK_TEST_POSTGRES_TLS");
  const char* const password_file = std::getenv("RATEBOOK_TEST_POSTGRES_PASSWORD_FILE");
  ASSERT_TRUE(tls != nullptr && password_file != nullptr) << "./dev test engines starts a server with TLS";
  const std::string conninfo = std::string{tls} + " dbname=" + database.name();
  TestNode node{{.primary = conninfo + " application_name=secure", .password_file = password_file}};
  EXPECT_TRUE(node.store().head().has_value());
  const auto plain = Sql{server() + " dbname=postgres"}.rows(
      "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'secure' AND NOT "
      "ssl");
  EXPECT_EQ(plain.front(), "0");
  for (const std::string wrong : {" sslrootcert=/dev/null", " host=elsewhere"}) {
    const PostgresOptions options{.primary = conninfo + wrong, .password_file = password_file};
    const auto opened = PostgresStore::open(options, machine_runtime());
    ASSERT_FALSE(opened.has_value()) << wrong;
    EXPECT_NE(opened.error().message.find("certificate"), std::string::npos) << opened.error().message;
  }
}

}  // namespace
}  // namespace ratebook::postgres
