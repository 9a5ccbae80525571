// What the log on Kafka counts, as metrics.
#pragma once
#include "kafka/kafka_log.hpp"
#include "obs/metrics.hpp"

namespace ratebook::kafka {

/// `log` must outlive the registry's last text().
void add_metrics(const KafkaLog& log, obs::Metrics& metrics);

}  // namespace ratebook::kafka
