// Log lines on stderr: for people where it is a terminal, one JSON object a line otherwise. Thread-safe.
#pragma once
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
  Form form_;
};

/// What a line's text is behind its time and level; for tests.
std::string format_line(Logger::Form form, std::string_view message, std::initializer_list<Field> fields);

}  // namespace ratebook::obs
