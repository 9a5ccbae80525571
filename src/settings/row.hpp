// One setting: its name, what it means, and how its value is read from text and written as text.
#pragma once
#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ratebook::settings {

/// What a value is: it decides which TOML types it may have, and how it is written there.
enum class Kind : std::uint8_t { count, bytes, duration, text, toggle };

struct Row {
  std::string section;  ///< its table in the file; empty: none
  std::string key;      ///< with its section: `http.connections_max`
  Kind kind = Kind::text;
  std::string meaning;
  std::string takes;                                                       ///< in words: `bytes from 1KiB to 1MiB`
  std::string example;                                                     ///< where there is no default
  std::function<std::string()> get;                                        ///< as the flag takes it
  std::function<bool(std::string_view)> set = [](auto) { return false; };  ///< false: it is not what it takes

  std::string flag() const;      ///< `--http-connections-max`
  std::string variable() const;  ///< `RATEBOOK_HTTP_CONNECTIONS_MAX`
  /// The value as the file has it.
  std::string toml(const std::string& value) const;
};

struct Section {
  std::string name;
  std::string meaning;
};

/// What table.cpp writes its rows with. The fields must outlive the rows.
class Rows {
 public:
  std::vector<Row> rows;
  std::vector<Section> sections;

  void section(std::string_view name, std::string_view meaning);

  template <std::integral Field>
  void count(std::string_view name, Field& field, std::uint64_t least, std::uint64_t most, std::string_view meaning) {
    number(Kind::count, name, {least, highest(field, most)}, meaning, access(field));
  }
  template <std::integral Field>
  void bytes(std::string_view name, Field& field, std::uint64_t least, std::uint64_t most, std::string_view meaning) {
    number(Kind::bytes, name, {least, highest(field, most)}, meaning, access(field));
  }
  template <class Rep, class Period>
  void duration(std::string_view name, std::chrono::duration<Rep, Period>& field, std::chrono::milliseconds least,
                std::chrono::milliseconds most, std::string_view meaning) {
    using std::chrono::milliseconds;
    number(Kind::duration, name, {milliseconds_of(least), milliseconds_of(most)}, meaning,
           {[&field] { return milliseconds_of(std::chrono::duration_cast<milliseconds>(field)); },
            [&field](std::uint64_t value) { field = milliseconds{static_cast<std::int64_t>(value)}; }});
  }
  void toggle(std::string_view name, bool& field, std::string_view meaning);
  void path(std::string_view name, std::string& field, std::string_view meaning, std::string_view example = {});
  void text(std::string_view name, std::string& field, std::string_view takes, std::string_view meaning);
  /// `ADDRESS:PORT`
  void list(std::string_view name, std::string& field, bool (*is_one)(std::string_view), std::string_view takes,
            std::string_view meaning);
  void address(std::string_view name, std::string& host, std::uint16_t& port, std::string_view meaning);
  template <class Field>
  void choice(std::string_view name, Field& field, std::initializer_list<std::pair<std::string_view, Field>> choices,
              std::string_view meaning);

 private:
  struct Access {
    std::function<std::uint64_t()> get;
    std::function<void(std::uint64_t)> set;
  };
  struct Bounds {
    std::uint64_t least, most;
  };

  template <std::integral Field>
  static Access access(Field& field) {
    return {[&field] { return static_cast<std::uint64_t>(field); },
            [&field](std::uint64_t value) { field = static_cast<Field>(value); }};
  }
  template <std::integral Field>
  static std::uint64_t highest(const Field&, std::uint64_t most) {
    return std::min(most, static_cast<std::uint64_t>(std::numeric_limits<Field>::max()));
  }
  static std::uint64_t milliseconds_of(std::chrono::milliseconds time) {
    return static_cast<std::uint64_t>(time.count());
  }
  Row& add(Kind kind, std::string_view name, std::string_view meaning);
  void number(Kind kind, std::string_view name, Bounds bounds, std::string_view meaning, Access access);

  std::string section_;
};

template <class Field>
void Rows::choice(std::string_view name, Field& field,
                  std::initializer_list<std::pair<std::string_view, Field>> choices, std::string_view meaning) {
  Row& row = add(Kind::text, name, meaning);
  for (const auto& [word, value] : choices) row.takes.append(row.takes.empty() ? "one of " : ", ").append(word);
  const std::vector<std::pair<std::string_view, Field>> known{choices};
  row.get = [known, &field] {
    const auto found = std::ranges::find(known, field, &std::pair<std::string_view, Field>::second);
    return std::string{found == known.end() ? "" : found->first};
  };
  row.set = [known, &field](std::string_view text) {
    const auto found = std::ranges::find(known, text, &std::pair<std::string_view, Field>::first);
    if (found == known.end()) return false;
    field = found->second;
    return true;
  };
}

/// Reads `ADDRESS:PORT`, `[IPV6]:PORT`; false: it is neither, and nothing changed.
bool read_address(std::string_view text, std::string& host, std::uint16_t& port);
std::string format_address(const std::string& host, std::uint16_t port);

}  // namespace ratebook::settings
