// Accepted is kept, whatever the disk does, and at whichever write, sync or truncation of the path it does it: once
// from the start of a new file to its closing, with appends, large ones too, stages, publishes, a retraction, a
// replacement, places, checkpoints, and two clients whose appends share commits.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "crash/disk.hpp"
#include "crash/path.hpp"

namespace ratebook::crash {
namespace {

namespace fs = std::filesystem;

/// Of what a crash leaves, beside the extremes. RATEBOOK_TEST_CRASH_SEEDS=N: more.
std::uint32_t seeds_a_step() {
  const char* asked = std::getenv("RATEBOOK_TEST_CRASH_SEEDS");
  return asked == nullptr ? 1 : static_cast<std::uint32_t>(std::atoi(asked));
}

class Crash : public testing::Test {
 protected:
  Crash() {
    std::string name = (fs::temp_directory_path() / "ratebook-crash-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~Crash() override { fs::remove_all(folder_); }

  /// A folder that is empty.
  std::string fresh(const std::string& name) const {
    fs::remove_all(folder_ / name);
    fs::create_directory(folder_ / name);
    return folder_ / name;
  }

  /// Runs the path with this plan, then on what it leaves by each seed; what is broken.
  std::vector<std::string> run(DiskPlan plan, const std::vector<std::uint32_t>& seeds) {
    disk_.begin(plan);
    Path path{disk_};
    path.run(fresh("run") + "/book.db");
    steps_ = disk_.steps();
    told_ += path.told();
    for (const std::uint32_t seed : seeds) disk_.leave(fresh("left" + std::to_string(seed)), seed);
    disk_.begin({});
    std::vector<std::string> broken;
    for (const std::uint32_t seed : seeds) {
      const std::string left = (folder_ / ("left" + std::to_string(seed)) / "book.db").string();
      for (const auto& what : path.broken_promises(left)) {
        broken.push_back(what + " (step " + std::to_string(plan.at) + ", seed " + std::to_string(seed) + ")");
      }
    }
    return broken;
  }

  /// How many steps the path takes where nothing happens; they vary a little, as threads do.
  std::uint64_t steps_undisturbed() {
    EXPECT_EQ(run({}, {0}), std::vector<std::string>{});
    return steps_;
  }

  /// A fault at every some steps, and all goes on without a restart, to its end.
  void outlive(DiskFault fault) {
    const std::uint64_t steps = steps_undisturbed();
    const std::size_t told_undisturbed = told_;
    for (std::uint64_t at = 0; at < steps; at += 11) {
      told_ = 0;
      ASSERT_EQ(run({.fault = fault, .at = at, .steps = 1 + at % 30}, {0}), std::vector<std::string>{});
      ASSERT_GE(told_ + 1, told_undisturbed) << "at step " << at << " (of places, an outcome may stay unknown)";
    }
  }

  fs::path folder_;
  Disk disk_;
  std::uint64_t steps_ = 0;  ///< of the last run
  std::size_t told_ = 0;     ///< in all runs
};

/// Every step belongs to one of these, which may run beside one another.
constexpr std::uint32_t parts = 4;

class CrashAtEachStep : public Crash, public testing::WithParamInterface<std::uint32_t> {};

TEST_P(CrashAtEachStep, AcceptedIsKept_PowerFails) {
  const std::uint64_t steps = steps_undisturbed();
  const std::size_t told_undisturbed = told_;
  ASSERT_GT(steps, 100U);
  for (std::uint64_t at = GetParam(); at < steps; at += parts) {
    const auto number = static_cast<std::uint32_t>(at);
    std::vector<std::uint32_t> seeds{number % 2};
    for (std::uint32_t i = 0; i < seeds_a_step(); ++i) seeds.push_back(2 + number * seeds_a_step() + i);
    ASSERT_EQ(run({.fault = DiskFault::crash, .at = at}, seeds), std::vector<std::string>{});
  }
  EXPECT_GT(told_, told_undisturbed * steps / parts / 4) << "clients were told of much, so that much could be lost";
}

INSTANTIATE_TEST_SUITE_P(Part, CrashAtEachStep, testing::Range(0U, parts));

// What `synchronous = OFF`, or an acknowledgement before its sync, would do.
TEST_F(Crash, AcceptedIsLost_WhereSyncsLie) {
  const std::uint64_t steps = steps_undisturbed();
  const auto broken = run({.fault = DiskFault::crash, .at = steps / 2, .syncs_lie = true}, {0});
  EXPECT_FALSE(broken.empty()) << "or this test would find nothing anywhere";
}

TEST_F(Crash, AcceptedIsKept_DiskFullForAWhile) { outlive(DiskFault::full); }

TEST_F(Crash, AcceptedIsKept_WritesFailForAWhile) { outlive(DiskFault::write_error); }

}  // namespace
}  // namespace ratebook::crash
