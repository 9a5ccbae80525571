// The tree of words as it is put together: each word adds itself, with its options and its help (`*_arguments.cpp`),
// and says what it does.
#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/console.hpp"
#include "cli/serve_function.hpp"
#include "settings/load.hpp"

namespace ratebook::cli {

/// What CLI11 does not check. Returns what is wrong, or an empty text.
using Check = std::function<std::string()>;

class CommandLine {
 public:
  CommandLine();

  CLI::App& app() { return app_; }
  /// A word of the first level, with what it is for and its help's end: the examples.
  CLI::App* add(const std::string& name, const std::string& purpose, const std::string& footer);
  /// What the word, or a word below it, does when it is the last one on the command line.
  void does(const CLI::App* word, Word run, Check check = nullptr);

  /// The last word on the command line that was read; the app itself where there is none.
  const CLI::App& chosen() const;
  struct Entry {
    const CLI::App* word;
    Word run;
    Check check;
  };
  const Entry* entry(const CLI::App& word) const;

 private:
  CLI::App app_;
  std::vector<Entry> entries_;
};

struct Server;
/// `--server URL`, or RATEBOOK_SERVER, and with what it is asked.
void add_server(CLI::App& word, Server& server);
/// `name SECONDS`; the default is what stands in `target`.
void add_seconds(CLI::App& word, const std::string& name, std::chrono::milliseconds& target, const std::string& text);
void add_seconds(CLI::App& word, const std::string& name, std::chrono::seconds& target, const std::string& text);

/// `--config PATH`, and a flag for each setting; the help shows those that stand in no section.
void add_settings(CLI::App& word, settings::Inputs& inputs);

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
