// What several words say in the same way: what went wrong, and how a batch stands.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "cli/console.hpp"
#include "cli/words.hpp"
#include "client/answers.hpp"
#include "client/client.hpp"

namespace ratebook::cli {

/// How long a question may take: its answer stands in the server's memory, or it may wait a second for a version.
inline constexpr client::Timeouts question_timeouts{.answer = std::chrono::milliseconds{15'000}};

/// A client of the server, or nothing: then the reason is printed and the exit code is exit_usage.
std::optional<client::Client> connect_to(const Server& server, const Console& console, client::Timeouts timeouts = {});

/// The server's own text on out, its last line ended.
void pass_through(const Console& console, std::string_view text);

/// `error: …` on err.
void say_error(const Console& console, std::string_view message);

/// Says that no answer came, and returns the exit code.
int report_fault(const Console& console, const Fault& fault);

/// What a request carried, for messages.
struct Sent {
  std::string_view file;    ///< empty: nothing that has places to point at
  bool item_a_line = true;  ///< so that a line names an item; otherwise `prices[17]` does
};

/// Says what the server refused, with what is wrong where (`prices.csv:17: price: …`), and returns the exit code.
int report_refusal(const Console& console, const client::Answer& answer, const Sent& sent);

/// A batch for people, a line a field.
std::string describe(const Console& console, const client::BatchAnswer& batch);
Style style_of_status(std::string_view status);

}  // namespace ratebook::cli
