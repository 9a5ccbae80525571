// The book in process: bytes a price, loading, publishing, and rates between ports and between regions.
//   book_bench [MILLION_PRICES [ROWS]] [google-benchmark flags]     10 without a number; 0.1 is one, too
// ROWS is a file that gets them as CSV: origin, destination, day, cents; for another program to compare with.
// Prices are random over 100 x 100 ports and 365 days, so 10 million make about 2.8 a route and day.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "book/book.hpp"

namespace {

using namespace ratebook;

constexpr std::uint32_t port_count = 100;
constexpr std::int32_t first_day = 18628;  // 2021-01-01
constexpr std::int32_t day_count = 365;
constexpr std::size_t published_prices = 50'000;

/// A root `world` over ten regions of ten ports.
std::shared_ptr<const PlaceTree> make_places() {
  PlacesDocument places;
  places.regions.push_back({"world", "World", ""});
  for (int i = 0; i < 10; ++i) places.regions.push_back({"region_" + std::to_string(i), "Region", "world"});
  for (std::uint32_t i = 0; i < port_count; ++i) {
    const std::string number = std::to_string(100 + i);
    places.ports.push_back({"XX" + number, "Port", "region_" + std::to_string(i / 10), false});
  }
  return std::make_shared<const PlaceTree>(std::move(places));
}

class Prices {
 public:
  std::vector<NumberedPrice> take(std::size_t count) {
    std::vector<NumberedPrice> prices(count);
    for (NumberedPrice& price : prices) {
      price.orig = port(random_);
      price.dest = (price.orig + 1 + other_port(random_)) % port_count;
      price.day = Day{first_day + day(random_)};
      price.amount = Cents{amount(random_)};
    }
    return prices;
  }

 private:
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<std::uint32_t> port{0, port_count - 1};
  std::uniform_int_distribution<std::uint32_t> other_port{0, port_count - 2};
  std::uniform_int_distribution<std::int32_t> day{0, day_count - 1};
  std::uniform_int_distribution<std::uint32_t> amount{50'000, 500'000};
};

/// Resident memory of this process in bytes: all of it, or its peak.
std::size_t resident_bytes(const char* field) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::size_t kibibytes = 0;
    if (word == field && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

void write_rows(std::FILE* file, const std::vector<NumberedPrice>& prices) {
  for (const NumberedPrice& price : prices) {
    std::fprintf(file, "%u,%u,%d,%u\n", price.orig, price.dest, price.day.since_1970, price.amount.value);
  }
}

book::Snapshot load(std::size_t price_count, const char* rows_path) {
  const std::size_t before = resident_bytes("VmRSS:");
  Prices prices;
  book::Loader loader;
  std::FILE* rows = rows_path == nullptr ? nullptr : std::fopen(rows_path, "w");
  double seconds = 0;
  const auto timed = [&seconds](auto work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (std::size_t done = 0; done < price_count; done += published_prices) {
    const auto some = prices.take(published_prices);
    if (rows != nullptr) write_rows(rows, some);
    timed([&] { loader.add(some); });
  }
  if (rows != nullptr && std::fclose(rows) != 0) std::abort();
  const double seconds_adding = seconds;
  book::Snapshot book;
  timed([&] { book = loader.finish(1, Digest{}, make_places()); });
  const auto count = static_cast<double>(price_count);
  std::printf("%zu prices: %.2f bytes a price by its own count, resident %.2f more, %.2f at the peak\n", price_count,
              static_cast<double>(book->bytes()) / count,
              static_cast<double>(resident_bytes("VmRSS:") - before) / count,
              static_cast<double>(resident_bytes("VmHWM:") - before) / count);
  std::printf("loaded in random order in %.2f s, of it %.2f s to add\n", seconds, seconds_adding);
  return book;
}

/// From a change to the next book, the last one freed.
void publish(benchmark::State& state, book::Snapshot& book) {
  Prices prices;
  std::uint64_t version = 1;
  for (auto _ : state) {
    state.PauseTiming();
    book::Change change{++version, Digest{}, prices.take(static_cast<std::size_t>(state.range(0))), {}, nullptr};
    state.ResumeTiming();
    auto next = book::apply(book, std::move(change));
    if (!next) return state.SkipWithError(next.error().message.c_str());
    book = std::move(*next);
  }
  state.counters["bytes_a_price"] = static_cast<double>(book->bytes()) / static_cast<double>(book->price_count());
}

void change_places(benchmark::State& state, book::Snapshot& book) {
  for (auto _ : state) {
    auto next = book::apply(book, {book->version() + 1, Digest{}, {}, {}, make_places()});
    if (!next) return state.SkipWithError(next.error().message.c_str());
    book = std::move(*next);
  }
}

void rates(benchmark::State& state, const book::Book& book, book::RateQuery query, bool random_ports) {
  std::mt19937 random{2};
  query.from = Day{first_day + 150};
  query.to = Day{query.from.since_1970 + 30};
  std::uint64_t count = 0;
  double answers = 0;
  for (auto _ : state) {
    if (random_ports) {
      query.orig.number = static_cast<std::uint32_t>(random()) % port_count;
      query.dest.number = (query.orig.number + 1) % port_count;
      query.from.since_1970 = first_day + static_cast<std::int32_t>(random() % 300);
      query.to.since_1970 = query.from.since_1970 + 30;
    }
    for (const book::DayRate& rate : book.rates(query)) {
      count += rate.count;
      if (query.percentiles.empty()) answers += 100 * rate.average();
      for (const double percentile : rate.percentiles) answers += percentile;
    }
  }
  const auto iterations = static_cast<double>(state.iterations());
  state.counters["prices"] = static_cast<double>(count) / iterations;
  state.counters["answers"] = answers / iterations;  // averages and percentiles, summed up: for another to compare
}

void register_rates(const std::string& name, const book::Snapshot& book, PlaceNumber orig, PlaceNumber dest,
                    bool random_ports) {
  const auto add = [&](const std::string& what, bool extremes, std::vector<double> percentiles) {
    const book::RateQuery query{orig, dest, {}, {}, extremes, std::move(percentiles)};
    benchmark::RegisterBenchmark((name + ", 31 days: " + what).c_str(), [=, &book](benchmark::State& state) {
      rates(state, *book, query, random_ports);
    })->Unit(benchmark::kMicrosecond);
  };
  add("average", false, {});
  add("extremes", true, {});
  add("p20 p50 p80", false, {0.2, 0.5, 0.8});
}

}  // namespace

int main(int argc, char** argv) {
  double million_prices = 10;
  const char* rows = nullptr;
  const auto take_word = [&]() -> const char* {
    if (argc < 2 || argv[1][0] == '-') return nullptr;
    const char* word = argv[1];
    argv[1] = argv[0];
    --argc;
    ++argv;
    return word;
  };
  if (const char* millions = take_word()) {
    million_prices = std::strtod(millions, nullptr);
    rows = take_word();
  }
  benchmark::Initialize(&argc, argv);
  book::Snapshot book = load(static_cast<std::size_t>(std::llround(million_prices * 1e6)), rows);
  const PlaceNumber port{PlaceNumber::Kind::port, 0};
  const PlaceNumber world{PlaceNumber::Kind::region, 0};
  const PlaceNumber region{PlaceNumber::Kind::region, 1};
  register_rates("port to port", book, port, port, true);
  register_rates("region to region", book, region, {PlaceNumber::Kind::region, 2}, false);
  register_rates("all to all", book, world, world, false);
  benchmark::RegisterBenchmark("publish", [&](benchmark::State& state) { publish(state, book); })
      ->Arg(1)
      ->Arg(published_prices)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("change of places", [&](benchmark::State& state) {
    change_places(state, book);
  })->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
}
