// The tree of words as it is put together: each word adds itself, with its arguments and its help (`*_arguments.cpp`),
// and says what it does. CLI11 reads the command line; command_line.cpp alone includes its header, which takes longer
// to compile than all that the words add.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/console.hpp"
#include "cli/serve_function.hpp"
#include "settings/inputs.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ratebook::cli {

/// One argument of a word: positional, with a value, or a flag. A handle: the command line owns what it names.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument required() const;
  /// What the help calls the value: `FILE`.
  Argument takes(const std::string& name) const;
  /// The help shows what the target holds now, or this text.
  Argument shows_default() const;
  Argument shows_default(const std::string& text) const;
  Argument one_of(const std::vector<std::string>& values) const;
  Argument between(int low, int high) const;
  /// The variable of the environment that is read where the argument is missing.
  Argument environment(const std::string& name) const;
  Argument excludes(Argument other) const;
  Argument needs(Argument other) const;
  /// Not shown by the help.
  Argument hidden() const;

 private:
  CLI::Option* option_;
};

/// The arguments of a word, and the words below it. A handle, too.
class Arguments {
 public:
  explicit Arguments(CLI::App* app) : app_(app) {}

  /// A `name` without dashes is positional. For the types that words have: texts, counts, each optional; lists of
  /// texts.
  template <class Value>
  Argument add(const std::string& name, Value& target, const std::string& text) const;
  Argument add_flag(const std::string& name, bool& target, const std::string& text) const;
  /// `set` is called with the value, or with whether the flag is on.
  Argument add_function(const std::string& name, std::function<void(const std::string&)> set,
                        const std::string& text) const;
  Argument add_flag_function(const std::string& name, std::function<void(bool)> set, const std::string& text) const;
  /// `name SECONDS`; the default is what stands in `target`.
  void add_seconds(const std::string& name, std::chrono::milliseconds& target, const std::string& text) const;
  void add_seconds(const std::string& name, std::chrono::seconds& target, const std::string& text) const;

  Arguments add_word(const std::string& name, const std::string& purpose) const;
  void footer(const std::string& text) const;
  /// Arguments of the word above may follow, too.
  Arguments accepts_those_above() const;
  /// How many of the words below may follow.
  void require_words(std::size_t least, std::size_t most) const;

 private:
  friend class CommandLine;
  CLI::App* app_;
};

/// What CLI11 does not check. Returns what is wrong, or an empty text.
using Check = std::function<std::string()>;

/// One word of the tree, such as `places put`, as completion shows it.
struct WordShape {
  /// What may be typed next: a word or an option, and what it is for.
  struct Choice {
    std::string name;
    std::string purpose;
  };
  /// An option that takes a value, with the values that it may have; none: any.
  struct Option {
    std::vector<std::string> names;
    std::vector<std::string> values;
  };
  std::string path;
  std::vector<Choice> choices;
  std::vector<Option> options_with_value;
};

class CommandLine {
 public:
  CommandLine(const std::string& version, const std::string& footer);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// A word of the first level, with what it is for and its help's end: the examples.
  Arguments add(const std::string& name, const std::string& purpose, const std::string& footer);
  /// What the word, or a word below it, does when it is the last one on the command line.
  void does(Arguments word, Word run, Check check = nullptr);
  std::variant<Word, Said> read(int argc, const char* const* argv);
  /// All words, those below behind the one above.
  std::vector<WordShape> words() const;

 private:
  struct Entry {
    const CLI::App* word;
    Word run;
    Check check;
  };
  /// The last word on the command line that was read; the app itself where there is none.
  const CLI::App& chosen() const;

  std::unique_ptr<CLI::App> app_;
  std::vector<Entry> entries_;
};

struct Server;
/// `--server URL`, or RATEBOOK_SERVER, and with what it is asked.
void add_server(Arguments word, Server& server);
/// `--config PATH`, and a flag for each setting; the help shows those that stand in no section.
void add_settings(Arguments word, settings::Inputs& inputs);

// One file a word.
void add_serve(CommandLine& line, const ServeFunction& run);
void add_config(CommandLine& line);
void add_push(CommandLine& line);
void add_rates(CommandLine& line);
void add_batches(CommandLine& line);
void add_retract(CommandLine& line);
void add_places(CommandLine& line);
void add_token(CommandLine& line);
void add_generate(CommandLine& line);
void add_import(CommandLine& line);
void add_export(CommandLine& line);
void add_compare(CommandLine& line);
void add_completion(CommandLine& line);
void add_backup(CommandLine& line);
void add_check(CommandLine& line);
void add_move(CommandLine& line);

}  // namespace ratebook::cli
