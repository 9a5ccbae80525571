#include "kafka/group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace ratebook::kafka {
namespace {

Settings group_settings(const KafkaOptions& options) {
  return {
      {"group.id", options.group},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"session.timeout.ms", in_milliseconds(options.session_time_max)},
      {"heartbeat.interval.ms", in_milliseconds(options.session_time_max / 3)},
      {"max.poll.interval.ms", in_milliseconds(std::max<Duration>(options.session_time_max, std::chrono::seconds{30}))},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"allow.auto.create.topics", "false"},
      // Should anything be fetched before it is paused, then next to nothing.
      {"auto.offset.reset", "latest"},
      {"queued.min.messages", "1"},
      {"queued.max.messages.kbytes", "1"},
      {"fetch.message.max.bytes", "1"},
  };
}

std::span<rd_kafka_topic_partition_t> elements(const rd_kafka_topic_partition_list_t& list) {
  return {list.elems, static_cast<std::size_t>(list.cnt)};
}

}  // namespace

Result<std::unique_ptr<Group>> Group::join(const KafkaOptions& options, const Runtime& runtime, Counters& counters) {
  std::unique_ptr<Group> group{new Group{options, runtime, counters}};
  Hooks hooks;
  hooks.rebalance = [its = group.get()](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
    its->rebalance(what, partitions);
  };
  auto client = Client::make(RD_KAFKA_CONSUMER, options, group_settings(options), std::move(hooks));
  if (!client) return std::unexpected(client.error());
  group->client_ = *std::move(client);
  rd_kafka_poll_set_consumer(group->client_.get());
  if (const auto error = group->subscribe(); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(Failure::refused, fmt::format("the group {}: {}", options.group, rd_kafka_err2str(error)));
  }
  group->server_ = std::jthread{[its = group.get()](const std::stop_token& stop) { its->serve(stop); }};
  return group;
}

Group::~Group() {
  if (client_.get() == nullptr) return;
  server_ = {};
  const BootTime until = runtime_.boot_time() + options_.close_time_max;
  // librdkafka before 2.3.0 ends the process where a member of this strategy ends between joining and its first
  // assignment (confluentinc/librdkafka#4381).
  while (!was_assigned_ && runtime_.boot_time() < until) serve_once();
  if (!was_assigned_) {
    client_.forget();
    return;
  }
  rd::Queue queue{rd_kafka_queue_get_consumer(client_.get())};
  const rd::Error error{rd_kafka_consumer_close_queue(client_.get(), queue.get())};
  while (!error && rd_kafka_consumer_closed(client_.get()) == 0 && runtime_.boot_time() < until) serve_once();
  queue.reset();  // what lies in it must not outlive the client
  client_.destroy_at_once();
}

log::Assignment Group::assignment() const {
  const std::scoped_lock lock{mutex_};
  return assignment_;
}

rd_kafka_resp_err_t Group::subscribe() {
  was_assigned_ = false;
  const rd::PartitionList topics{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
  return rd_kafka_subscribe(client_.get(), topics.get());
}

void Group::leave(const std::string& why, log::Leave how) {
  auto before = Membership::member;
  const auto after = how == log::Leave::for_good ? Membership::gone : Membership::away;
  if (wanted_.compare_exchange_strong(before, after)) {
    options_.report({Failure::unavailable, fmt::format("this node leaves the log's writing to others: {}", why)});
  } else if (after == Membership::gone) {
    wanted_ = after;
  }
}

void Group::rejoin() {
  auto before = Membership::away;
  if (!wanted_.compare_exchange_strong(before, Membership::member)) return;
  options_.report({Failure::unavailable, "this node takes its share of the log's writing again"});
}

void Group::serve(const std::stop_token& stop) {
  bool takes_part = true;
  while (!stop.stop_requested()) {
    // As above: nothing ends between joining and the first assignment.
    if (const bool should = wanted_ == Membership::member; should != takes_part && was_assigned_) {
      const auto error = should ? subscribe() : rd_kafka_unsubscribe(client_.get());
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) takes_part = should;
    }
    serve_once();
  }
}

void Group::serve_once() {
  const rd::Message message{rd_kafka_consumer_poll(client_.get(), 50)};
  if (!message || message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  options_.report(
      {Failure::unavailable, fmt::format("the group {}: {}", options_.group, rd_kafka_message_errstr(message.get()))});
}

/// Called from within serve_once.
void Group::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
  const bool assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (assigned) was_assigned_ = true;
  if (!assigned) change(*partitions, false);
  rd::Error error;
  if (assigned) {
    for (auto& partition : elements(*partitions)) partition.offset = RD_KAFKA_OFFSET_END;
    error.reset(rd_kafka_incremental_assign(client_.get(), partitions));
    if (!error) rd_kafka_pause_partitions(client_.get(), partitions);
  } else {
    error.reset(rd_kafka_incremental_unassign(client_.get(), partitions));
  }
  if (error) {
    options_.report(
        {Failure::unavailable, fmt::format("the group {}: {}", options_.group, rd_kafka_error_string(error.get()))});
  } else if (assigned) {
    change(*partitions, true);
  }
}

void Group::change(const rd_kafka_topic_partition_list_t& partitions, bool assigned) {
  if (partitions.cnt == 0) return;
  const std::scoped_lock lock{mutex_};
  auto& mine = assignment_.partitions;
  for (const auto& partition : elements(partitions)) {
    const auto number = static_cast<std::uint32_t>(partition.partition);
    std::erase(mine, number);
    if (assigned) mine.push_back(number);
  }
  std::ranges::sort(mine);
  ++assignment_.generation;
  ++counters_.rebalances;
  counters_.partitions_assigned = mine.size();
}

}  // namespace ratebook::kafka
