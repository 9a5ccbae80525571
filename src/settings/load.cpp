#include "settings/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "settings/config_file.hpp"
#include "settings/nearest.hpp"
#include "settings/table.hpp"

namespace ratebook::settings {
namespace {

constexpr std::size_t wrong_max = 100;  // of a file
constexpr std::string_view prefix = "RATEBOOK_";

class Loader {
 public:
  explicit Loader(const Inputs& inputs) : inputs_(inputs), rows_(table(loaded_.settings).rows) {}

  std::expected<Loaded, std::vector<std::string>> load() {
    take_file();
    take_environment();
    for (const auto& [key, text] : inputs_.flags) {
      if (const Row* row = find(key)) take(*row, text, row->flag(), fmt::format("{} {}", row->flag(), text));
    }
    if (wrong_.empty()) wrong_ = contradictions(loaded_.settings);
    if (!wrong_.empty()) return std::unexpected(std::move(wrong_));
    return std::move(loaded_);
  }

 private:
  const Row* find(std::string_view key) const {
    const auto found = std::ranges::find(rows_, key, &Row::key);
    return found == rows_.end() ? nullptr : &*found;
  }

  void refuse(std::string_view shown, const Row& row) {
    const auto value = row.example.empty() ? row.get() : row.example;
    wrong_.push_back(fmt::format("{}: write {}, as in {} {} or {} = {}", shown, row.takes, row.flag(), value, row.key,
                                 row.toml(value)));
  }

  void take(const Row& row, std::string_view text, const std::string& origin, std::string_view shown) {
    if (!row.set(text)) return refuse(shown, row);
    loaded_.origins[row.key] = origin;
  }

  void take_file() {
    auto read = read_chosen();
    if (!read) return wrong_.insert(wrong_.end(), read.error().begin(), read.error().end()), void();
    loaded_.file = read->path;
    for (const auto& entry : read->entries) {
      if (wrong_.size() == wrong_max)
        return wrong_.push_back(fmt::format("{}: no more than these are told, what follows was not read", read->path));
      take_entry(read->path, entry);
    }
  }

  FileResult read_chosen() const {
    if (!inputs_.file.empty()) return read_config_file(inputs_.file);
    const auto named = inputs_.environment.find("RATEBOOK_CONFIG");
    if (named != inputs_.environment.end()) return read_config_file(named->second);
    for (const auto& path : inputs_.usual_files) {
      if (::access(path.c_str(), F_OK) == 0 || errno != ENOENT) return read_config_file(path);
    }
    return ConfigFile{};
  }

  void take_entry(const std::string& path, const ConfigFile::Entry& entry) {
    const auto place = fmt::format("{}:{}:{}", path, entry.line, entry.column);
    const Row* row = find(entry.key);
    if (row == nullptr) {
      return wrong_.push_back(
          fmt::format("{}: there is no setting {}; the nearest is {}", place, entry.key, nearest_key(entry.key)));
    }
    const auto shown = fmt::format("{}: {} = {}", place, entry.key, entry.written);
    if (!may_be(row->kind, entry.type)) return refuse(shown, *row);
    take(*row, entry.text, fmt::format("{}:{}", path, entry.line), shown);
  }

  static bool may_be(Kind kind, ConfigFile::Type type) {
    switch (kind) {
      case Kind::count:
        return type == ConfigFile::Type::integer;
      case Kind::bytes:
      case Kind::duration:
        return type == ConfigFile::Type::integer || type == ConfigFile::Type::text;
      case Kind::text:
        return type == ConfigFile::Type::text;
      case Kind::toggle:
        return type == ConfigFile::Type::boolean;
    }
    return false;
  }

  std::string nearest_key(std::string_view key) const {
    std::vector<std::string> keys;
    for (const Row& row : rows_) keys.push_back(row.key);
    return nearest(key, keys);
  }

  void take_environment() {
    for (const auto& [name, text] : inputs_.environment) {
      if (is_other_variable(name)) continue;
      const auto row = std::ranges::find(rows_, name, &Row::variable);
      if (row == rows_.end()) {
        std::vector<std::string> names;
        for (const Row& each : rows_) names.push_back(each.variable());
        wrong_.push_back(fmt::format("{} in the environment: there is no such setting; the nearest is {}", name,
                                     nearest(name, names)));
      } else {
        take(*row, text, name, fmt::format("{}={}", name, text));
      }
    }
  }

  const Inputs& inputs_;
  Loaded loaded_;
  std::vector<Row> rows_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> found;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text = *each;
    const auto equals = text.find('=');
    if (text.starts_with(prefix) && equals != std::string_view::npos) {
      found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

std::expected<Loaded, std::vector<std::string>> load(const Inputs& inputs) { return Loader{inputs}.load(); }

}  // namespace ratebook::settings
