// What the tests of intake share: places, prices in every format and coding, and a body decoded in pieces of any
// lengths.
#pragma once
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
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

inline constexpr std::array formats{Format::json, Format::ndjson, Format::csv};

struct Setting {
  Format format = Format::json;
  std::string source = "carrier-a";
  std::string replaces;
  Limits limits;
  std::size_t budget_bytes = 512u << 20;
  Coding coding = Coding::identity;
  std::vector<BodyDigest> digests;
  std::vector<std::size_t> piece_bytes;  ///< lengths of the pieces, again and again; empty: one piece
};

using Result = std::expected<Decoded, Refused>;

/// Feeds until no more bytes are wanted. The budget lives as long as the process: a result's spool counts against it.
inline Result decode(std::string_view body, const Setting& setting) {
  static std::vector<std::unique_ptr<MemoryBudget>> budgets;
  auto& budget = *budgets.emplace_back(std::make_unique<MemoryBudget>(setting.budget_bytes));
  Intake intake{{setting.format, sample_places(), setting.source, setting.replaces, setting.coding, setting.digests},
                setting.limits,
                budget};
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

inline Result decode_ndjson(std::string_view body, Setting setting = {}) {
  setting.format = Format::ndjson;
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

/// What is wrong with a batch that is well-formed; `N good` where nothing is.
inline std::vector<std::string> wrong(const Result& result) {
  if (result) return {std::to_string(result->price_count) + " good"};
  const Refused& refused = result.error();
  auto lines = lines_of(refused);
  if (refused.kind != Refused::Kind::invalid) lines.push_back("not well-formed: " + refused.detail);
  if (refused.error_count != lines.size()) lines.push_back("of " + std::to_string(refused.error_count));
  for (const auto& error : refused.errors) {
    if (error.message.empty()) lines.push_back("no message: " + line_of(error));
  }
  return lines;
}

inline std::vector<Price> some_prices(std::size_t count) {
  const auto codes = std::array{"CNSGH", "NLRTM", "DEHAM"};
  std::vector<Price> prices;
  for (std::size_t i = 0; i < count; ++i) {
    prices.push_back({PortCode::parse(codes[i % 3]).value(), PortCode::parse(codes[(i + 1) % 3]).value(),
                      Day{static_cast<std::int32_t>(i * 7919 % 65'744)},
                      Cents{static_cast<std::uint32_t>(i * 104'729 % 2'000'000'000 + 1)}});
  }
  return prices;
}

inline std::string csv_of(const std::vector<Price>& prices) {
  std::string body = "orig_code,dest_code,day,price\n";
  for (const auto& price : prices) {
    body += fmt::format("{},{},{},{}\n", price.orig.view(), price.dest.view(), format_day(price.day),
                        format_cents(price.amount));
  }
  return body;
}

inline std::string ndjson_of(const std::vector<Price>& prices) {
  std::string body;
  for (const auto& price : prices) {
    body += fmt::format(R"({{"orig_code":"{}","dest_code":"{}","day":"{}","price":{}}})", price.orig.view(),
                        price.dest.view(), format_day(price.day), format_cents(price.amount));
    body += '\n';
  }
  return body;
}

inline std::string json_of(const std::vector<Price>& prices) {
  std::string list = ndjson_of(prices);
  for (auto at = list.find('\n'); at + 1 < list.size(); at = list.find('\n', at + 1)) list[at] = ',';
  return "{\"prices\":[" + list + "]}";
}

inline std::string body_of(Format format, const std::vector<Price>& prices) {
  return format == Format::csv ? csv_of(prices) : format == Format::json ? json_of(prices) : ndjson_of(prices);
}

inline std::string digest_of(const std::vector<Price>& prices) {
  ContentDigest digest{""};
  for (const auto& price : prices) digest.add(price);
  return hex(digest.finish());
}

inline std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// As a stream would: the frame does not say how long it is, so that its window is what it says.
inline std::string zstd(std::string_view text, int window_log = 20) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{text.data(), text.size(), 0};
  while (from.pos < from.size) ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_continue);
  if (ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end) != 0) std::abort();
  out.resize(to.pos);
  return out;
}

inline std::string encode(Coding coding, std::string_view text) {
  return coding == Coding::gzip ? gzip(text) : coding == Coding::zstd ? zstd(text) : std::string{text};
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
