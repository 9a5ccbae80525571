#include "obs/logger.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <cstdlib>

#include "obs/repeats.hpp"

namespace ratebook::obs {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::information:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Control characters and whatever is not ASCII are escaped byte by byte: a line stays one line and valid JSON even
// where a client sent nonsense.
void append_escaped(std::string& out, std::string_view text, bool quotes_too) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (quotes_too && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f || (quotes_too && byte >= 0x80)) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
}

void append_json(std::string& out, std::string_view name, std::string_view value) {
  out += '"';
  append_escaped(out, name, true);
  out += "\":\"";
  append_escaped(out, value, true);
  out += '"';
}

Logger::Form form_of(LogOptions::Form form) {
  if (form == LogOptions::Form::automatic) {
    return isatty(STDERR_FILENO) == 1 ? Logger::Form::people : Logger::Form::json;
  }
  return form == LogOptions::Form::people ? Logger::Form::people : Logger::Form::json;
}

/// https://no-color.org: set and not empty means none.
spdlog::color_mode color_mode() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color != nullptr && *no_color != '\0' ? spdlog::color_mode::never : spdlog::color_mode::automatic;
}

}  // namespace

std::string format_line(Logger::Form form, std::string_view message, std::initializer_list<Field> fields) {
  std::string line;
  if (form == Logger::Form::json) {
    append_json(line, "message", message);
    for (const auto& [name, value] : fields) {
      line += ',';
      append_json(line, name, value);
    }
    return line;
  }
  append_escaped(line, message, false);
  for (const auto& [name, value] : fields) {
    line += "  ";
    line += name;
    line += '=';
    append_escaped(line, value, false);
  }
  return line;
}

class Logger::Sink {
 public:
  explicit Sink(const LogOptions& options)
      : form_(form_of(options.form)),
        repeats_(options.repeats_max, options.repeat_time),
        logger_("ratebook", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(color_mode())) {
    logger_.set_level(level_of(options.least));
    if (form_ == Form::json) {
      logger_.set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
    } else {
      logger_.set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
    }
    logger_.flush_on(spdlog::level::debug);
  }
  ~Sink() { tell(repeats_.take_all()); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
    const auto spdlog_level = level_of(level);
    if (!logger_.should_log(spdlog_level)) return;
    if (level >= Level::warning) {
      const auto now = Repeats::Clock::now();
      tell(repeats_.take_over(now));
      if (!repeats_.admit(message, now)) return;
    }
    write(spdlog_level, message, fields);
  }

 private:
  void write(spdlog::level::level_enum level, std::string_view message, std::initializer_list<Field> fields) {
    const std::string line = format_line(form_, message, fields);
    logger_.log(level, spdlog::string_view_t{line.data(), line.size()});
  }

  void tell(const std::vector<Repeats::Held>& all) {
    for (const auto& held : all) {
      write(spdlog::level::warn, "lines were held back",
            {{"count", std::to_string(held.count)}, {"message_held", held.message}});
    }
  }

  const Form form_;
  Repeats repeats_;
  spdlog::logger logger_;
};

Logger::Logger(const LogOptions& options) : sink_(std::make_unique<Sink>(options)) {}
Logger::~Logger() = default;

void Logger::log(Level level, std::string_view message, std::initializer_list<Field> fields) const {
  sink_->log(level, message, fields);
}

}  // namespace ratebook::obs
