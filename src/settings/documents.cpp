#include "settings/documents.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "json/writer.hpp"
#include "settings/table.hpp"

namespace ratebook::settings {
namespace {

constexpr std::string_view example_head =
    R"(# Settings of `ratebook serve`, all of them. Lines behind a # show the defaults.
# Flags come before the environment, that before this file: http.header_max below is
#   --http-header-max 32KiB    RATEBOOK_HTTP_HEADER_MAX=32KiB
# Sizes: 16384, 16KiB, 64MiB, 4GiB. Times: 500ms, 30s, 2m, 1h; a bare number is seconds.
# `ratebook config` prints what holds and from where it came.
)";

std::string origin_of(const Loaded& loaded, const Row& row) {
  const auto found = loaded.origins.find(row.key);
  return found == loaded.origins.end() ? "default" : found->second;
}

std::string name_in_section(const Row& row) {
  return row.section.empty() ? row.key : row.key.substr(row.section.size() + 1);
}

std::string default_of(const Row& row) { return row.example.empty() ? row.toml(row.get()) : "none"; }

}  // namespace

std::string held(const Loaded& loaded) {
  Settings settings = loaded.settings;
  const Rows all = table(settings);
  std::string text = loaded.file.empty() ? "# no file\n" : fmt::format("# file: {}\n", loaded.file);
  for (const auto& section : all.sections) {
    if (!section.name.empty()) text += fmt::format("\n[{}]\n", section.name);
    for (const Row& row : all.rows) {
      if (row.section != section.name) continue;
      text += fmt::format("{:<44} # {}\n", fmt::format("{} = {}", name_in_section(row), row.toml(row.get())),
                          origin_of(loaded, row));
    }
  }
  return text;
}

std::string held_json(const Loaded& loaded) {
  Settings settings = loaded.settings;
  Settings untouched;
  const auto rows = table(settings).rows;
  const auto defaults = table(untouched).rows;
  std::string text;
  {
    json::Object whole{text};
    whole.text_or_null("file", loaded.file);
    whole.member("settings") += '[';
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) text += ',';
      json::Object each{text};
      each.text("key", rows[i].key);
      each.text("value", rows[i].get());
      each.text("from", origin_of(loaded, rows[i]));
      each.text("flag", rows[i].flag());
      each.text("variable", rows[i].variable());
      each.text("default", defaults[i].get());
    }
    text += ']';
  }
  return text + '\n';
}

std::string example_file() {
  Settings defaults;
  const Rows all = table(defaults);
  std::string text{example_head};
  for (const auto& section : all.sections) {
    if (!section.name.empty()) text += fmt::format("\n\n# {}\n[{}]\n", section.meaning, section.name);
    for (const Row& row : all.rows) {
      if (row.section != section.name) continue;
      text += fmt::format("\n# {}: {}\n", row.meaning, row.takes);
      text += row.example.empty() ? fmt::format("# {} = {}\n", name_in_section(row), row.toml(row.get()))
                                  : fmt::format("{} = {}\n", name_in_section(row), row.toml(row.example));
    }
  }
  return text;
}

std::string reference_table() {
  Settings defaults;
  std::string text = "| setting | default | takes | meaning |\n|---|---|---|---|\n";
  for (const Row& row : table(defaults).rows) {
    text += fmt::format("| `{}` | `{}` | {} | {} |\n", row.key, default_of(row), row.takes, row.meaning);
  }
  return text;
}

}  // namespace ratebook::settings
