#include "api/past.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "api/query.hpp"

namespace ratebook::api {
namespace {

std::vector<PortNumber> sorted(std::span<const PortNumber> ports) {
  std::vector<PortNumber> numbers{ports.begin(), ports.end()};
  std::ranges::sort(numbers);
  return numbers;
}

Result<Digest> chain_of(store::Store& store, Version version) {
  const auto rows = store.versions(version - 1, 1);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty() || rows->front().version != version) return fail(Failure::damaged, "the version has no row");
  return rows->front().chain;
}

}  // namespace

Result<Past> Past::find(Service& service, Version version, const View& view) {
  if (version == 0) return Past{service, {}};
  const auto chain = chain_of(service.store, version);
  if (!chain) return std::unexpected(chain.error());
  // Asked afterwards: where the store still holds what is shown, the row read before was of the same history.
  const auto shown = chain_of(service.store, view.book->version());
  if (!shown) return std::unexpected(shown.error());
  if (*shown != view.book->chain()) {
    return fail(Failure::unavailable, "the store has another history than this node shows; ask again in a moment");
  }
  return Past{service, {version, *chain}};
}

Result<PlaceTree> Past::places() const {
  if (version_.version == 0) return PlaceTree{};
  auto document = service_->store.places(version_.version);
  if (!document) return std::unexpected(document.error());
  const auto chain = chain_of(service_->store, version_.version);
  if (!chain) return std::unexpected(chain.error());
  if (*chain != version_.chain) return fail(Failure::unavailable, "the store has another history now; ask again");
  return PlaceTree{std::move(*document)};
}

std::expected<std::vector<book::DayRate>, Problem> Past::rates(const PlaceTree& places,
                                                               const book::RateQuery& query) const {
  store::PriceFilter filter{sorted(places.ports(query.orig)), sorted(places.ports(query.dest)), query.from, query.to};
  // Empty means all ports to the store, and none to a region.
  if (filter.origs.empty() || filter.dests.empty()) return std::vector<book::DayRate>{};
  std::vector<NumberedPrice> prices;
  std::size_t taken = 0;
  bool too_many = false;
  bool no_memory = false;
  const auto read = service_->store.prices_at(version_, filter, [&](std::span<const NumberedPrice> some) {
    const std::size_t bytes = some.size() * sizeof(NumberedPrice);
    too_many = prices.size() + some.size() > service_->limits.past_prices_max;
    no_memory = !too_many && !service_->memory.try_take(bytes);
    if (too_many || no_memory || service_->ended) return false;
    taken += bytes;
    prices.insert(prices.end(), some.begin(), some.end());
    return true;
  });
  const auto give_back = std::shared_ptr<void>{nullptr, [&](void*) { service_->memory.give_back(taken); }};
  if (too_many) {
    return std::unexpected(bad_parameter(
        "version", fmt::format("for a past version at most {} prices are read; ask for fewer days or smaller regions",
                               service_->limits.past_prices_max)));
  }
  if (no_memory) return std::unexpected(Problem{problems::overloaded, "too many past versions are read now", {}, {}});
  if (!read) return std::unexpected(store_problem(read.error()));
  return book::rates_of(prices, query);
}

void on_past(Service& service, const http::Respond& respond, std::function<void()> answer) {
  if (service.past.try_post(std::move(answer))) return;
  http::Response response;
  answer_problem({problems::overloaded, "too many past versions are asked for; ask again in a moment", {}, {}},
                 response);
  add_view_headers(service.view(), response);
  respond(std::move(response));
}

Problem not_visible(Service& service, Version version, const View& view) {
  const auto head = service.store.head();
  if (!head) return store_problem(head.error());
  if (version > head->version) {
    return {problems::unknown_version,
            fmt::format("'version': {} is not there yet; the newest is {}", version, head->version),
            {},
            {}};
  }
  return {problems::version_not_visible,
          fmt::format("this node shows version {}; ask for {} again in a moment", view.book->version(), version),
          {},
          {}};
}

}  // namespace ratebook::api
