// Opening: what is refused and how it is said, what a crash leaves, and what is synced when.
#include "sqlite/file.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "sqlite/check.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/test_file.hpp"

namespace ratebook::sqlite {
namespace {

Fault refusal(const std::string& path) {
  auto opened = File::open(path, machine_runtime());
  EXPECT_FALSE(opened.has_value());
  return opened ? Fault{} : opened.error();
}

TEST(File, IsMadeAndFoundAgain) {
  const TestFolder folder;
  {
    const auto file = open_file(folder.file(), {.partition_count = 3});
    EXPECT_EQ(file->log().partition_count(), 3U);
    EXPECT_EQ(file->store().partition_count(), 3U);
    EXPECT_EQ(file->log().assignment().partitions, (std::vector<std::uint32_t>{0, 1, 2}));
    EXPECT_EQ(*file->store().head(), store::Head{});
  }
  const auto again = open_file(folder.file(), {.partition_count = 5});
  EXPECT_EQ(again->log().partition_count(), 3U) << "the count is the file's";
}

TEST(File, SecondOpenerIsRefused) {
  const TestFolder folder;
  {
    const auto file = open_file(folder.file());
    const Fault fault = refusal(folder.file());
    EXPECT_EQ(fault.failure, Failure::conflict);
    EXPECT_NE(fault.message.find("another process"), std::string::npos) << fault.message;
    EXPECT_TRUE(file->store().put_places({{{"a", "A", ""}}, {}}, std::nullopt, 1).has_value()) << "the first goes on";
  }
  EXPECT_NE(open_file(folder.file()), nullptr) << "and lets go at its end";
}

TEST(File, SecondOpenerThroughALinkIsRefused) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  std::filesystem::create_symlink(folder.file(), folder.file("link.db"));
  EXPECT_EQ(refusal(folder.file("link.db")).failure, Failure::conflict);
}

TEST(File, ForeignFileIsRefusedAndLeftAlone) {
  const TestFolder folder;
  const std::string text = "these are my notes, not a database";
  std::ofstream{folder.file()} << text;
  const Fault fault = refusal(folder.file());
  EXPECT_EQ(fault.failure, Failure::damaged);
  EXPECT_NE(fault.message.find("not a database"), std::string::npos) << fault.message;
  std::ifstream read{folder.file()};
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>{read}, {}}), text);
}

TEST(File, ForeignDatabaseIsRefusedAndLeftAlone) {
  const TestFolder folder;
  Sql{folder.file()}.rows("CREATE TABLE mine (x); INSERT INTO mine VALUES (7)");
  const Fault fault = refusal(folder.file());
  EXPECT_EQ(fault.failure, Failure::damaged);
  EXPECT_NE(fault.message.find("another program"), std::string::npos) << fault.message;
  Sql sql{folder.file()};
  EXPECT_EQ(sql.number("SELECT x FROM mine"), 7);
  EXPECT_EQ(sql.rows("PRAGMA journal_mode").front(), "delete");
}

TEST(File, NewerSchemaIsRefused) {
  const TestFolder folder;
  open_file(folder.file());
  Sql{folder.file()}.rows("PRAGMA user_version = " + std::to_string(newest_schema() + 1));
  const Fault fault = refusal(folder.file());
  EXPECT_EQ(fault.failure, Failure::conflict);
  EXPECT_NE(fault.message.find("newer release"), std::string::npos) << fault.message;
}

TEST(File, OfAnOlderReleaseIsTakenOver) {
  const TestFolder folder;
  const auto prices = some_prices(300);
  {
    const auto file = open_file(folder.file());
    TestWriter writer{file->store()};
    std::vector<PortCode> codes;
    for (const char last : std::string{"ABCDEFG"}) codes.push_back(PortCode::parse(std::string{"CNSG"} + last).value());
    ASSERT_TRUE(file->store().number_ports(codes));
    writer.commit(header_of("a", "1", prices.size()), attempt_name(1), prices);
  }
  Sql{folder.file()}.rows("ALTER TABLE marker DROP COLUMN checksum; PRAGMA user_version = 1");
  EXPECT_EQ(check_file(folder.file())->findings, std::vector<std::string>{});
  {
    const auto file = open_file(folder.file());
    EXPECT_EQ(prices_at(file->store(), 1), prices);
    TestWriter{file->store()}.commit(header_of("a", "2", prices.size()), attempt_name(2), prices);
  }
  Sql sql{folder.file()};
  EXPECT_EQ(sql.number("PRAGMA user_version"), newest_schema());
  EXPECT_EQ(sql.number("SELECT count(*) FROM marker WHERE checksum IS NULL"), 1);
}

TEST(File, MissingFolderIsNamed) {
  const TestFolder folder;
  const Fault fault = refusal(folder.file("none/book.db"));
  EXPECT_EQ(fault.failure, Failure::not_found);
  EXPECT_NE(fault.message.find("no folder"), std::string::npos) << fault.message;
}

TEST(File, FolderInPlaceOfTheFileIsRefused) {
  const TestFolder folder;
  std::filesystem::create_directory(folder.file());
  EXPECT_EQ(refusal(folder.file()).failure, Failure::refused);
}

TEST(File, ReadOnlyFileIsRefused) {
  const TestFolder folder;
  open_file(folder.file());
  std::filesystem::permissions(std::filesystem::path{folder.file()}.parent_path(), std::filesystem::perms{0755});
  std::filesystem::permissions(folder.file(), std::filesystem::perms{0444});
  std::filesystem::permissions(folder.file() + "-lock", std::filesystem::perms{0666});
  // Root may write everywhere: the other user is asked then.
  const bool is_root = geteuid() == 0;
  ASSERT_EQ(is_root ? seteuid(65534) : 0, 0);
  const Fault fault = refusal(folder.file());
  ASSERT_EQ(is_root ? seteuid(0) : 0, 0);
  EXPECT_EQ(fault.failure, Failure::refused);
  EXPECT_NE(fault.message.find("cannot be written"), std::string::npos) << fault.message;
}

TEST(File, HalfMadeFileIsFinished) {
  const TestFolder folder;
  // What a crash between the first page and the schema leaves.
  Sql{folder.file()}.rows("PRAGMA journal_mode = WAL");
  const auto file = open_file(folder.file());
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->store().head()->version, 0U);
}

TEST(File, SettingsAreTheDurableOnes) {
  const TestFolder folder;
  const auto file = open_file(folder.file());
  Sql sql{folder.file()};
  EXPECT_EQ(sql.rows("PRAGMA journal_mode").front(), "wal");
  EXPECT_EQ(sql.number("PRAGMA application_id"), application_id);
  EXPECT_EQ(sql.number("PRAGMA user_version"), newest_schema());
  EXPECT_EQ(sql.number("PRAGMA page_size"), page_bytes);
  EXPECT_EQ(sql.rows("PRAGMA foreign_key_check").size(), 0U);
}

/// Runs `work` in a process of its own, which must kill itself.
void run_until_killed(const std::function<void()>& work) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    work();
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the work did not come to its end";
}

TEST(File, AcceptedIsKept_KilledBetweenAppendAndPublish) {
  const TestFolder folder;
  const auto prices = some_prices(500);
  const BatchHeader header = header_of("carrier-a", "k1", 500);
  run_until_killed([&] {
    const auto file = open_file(folder.file());
    TestWriter writer{file->store()};
    writer.commit(header_of("carrier-a", "k0", 500), attempt_name(0), prices);
    const auto offset = file->log().append(0, records_of({"one", "two"}));
    if (!offset) return;
    // Staged, but in no commit when the process dies.
    if (!file->store().stage(writer.chunk(attempt_name(1), 0, prices))) return;
    kill(getpid(), SIGKILL);
  });
  const auto file = open_file(folder.file());
  EXPECT_EQ(file->store().head()->version, 1U);
  TestWriter writer{file->store()};
  EXPECT_EQ(writer.epoch, 2U);
  const auto records = file->log().read(0, writer.position.offset + 1, 1 << 20, Duration{0});
  ASSERT_TRUE(records.has_value());
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[0].bytes, "one");
  EXPECT_EQ((*records)[1].bytes, "two");
  // What was staged is not there: said so, staged again, published.
  const auto missing = writer.publish(writer.request({store::CommitDecision{header, attempt_name(1), 1}}));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().failure, Failure::not_found);
  EXPECT_EQ(writer.commit(header, attempt_name(1), prices).version, 2U);
  EXPECT_EQ(prices_at(file->store(), 2), sum_of(prices, prices));
}

TEST(File, AcceptedIsKept_KilledAfterPublish) {
  const TestFolder folder;
  const auto prices = some_prices(500);
  run_until_killed([&] {
    const auto file = open_file(folder.file());
    TestWriter writer{file->store()};
    if (writer.commit(header_of("carrier-a", "k", 500), attempt_name(1), prices).version == 1) {
      kill(getpid(), SIGKILL);
    }
  });
  const auto file = open_file(folder.file());
  EXPECT_EQ(std::filesystem::file_size(folder.file() + "-wal"), 0U) << "a start leaves nothing in the WAL";
  EXPECT_EQ(prices_at(file->store(), 1), prices);
}

TEST(File, OffsetsGoOnAfterARestart) {
  const TestFolder folder;
  Offset last = -1;
  {
    const auto file = open_file(folder.file());
    last = *file->log().append(0, records_of({"a", "b", "c"}));
    TestWriter writer{file->store()};
    auto request = writer.request({});
    request.next.offset = last;
    ASSERT_TRUE(writer.publish(request).has_value());
  }
  const auto file = open_file(folder.file());
  EXPECT_GT(*file->log().append(0, records_of({"d"})), last) << "though all before are deleted";
}

}  // namespace
}  // namespace ratebook::sqlite
