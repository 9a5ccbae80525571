// `ratebook generate`: any number of plausible prices to standard output, in the forms that push takes.
#include <fmt/format.h>

#include <utility>

#include "cli/exit_code.hpp"
#include "cli/places_file.hpp"
#include "cli/report.hpp"
#include "cli/sample.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "model/batch.hpp"

namespace ratebook::cli {
namespace {

constexpr std::size_t piece_bytes = 1 << 20;

/// What stands around the prices in each format; `{}` of `before` are origin, destination and day.
struct Layout {
  std::string begin, before, after, between, end;
};

Layout layout_of(const GenerateOptions& options) {
  const std::string object = R"({{"orig_code":"{}","dest_code":"{}","day":"{}","price":)";
  if (options.format == "json") {
    return {fmt::format("{{\"source\":\"{}\",\"prices\":[\n", options.source), object, "}", ",\n", "\n]}\n"};
  }
  if (options.format == "ndjson") return {"", object, "}", "\n", "\n"};
  return {"orig_code,dest_code,day,price\n", "{},{},{},", "", "\n", "\n"};
}

/// Prices as text, written in large pieces.
class Printer {
 public:
  Printer(const Console& console, Layout layout) : console_(console), layout_(std::move(layout)), text_(layout_.begin) {
    text_.reserve(2 * piece_bytes);
  }

  bool print(const RouteDay& run) {
    const std::string before =
        fmt::format(fmt::runtime(layout_.before), run.orig.view(), run.dest.view(), format_day(run.day));
    for (const Cents amount : run.amounts) {
      if (!std::exchange(is_first_, false)) text_ += layout_.between;
      text_ += before;
      append_cents(text_, amount);
      text_ += layout_.after;
      if (text_.size() >= piece_bytes && !flush()) return false;
    }
    return true;
  }

  bool finish() {
    text_ += layout_.end;
    return flush();
  }

 private:
  bool flush() {
    const bool written = console_.out(text_);
    text_.clear();
    return written;
  }

  const Console& console_;
  Layout layout_;
  bool is_first_ = true;
  std::string text_;
};

Result<std::vector<PortDocument>> ports_of(const GenerateOptions& options) {
  if (options.ports == "sample") return sample_places().ports;
  const auto text = read_text_file(options.ports);
  if (!text) return std::unexpected(text.error());
  if (text->find_first_not_of(" \t\r\n") == text->find('{')) {
    auto places = client::parse_places(*text);
    if (!places) return fail(Failure::conflict, fmt::format("{} does not hold places as JSON", options.ports));
    return places->ports;
  }
  return read_ports_csv(*text, options.ports);
}

}  // namespace

int generate_prices(const GenerateOptions& options, const Console& console) {
  const auto refuse = [&](std::string_view message) {
    say_error(console, message);
    return exit_usage;
  };
  if (!is_source(options.source)) return refuse("--source takes 1 to 64 of a-z, 0-9, '-', '_', '.'");
  const auto ports = ports_of(options);
  if (!ports) return refuse(ports.error().message);
  Printer printer{console, layout_of(options)};
  bool written = true;
  const auto done = generate(options.prices, *ports, [&](const RouteDay& run) { return written = printer.print(run); });
  if (!done) return refuse(done.error().message);
  return written && printer.finish() ? exit_ok : exit_output;
}

}  // namespace ratebook::cli
