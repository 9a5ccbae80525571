// What a node's clients ask of its endpoints, and what the checks make of the answers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/json_reader.hpp"
#include "api/query.hpp"
#include "log/attempt.hpp"
#include "model/places_json.hpp"
#include "sim/node.hpp"

namespace ratebook::sim {
namespace {

std::string json_of(const Content& content) {
  std::string body = fmt::format(R"({{"source":"{}","prices":[)", content.source);
  for (const Price& price : content.prices) {
    fmt::format_to(std::back_inserter(body), R"({}{{"orig_code":"{}","dest_code":"{}","day":"{}","price":{}}})",
                   body.back() == '[' ? "" : ",", price.orig.view(), price.dest.view(), format_day(price.day),
                   format_cents(price.amount));
  }
  return body + "]}";
}

/// Whether intake would let the batch in: every port is known and open.
bool is_open(const book::Book& book, const Content& content) {
  const auto& tree = book.places();
  if (tree == nullptr) return false;
  const auto open = [&](PortCode code) {
    const auto port = tree->find_port(code);
    return port && !tree->is_closed(*port);
  };
  return std::ranges::all_of(content.prices, [&](const Price& price) { return open(price.orig) && open(price.dest); });
}

/// 0: it is null or not there.
Version number_of(api::JsonReader::Element root, const char* name) {
  std::uint64_t number = 0;
  return root[name].get(number) ? 0 : number;
}

/// A batch as an answer has it.
struct ToldBatch {
  std::string id;
  std::string digest;
  std::string status;
  Version version = 0;
  Version retracted_version = 0;
};

ToldBatch read_batch(const std::string& body) {
  ToldBatch told;
  api::read_json(body, [&](api::JsonReader::Element root) {
    const auto text = [&](const char* name, std::string& into) {
      std::string_view value;
      if (!root[name].get(value)) into = value;
    };
    text("id", told.id);
    text("digest", told.digest);
    text("status", told.status);
    told.version = number_of(root, "version");
    told.retracted_version = number_of(root, "retracted_version");
  });
  return told;
}

RatesTold read_rates(const std::string& body) {
  RatesTold told;
  api::read_json(body, [&](api::JsonReader::Element root) {
    told.version = number_of(root, "version");
    simdjson::dom::array rates;
    if (root["rates"].get(rates)) return;
    for (const auto rate : rates) {
      std::string_view day;
      std::uint64_t count = 0;
      if (!rate["day"].get(day) && !rate["count"].get(count)) told.counts[parse_day(day).value()] = count;
    }
  });
  return told;
}

std::pair<std::string, std::string> split_location(const std::string& location) {
  const auto mark = location.find('?');
  if (mark == std::string::npos) return {location, ""};
  return {location.substr(0, mark), location.substr(mark + 1)};
}

std::optional<log::Place> place_of(const std::string& location) {
  const std::string text = split_location(location).second;
  const api::Query query{text};
  const auto at = query.get("at");
  return at ? log::parse_place(*at) : std::nullopt;
}

}  // namespace

Shown Node::shown(const Life& life, const ApiAnswer& answer) const {
  return {answer.version(), life.visible.view().book->version()};
}

Answer Node::unexpected(const ApiAnswer& answer) {
  if (answer.status == 429 || answer.status == 503 || answer.status == 0) return {};
  ground_.checks.violated("an answer is one that its contract names",
                          fmt::format("{} answers {}: {}", name_, answer.status, answer.body));
  return {};
}

Answer Node::submit(const BatchRequest& request) {
  Life& life = *life_;
  const Content& content = request.content;
  // Nothing comes between this look and the one that intake takes.
  const bool open = is_open(*life.visible.view().book, content);
  const auto answer = life.api.call({.method = "POST",
                                     .path = "/v1/batches",
                                     .query = content.replaces.empty() ? "" : "replaces=" + content.replaces,
                                     .headers = {{"Content-Type", "application/json"},
                                                 {"Idempotency-Key", content.key},
                                                 {"Prefer", fmt::format("wait={}", request.wait_s)}},
                                     .body = json_of(content)});
  ground_.scheduler.note(name_, "answers", {answer.status}, request.id);
  const bool is_taken = answer.status >= 200 && answer.status < 300;
  if (open ? answer.status == 422 : is_taken) {
    ground_.checks.violated("1 all or nothing", fmt::format("{} answers {} to a batch whose ports are{} known: {}",
                                                            name_, answer.status, open ? "" : " not", answer.body));
  }
  if (answer.status == 422) return {Answer::Kind::refused, 0, {}};
  if (answer.status == 409) return judge_conflict(request, answer);
  if (answer.status < 200 || answer.status > 202) return unexpected(answer);
  return judge_batch(life, request, answer);
}

Answer Node::judge_batch(Life& life, const BatchRequest& request, const ApiAnswer& answer) {
  Checks& checks = ground_.checks;
  const ToldBatch told = read_batch(answer.body);
  if (told.id != request.id || told.digest != hex(request.digest)) {
    checks.violated("3 exactly once", fmt::format("{} names batch {} otherwise: {}", name_, request.id, answer.body));
  }
  const std::string location{answer.header("Location").value_or("/v1/batches/" + told.id)};
  if (told.status == "accepted") return judge_accepted(life, request, location);
  checks.answered(name_, request.id, request.content, told.version, shown(life, answer));
  if (answer.status == 201) checks.created(name_, request.id, life.watched_log.attempts(request.id));
  return {Answer::Kind::committed, told.version, location};
}

Answer Node::judge_accepted(Life& life, const BatchRequest& request, const std::string& location) {
  Checks& checks = ground_.checks;
  const Answer answer{Answer::Kind::accepted, 0, location};
  const auto place = place_of(location);
  if (!place) {
    checks.accepted_before(name_, request.id, request.content);
    return answer;
  }
  const auto* put = life.watched_log.put_at(place->partition, place->offset, request.id);
  if (put == nullptr) {
    checks.violated("2 accepted is kept", fmt::format("{} has accepted {} at {}, where its log has not acknowledged it",
                                                      name_, request.id, log::format_place(*place)));
    return answer;
  }
  checks.accepted(request.id, put->attempt, request.content, life.watched_log.found_other(place->partition, *put));
  return answer;
}

Answer Node::judge_conflict(const BatchRequest& request, const ApiAnswer& answer) {
  const std::string problem = answer.problem();
  if (problem == "no-places") return {};
  if (problem == "key-conflict") {
    ground_.checks.refused_by_key(request.id, request.content);
  } else if (problem == "replaces-conflict") {
    ground_.checks.refused_by_replaces(name_, request.id);
  } else {
    return unexpected(answer);
  }
  return {Answer::Kind::conflict, 0, {}};
}

Answer Node::look_up(const BatchRequest& request, const std::string& location) {
  Life& life = *life_;
  const auto [path, query] = split_location(location);
  const auto place = place_of(location);
  const auto batch = ground_.server.primary->batch(request.id);
  // Which log a node looks into while it is another one, it cannot always know.
  const auto log_number = [&] { return place ? ground_.broker.log_number(place->partition) : 0; };
  const std::uint64_t number = log_number();
  bool stands_there = false;
  if (place && !ground_.broker.is_aside(place->partition)) {
    const auto record = log::decode(ground_.broker.right_record(place->partition, place->offset));
    const auto* chunk = record ? std::get_if<log::ChunkRecord>(&*record) : nullptr;
    stands_there = chunk != nullptr && chunk->batch.id == request.id;
  }
  const auto answer = life.api.call({.method = "GET", .path = path, .query = query});
  if (answer.status == 404) {
    ground_.checks.unknown(name_, request.id, batch.has_value(), stands_there && log_number() == number);
    return {Answer::Kind::refused, 0, {}};
  }
  if (answer.status != 200) return unexpected(answer);
  const ToldBatch told = read_batch(answer.body);
  if (told.version > 0) {
    ground_.checks.answered(name_, request.id, request.content, told.version, shown(life, answer));
  }
  if (told.retracted_version > 0) {
    ground_.checks.retracted(name_, request.id, told.retracted_version, shown(life, answer));
  }
  return {Answer::Kind::done, told.version, {}};
}

Answer Node::retract(const std::string& id, unsigned wait_s) {
  Life& life = *life_;
  const auto answer = life.api.call({.method = "POST",
                                     .path = "/v1/batches/" + id + "/retraction",
                                     .headers = {{"Prefer", fmt::format("wait={}", wait_s)}}});
  ground_.scheduler.note(name_, "answers a retraction", {answer.status}, id);
  if (answer.status == 404) return {Answer::Kind::refused, 0, {}};
  if (answer.status == 409) return {Answer::Kind::conflict, 0, {}};
  if (answer.status != 200 && answer.status != 202) return unexpected(answer);
  if (life.watched_log.retracts(id)) ground_.checks.retraction_accepted(id);
  if (answer.status == 202) return {Answer::Kind::accepted, 0, {}};
  const ToldBatch told = read_batch(answer.body);
  ground_.checks.retracted(name_, id, told.retracted_version, shown(life, answer));
  return {Answer::Kind::done, told.retracted_version, {}};
}

Answer Node::put_places(const PlacesDocument& places) {
  Life& life = *life_;
  const auto now = life.api.call({.method = "GET", .path = "/v1/places"});
  if (now.status != 200) return unexpected(now);
  const auto answer = life.api.call(
      {.method = "PUT",
       .path = "/v1/places",
       .headers = {{"Content-Type", "application/json"}, {"If-Match", std::string{now.header("ETag").value_or("")}}},
       .body = places_json(places)});
  ground_.scheduler.note(name_, "answers places", {answer.status});
  if (answer.status == 412) return {Answer::Kind::conflict, 0, {}};
  if (answer.status != 200) return unexpected(answer);
  const std::string tag{answer.header("ETag").value_or("")};
  const Version version = std::strtoull(tag.c_str() + 1, nullptr, 10);
  ground_.checks.places_put(name_, version, tag, shown(life, answer));
  return {Answer::Kind::accepted, version, {}};
}

Answer Node::read(const RatesAsked& asked) {
  Life& life = *life_;
  const auto had = life.visible.view();
  const Time began = ground_.scheduler.now();
  std::string query = fmt::format("origin={}&destination={}&date_from={}&date_to={}&stats=count", asked.origin,
                                  asked.destination, format_day(asked.from), format_day(asked.to));
  if (asked.version) query += fmt::format("&version={}", *asked.version);
  const auto answer = life.api.call({.method = "GET",
                                     .path = "/v1/rates",
                                     .query = query,
                                     .headers = {{"Ratebook-Min-Version", std::to_string(asked.least)}}});
  if (answer.status == 200) return judge_rates(life, asked, answer);
  if (answer.status == 404) return {Answer::Kind::refused, 0, {}};
  ground_.checks.not_read(name_, asked,
                          {.had = had,
                           .has = life.visible.view(),
                           .waits = !life.service.leaving && life.service.limits.outcomes.watched_max > 1000,
                           .waited = ground_.scheduler.now() - began,
                           .wait = ground_.settings.min_version_wait});
  return unexpected(answer);
}

Answer Node::judge_rates(Life& life, const RatesAsked& asked, const ApiAnswer& answer) {
  RatesTold told = read_rates(answer.body);
  told.shown = shown(life, answer);
  ground_.checks.read(name_, asked, told);
  return {Answer::Kind::done, told.shown.named, {}};
}

}  // namespace ratebook::sim
