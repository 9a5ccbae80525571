#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <memory>

#include "cli/words.hpp"

namespace ratebook::cli {
namespace {

/// Help as `--name TYPE  words (default)`: CLI11's own form runs types, defaults and rules together.
class HelpForm : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_items_expected_max() == 0 || option->get_positional()) return {};
    const std::string type = option->get_type_name();  // NAME:{values} or NAME:rule
    return " " + type.substr(0, type.find(':'));
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (!option->get_default_str().empty()) text += fmt::format(" ({})", option->get_default_str());
    if (!option->get_envname().empty()) text += fmt::format(" ({}, or {})", default_server, option->get_envname());
    return text;
  }
};

template <class Duration>
void add_duration(CLI::App& word, const std::string& name, Duration& target, const std::string& text) {
  const auto set = [&target](const std::uint32_t& seconds) { target = std::chrono::seconds{seconds}; };
  word.add_option_function<std::uint32_t>(name, set, text)
      ->default_str(fmt::format("{}", std::chrono::duration_cast<std::chrono::seconds>(target).count()))
      ->type_name("SECONDS");
}

}  // namespace

CommandLine::CommandLine()
    : app_{
          "Ratebook receives batches of freight prices, each all or nothing,\nand answers what a route costs on a "
          "day.\n",
          "ratebook"} {
  app_.formatter(std::make_shared<HelpForm>());
  app_.get_formatter()->column_width(32);
  app_.require_subcommand(0, 1);
}

CLI::App* CommandLine::add(const std::string& name, const std::string& purpose, const std::string& footer) {
  auto* word = app_.add_subcommand(name, purpose);
  word->footer(footer);
  return word;
}

void CommandLine::does(const CLI::App* word, Word run, Check check) {
  entries_.push_back({word, std::move(run), std::move(check)});
}

const CLI::App& CommandLine::chosen() const {
  const CLI::App* last = &app_;
  for (auto words = last->get_subcommands(); !words.empty(); words = last->get_subcommands()) last = words.front();
  return *last;
}

const CommandLine::Entry* CommandLine::entry(const CLI::App& word) const {
  for (const auto& entry : entries_) {
    if (entry.word == &word) return &entry;
  }
  return nullptr;
}

void add_server(CLI::App& word, Server& server) {
  word.add_option("--server", server.url, "Where the server is")->envname("RATEBOOK_SERVER")->type_name("URL");
  word.add_option("--token-file", server.token_file, "A file that holds the token; else RATEBOOK_TOKEN has it")
      ->type_name("FILE");
  word.add_option("--ca", server.ca_file, "For https: whose certificates are good (PEM); else RATEBOOK_CA names it")
      ->type_name("FILE");
}

void add_seconds(CLI::App& word, const std::string& name, std::chrono::milliseconds& target, const std::string& text) {
  add_duration(word, name, target, text);
}

void add_seconds(CLI::App& word, const std::string& name, std::chrono::seconds& target, const std::string& text) {
  add_duration(word, name, target, text);
}

}  // namespace ratebook::cli
