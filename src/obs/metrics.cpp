#include "obs/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>

namespace ratebook::obs {
namespace {

std::map<std::string, std::string> map_of(const Labels& labels) { return {labels.begin(), labels.end()}; }

struct Read {
  std::string name;
  std::string help;
  prometheus::MetricType type;
  std::function<double()> read;
  Labels labels;
};

prometheus::ClientMetric sample(const Read& read) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : read.labels) metric.label.push_back({name, value});
  if (read.type == prometheus::MetricType::Gauge) {
    metric.gauge.value = read.read();
  } else {
    metric.counter.value = read.read();
  }
  return metric;
}

}  // namespace

class Metrics::State {
 public:
  prometheus::Registry registry;
  mutable std::mutex mutex;  ///< guards reads
  std::vector<Read> reads;
};

void Counter::add(double amount) const {
  if (counter_ != nullptr) static_cast<prometheus::Counter*>(counter_)->Increment(amount);
}

void Histogram::observe(double value) const {
  if (histogram_ != nullptr) static_cast<prometheus::Histogram*>(histogram_)->Observe(value);
}

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(std::string{name}).Help(std::string{help}).Register(state_->registry);
  return Counter{&family.Add(map_of(labels))};
}

Histogram Metrics::histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                             const Labels& labels) {
  auto& family =
      prometheus::BuildHistogram().Name(std::string{name}).Help(std::string{help}).Register(state_->registry);
  return Histogram{&family.Add(map_of(labels), bounds)};
}

void Metrics::gauge(std::string_view name, std::string_view help, std::function<double()> read, const Labels& labels) {
  const std::lock_guard lock{state_->mutex};
  state_->reads.push_back(
      {std::string{name}, std::string{help}, prometheus::MetricType::Gauge, std::move(read), labels});
}

void Metrics::counted(std::string_view name, std::string_view help, std::function<double()> read,
                      const Labels& labels) {
  const std::lock_guard lock{state_->mutex};
  state_->reads.push_back(
      {std::string{name}, std::string{help}, prometheus::MetricType::Counter, std::move(read), labels});
}

std::string Metrics::text() const {
  auto families = state_->registry.Collect();
  std::map<std::string, prometheus::MetricFamily> read_families;
  {
    const std::lock_guard lock{state_->mutex};
    for (const Read& read : state_->reads) {
      auto& family = read_families[read.name];
      family.name = read.name;
      family.help = read.help;
      family.type = read.type;
      family.metric.push_back(sample(read));
    }
  }
  for (auto& [name, family] : read_families) families.push_back(std::move(family));
  return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace ratebook::obs
