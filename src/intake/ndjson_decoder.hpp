// NDJSON to the builder: a line, a price object, `{"orig_code","dest_code","day","price"}`. Each line is as strict as
// JSON is; a byte order mark, blank lines, CRLF and a missing last line end are fine. A line that cannot be read is an
// error of its own, and the check goes on at the next one.
#pragma once
#include <string>
#include <string_view>

#include "intake/builder.hpp"
#include "intake/json_item.hpp"
#include "intake/window.hpp"

namespace ratebook::intake {

class NdjsonDecoder {
 public:
  explicit NdjsonDecoder(Builder& builder) : builder_(&builder) {}

  /// As JsonDecoder::decode.
  void decode(Window& window, bool last);

 private:
  void read_line(Window& window, const char* begin, const char* end);
  void refuse_broken(Window& window, const char* begin, const JsonScanner& scanner);
  void refuse_line(Window& window, const char* begin, std::string_view code, std::string message);

  Builder* builder_;
  bool mark_may_stand_ = true;  ///< a byte order mark
  bool skipping_ = false;       ///< to the next line's beginning
  JsonItem item_;
};

}  // namespace ratebook::intake
