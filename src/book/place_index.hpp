// The regions of every port, side by side: what the sums ask for each route that changes.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/places.hpp"

namespace ratebook::book {

class PlaceIndex {
 public:
  explicit PlaceIndex(const PlaceTree& places) {
    begins_.reserve(places.port_count() + 1);
    for (std::size_t port = 0; port < places.port_count(); ++port) {
      begins_.push_back(regions_.size());
      const std::vector<RegionNumber> regions = places.regions_of(static_cast<PortNumber>(port));
      regions_.insert(regions_.end(), regions.begin(), regions.end());
    }
    begins_.push_back(regions_.size());
  }

  /// The region that a port lies in and its ancestors, nearest first; none for a closed port or one not among the
  /// places.
  std::span<const RegionNumber> regions_of(PortNumber port) const {
    if (std::size_t{port} + 1 >= begins_.size()) return {};
    return std::span(regions_).subspan(begins_[port], begins_[port + 1] - begins_[port]);
  }
  std::size_t bytes() const { return begins_.capacity() * sizeof(std::size_t) + regions_.capacity() * 4; }

 private:
  std::vector<std::size_t> begins_;
  std::vector<RegionNumber> regions_;
};

}  // namespace ratebook::book
