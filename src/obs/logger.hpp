// Log lines on stderr: for people where it is a terminal, one JSON object a line otherwise. Thread-safe. A fault that
// repeats thousands of times makes few lines, and one that says how many were held back.
#pragma once
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ratebook::obs {

enum class Level { debug, information, warning, error };

struct LogOptions {
  enum class Form { automatic, people, json };
  Form form = Form::automatic;  ///< automatic: people where stderr is a terminal
  Level least = Level::information;
  unsigned repeats_max = 10;  ///< of a warning or an error within `repeat_time`; what is held back is counted
  std::chrono::milliseconds repeat_time{10'000};
};

/// A name and a value beside the message: `batch=9f3a…`.
using Field = std::pair<std::string_view, std::string>;

class Logger {
 public:
  enum class Form { people, json };
  explicit Logger(const LogOptions& options);
  ~Logger();

  void log(Level level, std::string_view message, std::initializer_list<Field> fields = {}) const;
  void information(std::string_view message, std::initializer_list<Field> fields = {}) const {
    log(Level::information, message, fields);
  }
  void warning(std::string_view message, std::initializer_list<Field> fields = {}) const {
    log(Level::warning, message, fields);
  }
  void error(std::string_view message, std::initializer_list<Field> fields = {}) const {
    log(Level::error, message, fields);
  }

 private:
  class Sink;
  std::unique_ptr<Sink> sink_;
};

/// What a line's text is behind its time and level; for tests.
std::string format_line(Logger::Form form, std::string_view message, std::initializer_list<Field> fields);

}  // namespace ratebook::obs
