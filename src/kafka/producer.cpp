#include "kafka/producer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/packed_chunk.hpp"

namespace ratebook::kafka {
namespace {

constexpr std::size_t record_bytes_max = 1'000'000;   // librdkafka's default; the broker's is 48 kB above
constexpr std::size_t record_overhead_bytes = 1'024;  // of librdkafka's memory, at most
static_assert(packed_chunk_bytes_max + 2 * record_overhead_bytes < record_bytes_max);

// A record's own time is over when librdkafka says so, at the latest a second after; then we do not wait for it.
constexpr Duration delivery_grace = std::chrono::seconds{3};

/// Of the queue's bound, what one append may hold at most: others have room beside it.
std::size_t window_of(const KafkaOptions& options) {
  return std::min(options.append_bytes_max, options.queue_bytes_max / 2);
}

std::size_t cost_of(const std::string& record) { return record.size() + record_overhead_bytes; }

Settings producer_settings(const KafkaOptions& options) {
  return {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"compression.codec", "zstd"},
      {"compression.level", "1"},
      {"linger.ms", "1"},
      {"retry.backoff.ms", "50"},
      {"message.max.bytes", fmt::to_string(record_bytes_max)},
      {"message.timeout.ms", in_milliseconds(options.produce_time_max)},
      {"request.timeout.ms", in_milliseconds(std::min(options.request_time_max, options.produce_time_max))},
      // Our own bound comes first: librdkafka's knows nothing of appends that are half in.
      {"queue.buffering.max.kbytes", fmt::to_string(std::max<std::size_t>(1, options.queue_bytes_max / 512))},
      {"queue.buffering.max.messages", "1000000"},
  };
}

/// Whether the record is surely not in, nor will be: it never left, or the broker refused it before it wrote anything.
bool is_surely_out(const rd_kafka_message_t& message) {
  if (rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED) return false;
  constexpr std::array certain{
      RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,      RD_KAFKA_RESP_ERR__PURGE_QUEUE,
      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
      RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
  };
  return std::ranges::find(certain, message.err) != certain.end();
}

}  // namespace

/// Bytes of the queue's bound, held by one append until its last delivery is told: also when nobody waits for it any
/// more its records stand in librdkafka's queue.
class Producer::Reservation {
 public:
  Reservation(Producer& producer, std::size_t bytes) : producer_(producer) {
    const std::scoped_lock lock{producer_.mutex_};
    // However little is asked for, a whole window must be free: else small appends, which find room in any gap, shut
    // out large ones for ever.
    if (producer_.reserved_ + window_of(producer_.options_) > producer_.options_.queue_bytes_max) return;
    bytes_ = bytes;
    producer_.reserved_ += bytes_;
  }
  ~Reservation() {
    const std::scoped_lock lock{producer_.mutex_};
    producer_.reserved_ -= bytes_;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  bool is_held() const { return bytes_ > 0; }

 private:
  Producer& producer_;
  std::size_t bytes_ = 0;
};

/// What is known of one append; guarded by mutex_.
struct Producer::Append {
  Append(Producer& producer, std::uint32_t to, std::size_t bytes_wanted)
      : room(producer, bytes_wanted),
        partition(to),
        until(producer.runtime_.boot_time() + producer.options_.append_time_max + delivery_grace),
        changed(producer.runtime_.make_signal()) {}

  const Reservation room;
  std::uint32_t partition;
  BootTime until;
  Signal changed;
  std::size_t records = 0;  ///< outstanding
  std::size_t bytes = 0;    ///< outstanding
  BootTime moved{};         ///< when the last delivery came, or the first record was sent
  Offset last = -1;         ///< of those acknowledged
  std::uint64_t acknowledged = 0;
  std::uint64_t acknowledged_bytes = 0;
  bool failed = false;
  bool in_doubt = false;
  bool is_unreadable = false;  ///< its source failed
  std::string why;
};

/// A record on its way. Its bytes stand here until its delivery is told, so that nothing is copied.
struct Producer::Delivery {
  std::shared_ptr<Append> append;
  std::string bytes;
  BootTime sent{};
  log::Standing::Reach reach;  ///< of the partition, as known when it was sent
};

Producer::Producer(const KafkaOptions& options, const Runtime& runtime, Counters& counters,
                   std::uint32_t partition_count, log::Standing& standing)
    : options_(options), runtime_(runtime), counters_(counters), standing_(standing) {
  for (std::uint32_t i = 0; i < partition_count; ++i) breakers_.emplace_back(options.answer_time_max);
}

Result<std::shared_ptr<Producer>> Producer::make(const KafkaOptions& options, const Runtime& runtime,
                                                 Counters& counters, std::uint32_t partition_count,
                                                 log::Standing& standing) {
  std::shared_ptr<Producer> producer{new Producer{options, runtime, counters, partition_count, standing}};
  Hooks hooks;
  hooks.delivered = [its = producer.get()](const rd_kafka_message_t& message) { its->take_delivery(message); };
  auto client = Client::make(RD_KAFKA_PRODUCER, options, producer_settings(options), std::move(hooks));
  if (!client) return std::unexpected(client.error());
  producer->client_ = *std::move(client);
  producer->poller_ = std::jthread{[kafka = producer->client_.get()](const std::stop_token& stop) {
    while (!stop.stop_requested()) rd_kafka_poll(kafka, 100);
  }};
  return producer;
}

Producer::~Producer() {
  if (client_.get() == nullptr) return;
  poller_ = {};
  // What an append did not wait for still holds its bytes.
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client_.get(), std::stoi(in_milliseconds(options_.close_time_max)));
}

bool Producer::is_broken() const {
  return rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// A partition only grows: what stands below a record that was there before it was sent stands in another topic (rule
/// 23). Of a record that the broker had twice no offset may be known.
bool Producer::is_in_another_log(std::uint32_t partition, Offset offset, Offset reach) {
  if (offset >= reach || offset < 0) return false;
  const auto why = fmt::format(
      "the log's partition {} acknowledged a record as number {}, though it had {} before: the topic {} is not the one "
      "that it was, it was deleted and made again, or the brokers are others; connect the log that belongs to this "
      "store",
      partition, offset, reach, options_.topic);
  if (standing_.is_other(partition, why, false)) options_.report({Failure::damaged, "no batches are taken: " + why});
  standing_.ask_for_look(partition);
  return true;
}

void Producer::take_delivery(const rd_kafka_message_t& message) {
  const bool is_in = message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
  const BootTime now = runtime_.boot_time();
  const std::unique_ptr<Delivery> delivery{static_cast<Delivery*>(message._private)};
  const std::uint32_t partition = delivery->append->partition;
  const bool is_elsewhere = is_in && is_in_another_log(partition, message.offset, delivery->reach.end);
  if (is_in) standing_.reaches(partition, message.offset + 1, delivery->reach);
  {
    const std::scoped_lock lock{mutex_};
    Append& append = *delivery->append;
    --append.records;
    append.bytes -= delivery->bytes.size();
    append.moved = now;
    if (is_in) {
      heard_ = now;
      breakers_[partition].answered();
      // Out of order, or at no known place, the attempt could not be vouched for.
      if (message.offset <= append.last || is_elsewhere) append.failed = append.in_doubt = true;
      if (is_elsewhere && append.why.empty()) append.why = "the topic is not the one that it was";
      append.last = message.offset;
      ++append.acknowledged;
      append.acknowledged_bytes += delivery->bytes.size();
    } else {
      append.failed = true;
      if (!is_surely_out(message)) append.in_doubt = true;
      if (append.why.empty()) append.why = rd_kafka_err2str(message.err);
    }
  }
  ++counters_.deliveries;
  counters_.delivery_nanoseconds += static_cast<std::uint64_t>((now - delivery->sent).count());
  --counters_.queued_records;
  counters_.queued_bytes -= delivery->bytes.size();
  delivery->append->changed.notify();
}

Result<Offset> Producer::append(std::uint32_t partition, const log::RecordSource& records) {
  // A small append asks for the room that it needs, a large one for its whole window: once begun, neither has to stop
  // half-way because others came.
  std::vector<std::string> head;
  std::size_t cost = 0;
  while (cost <= window_of(options_)) {
    auto record = records();
    if (!record) return std::unexpected(record.error());
    if (!*record) break;
    cost += cost_of(**record);
    head.push_back(**std::move(record));
  }
  if (head.empty()) return fail(Failure::refused, "nothing to append");
  if (!breakers_[partition].lets_through(runtime_.boot_time())) {
    ++counters_.appends_refused;
    return fail(Failure::refused, fmt::format("partition {} of the log does not answer; try again", partition));
  }
  const auto append = std::make_shared<Append>(*this, partition, std::min(cost, window_of(options_)));
  if (!append->room.is_held()) {
    ++counters_.appends_full;
    ++counters_.appends_refused;
    return fail(Failure::full, "too much waits for the log already; try again");
  }
  const auto sent = send_all(append, std::move(head), records);
  return outcome(*append, sent);
}

Result<void> Producer::send_all(const std::shared_ptr<Append>& append, std::vector<std::string> head,
                                const log::RecordSource& tail) {
  for (auto& record : head) {
    if (auto sent = send(append, std::move(record)); !sent) return sent;
  }
  const BootTime rests_until = runtime_.boot_time() + options_.append_time_max / 4;
  while (true) {
    const BootTime began = runtime_.boot_time();
    auto record = tail();
    if (!record) {
      append->is_unreadable = true;
      return std::unexpected(record.error());
    }
    if (!*record) break;
    if (auto sent = send(append, **std::move(record)); !sent) return sent;
    const BootTime ended = runtime_.boot_time();
    if (ended < rests_until) runtime_.sleep((ended - began) * options_.append_rest_percent / 100);
  }
  return wait_for(*append, [&] { return append->records == 0; });
}

Result<void> Producer::send(const std::shared_ptr<Append>& append, std::string bytes) {
  const std::size_t size = bytes.size();
  const auto has_room = [&] {
    return append->failed || append->records == 0 || append->bytes + size <= window_of(options_);
  };
  if (auto waited = wait_for(*append, has_room); !waited) return waited;
  auto delivery =
      std::make_unique<Delivery>(append, std::move(bytes), runtime_.boot_time(), standing_.reach(append->partition));
  {
    const std::scoped_lock lock{mutex_};
    // In doubt nothing is added to an attempt (rule 2).
    if (append->failed) return fail(Failure::unknown, append->why);
    if (append->records == 0) append->moved = delivery->sent;
    ++append->records;
    append->bytes += size;
  }
  ++counters_.queued_records;
  counters_.queued_bytes += size;
  if (rd_kafka_produce(client_.topic(), static_cast<std::int32_t>(append->partition), 0, delivery->bytes.data(), size,
                       nullptr, 0, delivery.get()) == 0) {
    static_cast<void>(delivery.release());  // take_delivery's
    return {};
  }
  const rd_kafka_resp_err_t error = rd_kafka_last_error();
  const std::scoped_lock lock{mutex_};
  --append->records;
  append->bytes -= size;
  --counters_.queued_records;
  counters_.queued_bytes -= size;
  append->failed = true;
  append->why = rd_kafka_err2str(error);
  return fail(error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? Failure::full : Failure::refused, append->why);
}

/// `enough` is asked under the lock.
Result<void> Producer::wait_for(Append& append, const std::function<bool()>& enough) {
  while (true) {
    const std::uint64_t seen = append.changed.count();
    const BootTime now = runtime_.boot_time();
    BootTime until{};
    BootTime moved{};
    {
      const std::scoped_lock lock{mutex_};
      if (enough()) return {};
      moved = append.moved;
      until = latest_answer(append);
    }
    if (now >= until) {
      if (append.until > now) breakers_[append.partition].was_silent(now);
      return fail(Failure::unknown, "the log did not answer in time");
    }
    const bool slow = now - moved >= leader_wait;
    append.changed.wait_past(seen, std::min(until - now, slow ? leader_wait / 2 : leader_wait));
    if (slow && append.changed.count() == seen) client_.ask_for_leaders(runtime_, counters_);
  }
}

/// How long an append waits; under the lock. Behind what others append an answer may take long, and a partition gets
/// another leader in seconds. A log that answers nobody is silent.
BootTime Producer::latest_answer(const Append& append) const {
  const BootTime heard = std::max(append.moved, heard_);
  return std::min(
      {append.until, append.moved + options_.produce_time_max + delivery_grace, heard + options_.answer_time_max});
}

Result<Offset> Producer::outcome(Append& append, const Result<void>& sent) {
  // Also where it failed: only when each record is accounted for can all of them be known to be out.
  const bool settled = wait_for(append, [&] { return append.records == 0; }).has_value();
  const std::scoped_lock lock{mutex_};
  counters_.records_appended += append.acknowledged;
  counters_.bytes_appended += append.acknowledged_bytes;
  if (sent && !append.failed) return append.last;
  if (append.is_unreadable) return std::unexpected(sent.error());
  const std::string& why = append.why.empty() && !sent ? sent.error().message : append.why;
  if (!settled || append.acknowledged > 0 || append.in_doubt || is_broken()) {
    ++counters_.appends_unknown;
    return fail(Failure::unknown, fmt::format("the log did not say whether all records are in: {}", why));
  }
  ++counters_.appends_refused;
  if (!sent && sent.error().failure == Failure::full) {
    ++counters_.appends_full;
    return fail(Failure::full, why);
  }
  return fail(Failure::refused, fmt::format("the log does not take records now: {}", why));
}

}  // namespace ratebook::kafka
