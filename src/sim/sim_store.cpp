#include "sim/sim_store.hpp"

#include <algorithm>
#include <utility>

namespace ratebook::sim {

using std::chrono::milliseconds;

void StoreServer::fail_over(const std::function<void(Database&)>& phantom) {
  ++fail_over_count;
  former = std::make_shared<Database>(*primary);
  phantom(*former);
  scheduler.note("store", "fail-over", {former->head().version, primary->head().version});
  const Duration rest = scheduler.random().between(milliseconds{100}, settings.late_time_max);
  scheduler.at(scheduler.now() + rest, [this, gone = former] {
    if (former == gone) former = nullptr;
  });
}

void StoreServer::back_up() {
  scheduler.note("store", "backed up", {primary->head().version});
  backup = std::make_shared<const Database>(*primary);
}

void StoreServer::restore() {
  scheduler.note("store", "restored", {backup->head().version, primary->head().version});
  ++restore_count;
  ++fail_over_count;
  primary = std::make_shared<Database>(*backup);
  former = nullptr;
  const PortCode first = PortCode::parse("JPTYO").value();
  primary->number_ports({&first, 1});
}

void StoreServer::changed(std::uint32_t partition, const std::vector<Decided>& decided) {
  scheduler.note("store", "changed", {partition, primary->head().version, decided.size()});
  observer(partition, decided);
  for (const auto& [node, store] : listeners) {
    if (settings.hits(scheduler.random(), settings.rates.notification_lost)) continue;
    scheduler.at(scheduler.now() + settings.delay(scheduler.random()),
                 [notify = store->changed().notify] { notify(); });
  }
}

void StoreServer::proven(const store::Head& head) {
  for (const auto& [node, store] : listeners) {
    if (settings.hits(scheduler.random(), settings.rates.notification_lost)) continue;
    scheduler.at(scheduler.now() + settings.delay(scheduler.random()), [store, head] { store->take_proof(head); });
  }
}

/// As the file embedded, where a question is the whole of it; in a cluster on one connection to the end.
class SimStore::FollowerReading final : public store::Reading {
 public:
  explicit FollowerReading(SimStore& store) : store_(store) {}

  Result<store::Head> head() override {
    return ask<store::Head>([](Database& database) -> Result<store::Head> { return database.head(); });
  }
  Result<std::vector<VersionRow>> versions(Version after, std::size_t limit) override {
    auto rows = ask<std::vector<VersionRow>>([after, limit](Database& database) -> Result<std::vector<VersionRow>> {
      return database.versions(after, limit);
    });
    if (rows && !rows->empty() && store_.settings_.planted(Plant::own_chain_unchecked)) {
      const store::Head shown = store_.shown();
      if (rows->front().version == shown.version) rows->front().chain = shown.chain;
    }
    return rows;
  }
  Result<PlacesDocument> places(Version at) override {
    auto places = ask<PlacesDocument>([at](Database& database) { return database.places(at); });
    if (places && store_.settings_.planted(Plant::new_ports_unnoticed)) {
      std::erase_if(places->ports, [](const auto& port) { return port.closed && port.name == port.code; });
    }
    return places;
  }
  Result<void> prices_of(const std::string& attempt, const store::PriceSink& sink) override {
    using Prices = std::vector<NumberedPrice>;
    return store_.pass_on(ask<Prices>([attempt](Database& database) { return database.prices_of(attempt); }), sink);
  }
  Result<void> confirm() override {
    if (store_.settings_.planted(Plant::confirm_skipped)) return {};
    Connection& mine = store_.follower_connection_;
    if (store_.settings_.planted(Plant::confirm_on_other_connection)) {
      Connection other;
      store_.connect_anew(other);
      return store_.confirm_on(other);
    }
    if (session_ == 0 || mine.number != session_) return fail(Failure::unavailable, "the connection is broken");
    return store_.confirm_on(mine);
  }
  std::uint64_t session() const override { return session_; }

 private:
  template <class T>
  Result<T> ask(const Transaction<T>& query) {
    Connection& mine = store_.follower_connection_;
    store_.notice_fail_over(mine);
    if (session_ == 0) {
      if (mine.database == nullptr) store_.connect_anew(mine);
      session_ = mine.number;
    }
    return store_.ask_on(mine, query);
  }

  SimStore& store_;
  std::uint64_t session_ = 0;  ///< 0: nothing is read yet
};

SimStore::SimStore(StoreServer& server, std::string node)
    : server_(server),
      scheduler_(server.scheduler),
      settings_(server.settings),
      node_(std::move(node)),
      changed_(scheduler_.make_signal()),
      call_ended_(scheduler_.make_signal()) {}

class SimStore::Lease {
 public:
  explicit Lease(SimStore& store) : store_(store) {
    const std::uint32_t most = store_.settings_.store_calls_max;
    store_.callers_.push_back(this);
    while (most > 0 && (store_.calls_ >= most || store_.callers_.front() != this)) {
      try {
        store_.call_ended_.wait_past(store_.call_ended_.count(), milliseconds{1000});
      } catch (const Killed&) {
        std::erase(store_.callers_, this);
        throw;
      }
    }
    std::erase(store_.callers_, this);
    ++store_.calls_;
    // Who comes next may find room as well.
    if (!store_.callers_.empty()) store_.call_ended_.notify();
  }
  ~Lease() {
    --store_.calls_;
    if (!store_.callers_.empty()) store_.call_ended_.notify();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  SimStore& store_;
};

bool SimStore::unreachable() const { return scheduler_.now() < server_.down_until || scheduler_.now() < cut_off_until; }

void SimStore::connect_anew(Connection& connection) {
  // A former primary that does not know of its fall takes new connections as well.
  const bool wrong = server_.former != nullptr && scheduler_.random().chance(0.3);
  connection.database = wrong ? server_.former : server_.primary;
  connection.fail_over_count = server_.fail_over_count;
  connection.number = ++connection_count_;
}

void SimStore::notice_fail_over(Connection& mine) {
  const bool ended = mine.database != server_.primary && mine.database != server_.former;
  if (!ended && mine.fail_over_count == server_.fail_over_count) return;
  mine.fail_over_count = server_.fail_over_count;
  // It leads to the machine that it was made to: to the former primary, or nowhere.
  const bool noticed_nothing = !ended && server_.former != nullptr && scheduler_.random().chance(0.7);
  mine.database = noticed_nothing ? server_.former : nullptr;
}

SimStore::Connection& SimStore::connection() {
  Connection& mine = connections_[scheduler_.task()];
  notice_fail_over(mine);
  if (mine.database == nullptr) connect_anew(mine);
  return mine;
}

/// What was sent to a store that was restored meanwhile reaches nobody.
template <class T>
SimStore::Transaction<T> SimStore::of_this_history(const Transaction<T>& transaction) const {
  return [&server = server_, count = server_.restore_count, transaction](Database& database) -> Result<T> {
    if (server.restore_count != count) return fail(Failure::unknown, "the connection broke: the store was restored");
    return transaction(database);
  };
}

template <class T>
Result<T> SimStore::write(Kind kind, const Transaction<T>& asked) {
  const Lease lease{*this};
  const Transaction<T> transaction = of_this_history(asked);
  Random& random = scheduler_.random();
  const Rates& rates = settings_.rates;
  const Duration there = settings_.delay(random);
  const Duration back = settings_.delay(random);
  if (unreachable() || settings_.hits(random, rates.store_fails)) {
    scheduler_.sleep(there + back);
    if (kind == Kind::commit && settings_.planted(Plant::version_from_sequence)) server_.primary->use_up_version();
    return fail(Failure::unavailable, "the store does not answer");
  }
  if (!settings_.embedded) {
    if (Connection& mine = connection(); mine.database != server_.primary) {
      connect_anew(mine);
      scheduler_.sleep(there + back);
      return fail(Failure::unknown, "the connection broke in the middle of a commit");
    }
    if (settings_.hits(random, rates.store_lost)) {
      scheduler_.sleep(there + back);
      return fail(Failure::unknown, "no answer from the store");
    }
    if (settings_.hits(random, rates.store_late)) {
      const Duration lag = random.between(milliseconds{1}, settings_.late_time_max);
      scheduler_.at(scheduler_.now() + lag, [this, transaction] {
        scheduler_.note(node_, "late commit");
        (void)transaction(*server_.primary);
      });
      scheduler_.sleep(there + back);
      return fail(Failure::unknown, "no answer from the store");
    }
    if (kind == Kind::commit) {
      if (auto trouble = commit_in_trouble(transaction)) return std::move(*trouble);
    }
  }
  const bool unanswered = !settings_.embedded && settings_.hits(random, rates.store_unanswered);
  while (true) {
    auto done =
        scheduler_.call<std::optional<Result<T>>>(there, back, [this, kind, transaction]() -> std::optional<Result<T>> {
          if (kind == Kind::commit && server_.held) return std::nullopt;
          return transaction(*server_.primary);
        });
    if (!done) continue;  // behind the locks of a commit that waits
    if (unanswered) return fail(Failure::unknown, "no answer from the store");
    return std::move(*done);
  }
}

template <class T>
std::optional<Result<T>> SimStore::commit_in_trouble(const Transaction<T>& transaction) {
  Random& random = scheduler_.random();
  const bool held = settings_.hits(random, settings_.rates.store_held);
  const bool fail_over = !held && settings_.hits(random, settings_.rates.fail_over);
  if (!held && !fail_over) return std::nullopt;
  scheduler_.sleep(settings_.delay(random));
  while (server_.held) scheduler_.sleep(milliseconds{5});
  const bool kept = random.chance(0.5);
  if (held) {
    server_.held = true;
    const Duration lag = random.between(milliseconds{1}, settings_.late_time_max);
    scheduler_.at(scheduler_.now() + lag, [this, transaction, kept] {
      scheduler_.note(node_, "held commit ends", {kept});
      server_.held = false;
      if (kept) (void)transaction(*server_.primary);
    });
  } else {
    server_.fail_over([&](Database& former) { (void)transaction(former); });
    if (kept) (void)transaction(*server_.primary);
  }
  scheduler_.sleep(settings_.delay(random));
  return fail(Failure::unknown, "no answer to the commit");
}

template <class T>
Result<T> SimStore::ask_on(Connection& mine, const Transaction<T>& query) {
  const Lease lease{*this};
  Random& random = scheduler_.random();
  const bool fails = unreachable() || settings_.hits(random, settings_.rates.store_fails);
  if (fails) mine.database = nullptr;
  if (mine.database == nullptr) {
    scheduler_.sleep(settings_.delay(random));
    return fail(Failure::unavailable, "the store does not answer");
  }
  return scheduler_.call<Result<T>>(settings_.delay(random), settings_.delay(random),
                                    [query, database = mine.database] { return query(*database); });
}

Result<void> SimStore::confirm_on(Connection& mine) {
  const Lease lease{*this};
  Random& random = scheduler_.random();
  notice_fail_over(mine);
  const bool fails = unreachable() || settings_.hits(random, settings_.rates.store_fails);
  scheduler_.sleep(settings_.delay(random));
  // A primary that was one commits nothing, and the wait for it ends with the connection.
  notice_fail_over(mine);
  const bool counts = !fails && mine.database == server_.primary;
  if (!counts) mine.database = nullptr;
  scheduler_.sleep(settings_.delay(random));
  if (!counts) return fail(Failure::unavailable, "what was read may have come from a primary that is none any more");
  return {};
}

template <class T>
Result<T> SimStore::read(const Transaction<T>& query) {
  return ask_on(connection(), query);
}

template <class T>
Result<T> SimStore::ask(const Transaction<T>& query) {
  Connection& mine = connection();
  auto answer = ask_on(mine, query);
  if (!answer || settings_.planted(Plant::decided_by_unconfirmed_read)) return answer;
  if (auto confirmed = confirm_on(mine); !confirmed) return std::unexpected(confirmed.error());
  return answer;
}

Result<store::Claim> SimStore::claim(std::uint32_t partition) {
  return write<store::Claim>(Kind::commit, [this, partition](Database& database) -> Result<store::Claim> {
    const store::Claim claim = database.claim(partition);
    scheduler_.note(node_, "claim", {partition, claim.epoch, static_cast<std::uint64_t>(claim.position.offset + 1)});
    return claim;
  });
}

Result<std::vector<Position>> SimStore::positions(bool newest) {
  const Transaction<std::vector<Position>> query = [](Database& database) -> Result<std::vector<Position>> {
    std::vector<Position> positions;
    for (std::uint32_t i = 0; i < database.partition_count(); ++i) positions.push_back(database.position(i));
    return positions;
  };
  return newest ? ask(query) : read(query);
}

Result<std::vector<PortNumber>> SimStore::number_ports(std::span<const PortCode> codes) {
  return write<std::vector<PortNumber>>(
      Kind::quick,
      [asked = std::vector<PortCode>(codes.begin(), codes.end())](
          Database& database) -> Result<std::vector<PortNumber>> { return database.number_ports(asked); });
}

Result<void> SimStore::stage(const store::StageRequest& request) {
  const auto prices = std::make_shared<std::vector<NumberedPrice>>(request.prices.begin(), request.prices.end());
  store::StageRequest copy = request;
  copy.prices = *prices;
  const auto ports = std::make_shared<std::vector<store::NumberedPort>>(request.ports.begin(), request.ports.end());
  copy.ports = *ports;
  const auto transaction = [this, prices, ports, copy](Database& database) {
    scheduler_.note(node_, "stage", {copy.partition, copy.epoch, copy.chunk}, copy.attempt);
    return database.stage(copy);
  };
  if (settings_.planted(Plant::version_before_prices)) {
    scheduler_.at(scheduler_.now() + scheduler_.random().between(milliseconds{0}, milliseconds{500}),
                  [this, transaction] { (void)transaction(*server_.primary); });
    return {};
  }
  return write<void>(Kind::quick, transaction);
}

Result<std::vector<store::Outcome>> SimStore::publish(const store::PublishRequest& request) {
  if (!settings_.planted(Plant::position_before_publish)) return publish_whole(request);
  store::PublishRequest moved{.partition = request.partition,
                              .epoch = request.epoch,
                              .expected = request.expected,
                              .next = request.next,
                              .now = request.now};
  if (auto done = publish_whole(moved); !done) return done;
  store::PublishRequest rest = request;
  rest.expected = request.next;
  return publish_whole(std::move(rest));
}

Result<std::vector<store::Outcome>> SimStore::publish_whole(store::PublishRequest request) {
  struct Published {
    std::vector<store::Outcome> outcomes;
    store::Head head;
  };
  auto done =
      write<Published>(Kind::commit, [this, request = std::move(request)](Database& database) -> Result<Published> {
        std::vector<Decided> decided;
        auto outcomes = database.publish(request, decided);
        scheduler_.note(node_, outcomes ? "publish" : "publish in vain",
                        {request.partition, request.epoch, static_cast<std::uint64_t>(request.next.offset + 1),
                         request.decisions.size()},
                        outcomes ? "" : outcomes.error().message);
        if (!outcomes) return std::unexpected(outcomes.error());
        if (&database == server_.primary.get()) server_.changed(request.partition, decided);
        if (settings_.planted(Plant::unknown_publish_proves)) take_proof(database.head());
        return Published{*std::move(outcomes), database.head()};
      });
  if (!done) return std::unexpected(done.error());
  if (!settings_.embedded) {
    take_proof(done->head);
    server_.proven(done->head);
  }
  return std::move(done->outcomes);
}

Result<Version> SimStore::put_places(const PlacesDocument& put, const std::optional<std::string>& expected,
                                     WallTime now) {
  return write<Version>(Kind::commit, [this, put, expected, now](Database& database) {
    auto version = database.put_places(put, expected, now);
    if (version && &database == server_.primary.get()) server_.changed(0, {});
    return version;
  });
}

Result<PlacesDocument> SimStore::places(Version at) {
  return ask<PlacesDocument>([at](Database& database) { return database.places(at); });
}

Result<store::Head> SimStore::places_head(Version at) {
  return ask<store::Head>([at](Database& database) -> Result<store::Head> { return database.places_head(at); });
}

std::unique_ptr<store::Reading> SimStore::reading() { return std::make_unique<FollowerReading>(*this); }

void SimStore::take_proof(const store::Head& head) {
  if (proofs_.add(head)) changed_.notify();
}

Result<store::Head> SimStore::head() {
  return ask<store::Head>([](Database& database) -> Result<store::Head> { return database.head(); });
}

Result<std::vector<VersionRow>> SimStore::versions(Version after, std::size_t limit) {
  return ask<std::vector<VersionRow>>([after, limit](Database& database) -> Result<std::vector<VersionRow>> {
    return database.versions(after, limit);
  });
}

Result<void> SimStore::pass_on(const Result<std::vector<NumberedPrice>>& prices, const store::PriceSink& sink) {
  if (!prices) return std::unexpected(prices.error());
  std::vector<NumberedPrice> part;
  for (std::size_t from = 0; from < prices->size(); from += part.size()) {
    const std::size_t count = std::min<std::size_t>(prices->size() - from, 1 + scheduler_.random().below(8));
    part.assign(prices->begin() + static_cast<std::ptrdiff_t>(from),
                prices->begin() + static_cast<std::ptrdiff_t>(from + count));
    std::ranges::sort(part);
    if (!sink(part)) break;
  }
  return {};
}

Result<void> SimStore::prices_at(const store::Head& at, const store::PriceFilter& filter,
                                 const store::PriceSink& sink) {
  using Prices = std::vector<NumberedPrice>;
  return pass_on(read<Prices>([at, filter](Database& database) { return database.prices_at(at, filter); }), sink);
}

Result<std::optional<store::VersionChunk>> SimStore::next_chunk(const store::Head& at,
                                                                std::optional<store::ChunkName> after) {
  using Found = std::optional<store::VersionChunk>;
  return read<Found>([at, after](Database& database) { return database.next_chunk(at, after); });
}

Result<std::optional<Batch>> SimStore::batch(const std::string& id) {
  using Found = std::optional<Batch>;
  auto found = ask<Found>([id](Database& database) -> Result<Found> { return database.batch(id); });
  if (found && !*found && settings_.planted(Plant::abandoned_attempt_remembered)) {
    if (const auto header = tried(id)) found->emplace(Batch{.header = *header});
  }
  return found;
}

Result<std::optional<Batch>> SimStore::batch_by_key(const std::string& source, const std::string& key) {
  using Found = std::optional<Batch>;
  return ask<Found>([source, key](Database& database) -> Result<Found> { return database.batch_by_key(source, key); });
}

Result<store::BatchPage> SimStore::batches(const store::BatchFilter& filter) {
  return ask<store::BatchPage>(
      [filter](Database& database) -> Result<store::BatchPage> { return database.batches(filter); });
}

}  // namespace ratebook::sim
