// What a decoder tells about a body becomes a batch here, or the list of what is wrong with it: every item is checked;
// the sound ones are digested and packed until the first error, since after it nothing will be stored.
#pragma once
#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "intake/intake.hpp"
#include "intake/memory_budget.hpp"
#include "intake/spool.hpp"
#include "model/digest.hpp"
#include "model/price.hpp"

namespace ratebook::intake {

enum class Field : std::uint8_t { orig_code = 0, dest_code = 1, day = 2, price = 3 };
inline constexpr std::size_t field_count = 4;
inline constexpr std::array<std::string_view, field_count> field_names{"orig_code", "dest_code", "day", "price"};
/// nullopt: no field has that name.
std::optional<Field> find_field(std::string_view name);

/// A field of an item as the decoder found it.
struct FieldValue {
  enum class Shape : std::uint8_t {
    missing,
    text,
    number,      ///< JSON only: the token as it stands
    wrong_type,  ///< JSON only: neither text nor number
    repeated,    ///< JSON only: the item has the field more than once
    unreadable,  ///< JSON only: text that stands for no Unicode, such as "\ud800"
  };
  std::string_view text;
  Shape shape = Shape::missing;
};

using Item = std::array<FieldValue, field_count>;

class Builder {
 public:
  Builder(const Request& request, const Limits& limits, MemoryBudget& memory);

  enum class Verdict : std::uint8_t {
    sound,
    wrong,  ///< explain() says why
    stop,   ///< the batch is refused, nothing more is wanted
  };
  /// The next item. Its views are not kept.
  Verdict add(const Item& item);
  /// The next item, of which the decoder itself says what is wrong: wrong or stop.
  Verdict add_unreadable();

  /// Lists what is wrong with the fields of the item that was added last.
  void explain(const Item& item, std::uint64_t line);
  /// Lists something else that is wrong with the item that was added last.
  void report_item(std::uint64_t line, std::string_view field, std::string_view code, std::string message);
  /// Lists something that is wrong with the whole; such errors stand before those of items.
  void report_whole(std::optional<std::uint64_t> line, std::string_view field, std::string_view code,
                    std::string message);

  /// The source as the body names it, or tries to.
  void set_source(const FieldValue& value, std::uint64_t line);

  /// As given or as the body has named it so far; empty: not known yet.
  std::string_view source() const { return source_; }

  /// Ends the check for a reason that is none of an item.
  void stop(Refused::Kind kind, std::string detail);
  bool stopped() const { return stop_.has_value(); }

  std::uint64_t item_count() const { return item_count_; }
  /// Once, after the last item or stop().
  std::expected<Decoded, Refused> finish();

 private:
  struct PortEntry {
    std::uint32_t chunk = 0;  ///< the entry counts only in the chunk of that number; from 1
    std::uint16_t index = 0;
  };

  bool count_item();
  std::optional<PortNumber> find_open_port(const FieldValue& value) const;
  std::optional<Day> find_day(const FieldValue& value);
  bool pack(PortNumber orig, PortNumber dest, Day day, Cents amount);
  bool make_room();
  std::uint16_t index_in_chunk(PortNumber port);
  bool end_chunk();
  void check_request(const Request& request);
  void report_bad_source(std::optional<std::uint64_t> line, std::string_view source);
  void count_error();
  void explain_port(Field field, const FieldValue& value, std::uint64_t line);
  void explain_day(std::string_view text, std::uint64_t line);
  void explain_price(const FieldValue& value, std::uint64_t line);
  bool explain_shape(Field field, const FieldValue& value, std::uint64_t line);

  std::shared_ptr<const PlaceTree> places_;
  std::string source_given_;
  std::string source_;
  bool source_named_;
  std::uint64_t items_max_;
  std::size_t chunk_items_max_;
  std::uint64_t item_count_ = 0;
  ContentDigest digest_;
  std::array<char, 10> day_text_{};  ///< the last day that was read: batches name few days many times
  Day day_;
  Chunk chunk_;
  std::uint32_t chunk_number_ = 1;
  std::vector<PortEntry> port_entries_;  ///< by PortNumber
  std::string packed_;
  Reservation memory_;
  Spool spool_;
  bool spool_has_folder_;
  std::vector<ItemError> whole_errors_;
  std::vector<ItemError> item_errors_;
  std::uint64_t error_count_ = 0;
  struct Stop {
    Refused::Kind kind;
    std::string detail;
  };
  std::optional<Stop> stop_;
};

}  // namespace ratebook::intake
