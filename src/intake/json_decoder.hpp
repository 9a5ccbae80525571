// `{"source":"…","prices":[{"orig_code","dest_code","day","price"},…]}` to the builder, item by item as the bytes come.
// Strict about the grammar of the whole body, also where a value is skipped. Holds no more than one item of it.
#pragma once
#include <cstdint>
#include <string>

#include "intake/builder.hpp"
#include "intake/json_item.hpp"
#include "intake/json_scanner.hpp"
#include "intake/window.hpp"

namespace ratebook::intake {

class JsonDecoder {
 public:
  explicit JsonDecoder(Builder& builder) : builder_(&builder) {}

  /// Takes all items off the window that are there as a whole; after the `last` bytes, all of it, unless the
  /// builder is stopped.
  void decode(Window& window, bool last);

 private:
  enum class Expect : std::uint8_t {
    begin,
    first_key,
    key,
    first_item,
    item,
    after_item,
    after_member,
    end,
  };

  bool scan(JsonScanner& scanner);
  bool scan_member(JsonScanner& scanner);
  bool scan_item(JsonScanner& scanner);

  void submit(Window& window, const char* unit);
  void submit_member(std::uint64_t line);
  void stop_at(Window& window, const JsonScanner& scanner);
  void stop_too_long(Window& window);

  Builder* builder_;
  Expect expect_ = Expect::begin;
  bool mark_may_stand_ = true;  ///< a byte order mark
  bool source_seen_ = false;
  bool prices_seen_ = false;

  // The unit that was scanned last, until it is submitted.
  enum class Unit : std::uint8_t { punctuation, member, opened_prices, item } unit_ = Unit::punctuation;
  Expect expect_next_ = Expect::begin;
  JsonItem item_;
  FieldValue key_;
  FieldValue value_;
  std::string key_scratch_;
  std::string value_scratch_;
};

}  // namespace ratebook::intake
