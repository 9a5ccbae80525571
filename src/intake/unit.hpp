// The bound that both decoders share.
#pragma once
#include <cstddef>

namespace ratebook::intake {

/// An item, a member of the object around the items, or a record of CSV, in the bytes of the body.
inline constexpr std::size_t unit_bytes_max = 64 * 1024;

}  // namespace ratebook::intake
