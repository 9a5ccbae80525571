// The broker that the tests run against: a real one, started by tests/engines/kafka.py, which starts it again when it
// has been killed.
#pragma once
#include <gtest/gtest.h>
#include <sys/types.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "kafka/kafka_log.hpp"

namespace ratebook::kafka::testing {

/// Ends the program with clear words where a variable is missing: without a broker nothing is tested.
std::string needed_variable(const char* name);

/// Options for a topic of its own: one copy, quick deadlines.
KafkaOptions test_options(std::uint32_t partitions = 1);

std::unique_ptr<KafkaLog> open_log(const KafkaOptions& options);
log::RecordSource source_of(std::vector<std::string> records);
Result<Offset> append_one(log::Log& log, std::uint32_t partition, std::string bytes);
/// Incompressible, and the same for the same seed.
std::string noise(std::size_t bytes, std::uint64_t seed = 1);

const Runtime& test_runtime();

/// The broker does not answer while this lives.
class Stopped {
 public:
  Stopped();
  ~Stopped();
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  pid_t broker_;
};
/// kill -9; the helper starts it again.
void kill_broker();

}  // namespace ratebook::kafka::testing
