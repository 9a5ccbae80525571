// What several words say in the same way: what went wrong, and how a batch stands.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "cli/console.hpp"
#include "client/answers.hpp"
#include "client/client.hpp"

namespace ratebook::cli {

/// A client of the server, or nothing: then the reason is printed and the exit code is exit_usage.
std::optional<client::Client> connect_to(const std::string& server, const Console& console);

/// The server's own text on out, its last line ended.
void pass_through(const Console& console, std::string_view text);

/// `error: …` on err.
void say_error(const Console& console, std::string_view message);

/// Says that no answer came, and returns the exit code.
int report_fault(const Console& console, const Fault& fault);

/// Says what the server refused, with what is wrong where (`prices.csv:17: price: …`), and returns the exit code.
/// `file` names what was sent; empty: nothing was.
int report_refusal(const Console& console, const client::Answer& answer, std::string_view file);

/// A batch for people, a line a field.
std::string describe(const Console& console, const client::BatchAnswer& batch);
Style style_of_status(std::string_view status);

}  // namespace ratebook::cli
