// GET /v1/prices[?version]: all prices of a version, as CSV or NDJSON by Accept, in forms that POST /v1/batches takes.
// By batch in the order of versions, then as the store holds them: the same each time. Made as the client takes them,
// while the server goes on: what a version holds never changes.

#include "api/access.hpp"
#include "api/endpoints.hpp"
#include "api/past.hpp"
#include "api/query.hpp"
#include "api/rate_text.hpp"
#include "api/reading.hpp"
#include "http/accept.hpp"

namespace ratebook::api {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

/// What stands around the values of a price.
struct Layout {
  std::string_view begin, before_orig, before_dest, before_day, before_price, end;
  std::size_t price_bytes;  ///< about
};
constexpr Layout csv_layout{"orig_code,dest_code,day,price\n", "", ",", ",", ",", "\n", 32};
constexpr Layout ndjson_layout{"", R"({"orig_code":")", R"(","dest_code":")", R"(","day":")", R"(","price":)", "}\n",
                               96};

class Export {
 public:
  Export(store::Store& store, const store::Head& version, std::shared_ptr<const PlaceTree> places, const Layout& layout)
      : store_(store), version_(version), places_(std::move(places)), layout_(layout) {}

  std::expected<std::string, std::string> next_piece() {
    std::string out;
    if (!begun_) out = layout_.begin;
    while (out.size() < piece_bytes) {
      auto chunk = store_.next_chunk(version_, begun_ ? std::optional{last_} : std::nullopt);
      if (!chunk) return std::unexpected(chunk.error().message);
      begun_ = true;
      if (!*chunk) break;
      last_ = (*chunk)->name;
      out.reserve(out.size() + (*chunk)->prices.size() * layout_.price_bytes);
      for (const auto& price : (*chunk)->prices) append(out, price);
    }
    return out;
  }

 private:
  void append(std::string& out, const NumberedPrice& price) const {
    out += layout_.before_orig;
    out += places_->code(price.orig).view();
    out += layout_.before_dest;
    out += places_->code(price.dest).view();
    out += layout_.before_day;
    append_day(out, price.day);
    out += layout_.before_price;
    append_cents(out, price.amount);
    out += layout_.end;
  }

  store::Store& store_;
  store::Head version_;
  std::shared_ptr<const PlaceTree> places_;  ///< of the version or a later one: ports keep their numbers
  const Layout& layout_;
  bool begun_ = false;
  store::ChunkName last_;
};

std::expected<std::optional<Version>, Problem> read_version(const http::Request& request) {
  const Query query{request.query()};
  if (auto problem = query.check({"version"})) return std::unexpected(std::move(*problem));
  const auto text = query.get("version");
  if (!text) return std::nullopt;
  const auto version = parse_number(*text);
  if (!version) return std::unexpected(bad_parameter("version", "write a version such as 44"));
  return version;
}

std::expected<store::Head, Problem> find(Service& service, std::optional<Version> version, const View& view) {
  const Version shown = view.book->version();
  if (version.value_or(shown) == shown) return store::Head{shown, view.book->chain()};
  if (*version > shown) return std::unexpected(not_visible(service, *version, view));
  const auto past = Past::find(service, *version, view);
  if (!past) return std::unexpected(store_problem(past.error()));
  return past->version();
}

void answer(Service& service, const http::Request& request, std::optional<Version> asked, const View& view,
            const http::Respond& respond) {
  http::Response response;
  const auto version = find(service, asked, view);
  if (!version) {
    answer_problem(version.error(), response);
  } else {
    const bool csv = http::prefers(request.header("Accept"), {"text/csv", "application/x-ndjson"}) == "text/csv";
    response.content_type = csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    response.headers.emplace_back("Vary", "Accept");
    const auto prices =
        std::make_shared<Export>(service.store, *version, view.book->places(), csv ? csv_layout : ndjson_layout);
    response.pieces =
        while_permitted(permit_of(service, request, Need::read), [prices] { return prices->next_piece(); });
  }
  add_view_headers(view, response);
  respond(std::move(response));
}

}  // namespace

http::Route prices(Service& service) {
  return {"GET",
          "/v1/prices",
          http::Deferred{[&service](const std::shared_ptr<const http::Request>& request, const http::Respond& respond) {
            const auto version = read_version(*request);
            if (!version) {
              http::Response response;
              answer_with_view(version.error(), service.view(), response);
              return respond(std::move(response));
            }
            when_readable(service, *request, version->value_or(0), respond,
                          [&service, request, asked = *version, respond](const View& view) {
                            const auto now = [=, &service] { answer(service, *request, asked, view, respond); };
                            if (!asked || *asked == view.book->version()) return now();
                            on_past(service, respond, now);
                          });
          }},
          "prices",
          guard(service, Need::read),
          http::Lane::store};
}

}  // namespace ratebook::api
