#include "kafka/test_broker.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

namespace ratebook::kafka::testing {

std::string needed_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value != nullptr && *value != '\0') return value;
  fmt::print(stderr, "{} is not set: these tests need a Kafka broker; run them by ./dev test engines\n", name);
  std::exit(2);
}

const Runtime& test_runtime() {
  static const Runtime runtime = machine_runtime();
  return runtime;
}

KafkaOptions test_options(std::uint32_t partitions) {
  KafkaOptions options;
  options.brokers = needed_variable("RATEBOOK_TEST_KAFKA");
  options.topic = "test-" + random_id(test_runtime());
  options.group = options.topic;
  options.partitions = partitions;
  options.replication = 1;
  options.session_time_max = std::chrono::milliseconds{1500};
  options.answer_time_max = std::chrono::seconds{20};  // tests whose broker is silent on purpose say how long they wait
  return options;
}

std::unique_ptr<KafkaLog> open_log(const KafkaOptions& options) {
  auto log = KafkaLog::open(options, test_runtime());
  // After a test that stopped the broker, or killed it: nodes wait for it, too.
  for (int i = 0; i < 100 && !log && log.error().failure == Failure::unavailable; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    log = KafkaLog::open(options, test_runtime());
  }
  if (!log) {
    ADD_FAILURE() << log.error().message;
    std::exit(2);
  }
  return *std::move(log);
}

log::RecordSource source_of(std::vector<std::string> records) {
  return [records = std::move(records), next = std::size_t{0}]() mutable -> Result<std::optional<std::string>> {
    if (next == records.size()) return std::nullopt;
    return records[next++];
  };
}

Result<Offset> append_one(log::Log& log, std::uint32_t partition, std::string bytes) {
  return log.append(partition, source_of({std::move(bytes)}));
}

std::string noise(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::string text(bytes, '\0');
  for (auto& character : text) character = static_cast<char>(random());
  return text;
}

namespace {
pid_t broker_process() {
  pid_t process = 0;
  std::ifstream{needed_variable("RATEBOOK_TEST_KAFKA_PID_FILE")} >> process;
  if (process <= 1) std::abort();
  return process;
}
}  // namespace

Stopped::Stopped() : broker_(broker_process()) { kill(broker_, SIGSTOP); }
Stopped::~Stopped() {
  kill(broker_, SIGCONT);
  open_log(test_options());  // it is counted as gone until it has told the controller
}

void kill_broker() { kill(broker_process(), SIGKILL); }

}  // namespace ratebook::kafka::testing
