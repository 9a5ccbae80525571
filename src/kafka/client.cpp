#include "kafka/client.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <future>
#include <thread>

namespace ratebook::kafka {
namespace {

constexpr Duration leaders_asked_every = std::chrono::milliseconds{50};
constexpr Duration end_time_max = std::chrono::seconds{5};

Hooks& hooks_of(const rd_kafka_t* kafka) { return *static_cast<Hooks*>(rd_kafka_opaque(kafka)); }

/// Whoever was told may be gone soon.
void silence(Hooks& hooks) {
  const std::scoped_lock lock{*hooks.report_turn};
  hooks.report = [](const Fault&) {};
}

void take_line(const rd_kafka_t* kafka, int level, const char* facility, const char* text) {
  if (level > LOG_WARNING) return;
  Hooks& hooks = hooks_of(kafka);
  std::string line = text;
  if (!hooks.password.empty()) {
    for (auto at = line.find(hooks.password); at != std::string::npos; at = line.find(hooks.password)) {
      line.replace(at, hooks.password.size(), "…");
    }
  }
  const std::scoped_lock lock{*hooks.report_turn};
  hooks.report({Failure::unavailable, fmt::format("Kafka: {}: {}", facility, line)});
}

/// A broker whose machine is gone is noticed by unanswered bytes, long before a request's time is over.
int open_socket(int domain, int type, int protocol, void* opaque) {
  const int descriptor = socket(domain, type | SOCK_CLOEXEC, protocol);
  if (descriptor < 0) return descriptor;
  const unsigned int limit = 3'000;  // milliseconds
  setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof(limit));
  static_cast<void>(opaque);
  return descriptor;
}

Result<std::string> read_password(const std::string& path) {
  std::string password;
  std::ifstream file{path};
  if (!std::getline(file, password)) return fail(Failure::refused, fmt::format("{}: no password can be read", path));
  return password;
}

Result<Settings> security_settings(const Security& security, std::string& password) {
  Settings settings{{"security.protocol", security.protocol}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(name, value);
  };
  if (security.protocol.ends_with("ssl")) {
    add("ssl.ca.location", security.ca_file);
    add("ssl.certificate.location", security.certificate_file);
    add("ssl.key.location", security.key_file);
  }
  if (!security.protocol.starts_with("sasl")) return settings;
  add("sasl.mechanisms", security.sasl_mechanism);
  add("sasl.username", security.sasl_user);
  if (!security.sasl_password_file.empty()) {
    auto read = read_password(security.sasl_password_file);
    if (!read) return std::unexpected(read.error());
    password = *std::move(read);
    add("sasl.password", password);
  }
  return settings;
}

Settings common_settings(const KafkaOptions& options) {
  return {
      {"bootstrap.servers", options.brokers},
      {"client.id", "ratebook"},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"socket.connection.setup.timeout.ms", in_milliseconds(options.connect_time_max)},
      {"socket.timeout.ms", in_milliseconds(options.request_time_max)},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "500"},
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"topic.metadata.refresh.fast.interval.ms", "100"},
      {"log.connection.close", "false"},
  };
}

}  // namespace

std::string in_milliseconds(Duration duration) {
  return fmt::to_string(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

int milliseconds_left(const Runtime& runtime, BootTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - runtime.boot_time()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 600'000));
}

Result<Client> Client::make(rd_kafka_type_t type, const KafkaOptions& options, const Settings& settings, Hooks hooks) {
  Client client;
  client.hooks_ = std::make_unique<Hooks>(std::move(hooks));
  Hooks& its_hooks = *client.hooks_;
  its_hooks.report = options.report;
  const auto security = security_settings(options.security, its_hooks.password);
  if (!security) return std::unexpected(security.error());

  rd::Conf conf{rd_kafka_conf_new()};
  std::array<char, 512> error{};
  for (const auto& group : {common_settings(options), *security, settings}) {
    for (const auto& [name, value] : group) {
      if (rd_kafka_conf_set(conf.get(), name, value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK) {
        return fail(Failure::refused, fmt::format("Kafka: {}", error.data()));
      }
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), &its_hooks);
  rd_kafka_conf_set_log_cb(conf.get(), take_line);
  rd_kafka_conf_set_socket_cb(conf.get(), open_socket);
  if (its_hooks.delivered) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
      static_cast<Hooks*>(opaque)->delivered(*message);
    });
  }
  if (its_hooks.rebalance) {
    rd_kafka_conf_set_rebalance_cb(
        conf.get(), [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                       void* opaque) { static_cast<Hooks*>(opaque)->rebalance(what, partitions); });
  }
  client.kafka_.reset(rd_kafka_new(type, conf.get(), error.data(), error.size()));
  if (!client.kafka_) return fail(Failure::refused, fmt::format("Kafka: {}", error.data()));
  static_cast<void>(conf.release());  // it is the handle's now
  client.topic_.reset(rd_kafka_topic_new(client.get(), options.topic.c_str(), nullptr));
  if (!client.topic_)
    return fail(Failure::refused, fmt::format("Kafka: the topic's name {} is no name", options.topic));
  return client;
}

void Client::ask_for_leaders(const Runtime& runtime, Counters& counters) const {
  const BootTime now = runtime.boot_time();
  BootTime last = asked_->load();
  if (now - last < leaders_asked_every || !asked_->compare_exchange_strong(last, now)) return;
  ++counters.leaders_asked;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(get(), 0, topic(), &metadata, 100) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
  }
}

Client::~Client() {
  if (kafka_ && rd_kafka_type(kafka_.get()) == RD_KAFKA_CONSUMER) destroy_at_once();
}

/// librdkafka before 2.6.1 waits for ever where a partition was deleted while it was consumed
/// (confluentinc/librdkafka#4724): then a thread of its own does.
void Client::destroy_at_once() {
  topic_.reset();
  std::shared_ptr<Hooks> hooks{std::move(hooks_)};  // outlive it
  std::promise<void> ended;
  const auto end = ended.get_future();
  std::thread{[kafka = kafka_.release(), hooks, ended = std::move(ended)]() mutable {
    rd_kafka_destroy_flags(kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    hooks.reset();
    ended.set_value();
  }}.detach();
  if (end.wait_for(end_time_max) == std::future_status::timeout) silence(*hooks);
}

void Client::forget() {
  static_cast<void>(topic_.release());
  static_cast<void>(kafka_.release());
  silence(*hooks_.release());  // its threads still have it
}

}  // namespace ratebook::kafka
