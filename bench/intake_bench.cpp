// How fast a body becomes a batch (decoded, checked, digested, packed): bytes/s of the body, by format and size.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <random>

#include "intake/intake.hpp"

namespace {

using namespace ratebook;
using intake::Format;

PlacesDocument places_of(std::size_t count) {
  PlacesDocument places{.regions = {{"all", "All", ""}}, .ports = {}};
  for (std::size_t i = 0; i < count; ++i) {
    std::string code = "AAAAA";
    for (std::size_t at = 5, rest = i * 7919 % 11'881'376; at-- > 0; rest /= 26) {
      code[at] = static_cast<char>('A' + rest % 26);
    }
    places.ports.push_back({code, "p", "all"});
  }
  return places;
}

std::string body_of(Format format, const PlaceTree& places, std::size_t count) {
  std::mt19937_64 random{42};
  const auto below = [&](std::size_t bound) { return random() % bound; };
  std::string body = format == Format::csv    ? "orig_code,dest_code,day,price\n"
                     : format == Format::json ? R"({"source":"carrier-a","prices":[)"
                                              : "";
  for (std::size_t i = 0; i < count; ++i) {
    const auto orig = below(places.port_count());
    const auto dest = (orig + 1 + below(places.port_count() - 1)) % places.port_count();
    const auto& ports = places.document().ports;
    const std::string day = format_day(Day{static_cast<std::int32_t>(18'262 + below(365))});
    const std::string price = format_cents(Cents{static_cast<std::uint32_t>(10'000 + below(500'000))});
    if (format == Format::csv) {
      body += fmt::format("{},{},{},{}\n", ports[orig].code, ports[dest].code, day, price);
    } else {
      body += fmt::format(R"({}{{"orig_code":"{}","dest_code":"{}","day":"{}","price":{}}})",
                          i == 0                   ? ""
                          : format == Format::json ? ","
                                                   : "\n",
                          ports[orig].code, ports[dest].code, day, price);
    }
  }
  return format == Format::json ? body + "]}" : body;
}

void decode(benchmark::State& state, Format format) {
  const auto places = std::make_shared<const PlaceTree>(places_of(static_cast<std::size_t>(state.range(1))));
  const std::string body = body_of(format, *places, static_cast<std::size_t>(state.range(0)));
  intake::MemoryBudget memory{512u << 20};
  for ([[maybe_unused]] const auto step : state) {
    intake::Intake intake{{format, places, "carrier-a", ""}, {}, memory};
    constexpr std::size_t piece_bytes = 64 * 1024;
    for (std::size_t at = 0; at < body.size(); at += piece_bytes) {
      intake.feed(std::string_view{body}.substr(at, piece_bytes));
    }
    const auto result = intake.finish();
    if (!result) state.SkipWithError(result.error().detail.c_str());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * static_cast<std::int64_t>(state.iterations()));
  state.SetItemsProcessed(state.range(0) * static_cast<std::int64_t>(state.iterations()));
}

BENCHMARK_CAPTURE(decode, json, Format::json)
    ->ArgNames({"prices", "ports"})
    ->Args({50'000, 150})
    ->Args({1'000'000, 150});
BENCHMARK_CAPTURE(decode, ndjson, Format::ndjson)
    ->ArgNames({"prices", "ports"})
    ->Args({50'000, 150})
    ->Args({1'000'000, 150});
BENCHMARK_CAPTURE(decode, csv, Format::csv)->ArgNames({"prices", "ports"})->Args({50'000, 150})->Args({1'000'000, 150});
BENCHMARK_CAPTURE(decode, csv_many_ports, Format::csv)->ArgNames({"prices", "ports"})->Args({50'000, 20'000});
BENCHMARK_CAPTURE(decode, json_one, Format::json)->ArgNames({"prices", "ports"})->Args({1, 150})->Args({1, 20'000});

}  // namespace

BENCHMARK_MAIN();
