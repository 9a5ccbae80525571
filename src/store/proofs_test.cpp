#include "store/proofs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ratebook::store {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(Proofs, AreToldOnce) {
  Proofs proofs;
  EXPECT_TRUE(proofs.add({7, Digest{1}}));
  EXPECT_FALSE(proofs.add({7, Digest{1}}));
  EXPECT_TRUE(proofs.add({7, Digest{2}})) << "another history's";
  EXPECT_EQ(proofs.all().size(), 2U);
}

TEST(Proofs, ThoseThatCameLastAreKept) {
  Proofs proofs;
  for (Version version = 1000; version <= 1000 + Proofs::kept_max; ++version) EXPECT_TRUE(proofs.add({version, {}}));
  EXPECT_EQ(proofs.all().size(), Proofs::kept_max);
  EXPECT_THAT(proofs.all(), Contains(Head{1000 + Proofs::kept_max, {}}));
  EXPECT_THAT(proofs.all(), Not(Contains(Head{1000, {}})));
  // After a restore versions begin lower.
  EXPECT_TRUE(proofs.add({3, {}}));
  EXPECT_THAT(proofs.all(), Contains(Head{3, {}}));
}

}  // namespace
}  // namespace ratebook::store
