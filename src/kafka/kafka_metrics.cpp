#include "kafka/kafka_metrics.hpp"

namespace ratebook::kafka {

void add_metrics(const KafkaLog& log, obs::Metrics& metrics) {
  const auto read = [&log](std::atomic<std::uint64_t> Counters::* member) {
    return [&log, member] { return static_cast<double>((log.counters().*member).load()); };
  };
  metrics.counted("ratebook_kafka_records_appended_total", "Records that the log has acknowledged.",
                  read(&Counters::records_appended));
  metrics.counted("ratebook_kafka_bytes_appended_total", "Bytes of them, before compression.",
                  read(&Counters::bytes_appended));
  metrics.counted("ratebook_kafka_appends_refused_total", "Appends that are surely not in the log.",
                  read(&Counters::appends_refused));
  metrics.counted("ratebook_kafka_appends_full_total", "Appends refused because too much waits for the log.",
                  read(&Counters::appends_full));
  metrics.counted("ratebook_kafka_appends_unknown_total", "Appends of which the log did not say whether they are in.",
                  read(&Counters::appends_unknown));
  metrics.counted("ratebook_kafka_deliveries_total", "Records answered by the log, or given up.",
                  read(&Counters::deliveries));
  metrics.counted("ratebook_kafka_delivery_seconds_total", "Time that these took together.",
                  [&log] { return static_cast<double>(log.counters().delivery_nanoseconds.load()) / 1e9; });
  metrics.gauge("ratebook_kafka_queued_records", "Records that wait for the log's answer.",
                read(&Counters::queued_records));
  metrics.gauge("ratebook_kafka_queued_bytes", "Bytes of them.", read(&Counters::queued_bytes));
  metrics.counted("ratebook_kafka_producers_replaced_total", "Producers that failed for good.",
                  read(&Counters::producers_replaced));
  metrics.counted("ratebook_kafka_records_read_total", "Records read from the log.", read(&Counters::records_read));
  metrics.counted("ratebook_kafka_bytes_read_total", "Bytes of them.", read(&Counters::bytes_read));
  metrics.counted("ratebook_kafka_leaders_asked_total", "Times that something took long, and leaders were asked for.",
                  read(&Counters::leaders_asked));
  metrics.counted("ratebook_kafka_rebalances_total", "Changes of what is assigned to this node.",
                  read(&Counters::rebalances));
  metrics.gauge("ratebook_kafka_partitions_assigned", "Partitions that this node writes.",
                read(&Counters::partitions_assigned));
  metrics.gauge("ratebook_kafka_records_behind", "Records in these that this node has not read.",
                [&log] { return static_cast<double>(log.behind()); });
}

}  // namespace ratebook::kafka
