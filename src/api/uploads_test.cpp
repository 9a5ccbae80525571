// Places of uploads: bounds in all, of a source, of those that have not named theirs.
#include "api/uploads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace ratebook::api {
namespace {

TEST(Uploads, one_source_at_its_bound_leaves_room_for_others) {
  Uploads uploads{{.all_max = 4, .per_source_max = 2, .unnamed_max = 1}};
  auto first = uploads.enter("a");
  const auto second = uploads.enter("a");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(uploads.enter("a").error().kind.status, 429U);
  const auto other = uploads.enter("b");
  ASSERT_TRUE(other);
  first->reset();
  EXPECT_TRUE(uploads.enter("a"));
  EXPECT_EQ(uploads.count(), 2U);
}

TEST(Uploads, a_few_busy_sources_leave_places_to_others) {
  Uploads uploads{{.all_max = 8, .per_source_max = 4, .unnamed_max = 2}};
  std::vector<std::unique_ptr<Uploads::Place>> places;
  for (int round = 0; round < 8; ++round) {
    for (const char* busy : {"a", "b"}) {
      if (auto place = uploads.enter(busy)) places.push_back(*std::move(place));
    }
  }
  EXPECT_GE(places.size(), 4U) << "most of the places are theirs";
  EXPECT_TRUE(uploads.enter("quiet"));
  auto unnamed = uploads.enter("");
  ASSERT_TRUE(unnamed);
  EXPECT_FALSE((*unnamed)->name("another"));
}

TEST(Uploads, all_together_have_a_bound) {
  Uploads uploads{{.all_max = 2, .per_source_max = 2, .unnamed_max = 2}};
  const auto first = uploads.enter("a");
  const auto second = uploads.enter("b");
  EXPECT_EQ(uploads.enter("c").error().kind.status, 503U);
}

TEST(Uploads, an_unnamed_one_counts_for_its_source_as_soon_as_that_is_known) {
  Uploads uploads{{.all_max = 9, .per_source_max = 1, .unnamed_max = 1}};
  auto place = uploads.enter("");
  ASSERT_TRUE(place);
  EXPECT_EQ(uploads.enter("").error().kind.status, 503U);
  EXPECT_FALSE((*place)->name("a"));
  EXPECT_FALSE((*place)->name("b"));  // it has one already
  EXPECT_EQ(uploads.enter("a").error().kind.status, 429U);
  auto next = uploads.enter("");
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->name("a")->kind.status, 429U);
  EXPECT_EQ(uploads.count(), 2U);
  place->reset();
  EXPECT_FALSE((*next)->name("a"));
  next->reset();
  EXPECT_EQ(uploads.count(), 0U);
}

TEST(Uploads, an_unnamed_one_may_have_the_place_that_it_could_have_by_its_name) {
  Uploads uploads{{.all_max = 3, .per_source_max = 3, .unnamed_max = 1}};
  const auto first = uploads.enter("a");
  {
    EXPECT_TRUE(uploads.enter("a"));
  }
  auto unnamed = uploads.enter("");
  ASSERT_TRUE(first && unnamed);
  EXPECT_FALSE((*unnamed)->name("a"));
  EXPECT_EQ(uploads.count(), 2U);
}

TEST(Uploads, bounds_hold_under_concurrency) {
  Uploads uploads{{.all_max = 3, .per_source_max = 2, .unnamed_max = 3}};
  std::atomic<int> most = 0;
  std::atomic<int> now = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 2000; ++round) {
          const auto place = uploads.enter(i % 2 == 0 ? "" : "a");
          if (!place) continue;
          most = std::max(most.load(), ++now);
          if (i % 2 == 0) static_cast<void>((*place)->name("b"));
          --now;
        }
      });
    }
  }
  EXPECT_LE(most, 3);
  EXPECT_EQ(uploads.count(), 0U);
}

}  // namespace
}  // namespace ratebook::api
