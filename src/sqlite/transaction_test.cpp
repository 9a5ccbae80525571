// Who comes while a turn is held: all of them are in the next transaction, and it is begun and ended for each.
#include "sqlite/transaction.hpp"

#include <atomic>
#include <thread>

#include "sqlite/checkpoint.hpp"
#include "sqlite/test_file.hpp"

namespace ratebook::sqlite {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Connection> connect(const std::string& path) {
  auto connection = Connection::create(path);
  EXPECT_TRUE(connection.has_value());
  return *std::move(connection);
}

/// A file with one empty table, and its write side.
class Written {
 public:
  explicit Written(TransactionOptions options) : options_(options) {}

  WriteSide& side() { return side_; }
  const std::string& path() const { return path_; }
  std::uint64_t commits() const { return meters_.commits; }
  std::int64_t rows() const { return Sql{path_}.number("SELECT count(*) FROM t"); }

 private:
  static std::unique_ptr<Connection> with_table(const std::string& path) {
    auto db = connect(path);
    db->script("PRAGMA page_size = 8192; PRAGMA journal_mode=WAL; CREATE TABLE t (x)");
    make_tie_table(*db, {.session = 1, .number = 0});
    EXPECT_TRUE(checkpoint_whole(*db));
    return db;
  }
  static std::unique_ptr<FileWatch> watch_of(const std::string& path, const FileLock& lock, Connection& db) {
    auto watch = FileWatch::begin(path, lock);
    EXPECT_TRUE(watch.has_value());
    EXPECT_TRUE((*watch)->note_opened(db, 1));
    return *std::move(watch);
  }

  TestFolder folder_;
  std::string path_ = folder_.file();
  TransactionOptions options_;
  Runtime runtime_ = machine_runtime();
  Meters meters_;
  FileLock lock_ = FileLock::take(path_).value();
  std::unique_ptr<Connection> db_ = with_table(path_);
  std::unique_ptr<FileWatch> watch_ = watch_of(path_, lock_, *db_);
  Checkpointer checkpointer_{connect(path_), *watch_, runtime_, meters_};
  WriteSide side_{std::move(db_), checkpointer_, *watch_, runtime_, options_, meters_, 1};
};

/// Threads that each join with one row.
class Joining {
 public:
  Joining(WriteSide& side, std::size_t count) : outcomes_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, &side, i] {
        outcomes_[i] =
            side.join([](WriteSide::Turn& turn) { turn.db().run("INSERT INTO t VALUES (1)"); }, [this] { ++joined_; });
      });
    }
  }
  void wait_until_joined() const {
    while (joined_ < outcomes_.size()) std::this_thread::yield();
  }
  std::vector<Result<void>> wait() {
    threads_.clear();
    return outcomes_;
  }

 private:
  std::vector<Result<void>> outcomes_;
  std::atomic<std::size_t> joined_{0};
  std::vector<std::jthread> threads_;
};

constexpr TransactionOptions endless_patience{.quiet_max = 1h, .writer_quiet_max = 1h, .age_max = 1h};
constexpr TransactionOptions no_patience{
    .quiet_max = 1ms, .writer_quiet_max = 1ms, .age_max = 1ms, .lock_wait_max = std::chrono::milliseconds{50}};

/// Three come while a turn is held, before a transaction has begun in it or after: one commit takes all along.
void expect_all_in_one_commit(bool is_open) {
  Written written{endless_patience};
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  if (is_open) {
    ASSERT_TRUE(turn->begin().has_value());
  }
  Joining joining{written.side(), 3};
  joining.wait_until_joined();
  turn->take_waiting();
  ASSERT_TRUE(turn->commit().has_value());
  turn.reset();
  for (const auto& outcome : joining.wait()) EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(written.commits(), 1U);
  EXPECT_EQ(written.rows(), 3);
}

TEST(Transaction, BeginsWithAllWhoCameWhileTheTurnWasHeld) { expect_all_in_one_commit(false); }
TEST(Transaction, ThatIsOpenTakesThoseAlongWhoWaitForTheNext) { expect_all_in_one_commit(true); }

TEST(Transaction, IsBegunByThoseWhoWaitForItWhereNobodyElseDoes) {
  Written written{no_patience};
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  Joining joining{written.side(), 3};
  joining.wait_until_joined();
  turn.reset();
  for (const auto& outcome : joining.wait()) EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(written.rows(), 3);
}

TEST(Transaction, ThatIsRolledBackFailsAllWhoAreInIt) {
  Written written{endless_patience};
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  Joining joining{written.side(), 3};
  joining.wait_until_joined();
  ASSERT_TRUE(turn->begin().has_value());
  turn->abandon({Failure::full, "the disk is full"});
  turn.reset();
  for (const auto& outcome : joining.wait()) {
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().failure, Failure::full);
  }
  EXPECT_EQ(written.rows(), 0);
}

TEST(Transaction, ThatBeginsAloneLeavesWhoWaitsToTheNext) {
  Written written{endless_patience};
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  Joining joining{written.side(), 2};
  joining.wait_until_joined();
  ASSERT_TRUE(turn->begin_alone().has_value());
  turn->abandon({Failure::full, "the disk is full"});
  turn->take_waiting();
  ASSERT_TRUE(turn->commit().has_value());
  turn.reset();
  for (const auto& outcome : joining.wait()) EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(written.rows(), 2);
}

TEST(Transaction, ThatCannotBeginFailsWhoWaitsForItAndKeepsNothingOfIt) {
  Written written{no_patience};
  const auto other = connect(written.path());
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  Joining joining{written.side(), 2};
  joining.wait_until_joined();
  other->run("BEGIN IMMEDIATE");
  turn->take_waiting();
  EXPECT_FALSE(turn->is_open());
  turn.reset();
  for (const auto& outcome : joining.wait()) EXPECT_FALSE(outcome.has_value());
  other->run("ROLLBACK");
  WriteSide::Turn next{written.side()};
  next.take_waiting();
  EXPECT_FALSE(next.is_open()) << "nobody waits any more";
  EXPECT_EQ(written.rows(), 0);
}

TEST(Transaction, ThatAnotherProgramKeepsFromBeginningDoesNotKeepTheReader) {
  Written written{{.quiet_max = 1ms, .writer_quiet_max = 1ms, .age_max = 1ms, .lock_wait_max = 10min}};
  const auto other = connect(written.path());
  std::optional<WriteSide::Turn> turn{std::in_place, written.side()};
  Joining joining{written.side(), 2};
  joining.wait_until_joined();
  other->run("BEGIN IMMEDIATE");
  turn->take_waiting();  // with the turn held, nobody else can wait for the lock
  EXPECT_FALSE(turn->is_open());
  turn.reset();
  other->run("ROLLBACK");
  for (const auto& outcome : joining.wait()) EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(written.rows(), 2);
}

// A restart may find what was committed then, or not (rule 28).
TEST(Transaction, ThatWasCommittedAsTheFileWasMovedAwayIsUnknown) {
  Written written{{}};
  std::string path = written.path();
  const auto moved = written.side().join(
      [&](WriteSide::Turn& turn) {
        turn.db().run("INSERT INTO t VALUES (1)");
        // Called behind the look at the file that comes before a commit.
        const auto move_away = [](void* from) {
          std::filesystem::rename(*static_cast<std::string*>(from), *static_cast<std::string*>(from) + "-away");
          return 0;
        };
        sqlite3_commit_hook(turn.db().handle(), move_away, &path);
      },
      [] {});
  ASSERT_FALSE(moved.has_value());
  EXPECT_EQ(moved.error().failure, Failure::unknown);
}

}  // namespace
}  // namespace ratebook::sqlite
