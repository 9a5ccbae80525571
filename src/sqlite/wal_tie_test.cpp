// A WAL is its file's own (rule 28): whatever else lies beside a file is refused, and nothing is changed; what a crash
// leaves is taken.
#include "sqlite/wal_tie.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "sqlite/backup.hpp"
#include "sqlite/check.hpp"
#include "sqlite/test_file.hpp"

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Wal : public testing::Test {
 protected:
  std::string path() const { return folder_.file(); }
  std::string wal() const { return folder_.file() + "-wal"; }
  std::string kept(const std::string& name) const { return folder_.file(name); }

  void keep(const std::string& name) const {
    fs::copy_file(path(), kept(name), fs::copy_options::overwrite_existing);
    if (fs::exists(wal())) fs::copy_file(wal(), kept(name) + "-wal", fs::copy_options::overwrite_existing);
  }
  void put(const std::string& from, const std::string& to) const {
    fs::copy_file(kept(from), to, fs::copy_options::overwrite_existing);
  }

  /// A server on the file that commits each of `keys`, calls `then` and is killed: what it wrote last is in the WAL.
  void run_and_kill(const std::vector<std::string>& keys, const std::function<void()>& then = [] {}) const {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FileOptions options;
      options.checkpoint.idle = 1h;
      const auto file = open_file(path(), options);
      TestWriter writer{file->store()};
      std::vector<PortCode> codes;
      for (const char last : std::string{"ABCDEFG"}) codes.push_back(*PortCode::parse(std::string{"CNSG"} + last));
      static_cast<void>(file->store().number_ports(codes));
      const auto prices = some_prices(300);
      for (const auto& key : keys) {
        const auto head = file->store().head();
        writer.commit(header_of("a", key, prices.size()), attempt_name(static_cast<int>(head->version) + 1), prices);
      }
      then();
      kill(getpid(), SIGKILL);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fs::remove(path() + "-shm");
  }

  void expect_refused() const {
    const auto before = std::pair{bytes_of(path()), bytes_of(wal())};
    const auto opened = File::open(path(), machine_runtime());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().failure, Failure::damaged);
    EXPECT_NE(opened.error().message.find(wal()), std::string::npos) << opened.error().message;
    EXPECT_EQ((std::pair{bytes_of(path()), bytes_of(wal())}), before) << "nothing is changed";
    if (!fs::exists(path()) || fs::file_size(path()) == 0) return;
    const auto checked = check_file(path());
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    ASSERT_EQ(checked->findings.size(), 1U);
    EXPECT_NE(checked->findings.front().find(wal()), std::string::npos) << checked->findings.front();
    EXPECT_FALSE(backup_file(path(), kept("backup-of-a-mixture.db")).has_value());
    EXPECT_EQ((std::pair{bytes_of(path()), bytes_of(wal())}), before) << "nothing is changed";
  }
  void expect_version(Version version) const {
    const auto checked = check_file(path());
    ASSERT_TRUE(checked.has_value()) << checked.error().message;
    EXPECT_EQ(checked->findings, std::vector<std::string>{});
    EXPECT_EQ(checked->version, version);
    EXPECT_EQ(open_file(path())->store().head()->version, version);
  }

  TestFolder folder_;
};

TEST_F(Wal, OfAKilledServerIsTaken) {
  run_and_kill({"1", "2"});
  ASSERT_GT(fs::file_size(wal()), 0U);
  expect_version(2);
}

TEST_F(Wal, BackupCopiedOverAKilledServersFileIsRefused) {
  run_and_kill({"1"});
  ASSERT_TRUE(backup_file(path(), kept("backup.db")));
  run_and_kill({"2", "3"});
  put("backup.db", path());
  expect_refused();
  fs::remove(wal());
  expect_version(1);
}

// All of the WAL is newer than the backup, and what the backup holds is in it: a mixture would be whole.
TEST_F(Wal, BackupOfTheSameTimeIsRefused) {
  run_and_kill({"1", "2"}, [this] { ASSERT_TRUE(backup_file(path(), kept("backup.db"))); });
  put("backup.db", path());
  expect_refused();
}

TEST_F(Wal, CopyOfTheFileAtAnotherTimeIsRefused) {
  run_and_kill({"1"});
  open_file(path());
  keep("old.db");
  run_and_kill({"2"});
  open_file(path());
  run_and_kill({"3"});
  keep("new.db");
  put("old.db", path());
  expect_refused();
  put("new.db", path());
  expect_version(3);
  ASSERT_FALSE(fs::exists(wal()));
  run_and_kill({"4"});
  open_file(path());
  put("new.db-wal", wal());
  expect_refused();
}

TEST_F(Wal, CopyOfWhatTheWalBeganWithIsTheWalsOwn) {
  run_and_kill({"1"});
  open_file(path());
  keep("begin.db");
  run_and_kill({"2", "3"});
  put("begin.db", path());
  expect_version(3);
}

// Two copies of one file that went separate ways, each with as many commits.
TEST_F(Wal, OfACopyThatWentAnotherWayIsRefused) {
  run_and_kill({"1"});
  open_file(path());
  keep("base.db");
  run_and_kill({"2"});
  open_file(path());
  run_and_kill({"3"});
  keep("one.db");
  fs::remove(wal());
  put("base.db", path());
  run_and_kill({"2"});
  open_file(path());
  run_and_kill({"3"});
  put("one.db-wal", wal());
  expect_refused();
}

TEST_F(Wal, OfAFileThatIsGoneIsKept) {
  run_and_kill({"1"});
  keep("old.db");
  fs::remove(path());
  expect_refused();
  EXPECT_FALSE(fs::exists(path()));
  std::ofstream{path()};
  expect_refused();
  put("old.db", path());
  expect_version(1);
}

TEST_F(Wal, PartlyMovedIsTaken) {
  run_and_kill({"1", "2", "3"}, [this] {
    Sql reader{path()};
    reader.rows("BEGIN; SELECT count(*) FROM version");
    Sql{path()}.rows("UPDATE bad_record SET why = ''; PRAGMA wal_checkpoint(PASSIVE)");
    kill(getpid(), SIGKILL);
  });
  expect_version(3);
}

/// What another program, or a release that made no ties, has put into a WAL when it is killed.
void write_and_kill(const std::string& path, const std::string& sql) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Sql other{path};
    other.rows("PRAGMA wal_autocheckpoint = 0; " + sql);
    kill(getpid(), SIGKILL);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(Wal, OfAnOlderReleaseIsTaken) {
  run_and_kill({"1"});
  open_file(path());
  Sql{path()}.rows("DROP TABLE wal_tie");
  run_and_kill({"2"});
  expect_version(2);
  write_and_kill(path(), "CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')");
  ASSERT_GT(fs::file_size(wal()), 0U);
  expect_version(2);
  EXPECT_EQ(Sql{path()}.number("SELECT count(*) FROM notes"), 1);
}

TEST_F(Wal, OfAnOlderReleaseIsNotItsBackups) {
  run_and_kill({"1"});
  open_file(path());
  Sql{path()}.rows("DROP TABLE wal_tie");
  ASSERT_TRUE(backup_file(path(), kept("backup.db")));
  write_and_kill(path(), "CREATE TABLE notes (text)");
  ASSERT_GT(fs::file_size(wal()), 0U);
  put("backup.db", path());
  expect_refused();
}

TEST_F(Wal, WhatIsNoWalIsNoTrouble) {
  run_and_kill({"1"});
  open_file(path());
  for (const std::string& bytes : {std::string{}, std::string(100, '\0'), std::string(40'000, 'x')}) {
    write_over(wal(), bytes);
    expect_version(1);
  }
}

TEST_F(Wal, IsReadToItsLastCommitAndNoFurther) {
  run_and_kill({"1", "2", "3"});
  const std::string whole = bytes_of(wal());
  const WalContent content = read_wal(wal());
  ASSERT_TRUE(content.has_commits);
  ASSERT_GE(content.ties.size(), 3U);
  for (std::size_t i = 1; i < content.ties.size(); ++i) {
    EXPECT_EQ(content.ties[i].before, content.ties[i - 1].commit);
  }
  std::string torn = whole;
  torn[torn.size() - 1] ^= 1;
  write_over(wal(), torn);
  EXPECT_EQ(read_wal(wal()).ties.size(), content.ties.size() - 1);
  write_over(wal(), whole.substr(0, whole.size() - 1));
  EXPECT_EQ(read_wal(wal()).ties.size(), content.ties.size() - 1);
}

}  // namespace
}  // namespace ratebook::sqlite
