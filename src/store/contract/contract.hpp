// What every store must do, as tests: linked into the test program of each folder that has one, which says how to make
// an empty store. And batches for tests.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/store.hpp"

namespace ratebook::store::contract {

/// An empty store, and what a person with SQL sees of it through a connection of another program.
class TestStore {
 public:
  virtual ~TestStore() = default;
  virtual Store& store() = 0;
  /// Rows as `a|b|c`.
  virtual std::vector<std::string> rows(const std::string& sql) = 0;

  std::int64_t number(const std::string& sql) {
    const auto found = rows(sql);
    return found.empty() ? -1 : std::stoll(found.front());
  }
};
using MakeTestStore = std::function<std::unique_ptr<TestStore>()>;

inline std::string attempt_name(int number) {
  std::string name = std::to_string(number);
  return std::string(32 - name.size(), 'a') + name;
}

inline BatchHeader header_of(const std::string& source, const std::string& key, std::uint64_t price_count,
                             const std::string& content = "", const std::string& replaces = "") {
  const Digest digest = sha256(content);
  return {.id = batch_id(source, key, digest),
          .source = source,
          .key = key,
          .digest = digest,
          .price_count = price_count,
          .accepted_at = 1'700'000'000'000,
          .replaces = replaces};
}

/// Sorted; `seed` makes them different.
inline std::vector<NumberedPrice> some_prices(std::size_t count, std::uint32_t seed = 1, std::uint32_t ports = 7) {
  std::vector<NumberedPrice> prices;
  std::uint32_t state = seed * 2'654'435'761U + 1;
  const auto draw = [&state](std::uint32_t below) {
    state = state * 1'664'525U + 1'013'904'223U;
    return (state >> 8) % below;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const PortNumber orig = draw(ports);
    prices.push_back({orig, (orig + 1 + draw(ports - 1)) % ports, Day{18'600 + static_cast<int>(draw(31))},
                      Cents{1 + draw(2'000'000)}});
  }
  std::ranges::sort(prices);
  return prices;
}

/// A writer that leaves the position where it is, unless a test moves it.
class TestWriter {
 public:
  explicit TestWriter(store::Store& store) : store_(store) { claim(); }

  void claim() {
    const auto claimed = store_.claim(0);
    ASSERT_TRUE(claimed.has_value()) << claimed.error().message;
    epoch = claimed->epoch;
    position = claimed->position;
  }
  store::StageRequest chunk(const std::string& attempt, std::uint32_t number,
                            std::span<const NumberedPrice> prices) const {
    return {.partition = 0, .epoch = epoch, .attempt = attempt, .chunk = number, .prices = prices};
  }
  store::PublishRequest request(std::vector<store::Decision> decisions) const {
    return {.partition = 0,
            .epoch = epoch,
            .expected = position,
            .next = position,
            .decisions = std::move(decisions),
            .bad_records = {},
            .swept = {},
            .now = 1'700'000'001'000};
  }
  Result<std::vector<store::Outcome>> publish(const store::PublishRequest& asked) {
    auto outcomes = store_.publish(asked);
    if (outcomes) position = asked.next;
    return outcomes;
  }
  /// One decision, whose outcome must come.
  store::Outcome decide(store::Decision decision) {
    auto outcomes = publish(request({std::move(decision)}));
    EXPECT_TRUE(outcomes.has_value()) << outcomes.error().message;
    return outcomes ? outcomes->front() : store::Outcome{};
  }
  /// One batch of one chunk.
  store::Outcome commit(const BatchHeader& header, const std::string& attempt,
                        const std::vector<NumberedPrice>& prices) {
    const auto staged = store_.stage(chunk(attempt, 0, prices));
    EXPECT_TRUE(staged.has_value()) << staged.error().message;
    return decide(store::CommitDecision{header, attempt, 1});
  }

  std::uint64_t epoch = 0;
  Position position;

 private:
  store::Store& store_;
};

/// A version with its chain; beyond the newest, the newest.
inline store::Head head_at(store::Store& store, Version at) {
  const auto newest = store.head();
  EXPECT_TRUE(newest.has_value());
  if (!newest || at >= newest->version) return newest.value_or(store::Head{});
  if (at == 0) return {};
  const auto rows = store.versions(at - 1, 1);
  return {rows->front().version, rows->front().chain};
}

inline std::vector<NumberedPrice> prices_at(store::Store& store, Version at, const store::PriceFilter& filter = {}) {
  std::vector<NumberedPrice> prices;
  const auto read = store.prices_at(head_at(store, at), filter, [&](std::span<const NumberedPrice> some) {
    EXPECT_TRUE(std::ranges::is_sorted(some));
    prices.insert(prices.end(), some.begin(), some.end());
    return true;
  });
  EXPECT_TRUE(read.has_value()) << read.error().message;
  std::ranges::sort(prices);
  return prices;
}

inline std::vector<NumberedPrice> sum_of(std::vector<NumberedPrice> one, const std::vector<NumberedPrice>& other) {
  one.insert(one.end(), other.begin(), other.end());
  std::ranges::sort(one);
  return one;
}

class Contract : public ::testing::TestWithParam<MakeTestStore> {
 protected:
  /// Rows of prices, staged ones, too. What is swept may go a little later.
  void expect_rows(std::int64_t count) {
    const std::string ask = "SELECT count(*) FROM price";
    for (int i = 0; i < 500 && made->number(ask) != count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    EXPECT_EQ(made->number(ask), count);
  }

  std::unique_ptr<TestStore> made = GetParam()();
  Store& store = made->store();
};
class Publish : public Contract {
 protected:
  std::int64_t markers() { return made->number("SELECT count(*) FROM marker"); }
  void expect_refused(const PublishRequest& request, Failure failure);

  TestWriter writer{store};
  std::vector<NumberedPrice> prices = some_prices(300);
};
class Places : public Contract {};
class Prices : public Contract {};

/// In each folder that has a store, once.
#define INSTANTIATE_STORE_CONTRACT(name, make)                                     \
  INSTANTIATE_TEST_SUITE_P(name, Publish, ::testing::Values(MakeTestStore{make})); \
  INSTANTIATE_TEST_SUITE_P(name, Places, ::testing::Values(MakeTestStore{make}));  \
  INSTANTIATE_TEST_SUITE_P(name, Prices, ::testing::Values(MakeTestStore{make}))

}  // namespace ratebook::store::contract
