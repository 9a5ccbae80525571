// A client's bytes as they may stand in a message: short, one line, valid UTF-8.
#pragma once
#include <string>
#include <string_view>

namespace ratebook::intake {

/// At most `bytes_max` bytes of `value`, then `…` where there was more; '?' for control characters and what is no
/// UTF-8.
std::string shown(std::string_view value, std::size_t bytes_max = 40);

}  // namespace ratebook::intake
