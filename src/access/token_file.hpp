// The file that tokens stand in: read by the server, changed by `ratebook token`. It never holds a token itself, and
// belongs to its user and group alone: whoever can write it can do everything.
#pragma once
#include <string>
#include <string_view>

#include "access/tokens.hpp"
#include "model/error.hpp"

namespace ratebook::access {

/// Failure::not_found, or damaged: not to be trusted, or what is wrong in it.
Result<Tokens> read_token_file(const std::string& path, Limits limits = {});

/// Makes a token of 256 random bits for `grant` (whose digest it sets) and adds its line; makes the file where there is
/// none. Returns the token, which stands nowhere else. Failure::conflict: the name is taken.
Result<std::string> create_token(const std::string& path, Grant grant, Limits limits = {});

/// Takes the line of that name out, and leaves all else as it is. Failure::not_found: there is none.
Result<void> revoke_token(const std::string& path, std::string_view name);

}  // namespace ratebook::access
