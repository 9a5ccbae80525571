// What the endpoints need, passed in or shared between them.
#pragma once
#include <atomic>
#include <cstdint>

#include "access/keeper.hpp"
#include "api/backlog.hpp"
#include "api/event_hub.hpp"
#include "api/look_ups.hpp"
#include "api/outcomes.hpp"
#include "api/pool.hpp"
#include "api/questions.hpp"
#include "api/uploads.hpp"
#include "follower/follower.hpp"
#include "http/http.hpp"
#include "intake/intake.hpp"
#include "log/abandons.hpp"
#include "log/log.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"
#include "runtime/runtime.hpp"
#include "runtime/task.hpp"
#include "store/store.hpp"

namespace ratebook::api {

struct Limits {
  Duration wait_default = std::chrono::seconds{10};  ///< where Prefer: wait says nothing
  Duration wait_max = std::chrono::seconds{60};
  Duration min_version_wait = std::chrono::seconds{1};
  std::size_t places_body_bytes_max = 16u << 20;
  std::int32_t existing_days_max = 36'600;  ///< of one `/rates`
  std::int32_t days_max = 3'660;            ///< of one `/v1/rates`
  std::size_t query_body_bytes_max = 1u << 20;
  std::size_t query_routes_max = 1000;         ///< of one `/v1/rates/query`
  std::size_t query_route_days_max = 366'000;  ///< its routes times its days
  std::size_t narrow_routes_max = 512;         ///< port pairs of a query that a core answers at once
  std::size_t past_prices_max = 10'000'000;    ///< read for one query of a past version
  std::size_t accepted_per_source_max = 1000;  ///< batches and retractions, not decided yet
  std::size_t accepted_max = 5000;             ///< of all sources together
  std::uint64_t accepted_bytes_per_source_max = 1U << 30;
  std::uint64_t accepted_bytes_max = std::uint64_t{4} << 30;
  UploadLimits uploads;
  std::size_t intake_bytes_max = 512u << 20;           ///< all intakes, and past versions, together
  std::size_t spool_bytes_max = std::size_t{4} << 30;  ///< temporary files of all intakes together
  std::size_t listed_batches_default = 100;            ///< of a page, where `limit` says nothing
  std::size_t listed_batches_max = 1000;
  OutcomesOptions outcomes;
  Duration attempt_time_max = log::attempt_time_max;  ///< T
  unsigned pool_threads = 4;
  QuestionLimits questions;
  LookUpLimits look_ups;
  log::AbandonsOptions abandons;
  unsigned retractions_max = 64;  ///< on their way into the log at once, and as many that wait for that
  unsigned past_threads = 4;      ///< that begin answers from past versions: they wait for the store
  std::size_t past_waiting_max = 256;
  unsigned replay_threads = 2;  ///< that event streams catch up on: they wait for the store
};

struct Parts {
  const Runtime& runtime;
  log::Log& log;
  store::Store& store;
  follower::Visible& visible;
  obs::Metrics& metrics;
  access::Keeper* tokens = nullptr;  ///< none: everything is open; outlives the service
};

/// Counted by the endpoints themselves.
struct IntakeCounts {
  explicit IntakeCounts(obs::Metrics& metrics);
  obs::Counter bytes, prices, batches, refused, repeats, rejected, unknown;
};

class Service {
 public:
  Service(Parts parts, Limits limits, intake::Limits intake_limits);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  follower::Visible::View view() const { return visible.view(); }
  /// This node is about to end: it is not ready any more, others write its partitions, and nobody waits for anything
  /// from now on.
  void leave();

  const Runtime& runtime;
  log::Log& log;
  store::Store& store;
  follower::Visible& visible;
  obs::Metrics& metrics;
  access::Keeper* const tokens;  ///< nullptr: everything is open
  const Limits limits;
  intake::MemoryBudget spool_files;
  const intake::Limits intake_limits;
  intake::MemoryBudget memory;
  std::atomic<bool> leaving = false;  ///< this node is about to end: not ready any more
  std::atomic<bool> ended = false;    ///< no client is left: what is still being read is for nobody
  const IntakeCounts counts;
  // Each for what waits as long as the others' work may not.
  Pool pool;  ///< waits for nothing
  Pool past;
  Pool replays;
  Pool appends;      ///< a thread each batch: none waits for a partition that another one is for
  Pool retractions;  ///< the same
  Questions questions;
  LookUps look_ups;
  log::Abandons abandons;
  Outcomes outcomes;
  Backlog backlog;
  Uploads uploads;
  EventHub events;

 private:
  Task outcomes_task_;
};

/// All endpoints. The service must outlive the server that serves them.
std::vector<http::Route> routes(Service& service);

}  // namespace ratebook::api
