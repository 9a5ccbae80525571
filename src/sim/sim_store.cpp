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

void StoreServer::changed(std::uint32_t partition, const std::vector<Decided>& decided) {
  scheduler.note("store", "changed", {partition, primary->head().version, decided.size()});
  observer(partition, decided);
  for (const auto& [node, signal] : listeners) {
    if (settings.hits(scheduler.random(), settings.rates.notification_lost)) continue;
    scheduler.at(scheduler.now() + settings.delay(scheduler.random()), [notify = signal.notify] { notify(); });
  }
}

SimStore::SimStore(StoreServer& server, std::string node)
    : server_(server),
      scheduler_(server.scheduler),
      settings_(server.settings),
      node_(std::move(node)),
      changed_(scheduler_.make_signal()) {}

bool SimStore::unreachable() const { return scheduler_.now() < server_.down_until || scheduler_.now() < cut_off_until; }

void SimStore::connect_anew(Connection& connection) {
  // A former primary that does not know of its fall takes new connections as well.
  const bool wrong = server_.former != nullptr && scheduler_.random().chance(0.3);
  connection.database = wrong ? server_.former : server_.primary;
  connection.fail_over_count = server_.fail_over_count;
}

SimStore::Connection& SimStore::connection() {
  Connection& mine = connections_[scheduler_.task()];
  if (mine.database == nullptr) connect_anew(mine);
  const bool ended = mine.database != server_.primary && mine.database != server_.former;
  if (ended || mine.fail_over_count != server_.fail_over_count) {
    mine.reads_in_doubt = true;
    if (!ended && server_.former != nullptr && scheduler_.random().chance(0.7)) {
      mine.database = server_.former;
      mine.fail_over_count = server_.fail_over_count;
    } else {
      connect_anew(mine);
    }
  }
  return mine;
}

template <class T>
Result<T> SimStore::write(Kind kind, const Transaction<T>& transaction) {
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
      mine.reads_in_doubt = true;
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
Result<T> SimStore::read(const Transaction<T>& query) {
  Random& random = scheduler_.random();
  const bool fails = unreachable() || settings_.hits(random, settings_.rates.store_fails);
  Connection& mine = connection();
  auto answer = scheduler_.call<Result<T>>(settings_.delay(random), settings_.delay(random),
                                           [query, database = mine.database] { return query(*database); });
  if (!fails) return answer;
  mine.reads_in_doubt = true;
  connect_anew(mine);
  return fail(Failure::unavailable, "the store does not answer");
}

Result<store::Claim> SimStore::claim(std::uint32_t partition) {
  return write<store::Claim>(Kind::commit, [this, partition](Database& database) -> Result<store::Claim> {
    const store::Claim claim = database.claim(partition);
    scheduler_.note(node_, "claim", {partition, claim.epoch, static_cast<std::uint64_t>(claim.position.offset + 1)});
    return claim;
  });
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
  copy.ports = {};  // they live as long as the call
  const auto transaction = [this, prices, copy](Database& database) {
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
  using Outcomes = std::vector<store::Outcome>;
  return write<Outcomes>(Kind::commit, [this, request = std::move(request)](Database& database) -> Result<Outcomes> {
    std::vector<Decided> decided;
    auto outcomes = database.publish(request, decided);
    scheduler_.note(node_, outcomes ? "publish" : "publish in vain",
                    {request.partition, request.epoch, static_cast<std::uint64_t>(request.next.offset + 1),
                     request.decisions.size()},
                    outcomes ? "" : outcomes.error().message);
    if (outcomes && &database == server_.primary.get()) server_.changed(request.partition, decided);
    return outcomes;
  });
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
  return read<PlacesDocument>([at](Database& database) { return database.places(at); });
}

Result<store::Head> SimStore::places_head(Version at) {
  return read<store::Head>([at](Database& database) -> Result<store::Head> { return database.places_head(at); });
}

Result<store::Head> SimStore::head() {
  return read<store::Head>([](Database& database) -> Result<store::Head> { return database.head(); });
}

Result<std::vector<VersionRow>> SimStore::versions(Version after, std::size_t limit) {
  return read<std::vector<VersionRow>>([after, limit](Database& database) -> Result<std::vector<VersionRow>> {
    return database.versions(after, limit);
  });
}

Result<void> SimStore::confirm() {
  if (settings_.planted(Plant::confirm_skipped)) return {};
  Random& random = scheduler_.random();
  if (unreachable() || settings_.hits(random, settings_.rates.store_fails)) {
    scheduler_.sleep(settings_.delay(random));
    return fail(Failure::unavailable, "the store does not answer");
  }
  scheduler_.sleep(settings_.delay(random));
  Connection& mine = connection();
  const bool counts = mine.database == server_.primary && !mine.reads_in_doubt;
  if (mine.database != server_.primary) connect_anew(mine);
  mine.reads_in_doubt = false;
  scheduler_.sleep(settings_.delay(random));
  if (!counts) return fail(Failure::unavailable, "what was read may have come from a primary that is none any more");
  return {};
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

Result<void> SimStore::prices_of(const std::string& attempt, const store::PriceSink& sink) {
  using Prices = std::vector<NumberedPrice>;
  return pass_on(read<Prices>([attempt](Database& database) { return database.prices_of(attempt); }), sink);
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
  return read<Found>([id](Database& database) -> Result<Found> { return database.batch(id); });
}

Result<std::optional<Batch>> SimStore::batch_by_key(const std::string& source, const std::string& key) {
  using Found = std::optional<Batch>;
  return read<Found>([source, key](Database& database) -> Result<Found> { return database.batch_by_key(source, key); });
}

Result<store::BatchPage> SimStore::batches(const store::BatchFilter& filter) {
  return read<store::BatchPage>(
      [filter](Database& database) -> Result<store::BatchPage> { return database.batches(filter); });
}

}  // namespace ratebook::sim
