// What the exit code of each word says. Documented in `ratebook --help`.
#pragma once

namespace ratebook::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_refused = 1;      ///< the server said no, or a check found something wrong
inline constexpr int exit_usage = 2;        ///< the command line is wrong, or a file that it names cannot be read
inline constexpr int exit_unavailable = 3;  ///< no server, or it cannot answer now; what was sent may count (same key!)
inline constexpr int exit_waiting = 4;      ///< accepted, but not decided within --wait
inline constexpr int exit_output = 5;       ///< what was to be printed could not be written

}  // namespace ratebook::cli
