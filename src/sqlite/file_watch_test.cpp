// The file that is written is the one at the path (rule 28): what is accepted once it is not, what is said, and what of
// all that was accepted before can be had.
#include "sqlite/file_watch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include "log/record.hpp"
#include "sqlite/backup.hpp"
#include "sqlite/check.hpp"
#include "sqlite/test_file.hpp"

namespace ratebook::sqlite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

bool until(const std::function<bool()>& condition) {
  for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

/// A file in a folder of its own, with two versions, the second maybe still in its WAL, and what it reported.
class Place : public testing::Test {
 protected:
  Place() {
    fs::create_directory(folder_.file("data"));
    start();
    writer_.emplace(file_->store());
    std::vector<PortCode> codes;
    for (const char last : std::string{"ABCDEFG"}) codes.push_back(PortCode::parse(std::string{"CNSG"} + last).value());
    EXPECT_TRUE(file_->store().number_ports(codes));
    commit("1");
  }

  void start(Duration idle = CheckpointOptions{}.idle) {
    FileOptions options;
    options.checkpoint.idle = idle;
    options.checkpoint.close_look = 10ms;
    options.report = [this](obs::Level, const std::string& what) {
      const std::lock_guard lock{mutex_};
      said_ += what + "\n";
    };
    file_ = open_file(path(), options);
  }

  std::string path() const { return folder_.file("data/book.db"); }
  std::string beside(const std::string& end) const { return path() + end; }

  void commit(const std::string& key) {
    const auto prices = some_prices(300);
    ++attempts_;
    EXPECT_GT(writer_->commit(header_of("a", key, prices.size()), attempt_name(attempts_), prices).version, 0U);
  }

  Result<Offset> append() { return file_->log().append(0, records_of({"record"})); }

  void expect_refused() {
    const auto appended = append();
    ASSERT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().failure, Failure::refused) << appended.error().message;
    EXPECT_NE(appended.error().message.find(path()), std::string::npos) << appended.error().message;
    EXPECT_TRUE(file_->log().refusal().has_value());
    EXPECT_FALSE(file_->store().put_places({{{"a", "A", ""}}, {}}, std::nullopt, 1).has_value());
    EXPECT_FALSE(file_->is_in_place());
  }

  bool was_said(const std::string& words) {
    const std::lock_guard lock{mutex_};
    return said_.find(words) != std::string::npos;
  }

  TestFolder folder_;
  std::mutex mutex_;
  std::string said_;
  std::unique_ptr<File> file_;
  std::optional<TestWriter> writer_;
  int attempts_ = 0;
};

TEST_F(Place, AcceptedIsKept_NothingIsTakenWhereARestartWouldNotFindIt) {
  const std::vector<std::pair<std::string, std::function<void()>>> harms{
      {"the file is deleted", [&] { fs::remove(path()); }},
      {"the file is renamed", [&] { fs::rename(path(), beside("-old")); }},
      {"the file is another",
       [&] {
         fs::copy_file(path(), beside("-new"));
         fs::rename(beside("-new"), path());
       }},
      {"the WAL is deleted", [&] { fs::remove(beside("-wal")); }},
      {"the WAL is another",
       [&] { fs::copy_file(beside("-wal"), beside("-w")), fs::rename(beside("-w"), beside("-wal")); }},
      {"the index is deleted", [&] { fs::remove(beside("-shm")); }},
      {"the lock is deleted", [&] { fs::remove(beside("-lock")); }},
      {"the folder is renamed", [&] { fs::rename(folder_.file("data"), folder_.file("moved")); }},
      {"the folder is deleted", [&] { fs::remove_all(folder_.file("data")); }},
  };
  for (const auto& [what, harm] : harms) {
    SCOPED_TRACE(what);
    file_.reset();
    writer_.reset();
    for (const auto* name : {"data", "moved"}) fs::remove_all(folder_.file(name));
    fs::create_directory(folder_.file("data"));
    start();
    ASSERT_TRUE(append());
    harm();
    expect_refused();
    EXPECT_TRUE(file_->store().head().has_value()) << "what was read goes on to be read";
  }
}

TEST_F(Place, SwitchedLinkIsSeen) {
  file_.reset();
  const std::string link = folder_.file("link.db");
  fs::copy_file(path(), folder_.file("other.db"));
  fs::create_symlink(path(), link);
  file_ = open_file(link);
  ASSERT_TRUE(append());
  fs::remove(link);
  fs::create_symlink(folder_.file("other.db"), link);
  const auto appended = append();
  ASSERT_FALSE(appended.has_value());
  EXPECT_EQ(appended.error().failure, Failure::refused);
}

TEST_F(Place, GoesOnWhereItIsPutBack) {
  fs::rename(path(), beside("-old"));
  expect_refused();
  EXPECT_TRUE(until([&] { return was_said("is gone from"); }));
  fs::rename(beside("-old"), path());
  EXPECT_TRUE(until([&] { return file_->is_in_place(); }));
  EXPECT_TRUE(until([&] { return was_said("in its place again"); }));
  writer_.emplace(file_->store());
  commit("2");
  file_.reset();
  EXPECT_EQ(check_file(path())->findings, std::vector<std::string>{});
  EXPECT_EQ(check_file(path())->version, 2U);
}

TEST_F(Place, AcceptedIsKept_MovedAwayAndBackUnderAppends) {
  std::atomic<bool> ended = false;
  std::array<std::vector<Offset>, 3> told;
  {
    std::vector<std::jthread> threads;
    for (auto& offsets : told) {
      threads.emplace_back([&] {
        while (!ended) {
          if (const auto offset = append()) offsets.push_back(*offset);
        }
      });
    }
    for (int i = 0; i < 30; ++i) {
      const std::string end = i % 2 == 0 ? "" : "-wal";
      fs::rename(beside(end), beside("-away"));
      std::this_thread::sleep_for(1ms * (i % 7));
      fs::rename(beside("-away"), beside(end));
      EXPECT_EQ(file_->log().refusal(), std::nullopt);
      EXPECT_TRUE(append());
    }
    ended = true;
  }
  file_.reset();
  Sql sql{path()};
  for (const auto& offsets : told) {
    EXPECT_FALSE(offsets.empty());
    for (const Offset offset : offsets) {
      EXPECT_EQ(sql.number("SELECT count(*) FROM log_record WHERE offset = " + std::to_string(offset)), 1);
    }
  }
}

TEST_F(Place, AcceptedIsKept_ADeletedFileCanBeCopied) {
  commit("2");
  ASSERT_TRUE(append());
  fs::remove_all(folder_.file("data"));
  ASSERT_TRUE(until([&] { return was_said("all that was accepted is in /proc/"); })) << said_;
  const auto at = said_.find("all that was accepted is in ") + 28;
  const std::string from = said_.substr(at, said_.find(' ', at) - at);
  const std::string copy = folder_.file("copy.db");
  std::ofstream{copy, std::ios::binary} << bytes_of(from);
  file_.reset();
  const auto checked = check_file(copy);
  ASSERT_TRUE(checked.has_value()) << checked.error().message;
  EXPECT_EQ(checked->findings, std::vector<std::string>{"log 0-0: " + log::decode("record").error().message});
  EXPECT_EQ(checked->version, 2U);
  EXPECT_EQ(checked->records_waiting, 1U);
}

TEST_F(Place, AcceptedIsKept_WhatWasTakenWhileTheFileWasBackIsInTheCopyToo) {
  const auto times_said = [&] {
    const std::lock_guard lock{mutex_};
    std::size_t times = 0;
    for (std::size_t at = 0; (at = said_.find("all that was accepted is in", at)) != std::string::npos; ++at) ++times;
    return times;
  };
  ASSERT_TRUE(append());
  fs::rename(path(), beside("-away"));
  ASSERT_TRUE(until([&] { return times_said() == 1; }));
  fs::rename(beside("-away"), path());
  ASSERT_EQ(file_->log().refusal(), std::nullopt);
  ASSERT_TRUE(append());
  fs::rename(path(), beside("-away"));
  ASSERT_TRUE(until([&] { return times_said() >= 2; }));
  const std::string copy = folder_.file("copy.db");
  fs::copy_file(beside("-away"), copy);
  file_.reset();
  EXPECT_EQ(check_file(copy)->records_waiting, 2U);
}

TEST_F(Place, AcceptedIsKept_WhereOnlyTheWalIsDeletedAllIsInTheFile) {
  commit("2");
  fs::remove(beside("-wal"));
  ASSERT_TRUE(until([&] { return was_said("all that was accepted is in"); }));
  file_.reset();
  EXPECT_EQ(check_file(path())->version, 2U);
}

TEST_F(Place, WhatLiesAtThePathOfAMovedFileIsLeftAlone) {
  commit("2");
  fs::rename(path(), beside("-old"));
  fs::rename(beside("-wal"), beside("-old-wal"));
  write_over(beside("-wal"), "of another file");
  ASSERT_TRUE(until([&] { return !file_->is_in_place(); }));
  file_.reset();
  EXPECT_EQ(bytes_of(beside("-wal")), "of another file");
  EXPECT_EQ(check_file(beside("-old"))->version, 2U);
}

TEST_F(Place, AWalThatIsAnothersIsLeftAlone) {
  commit("2");
  fs::remove(beside("-wal"));
  write_over(beside("-wal"), "of another file");
  ASSERT_TRUE(until([&] { return !file_->is_in_place(); }));
  file_.reset();
  EXPECT_EQ(bytes_of(beside("-wal")), "of another file");
  EXPECT_EQ(check_file(path())->version, 2U);
}

class WrittenOver : public Place, public testing::WithParamInterface<bool> {};

// `cp BACKUP PATH` under a running server keeps the inode and changes what is in it.
TEST_P(WrittenOver, AcceptedIsKept_NothingIsTakenOrRead) {
  file_.reset();
  const std::string old = bytes_of(path());
  ASSERT_TRUE(backup_file(path(), folder_.file("backup.db")));
  const std::string backup = bytes_of(folder_.file("backup.db"));
  start();
  writer_.emplace(file_->store());
  commit("2");
  if (GetParam()) {
    // All of it in the file, as after a while without a batch: the WAL would begin anew.
    Sql{path()}.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    commit("3");
  }
  for (const std::string& over : {backup, old.substr(0, 16384), std::string{}}) {
    write_over(path(), over);
    expect_refused();
    EXPECT_FALSE(file_->store().head().has_value()) << "what lies there is not what this server knows";
    EXPECT_EQ(bytes_of(path()), over);
  }
  write_over(path(), backup);
  EXPECT_TRUE(until([&] { return was_said("written over") || was_said("was cut"); }));
  file_.reset();
  EXPECT_EQ(bytes_of(path()), backup) << "a stop leaves it alone";
  const auto again = File::open(path(), machine_runtime());
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().failure, Failure::damaged);
  fs::remove(beside("-wal"));
  EXPECT_EQ(check_file(path())->version, 1U) << "exactly the backup";
}
INSTANTIATE_TEST_SUITE_P(, WrittenOver, testing::Bool());

TEST_F(Place, NothingIsMovedIntoAFileThatWasWrittenOver) {
  file_.reset();
  ASSERT_TRUE(backup_file(path(), folder_.file("backup.db")));
  const std::string backup = bytes_of(folder_.file("backup.db"));
  start(500ms);
  writer_.emplace(file_->store());
  commit("2");
  write_over(path(), backup);
  ASSERT_TRUE(until([&] { return was_said("written over"); }));
  std::this_thread::sleep_for(1s);  // what stands in the WAL is due meanwhile
  EXPECT_EQ(bytes_of(path()), backup);
}

TEST_F(Place, WrittenOverWithTheSameLengthIsSeen) {
  std::string bytes = bytes_of(path());
  commit("2");
  Sql{path()}.rows("PRAGMA wal_checkpoint(TRUNCATE)");
  commit("3");
  bytes.resize(fs::file_size(path()), '\0');
  write_over(path(), bytes);
  expect_refused();
}

TEST_F(Place, WalWrittenOverIsSeen) {
  for (const auto& [what, over] :
       std::vector<std::pair<std::string, std::string>>{{"cut", ""}, {"another", std::string(1 << 20, 'x')}}) {
    SCOPED_TRACE(what);
    file_.reset();
    start();
    writer_.emplace(file_->store());
    commit(what);
    const std::string before = bytes_of(path());
    write_over(beside("-wal"), over);
    expect_refused();
    EXPECT_TRUE(until([&] { return was_said("written over the write-ahead log"); }));
    file_.reset();
    EXPECT_EQ(bytes_of(path()), before) << "nothing of such a WAL goes into the file";
    fs::remove(beside("-wal"));
    fs::remove(beside("-shm"));
  }
}

TEST_F(Place, WhatOtherProgramsMayDoIsNoHarm) {
  for (int i = 0; i < 3; ++i) {
    commit("c" + std::to_string(i));
    Sql{path()}.rows("PRAGMA wal_checkpoint(PASSIVE)");
    EXPECT_TRUE(append());
    Sql{path()}.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    EXPECT_TRUE(append());
    Sql{path()}.rows("CREATE TABLE notes" + std::to_string(i) + " (text); PRAGMA wal_checkpoint(TRUNCATE); SELECT 1");
    EXPECT_TRUE(append());
    Sql{path()}.rows("DROP TABLE notes" + std::to_string(i) + "; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    EXPECT_TRUE(append());
    fs::last_write_time(path(), fs::file_time_type::clock::now());
    fs::permissions(path(), fs::perms{0600});
    EXPECT_TRUE(append());
    fs::create_hard_link(path(), beside("-link" + std::to_string(i)));
    EXPECT_TRUE(append());
  }
  EXPECT_TRUE(file_->is_in_place());
  EXPECT_FALSE(was_said("nothing new is taken"));
}

// A reader holds up the checkpoint between the commit that added the last page and one that changed it: the first page
// of the file counts the last one already, and the file ends before it.
TEST_F(Place, WhatAReaderLeavesInTheWalIsNoHarm) {
  Sql other{path()};
  for (int i = 0; i < 3; ++i) {
    const std::string table = "notes" + std::to_string(i);
    other.rows("CREATE TABLE " + table + " (text); INSERT INTO " + table + " VALUES ('a')");
    Sql reader{path()};
    reader.rows("BEGIN; SELECT count(*) FROM " + table);
    other.rows("UPDATE " + table + " SET text = 'b'");
    other.rows("PRAGMA wal_checkpoint(PASSIVE)");
    const auto bytes = static_cast<std::int64_t>(fs::file_size(path()));
    ASSERT_LT(bytes, reader.number("PRAGMA page_count") * page_bytes) << "or this test shows nothing";
    EXPECT_TRUE(append());
    commit("c" + std::to_string(i));
  }
  EXPECT_TRUE(file_->is_in_place());
  EXPECT_FALSE(was_said("nothing new is taken"));
}

/// Another program that reads the file in one transaction, from when it is told to until its life ends.
class OutsideReader {
 public:
  /// Before this process has threads.
  explicit OutsideReader(const std::string& path) {
    EXPECT_EQ(pipe(told_.data()), 0);
    EXPECT_EQ(pipe(reads_.data()), 0);
    process_ = fork();
    if (process_ != 0) return;
    char byte = 0;
    if (read(told_[0], &byte, 1) != 1) _exit(1);
    Sql sql{path};
    sql.rows("BEGIN; SELECT count(*) FROM version");
    if (write(reads_[1], &byte, 1) != 1) _exit(1);
    pause();
    _exit(1);
  }
  ~OutsideReader() {
    end();
    for (const int file : {told_[0], told_[1], reads_[0], reads_[1]}) close(file);
  }
  OutsideReader(const OutsideReader&) = delete;
  OutsideReader& operator=(const OutsideReader&) = delete;

  pid_t process() const { return process_; }
  bool begin() const {
    char byte = 'x';
    return write(told_[1], &byte, 1) == 1 && read(reads_[0], &byte, 1) == 1;
  }
  void end() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }

 private:
  std::array<int, 2> told_{};
  std::array<int, 2> reads_{};
  pid_t process_ = -1;
};

TEST(WalHeld, AnOutsideReaderIsNamedAndBounded) {
  const TestFolder folder;
  const std::string path = folder.file();
  OutsideReader reader{path};
  std::mutex mutex;
  std::vector<std::string> said;
  const auto count_said = [&](const std::string& words) {
    const std::lock_guard lock{mutex};
    return std::ranges::count_if(said, [&](const auto& each) { return each.find(words) != std::string::npos; });
  };
  FileOptions options;
  options.checkpoint.wal_bytes_soft = 64 << 10;
  options.transaction.wal_bytes_max = 256 << 10;
  options.transaction.wal_bytes_limit = 2 << 20;
  options.checkpoint.said_again = 100ms;
  options.report = [&](obs::Level, const std::string& what) {
    const std::lock_guard lock{mutex};
    said.push_back(what);
  };
  const auto file = open_file(path, options);
  const auto append = [&] { return file->log().append(0, records_of({std::string(10'000, 'x')})); };
  ASSERT_TRUE(append());
  ASSERT_TRUE(reader.begin());
  Result<Offset> appended = 0;
  ASSERT_TRUE(until([&] { return !(appended = append()); })) << "not without a bound";
  EXPECT_EQ(appended.error().failure, Failure::full);
  EXPECT_LT(file->counters().wal_bytes, 3U << 20);
  EXPECT_GT(file->counters().wal_held, Duration{0});
  ASSERT_TRUE(until([&] { return count_said(fmt::format("process {} ", reader.process())) >= 2; }))
      << "again and again";
  EXPECT_TRUE(file->store().head().has_value());
  EXPECT_TRUE(file->is_in_place());
  reader.end();
  EXPECT_TRUE(until([&] { return append().has_value(); }));
  EXPECT_TRUE(until([&] { return count_said("is moved into the file again") == 1; }));
  EXPECT_TRUE(until([&] { return file->counters().wal_held == Duration{0}; }));
}

}  // namespace
}  // namespace ratebook::sqlite
