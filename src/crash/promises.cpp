#include "crash/promises.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratebook::crash {

template <class T>
T Promises::need(Result<T> result) {
  if (result) return *std::move(result);
  report("cannot be read: " + result.error().message);
  return {};
}

void Promises::check_versions() {
  rows_ = need(store_.versions(0, 100'000));
  Digest chain{};
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const VersionRow& row = rows_[i];
    if (row.version != i + 1) report(fmt::format("version {} stands where {} belongs", row.version, i + 1));
    // What a change of places said at its time is not to be read here: ports that came later stand among them.
    if (row.kind != VersionKind::places) {
      chain = chain_after(chain, row.version, static_cast<std::uint8_t>(row.kind), row.batch_id);
      if (row.chain != chain) report(fmt::format("version {} breaks the chain", row.version));
    }
    chain = row.chain;
  }
}

void Promises::check_places(Version told) {
  if (told > rows_.size() || rows_[told - 1].kind != VersionKind::places) {
    report(fmt::format("version {} was told as one of places", told));
  }
}

void Promises::check_told(const Sent& sent) {
  const auto stands_at = [&](Version version, VersionKind kind) {
    return version == 0 || (version <= rows_.size() && rows_[version - 1].kind == kind &&
                            rows_[version - 1].batch_id == sent.header.id);
  };
  if (!stands_at(sent.version, VersionKind::batch)) {
    report(fmt::format("batch {} was told as version {}", sent.header.id, sent.version));
  }
  if (!stands_at(sent.retracted_version, VersionKind::retraction)) {
    report(fmt::format("batch {} was told as retracted at {}", sent.header.id, sent.retracted_version));
  }
}

std::vector<NumberedPrice> Promises::numbered(const std::vector<Price>& prices) {
  std::vector<PortCode> codes;
  for (const Price& price : prices) {
    codes.push_back(price.orig);
    codes.push_back(price.dest);
  }
  std::ranges::sort(codes);
  codes.erase(std::ranges::unique(codes).begin(), codes.end());
  const auto numbers = need(store_.number_ports(codes));
  if (numbers.size() != codes.size()) return {};
  const auto number = [&](PortCode code) {
    return numbers[static_cast<std::size_t>(std::ranges::find(codes, code) - codes.begin())];
  };
  std::vector<NumberedPrice> made;
  for (const Price& price : prices) made.push_back({number(price.orig), number(price.dest), price.day, price.amount});
  std::ranges::sort(made);
  return made;
}

void Promises::check_prices(const std::vector<std::vector<Sent>>& batches) {
  std::vector<NumberedPrice> expected;
  for (const auto& client : batches) {
    for (const Sent& sent : client) {
      const auto batch = need(store_.batch(sent.header.id));
      if (!batch) continue;
      std::vector<NumberedPrice> found;
      const auto read = store_.reading()->prices_of(batch->attempt, [&](std::span<const NumberedPrice> some) {
        found.insert(found.end(), some.begin(), some.end());
        return true;
      });
      if (!read) report("cannot be read: " + read.error().message);
      std::ranges::sort(found);
      const auto whole = numbered(sent.prices);
      if (found != whole)
        report(fmt::format("batch {}: {} of {} prices", batch->header.id, found.size(), whole.size()));
      if (batch->status == BatchStatus::committed) expected.insert(expected.end(), whole.begin(), whole.end());
    }
  }
  std::vector<NumberedPrice> shown;
  const store::Head head = rows_.empty() ? store::Head{} : store::Head{rows_.back().version, rows_.back().chain};
  const auto read = store_.prices_at(head, {}, [&](std::span<const NumberedPrice> some) {
    shown.insert(shown.end(), some.begin(), some.end());
    return true;
  });
  if (!read) report("cannot be read: " + read.error().message);
  std::ranges::sort(shown);
  std::ranges::sort(expected);
  if (shown != expected) report(fmt::format("{} prices are shown, {} belong there", shown.size(), expected.size()));
}

void Promises::check_end(const std::vector<std::vector<Sent>>& batches) {
  std::map<std::string, int> times;
  for (const VersionRow& row : rows_) times[fmt::format("{} {}", to_string(row.kind), row.batch_id)] += 1;
  for (const auto& client : batches) {
    for (const Sent& sent : client) {
      const auto batch = need(store_.batch(sent.header.id));
      const bool is_out = sent.is_retracted_later || sent.is_replaced_later;
      const BatchStatus status = is_out ? BatchStatus::retracted : BatchStatus::committed;
      if (!batch || batch->status != status) {
        report(fmt::format("batch {} of {} is not {}", sent.header.key, sent.header.source, to_string(status)));
      }
      if (times["batch " + sent.header.id] != 1) report(fmt::format("batch {} is in not once", sent.header.id));
    }
  }
}

}  // namespace ratebook::crash
