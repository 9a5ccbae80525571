// One price of JSON, `{"orig_code","dest_code","day","price"}`, from its tokens to the builder: what JSON and NDJSON
// have in common. It is scanned as a whole before anything of it is told.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "intake/builder.hpp"
#include "intake/json_scanner.hpp"

namespace ratebook::intake {

class JsonItem {
 public:
  /// Any value is scanned; one that is no object is wrong. False: the scanner says where and why it stopped.
  bool scan(JsonScanner& scanner);
  /// Adds what was scanned last, while its bytes stand where they stood.
  Builder::Verdict add_to(Builder& builder);
  /// Lists what is wrong with it.
  void explain_to(Builder& builder, std::uint64_t line) const;

 private:
  struct Extra {
    std::string field;
    bool readable;
  };

  bool scan_member(JsonScanner& scanner);
  void note_extra(const JsonScanner::String& key);

  Item item_{};
  bool is_object_ = false;
  std::string_view text_;  ///< where it is no object
  std::string key_scratch_;
  std::array<std::string, field_count> scratch_;
  std::vector<Extra> extras_;  ///< the first errors_listed_max
  std::uint64_t extra_count_ = 0;
};

/// Takes a string; `scratch` keeps it where it has escapes.
bool scan_text(JsonScanner& scanner, std::string& scratch, FieldValue& value);
/// Takes any value.
bool scan_value(JsonScanner& scanner, std::string& scratch, FieldValue& value);

/// What stands where the scanner stopped: `'5'`, `byte 0x07`.
std::string found(const JsonScanner& scanner);

}  // namespace ratebook::intake
