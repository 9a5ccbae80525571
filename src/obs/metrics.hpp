// The metrics of the process and their text for Prometheus. A metric is made where the thing is counted; the handle
// that comes back is cheap to count with, from any thread, and valid as long as the registry.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ratebook::obs {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Grows only.
class Counter {
 public:
  Counter() = default;  ///< counts nowhere
  void add(double amount = 1) const;

 private:
  friend class Metrics;
  explicit Counter(void* counter) : counter_(counter) {}
  void* counter_ = nullptr;
};

/// How observed values are spread.
class Histogram {
 public:
  Histogram() = default;  ///< counts nowhere
  void observe(double value) const;

 private:
  friend class Metrics;
  explicit Histogram(void* histogram) : histogram_(histogram) {}
  void* histogram_ = nullptr;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  /// The same name and labels give the same counter. By convention the name ends in `_total`.
  Counter counter(std::string_view name, std::string_view help, const Labels& labels = {});
  /// `bounds` ascending, in the unit that the name ends in.
  Histogram histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                      const Labels& labels = {});
  /// A value that is asked for at each scrape; `read` may come from any thread, must be quick and outlive the
  /// registry's last text().
  void gauge(std::string_view name, std::string_view help, std::function<double()> read, const Labels& labels = {});
  /// The same for a count that something else keeps.
  void counted(std::string_view name, std::string_view help, std::function<double()> read, const Labels& labels = {});

  /// Prometheus text format 0.0.4.
  std::string text() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace ratebook::obs
