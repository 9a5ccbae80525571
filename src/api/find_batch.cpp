#include "api/find_batch.hpp"

#include <fmt/format.h>

#include <utility>

#include "api/batch_json.hpp"
#include "log/attempt.hpp"

namespace ratebook::api {
namespace {

Found ask_store(Service& service, const std::string& id) {
  auto stored = service.store.batch(id);
  if (!stored) return std::unexpected(store_problem(stored.error()));
  return *std::move(stored);
}

}  // namespace

std::expected<std::optional<log::Place>, Problem> read_place_in_log(const Query& query) {
  const auto text = query.get("at");
  if (!text) return std::nullopt;
  const auto place = log::parse_place(*text);
  if (!place) return std::unexpected(bad_parameter("at", "write it as the Location of the 202 has it, such as 3-1042"));
  return place;
}

std::optional<Batch> remembered(const Service& service, const std::string& id, const View& view) {
  const auto header = service.outcomes.accepted_beyond(id, view.book->version());
  if (!header) return std::nullopt;
  return accepted_batch(*header);
}

// A batch goes from memory and the log to the store: what is found in neither may have gone there meanwhile, so that
// the store is asked again.
void find_batch(Service& service, const std::string& id, const std::optional<log::Place>& place, const Caller& caller,
                std::function<void(Found)> done) {
  const auto accepted = service.outcomes.accepted(id);
  auto stored = ask_store(service, id);
  if (!stored || *stored) return done(std::move(stored));
  if (accepted) return done(accepted_batch(*accepted));
  if (!place) return done(std::nullopt);
  if (!caller.may_see_some_of(place->partition, service.log.partition_count())) {
    return done(std::unexpected(
        Problem{problems::forbidden, "'at' names a place where no batch of this token's sources stands", {}, {}}));
  }
  service.look_ups.find(*place, id, [&service, id, done = std::move(done)](LookUps::Found logged) {
    if (!logged) return done(std::unexpected(std::move(logged.error())));
    if (*logged) return done(accepted_batch(**logged));
    service.questions.post([&service, id, done] { done(ask_store(service, id)); });
  });
}

Problem no_such_batch(const std::string& id) {
  return {problems::unknown_batch,
          fmt::format("no batch has the id '{}'; GET /v1/batches lists them", id.substr(0, 80)),
          {},
          {}};
}

}  // namespace ratebook::api
