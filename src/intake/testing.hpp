// What the tests of intake share: places, and a body decoded in pieces of any lengths.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "intake/intake.hpp"
#include "model/packed_chunk.hpp"

namespace ratebook::intake::testing {

inline std::shared_ptr<const PlaceTree> sample_places() {
  static const auto places =
      std::make_shared<const PlaceTree>(PlacesDocument{.regions = {{"all", "All", ""}},
                                                       .ports = {{"CNSGH", "Shanghai", "all"},
                                                                 {"NLRTM", "Rotterdam", "all"},
                                                                 {"DEHAM", "Hamburg", "all"},
                                                                 {"CNOLD", "Closed", "", true}}});
  return places;
}

struct Setting {
  Format format = Format::json;
  std::string source = "carrier-a";
  std::string replaces;
  Limits limits;
  std::size_t budget_bytes = 512u << 20;
  std::vector<std::size_t> piece_bytes;  ///< lengths of the pieces, again and again; empty: one piece
};

using Result = std::expected<Decoded, Refused>;

/// Feeds until no more bytes are wanted. The budget lives as long as the process: a result's spool counts against it.
inline Result decode(std::string_view body, const Setting& setting) {
  static std::vector<std::unique_ptr<MemoryBudget>> budgets;
  auto& budget = *budgets.emplace_back(std::make_unique<MemoryBudget>(setting.budget_bytes));
  Intake intake{{setting.format, sample_places(), setting.source, setting.replaces}, setting.limits, budget};
  for (std::size_t i = 0; !body.empty(); ++i) {
    const std::size_t length =
        setting.piece_bytes.empty() ? body.size() : setting.piece_bytes[i % setting.piece_bytes.size()];
    if (!intake.feed(body.substr(0, length))) break;
    body.remove_prefix(std::min(length, body.size()));
  }
  return intake.finish();
}

inline Result decode_json(std::string_view body, Setting setting = {}) {
  setting.format = Format::json;
  return decode(body, setting);
}

inline Result decode_csv(std::string_view body, Setting setting = {}) {
  setting.format = Format::csv;
  return decode(body, setting);
}

/// All prices of a spool, by codes.
inline std::vector<Price> prices_of(const Spool& spool) {
  std::vector<Price> prices;
  for (std::size_t i = 0; i < spool.chunk_count(); ++i) {
    const Chunk chunk = unpack_chunk(spool.read(i).value()).value();
    for (const auto& item : chunk.items) {
      prices.push_back({chunk.ports[item.orig], chunk.ports[item.dest], item.day, item.amount});
    }
  }
  return prices;
}

/// An error as one line: `index:line field code`, with `-` for what it does not have.
inline std::string line_of(const ItemError& error) {
  const auto number = [](const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; };
  return number(error.index) + ":" + number(error.line) + " " + (error.field.empty() ? "-" : error.field) + " " +
         error.code;
}

inline std::vector<std::string> lines_of(const Refused& refused) {
  std::vector<std::string> lines;
  for (const auto& error : refused.errors) lines.push_back(line_of(error));
  return lines;
}

/// The whole of a result as text: equal for equal results.
inline std::string text_of(const Result& result) {
  if (result) {
    std::string text = result->source + " " + std::to_string(result->price_count) + " " + hex(result->digest);
    for (const auto& price : prices_of(result->spool)) {
      text += "\n" + std::string{price.orig.view()} + std::string{price.dest.view()} + format_day(price.day) +
              std::to_string(price.amount.value);
    }
    return text;
  }
  const Refused& refused = result.error();
  std::string text =
      std::to_string(static_cast<int>(refused.kind)) + " " + refused.detail + " " + std::to_string(refused.error_count);
  for (const auto& error : refused.errors) text += "\n" + line_of(error) + " " + error.message;
  return text;
}

}  // namespace ratebook::intake::testing
