// A price in the two forms in which it travels: with port codes (from a client through the log) and with the store's
// port numbers (store, follower, book).
#pragma once
#include <compare>
#include <cstdint>
#include <vector>

#include "model/cents.hpp"
#include "model/day.hpp"
#include "model/port_code.hpp"

namespace ratebook {

/// The store's number of a port: 0, 1, 2, … in the order in which the store met them. Never reused, never taken away.
using PortNumber = std::uint32_t;

struct Price {
  PortCode orig;
  PortCode dest;
  Day day;
  Cents amount;

  auto operator<=>(const Price&) const = default;
};

/// A price as store and book hold it; sorts by route, then day, then amount.
struct NumberedPrice {
  PortNumber orig = 0;
  PortNumber dest = 0;
  Day day;
  Cents amount;

  auto operator<=>(const NumberedPrice&) const = default;
};

/// Prices of one batch that travel together: at most chunk_prices_max, in the order sent. Ports are named once.
struct Chunk {
  struct Item {
    std::uint16_t orig = 0;  ///< index into ports
    std::uint16_t dest = 0;  ///< index into ports
    Day day;
    Cents amount;

    auto operator<=>(const Item&) const = default;
  };
  std::vector<PortCode> ports;  ///< each once, at most 65,536
  std::vector<Item> items;

  bool operator==(const Chunk&) const = default;
};

inline constexpr std::size_t chunk_prices_max = 50'000;

}  // namespace ratebook
