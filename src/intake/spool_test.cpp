// The spool gives back what was appended from memory and from the file, counts its memory, and says when it is full.
#include "intake/spool.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <utility>

namespace ratebook::intake {
namespace {

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "spool_test-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  bool empty() const { return std::filesystem::is_empty(path); }

  std::filesystem::path path;
};

TEST(Spool, StaysInMemoryUpToItsBound) {
  const Folder folder;
  Spool spool{10, folder.path};
  ASSERT_TRUE(spool.append("12345"));
  ASSERT_TRUE(spool.append("67890"));
  EXPECT_EQ(spool.bytes_in_memory(), 10U);
  ASSERT_TRUE(spool.append("x"));
  ASSERT_TRUE(spool.append("beyond"));
  EXPECT_EQ(spool.bytes_in_memory(), 10U);
  EXPECT_EQ(spool.bytes(), 17U);
  EXPECT_EQ(spool.chunk_count(), 4U);
  EXPECT_EQ(spool.read(0).value(), "12345");
  EXPECT_EQ(spool.read(1).value(), "67890");
  EXPECT_EQ(spool.read(2).value(), "x");
  EXPECT_EQ(spool.read(3).value(), "beyond");
  EXPECT_EQ(spool.read(4).error().failure, Failure::not_found);
  EXPECT_TRUE(folder.empty()) << "the file has a name that may be left behind";
}

TEST(Spool, CountsWhatStandsInItsFile) {
  const Folder folder;
  MemoryBudget files{100};
  {
    Spool spool{10, folder.path, nullptr, &files};
    ASSERT_TRUE(spool.append("in memory"));
    EXPECT_EQ(files.bytes_taken(), 0U);
    ASSERT_TRUE(spool.append(std::string(60, 'a')));
    EXPECT_EQ(files.bytes_taken(), 60U);
    Spool moved = std::move(spool);
    Spool other{0, folder.path, nullptr, &files};
    EXPECT_EQ(other.append(std::string(60, 'b')).error().failure, Failure::full);
    EXPECT_TRUE(other.append(std::string(40, 'b')));
  }
  EXPECT_EQ(files.bytes_taken(), 0U);
}

TEST(Spool, WithoutAFolderStaysInMemory) {
  Spool spool{10, ""};
  ASSERT_TRUE(spool.append(std::string(1000, 'a')));
  EXPECT_EQ(spool.bytes_in_memory(), 1000U);
}

TEST(Spool, CountsItsMemoryAsLongAsItLives) {
  const Folder folder;
  MemoryBudget budget{100};
  {
    Spool spool{80, folder.path, &budget};
    ASSERT_TRUE(spool.append(std::string(60, 'a')));
    ASSERT_TRUE(spool.append(std::string(60, 'b')));
    EXPECT_EQ(budget.bytes_taken(), 60U);
    Spool moved{std::move(spool)};
    EXPECT_EQ(budget.bytes_taken(), 60U);
    spool = std::move(moved);
    EXPECT_EQ(budget.bytes_taken(), 60U);
    EXPECT_EQ(spool.read(0).value(), std::string(60, 'a'));
    EXPECT_EQ(spool.read(1).value(), std::string(60, 'b'));
    spool = Spool{0, ""};
    EXPECT_EQ(budget.bytes_taken(), 0U);
    spool = Spool{80, folder.path, &budget};
    ASSERT_TRUE(spool.append("c"));
  }
  EXPECT_EQ(budget.bytes_taken(), 0U);
}

TEST(Spool, GoesIntoTheFileEarlierWhereTheBudgetIsUsedUp) {
  const Folder folder;
  MemoryBudget budget{10};
  Spool spool{1000, folder.path, &budget};
  ASSERT_TRUE(spool.append("12345678"));
  ASSERT_TRUE(spool.append("abcd"));
  EXPECT_EQ(spool.bytes_in_memory(), 8U);
  EXPECT_EQ(spool.read(1).value(), "abcd");
  Spool no_file{1000, "", &budget};
  ASSERT_TRUE(no_file.append("12"));
  EXPECT_EQ(no_file.append("3").error().failure, Failure::full);
}

TEST(Spool, SaysThatItsFolderIsNone) {
  Spool spool{0, "/nowhere/at/all"};
  const auto appended = spool.append("a");
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().failure, Failure::full);
  EXPECT_NE(appended.error().message.find("/nowhere/at/all"), std::string::npos);
  EXPECT_EQ(spool.chunk_count(), 0U);
}

// A limit of the file's size stands for a full disk: the write comes back short, then fails.
TEST(Spool, OutlivesAFullDisk) {
  const Folder folder;
  Spool spool{0, folder.path};
  ASSERT_TRUE(spool.append(std::string(3000, 'a')));
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{4096, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto appended = spool.append(std::string(3000, 'b'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().failure, Failure::full);
  EXPECT_EQ(spool.chunk_count(), 1U);
  ASSERT_TRUE(spool.append(std::string(3000, 'c')));
  EXPECT_EQ(spool.read(0).value(), std::string(3000, 'a'));
  EXPECT_EQ(spool.read(1).value(), std::string(3000, 'c'));
}

RC_GTEST_PROP(SpoolProperty, GivesBackWhatWasAppended, (const std::vector<std::string>& chunks)) {
  const Folder folder;
  MemoryBudget budget{*rc::gen::inRange<std::size_t>(0, 300)};
  Spool spool{*rc::gen::inRange<std::size_t>(0, 300), folder.path, &budget};
  for (const auto& chunk : chunks) RC_ASSERT(spool.append(chunk).has_value());
  RC_ASSERT(spool.chunk_count() == chunks.size());
  RC_ASSERT(budget.bytes_taken() == spool.bytes_in_memory());
  for (std::size_t i = 0; i < chunks.size(); ++i) RC_ASSERT(spool.read(i).value() == chunks[i]);
}

TEST(MemoryBudget, IsNeverExceeded) {
  MemoryBudget budget{100};
  EXPECT_TRUE(budget.try_take(60));
  EXPECT_FALSE(budget.try_take(41));
  EXPECT_FALSE(budget.try_take(SIZE_MAX));
  EXPECT_TRUE(budget.try_take(40));
  EXPECT_EQ(budget.bytes_taken(), 100U);
  budget.give_back(100);
  EXPECT_EQ(budget.bytes_taken(), 0U);
}

TEST(MemoryBudget, AReservationGivesBackWhatItHolds) {
  MemoryBudget budget{100};
  {
    Reservation reservation{&budget};
    EXPECT_TRUE(reservation.raise_to(50));
    EXPECT_TRUE(reservation.raise_to(40));
    EXPECT_EQ(budget.bytes_taken(), 50U);
    EXPECT_FALSE(reservation.raise_to(101));
    EXPECT_EQ(reservation.bytes(), 50U);
    Reservation other{&budget};
    EXPECT_TRUE(other.add(30));
    other = std::move(reservation);
    EXPECT_EQ(budget.bytes_taken(), 50U);
  }
  EXPECT_EQ(budget.bytes_taken(), 0U);
}

}  // namespace
}  // namespace ratebook::intake
