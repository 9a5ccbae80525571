#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <sstream>

#include "cli/exit_code.hpp"
#include "cli/words.hpp"
#include "settings/nearest.hpp"

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

std::string with_line_end(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

/// `ratebook places put`
std::string path_of(const CLI::App& word) {
  const auto* parent = word.get_parent();
  return parent == nullptr ? word.get_name() : path_of(*parent) + " " + word.get_name();
}

Said usage(std::string_view message, const CLI::App& word) {
  return {fmt::format("error: {}\nRun `{} --help` for help.\n", message, path_of(word)), exit_usage};
}

/// An argument that is none of the word's: for a flag, with the nearest one that is.
Said unknown_argument(CLI::App& app, const CLI::App& word, std::string_view message) {
  const auto rest = app.remaining(true);
  if (rest.empty() || !rest.front().starts_with("--")) return usage(message, word);
  std::vector<std::string> known;
  for (const auto* option : word.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back(fmt::format("--{}", name));
  }
  const auto flag = rest.front().substr(0, rest.front().find('='));
  return usage(fmt::format("there is no {}; the nearest is {}", flag, settings::nearest(flag, known)), word);
}

/// `FORMAT:{csv,json}`, as CLI11 names the type of an option whose values are known.
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{');
  if (open == std::string::npos || !type.ends_with('}')) return {};
  return CLI::detail::split(type.substr(open + 1, type.size() - open - 2), ',');
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

void add_options(WordShape& shape, const CLI::App& app) {
  for (const auto* option : app.get_options()) {
    WordShape::Option named;
    for (const auto& name : option->get_lnames()) named.names.push_back("--" + name);
    for (const auto& name : option->get_snames()) named.names.push_back("-" + name);
    for (const auto& name : named.names) shape.choices.push_back({name, one_line(option->get_description())});
    if (named.names.empty() || option->get_items_expected_max() == 0) continue;
    named.values = values_of(*option);
    shape.options_with_value.push_back(std::move(named));
  }
}

void add_shapes(std::vector<WordShape>& shapes, const CLI::App& app, const std::string& path) {
  WordShape shape{.path = path, .choices = {}, .options_with_value = {}};
  const auto words = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* word : words) shape.choices.push_back({word->get_name(), one_line(word->get_description())});
  add_options(shape, app);
  if (app.get_fallthrough()) add_options(shape, *app.get_parent());
  shapes.push_back(std::move(shape));
  for (const auto* word : words)
    add_shapes(shapes, *word, path.empty() ? word->get_name() : path + " " + word->get_name());
}

template <class Duration>
void add_duration(CLI::App& word, const std::string& name, Duration& target, const std::string& text) {
  const auto set = [&target](const std::uint32_t& seconds) { target = std::chrono::seconds{seconds}; };
  word.add_option_function<std::uint32_t>(name, set, text)
      ->default_str(fmt::format("{}", std::chrono::duration_cast<std::chrono::seconds>(target).count()))
      ->type_name("SECONDS");
}

}  // namespace

Argument Argument::required() const { return Argument{option_->required()}; }

Argument Argument::takes(const std::string& name) const { return Argument{option_->type_name(name)}; }

Argument Argument::shows_default() const { return Argument{option_->capture_default_str()}; }

Argument Argument::shows_default(const std::string& text) const { return Argument{option_->default_str(text)}; }

Argument Argument::one_of(const std::vector<std::string>& values) const {
  return Argument{option_->check(CLI::IsMember(values))};
}

Argument Argument::between(int low, int high) const { return Argument{option_->check(CLI::Range(low, high))}; }

Argument Argument::environment(const std::string& name) const { return Argument{option_->envname(name)}; }

Argument Argument::excludes(Argument other) const { return Argument{option_->excludes(other.option_)}; }

Argument Argument::needs(Argument other) const { return Argument{option_->needs(other.option_)}; }

Argument Argument::hidden() const { return Argument{option_->group("")}; }

template <class Value>
Argument Arguments::add(const std::string& name, Value& target, const std::string& text) const {
  return Argument{app_->add_option(name, target, text)};
}
template Argument Arguments::add(const std::string&, std::string&, const std::string&) const;
template Argument Arguments::add(const std::string&, std::vector<std::string>&, const std::string&) const;
template Argument Arguments::add(const std::string&, std::uint32_t&, const std::string&) const;
template Argument Arguments::add(const std::string&, std::uint64_t&, const std::string&) const;
template Argument Arguments::add(const std::string&, std::optional<std::uint64_t>&, const std::string&) const;
template Argument Arguments::add(const std::string&, double&, const std::string&) const;

Argument Arguments::add_flag(const std::string& name, bool& target, const std::string& text) const {
  return Argument{app_->add_flag(name, target, text)};
}

Argument Arguments::add_function(const std::string& name, std::function<void(const std::string&)> set,
                                 const std::string& text) const {
  return Argument{app_->add_option_function<std::string>(name, std::move(set), text)};
}

Argument Arguments::add_flag_function(const std::string& name, std::function<void(bool)> set,
                                      const std::string& text) const {
  return Argument{app_->add_flag_function(name, [set = std::move(set)](std::int64_t times) { set(times > 0); }, text)};
}

void Arguments::add_seconds(const std::string& name, std::chrono::milliseconds& target, const std::string& text) const {
  add_duration(*app_, name, target, text);
}

void Arguments::add_seconds(const std::string& name, std::chrono::seconds& target, const std::string& text) const {
  add_duration(*app_, name, target, text);
}

Arguments Arguments::add_word(const std::string& name, const std::string& purpose) const {
  return Arguments{app_->add_subcommand(name, purpose)};
}

void Arguments::footer(const std::string& text) const { app_->footer(text); }

Arguments Arguments::accepts_those_above() const { return Arguments{app_->fallthrough()}; }

void Arguments::require_words(std::size_t least, std::size_t most) const { app_->require_subcommand(least, most); }

CommandLine::CommandLine(const std::string& version, const std::string& footer)
    : app_{std::make_unique<CLI::App>(
          "Ratebook receives batches of freight prices, each all or nothing,\nand answers what a route costs on a "
          "day.\n",
          "ratebook")} {
  app_->formatter(std::make_shared<HelpForm>());
  app_->get_formatter()->column_width(32);
  app_->require_subcommand(0, 1);
  app_->set_version_flag("--version", version);
  app_->footer(footer);
}

CommandLine::~CommandLine() = default;

Arguments CommandLine::add(const std::string& name, const std::string& purpose, const std::string& footer) {
  auto* word = app_->add_subcommand(name, purpose);
  word->footer(footer);
  return Arguments{word};
}

void CommandLine::does(Arguments word, Word run, Check check) {
  entries_.push_back({word.app_, std::move(run), std::move(check)});
}

const CLI::App& CommandLine::chosen() const {
  const CLI::App* last = app_.get();
  for (auto words = last->get_subcommands(); !words.empty(); words = last->get_subcommands()) last = words.front();
  return *last;
}

std::variant<Word, Said> CommandLine::read(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {
    return unknown_argument(*app_, chosen(), error.what());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return usage(error.what(), chosen());
    std::ostringstream text;  // help and version travel as exceptions, too
    app_->exit(error, text, text);
    return Said{with_line_end(text.str()), exit_ok};
  }
  const CLI::App& word = chosen();
  const auto entry = std::ranges::find(entries_, &word, &Entry::word);
  if (entry == entries_.end()) return Said{word.help(), exit_usage};
  if (const auto wrong = entry->check ? entry->check() : ""; !wrong.empty()) return usage(wrong, word);
  return entry->run;
}

std::vector<WordShape> CommandLine::words() const {
  std::vector<WordShape> shapes;
  add_shapes(shapes, *app_, "");
  return shapes;
}

void add_server(Arguments word, Server& server) {
  word.add("--server", server.url, "Where the server is").environment("RATEBOOK_SERVER").takes("URL");
  word.add("--token-file", server.token_file, "A file that holds the token; else RATEBOOK_TOKEN has it").takes("FILE");
  word.add("--ca", server.ca_file, "For https: whose certificates are good (PEM); else RATEBOOK_CA names it")
      .takes("FILE");
}

}  // namespace ratebook::cli
