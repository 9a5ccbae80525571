// JSON that the client writes.
#pragma once
#include <string>
#include <string_view>

namespace ratebook::client {

/// Appends `"name":"value"`, after a comma where the object has a member already.
void append_field(std::string& out, std::string_view name, std::string_view value);

}  // namespace ratebook::client
