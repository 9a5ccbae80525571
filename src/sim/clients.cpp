#include "sim/clients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace ratebook::sim {

using std::chrono::milliseconds;

namespace {

// The last two stand in no places document: only the log knows them, from nodes that are not simulated.
constexpr std::array port_codes = {"CNSGH", "CNNGB", "CNYTN", "NLRTM", "DEHAM", "BEANR", "USLAX", "SGSIN"};
constexpr std::size_t named_ports = 6;

PortCode port(std::size_t index) { return PortCode::parse(port_codes[index]).value(); }

}  // namespace

Clients::Clients(const Ground& ground, std::vector<std::unique_ptr<Node>>& nodes) : ground_(ground), nodes_(nodes) {}

void Clients::start() {
  const auto spawn = [&](std::string name, std::function<void()> body) {
    processes_.push_back(ground_.scheduler.make_process(std::move(name)));
    ground_.scheduler.spawn(processes_.back(), std::move(body));
  };
  spawn("operator", [this] { operate_places(); });
  if (ground_.settings.crowded) spawn("crowd", [this] { crowd(); });
  for (std::uint32_t i = 0; i < ground_.settings.client_count; ++i) {
    spawn(fmt::format("client{}", i), [this, i] { send_and_read(i); });
  }
}

void Clients::send_and_read(std::uint32_t client) {
  Random& random = ground_.scheduler.random();
  std::string source = fmt::format("source-{}", client % ground_.settings.source_count);
  while (!over()) {
    if (ground_.settings.crowded) source = fmt::format("source-{}", random.below(ground_.settings.source_count));
    const auto what = random.below(10);
    if (what < 6) {
      send_one(source);
    } else if (what < 7) {
      retract_one(source);
    } else {
      read_one();
    }
    ground_.scheduler.sleep(random.between(milliseconds{0}, milliseconds{250}));
  }
}

void Clients::crowd() {
  Random& random = ground_.scheduler.random();
  while (!over()) {
    const bool is_flood = random.chance(0.7);
    BatchRequest request =
        fresh_batch(is_flood ? "a-flood" : fmt::format("source-{}", random.below(ground_.settings.source_count)));
    if (random.chance(0.95)) request.chunk_count = 1;
    put_into_log(request);
    ground_.scheduler.sleep(random.between(milliseconds{1}, milliseconds{8}));
  }
}

std::string Clients::put_into_log(const BatchRequest& request) {
  ground_.checks.sent(request.id, request.content);
  log::ChunkRecord record{.batch = {.id = request.id,
                                    .source = request.content.source,
                                    .key = request.content.key,
                                    .digest = request.digest,
                                    .price_count = request.content.prices.size(),
                                    .replaces = request.content.replaces},
                          .attempt = fmt::format("{:032x}", ground_.scheduler.random().next())};
  const auto chunks = pack_chunks(request.content.prices, request.chunk_count);
  for (const std::string& chunk : chunks) {
    record.prices = chunk;
    record.last = record.number + 1 == chunks.size();
    ground_.broker.append(partition_of(record.batch.source, ground_.settings.partition_count), log::encode(record));
    ++record.number;
  }
  return record.attempt;
}

void Clients::operate_places() {
  while (!over()) {
    const PlacesDocument places = draw_places();
    const Answer answer = ask([places](Node& node) { return node.put_places(places); });
    newest_ = std::max(newest_, answer.version);
    const Duration least = answer.kind == Answer::Kind::accepted ? milliseconds{1000} : milliseconds{50};
    ground_.scheduler.sleep(ground_.scheduler.random().between(least, 4 * least));
  }
}

PlacesDocument Clients::draw_places() {
  Random& random = ground_.scheduler.random();
  PlacesDocument places;
  places.regions = {{"asia", "Asia", ""}, {"china", "China", "asia"}, {"europe", "Europe", ""}};
  if (random.chance(0.3)) places.regions.push_back({"north_europe", "North Europe", "europe"});
  for (std::size_t i = 0; i < named_ports; ++i) {
    if (random.chance(0.04)) continue;  // closed by this change, until a later one
    const std::string code = port_codes[i];
    places.ports.push_back({code, code, places.regions[random.below(places.regions.size())].slug, false});
  }
  return places;
}

std::vector<Price> Clients::draw_prices() {
  Random& random = ground_.scheduler.random();
  const std::size_t ports = random.chance(0.15) ? port_codes.size() : named_ports;
  std::vector<Price> prices(1 + random.below(ground_.settings.prices_max));
  for (Price& price : prices) {
    const std::size_t orig = random.below(ports);
    const std::size_t dest = (orig + 1 + random.below(ports - 1)) % ports;
    price = {port(orig), port(dest), Day{static_cast<std::int32_t>(random.below(20))},
             Cents{static_cast<std::uint32_t>(1 + random.below(500))}};
  }
  if (random.chance(0.3)) prices.push_back(prices.front());  // exact duplicates count
  return prices;
}

void Clients::name_batch(BatchRequest& request) const {
  const Content& content = request.content;
  ContentDigest digest{content.replaces};
  if (!ground_.settings.planted(Plant::id_ignores_content)) {
    for (const Price& price : content.prices) digest.add(price);
  }
  request.digest = digest.finish();
  request.id = batch_id(content.source, content.key, request.digest);
}

BatchRequest Clients::fresh_batch(const std::string& source) {
  Random& random = ground_.scheduler.random();
  BatchRequest request;
  request.content = {source, fmt::format("key-{}", ++keys_), "", draw_prices()};
  request.chunk_count = 1 + static_cast<std::uint32_t>(random.below(ground_.settings.chunks_max));
  request.wait_s = static_cast<unsigned>(random.below(3));
  if (!sent_.empty() && random.chance(0.15)) {
    const BatchRequest& before = random.pick(sent_);
    if (before.content.source == source) request.content.replaces = before.id;
  }
  name_batch(request);
  return request;
}

void Clients::send_one(const std::string& source) {
  Random& random = ground_.scheduler.random();
  if (!sent_.empty() && random.chance(0.25)) {
    BatchRequest again = random.pick(sent_);
    if (again.content.source != source) return;
    if (random.chance(0.4)) {
      again.content.prices = draw_prices();  // the same key, other content
      name_batch(again);
    }
    again.chunk_count = 1 + static_cast<std::uint32_t>(random.below(ground_.settings.chunks_max));
    again.wait_s = static_cast<unsigned>(random.below(3));
    submit(again);
    return;
  }
  submit(fresh_batch(source));
}

void Clients::submit(const BatchRequest& request) {
  const std::size_t index = sent_.size();
  sent_.push_back(request);
  if (goes_past_the_nodes(request.content)) {
    const std::string attempt = put_into_log(request);
    ground_.checks.accepted(request.id, attempt, request.content, false);
    answered_.push_back(index);
    return;
  }
  ground_.checks.sent(request.id, request.content);
  for (int i = 0; i < 4 && !over(); ++i) {
    const Answer answer = ask([request](Node& node) { return node.submit(request); });
    newest_ = std::max(newest_, answer.version);
    if (answer.kind == Answer::Kind::committed || answer.kind == Answer::Kind::accepted) {
      answered_.push_back(index);
      if (ground_.scheduler.random().chance(0.2)) look_up(request, answer.location);
    }
    if (answer.kind != Answer::Kind::unavailable) return;
    if (ground_.scheduler.random().chance(0.2)) return;  // a client may give up
    ground_.scheduler.sleep(ground_.scheduler.random().between(milliseconds{0}, milliseconds{300}));
  }
}

/// What no node would let in: a node that is not simulated has, whose places are ahead or, under the planted bug, which
/// names batches otherwise.
bool Clients::goes_past_the_nodes(const Content& content) const {
  if (ground_.settings.planted(Plant::id_ignores_content)) return true;
  const auto is_named = [](PortCode code) {
    return std::ranges::any_of(std::span{port_codes}.first(named_ports),
                               [&](std::string_view named) { return named == code.view(); });
  };
  return !std::ranges::all_of(content.prices,
                              [&](const Price& price) { return is_named(price.orig) && is_named(price.dest); });
}

void Clients::look_up(const BatchRequest& request, const std::string& location) {
  const Answer answer = ask([request, location](Node& node) { return node.look_up(request, location); });
  newest_ = std::max(newest_, answer.version);
}

void Clients::retract_one(const std::string& source) {
  if (answered_.empty()) return;
  const BatchRequest request = sent_[ground_.scheduler.random().pick(answered_)];
  if (request.content.source != source) return;
  for (int i = 0; i < 3 && !over(); ++i) {
    const auto wait_s = static_cast<unsigned>(ground_.scheduler.random().below(2));
    const Answer answer = ask([id = request.id, wait_s](Node& node) { return node.retract(id, wait_s); });
    newest_ = std::max(newest_, answer.version);
    if (answer.kind != Answer::Kind::unavailable) return;
  }
}

void Clients::read_one() {
  Random& random = ground_.scheduler.random();
  RatesAsked asked{.least = random.chance(0.5) ? newest_ : 0,
                   .version = {},
                   .origin = random.chance(0.5) ? "asia" : port_codes[random.below(named_ports)],
                   .destination = random.chance(0.5) ? "europe" : port_codes[random.below(named_ports)],
                   .from = Day{5},
                   .to = Day{15}};
  if (random.chance(0.2)) asked.version = 1 + random.below(newest_ + 1);
  const Answer answer = ask([asked](Node& node) { return node.read(asked); });
  newest_ = std::max(newest_, answer.version);
}

Answer Clients::ask(const std::function<Answer(Node&)>& what) {
  Scheduler& scheduler = ground_.scheduler;
  struct Exchange {
    std::optional<Answer> answer;
    Signal arrived;
  };
  Node* node = nodes_[scheduler.random().below(nodes_.size())].get();
  scheduler.sleep(ground_.settings.delay(scheduler.random()));
  if (!node->is_up()) return {};
  const auto exchange = std::make_shared<Exchange>();
  exchange->arrived = scheduler.make_signal();
  // The node goes on with a request whose client has gone; it must not refer to what the client had.
  scheduler.spawn(node->process(), [node, exchange, what] {
    exchange->answer = what(*node);
    exchange->arrived.notify();
  });
  const Time until = scheduler.now() + 5 * ground_.settings.attempt_time_max;
  while (!exchange->answer && scheduler.now() < until) {
    exchange->arrived.wait_past(exchange->arrived.count(), milliseconds{500});
  }
  scheduler.sleep(ground_.settings.delay(scheduler.random()));
  return exchange->answer.value_or(Answer{});
}

}  // namespace ratebook::sim
