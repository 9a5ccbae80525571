// The way of a sound item, 50,000 times a batch: no allocation, no message. explain.cpp has the words for the others.
#include "intake/builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "intake/error_codes.hpp"
#include "model/batch.hpp"
#include "model/packed_chunk.hpp"
#include "model/turns.hpp"

namespace ratebook::intake {
namespace {

using Shape = FieldValue::Shape;

constexpr std::uint64_t items_a_turn = 256;
constexpr std::size_t chunk_ports_max = std::numeric_limits<std::uint16_t>::max() + std::size_t{1};
static_assert(16 + chunk_prices_max * 12 + chunk_ports_max * 5 <= packed_chunk_bytes_max);

/// Two words of known, equal length: compared in line, where == would call memcmp.
template <std::size_t size>
bool same(std::string_view text, const char (&word)[size]) {
  bool equal = true;
  for (std::size_t i = 0; i + 1 < size; ++i) equal &= text[i] == word[i];
  return equal;
}

const FieldValue& value_of(const Item& item, Field field) { return item[static_cast<std::size_t>(field)]; }

}  // namespace

std::optional<Field> find_field(std::string_view name) {
  switch (name.size()) {
    case 3:
      return name == "day" ? std::optional{Field::day} : std::nullopt;
    case 5:
      return name == "price" ? std::optional{Field::price} : std::nullopt;
    case 9:
      if (name == "orig_code") return Field::orig_code;
      return name == "dest_code" ? std::optional{Field::dest_code} : std::nullopt;
    default:
      return std::nullopt;
  }
}

Builder::Builder(const Request& request, const Limits& limits, MemoryBudget& memory)
    : places_(request.places),
      source_given_(request.source),
      source_(request.source),
      source_named_(!request.source.empty()),
      items_max_(limits.items_max),
      chunk_items_max_(limits.chunk_items_max),
      digest_(request.replaces),
      memory_(&memory),
      spool_(limits.spool_memory_bytes_max, limits.spool_folder, &memory, limits.spool_files),
      spool_has_folder_(!limits.spool_folder.empty()) {
  check_request(request);
}

Builder::Verdict Builder::add(const Item& item) {
  if (!count_item()) return Verdict::stop;
  const FieldValue& price = value_of(item, Field::price);
  if (price.shape != Shape::number && price.shape != Shape::text) return Verdict::wrong;
  const auto orig = find_open_port(value_of(item, Field::orig_code));
  const auto dest = find_open_port(value_of(item, Field::dest_code));
  if (!orig || !dest || *orig == *dest) return Verdict::wrong;
  const auto day = find_day(value_of(item, Field::day));
  if (!day) return Verdict::wrong;
  const auto amount = parse_cents(price.text);
  if (!amount) return Verdict::wrong;
  if (error_count_ == 0 && !pack(*orig, *dest, *day, *amount)) return Verdict::stop;
  return Verdict::sound;
}

Builder::Verdict Builder::add_unreadable() { return count_item() ? Verdict::wrong : Verdict::stop; }

bool Builder::count_item() {
  if (stopped()) return false;
  if (item_count_ == items_max_) {
    stop(Refused::Kind::too_large,
         fmt::format("a batch has at most {} prices; send the rest as another batch", items_max_));
    return false;
  }
  if (++item_count_ % items_a_turn == 0) let_others_run();
  return true;
}

std::optional<PortNumber> Builder::find_open_port(const FieldValue& value) const {
  return value.shape == Shape::text ? places_->find_open_port(value.text) : std::nullopt;
}

std::optional<Day> Builder::find_day(const FieldValue& value) {
  if (value.shape != Shape::text || value.text.size() != day_text_.size()) return std::nullopt;
  if (std::memcmp(value.text.data(), day_text_.data(), day_text_.size()) == 0) return day_;
  const auto day = parse_day(value.text);
  if (day) {
    std::ranges::copy(value.text, day_text_.begin());
    day_ = *day;
  }
  return day;
}

bool Builder::pack(PortNumber orig, PortNumber dest, Day day, Cents amount) {
  if (chunk_.items.size() == chunk_items_max_ || chunk_.ports.size() + 2 > chunk_ports_max) {
    if (!end_chunk()) return false;
  }
  if (chunk_.items.size() == chunk_.items.capacity() && !make_room()) return false;
  digest_.add({places_->code(orig), places_->code(dest), day, amount});
  const std::uint16_t orig_index = index_in_chunk(orig);
  chunk_.items.push_back({orig_index, index_in_chunk(dest), day, amount});
  return true;
}

// What the builder holds is asked from the budget before it is taken: the chunk, its packed form, the ports' entries.
bool Builder::make_room() {
  constexpr std::size_t first_capacity = 64;
  const std::size_t capacity = std::clamp(chunk_.items.capacity() * 2, first_capacity, chunk_prices_max);
  const std::size_t ports = places_->port_count();
  const std::size_t bytes = sizeof(Builder) + capacity * (sizeof(Chunk::Item) + 12) + ports * sizeof(PortEntry) +
                            std::min(ports, chunk_ports_max) * 3 * sizeof(PortCode);
  if (!memory_.raise_to(bytes)) {
    stop(Refused::Kind::no_memory, "the batches that are being read hold as much memory as they may; try again");
    return false;
  }
  chunk_.items.reserve(capacity);
  port_entries_.resize(ports);
  return true;
}

std::uint16_t Builder::index_in_chunk(PortNumber port) {
  PortEntry& entry = port_entries_[port];
  if (entry.chunk != chunk_number_) {
    entry = {chunk_number_, static_cast<std::uint16_t>(chunk_.ports.size())};
    chunk_.ports.push_back(places_->code(port));
  }
  return entry.index;
}

bool Builder::end_chunk() {
  packed_.clear();
  pack_chunk(chunk_, packed_);
  chunk_.ports.clear();
  chunk_.items.clear();
  ++chunk_number_;
  if (auto appended = spool_.append(packed_); !appended) {
    stop(spool_has_folder_ ? Refused::Kind::spool : Refused::Kind::no_memory, appended.error().message);
    return false;
  }
  return true;
}

void Builder::stop(Refused::Kind kind, std::string detail) {
  if (!stop_) stop_ = Stop{kind, std::move(detail)};
}

std::expected<Decoded, Refused> Builder::finish() {
  if (!stopped() && !source_named_) {
    report_whole(std::nullopt, "source", code::missing, "name the source of the batch, such as carrier-a");
  }
  if (!stopped() && error_count_ == 0 && item_count_ == 0) {
    report_whole(std::nullopt, "prices", code::empty, "the batch has no prices; send at least one");
  }
  if (!stopped() && error_count_ == 0 && !chunk_.items.empty()) end_chunk();
  if (!stopped() && error_count_ == 0) {
    return Decoded{std::move(source_), item_count_, digest_.finish(), std::move(spool_)};
  }
  Refused refused;
  refused.kind = stop_ ? stop_->kind : Refused::Kind::invalid;
  refused.detail = stop_ ? stop_->detail
                         : fmt::format("{} {} wrong among {} prices; nothing of the batch was stored", error_count_,
                                       error_count_ == 1 ? "thing is" : "things are", item_count_);
  refused.errors = std::move(whole_errors_);
  std::ranges::move(item_errors_, std::back_inserter(refused.errors));
  if (refused.errors.size() > errors_listed_max) refused.errors.resize(errors_listed_max);
  refused.error_count = error_count_;
  return std::unexpected(std::move(refused));
}

}  // namespace ratebook::intake
