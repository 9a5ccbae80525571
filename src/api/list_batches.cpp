// GET /v1/batches[?source][&status][&limit][&cursor]: batches, newest decided first; on the first page before them
// those that this node has accepted and that are not decided yet.
#include <fmt/format.h>

#include <unordered_set>

#include "api/access.hpp"
#include "api/batch_json.hpp"
#include "api/endpoints.hpp"
#include "api/query.hpp"
#include "api/reading.hpp"
#include "json/writer.hpp"

namespace ratebook::api {
namespace {

std::expected<store::BatchFilter, Problem> read_filter(const http::Request& request, const Limits& limits) {
  const Query query{request.query()};
  if (auto problem = query.check({"source", "status", "limit", "cursor"})) return std::unexpected(std::move(*problem));
  store::BatchFilter filter;
  filter.limit = limits.listed_batches_default;
  if (const auto source = query.get("source")) {
    if (!is_source(*source)) {
      return std::unexpected(
          bad_parameter("source", "write 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit"));
    }
    filter.source = *source;
  }
  if (const auto status = query.get("status")) {
    filter.status = parse_batch_status(*status);
    if (!filter.status) {
      return std::unexpected(bad_parameter("status", "write accepted, committed, rejected or retracted"));
    }
  }
  if (const auto limit = query.get("limit")) {
    filter.limit = parse_number(*limit).value_or(0);
    if (filter.limit < 1 || filter.limit > limits.listed_batches_max) {
      return std::unexpected(
          bad_parameter("limit", fmt::format("write a number from 1 to {}", limits.listed_batches_max)));
    }
  }
  if (const auto cursor = query.get("cursor")) {
    const auto before = parse_number(*cursor);
    // SQLite's integers have a sign.
    if (!before || *before > INT64_MAX) {
      return std::unexpected(bad_parameter("cursor", "write the next_cursor of the page before"));
    }
    filter.before = *before;
  }
  return filter;
}

class Page {
 public:
  Page(const store::BatchFilter& filter, Version shown) : filter_(filter), shown_(shown) {}

  void add_accepted(const std::vector<BatchHeader>& headers) {
    for (const auto& header : headers) accepted_.push_back(accepted_batch(header));
  }

  // What is decided, but later than the version that is shown here, reads as not decided yet.
  void add_stored(std::vector<Batch> batches) {
    std::unordered_set<std::string> stored;
    for (auto& batch : batches) {
      stored.insert(batch.header.id);
      batch = as_shown(std::move(batch), shown_);
      if (!filter_.status || batch.status == *filter_.status) stored_.push_back(std::move(batch));
    }
    std::erase_if(accepted_, [&](const Batch& batch) { return stored.contains(batch.header.id); });
  }

  void write(std::string& out, const std::optional<std::uint64_t>& next) const {
    json::Object object{out};
    object.member("batches") += '[';
    bool first = true;
    for (const auto* part : {&accepted_, &stored_}) {
      for (const Batch& batch : *part) {
        if (!std::exchange(first, false)) out += ',';
        append_batch(out, batch);
      }
    }
    out += ']';
    next ? object.text("next_cursor", std::to_string(*next)) : object.null("next_cursor");
  }

 private:
  const store::BatchFilter& filter_;
  Version shown_;
  std::vector<Batch> accepted_;
  std::vector<Batch> stored_;
};

void answer_list(const Service& service, const http::Request& request, const View& view, http::Response& response) {
  auto filter = read_filter(request, service.limits);
  if (!filter) return answer_problem(filter.error(), response);
  if (const Caller caller = caller_of(service, request); !caller.may_see(filter->source.value_or(""))) {
    return answer_problem(wrong_source(filter->source.value_or(""), Need::read), response);
  }
  Page page{*filter, view.book->version()};
  const bool first_page = filter->before == UINT64_MAX;
  const bool only_accepted = filter->status == BatchStatus::accepted;
  std::size_t accepted_count = 0;
  if (first_page && (only_accepted || !filter->status)) {
    // One line is left to the store, whose cursor goes on.
    const auto headers = service.outcomes.accepted(filter->source, only_accepted ? filter->limit : filter->limit - 1);
    accepted_count = headers.size();
    page.add_accepted(headers);
  }
  std::optional<std::uint64_t> next;
  if (!only_accepted) {
    filter->limit -= accepted_count;
    auto stored = service.store.batches(*filter);
    if (!stored) return answer_problem(store_problem(stored.error()), response);
    page.add_stored(std::move(stored->batches));
    next = stored->before;
  }
  response.content_type = "application/json";
  page.write(response.body, next);
}

}  // namespace

http::Route list_batches(Service& service) {
  return {"GET",
          "/v1/batches",
          reading(service, [&service](const http::Request& request, const View& view,
                                      http::Response& response) { answer_list(service, request, view, response); }),
          "list_batches",
          guard(service, Need::any),
          http::Lane::store};
}

}  // namespace ratebook::api
