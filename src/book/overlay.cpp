#include "book/overlay.hpp"

#include <numeric>
#include <utility>

#include "book/parts.hpp"

namespace ratebook::book {

std::uint64_t Overlay::price_count() const {
  return std::accumulate(slabs_.begin(), slabs_.end(), std::uint64_t{0},
                         [](std::uint64_t count, const Snapshot& slab) { return count + slab->price_count(); });
}

std::size_t Overlay::bytes() const {
  return std::accumulate(slabs_.begin(), slabs_.end(), sizeof(Overlay),
                         [](std::size_t bytes, const Snapshot& slab) { return bytes + slab->bytes(); });
}

struct OverlayBuilder::Making {
  std::shared_ptr<const PlaceIndex> place_index;
  Sums sums;
  std::vector<Snapshot> slabs;
  std::unique_ptr<Loader> open;
  std::uint64_t open_prices = 0;

  explicit Making(const Book& newest)
      : place_index(newest.parts().place_index),
        sums{newest.parts().sums().pairs, std::vector<const DaySums*>(newest.parts().sums().days.size())} {}
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  ~Making() { free_sums(sums); }

  void close_slab() {
    if (!open) return;
    slabs.push_back(open->finish(0, Digest{}, nullptr));
    open.reset();
    open_prices = 0;
    Edit edit;
    sums = add_tree(sums, *place_index, slabs.back()->parts().tree(), edit);
    for (const void* node : edit.keep()) free_node(node);  // nobody else has seen them
  }
};

OverlayBuilder::OverlayBuilder(const Book& newest) : making_(std::make_unique<Making>(newest)) {}
OverlayBuilder::~OverlayBuilder() = default;

void OverlayBuilder::add(std::span<const NumberedPrice> prices) {
  while (!prices.empty()) {
    if (!making_->open) making_->open = std::make_unique<Loader>();
    const auto taken = prices.first(std::min<std::size_t>(prices.size(), slab_prices - making_->open_prices));
    making_->open->add(taken);
    making_->open_prices += taken.size();
    if (making_->open_prices == slab_prices) making_->close_slab();
    prices = prices.subspan(taken.size());
  }
}

std::shared_ptr<const Overlay> OverlayBuilder::finish() {
  making_->close_slab();
  return std::make_shared<const Overlay>(std::move(making_->slabs), std::exchange(making_->sums, {}));
}

}  // namespace ratebook::book
