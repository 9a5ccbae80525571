// The small parts without a socket: queries, Accept, routes, chunks, heads.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "http/accept.hpp"
#include "http/chunked_body.hpp"
#include "http/owned_request.hpp"
#include "http/query.hpp"
#include "http/request_head.hpp"
#include "http/response_head.hpp"
#include "http/router.hpp"

namespace ratebook::http {
namespace {

using namespace std::string_literals;

TEST(Query, DecodesNamesAndValuesInOrder) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query("a=1&b=x%20y&c=p+q&a=2").value(), (Pairs{{"a", "1"}, {"b", "x y"}, {"c", "p q"}, {"a", "2"}}));
  EXPECT_EQ(parse_query("").value(), Pairs{});
  EXPECT_EQ(parse_query("flag&empty=&").value(), (Pairs{{"flag", ""}, {"empty", ""}}));
  EXPECT_EQ(parse_query("%61%3D=%26%2B").value(), (Pairs{{"a=", "&+"}}));
}

TEST(Query, RefusesBadEscapes) {
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("a=%2"));
  EXPECT_FALSE(parse_query("a=%zz"));
  EXPECT_FALSE(parse_query("a=\x01"));
}

TEST(Accept, TakesTheBestOffer) {
  const auto choose = [](std::optional<std::string_view> accept) {
    return prefers(accept, {"application/json", "text/csv"});
  };
  EXPECT_EQ(choose(std::nullopt), "application/json");
  EXPECT_EQ(choose(""), "application/json");
  EXPECT_EQ(choose("text/csv"), "text/csv");
  EXPECT_EQ(choose("TEXT/CSV; header=present"), "text/csv");
  EXPECT_EQ(choose("*/*"), "application/json");
  EXPECT_EQ(choose("text/*"), "text/csv");
  EXPECT_EQ(choose("text/csv;q=0.5, application/json;q=0.4"), "text/csv");
  EXPECT_EQ(choose("text/csv, application/json"), "application/json");
  EXPECT_EQ(choose("application/json;q=0, */*;q=0.1"), "text/csv");
  EXPECT_EQ(choose("text/html"), std::nullopt);
  EXPECT_EQ(choose("text/csv;q=0"), std::nullopt);
  EXPECT_EQ(choose("*/*;q=0"), std::nullopt);
}

Route route(std::string method, std::string pattern) {
  return {.method = std::move(method), .pattern = std::move(pattern), .handler = Immediate{}, .name = "test"};
}

TEST(Router, MatchesWholeSegments) {
  const Router router{{route("GET", "/v1/batches"), route("POST", "/v1/batches"), route("GET", "/v1/batches/{id}"),
                       route("POST", "/v1/batches/{id}/retraction"), route("GET", "/v1/batches/latest")}};
  const auto found = [&](std::string_view method, std::string_view path) {
    const auto match = router.find(method, path);
    return match.route == nullptr ? "-" + match.allowed
                                  : match.route->method + match.route->pattern + "?" + std::string{match.parameter};
  };
  EXPECT_EQ(found("GET", "/v1/batches"), "GET/v1/batches?");
  EXPECT_EQ(found("POST", "/v1/batches"), "POST/v1/batches?");
  EXPECT_EQ(found("HEAD", "/v1/batches"), "GET/v1/batches?");
  EXPECT_EQ(found("GET", "/v1/batches/7f"), "GET/v1/batches/{id}?7f");
  EXPECT_EQ(found("GET", "/v1/batches/latest"), "GET/v1/batches/latest?");
  EXPECT_EQ(found("POST", "/v1/batches/7f/retraction"), "POST/v1/batches/{id}/retraction?7f");
  EXPECT_EQ(found("DELETE", "/v1/batches"), "-GET, HEAD, POST");
  EXPECT_EQ(found("GET", "/v1/batches/7f/retraction"), "-POST");
  EXPECT_EQ(found("GET", "/v1/batches/"), "-");
  EXPECT_EQ(found("GET", "/v1/batches//retraction"), "-");
  EXPECT_EQ(found("POST", "/v1/batches/a/b/retraction"), "-");
  EXPECT_EQ(found("GET", "/v1/batchesx"), "-");
  EXPECT_EQ(found("get", "/v1/batches"), "-GET, HEAD, POST");
}

TEST(Router, RefusesPatternsThatItCannotMatch) {
  EXPECT_THROW((Router{{route("GET", "/a/{x}/{y}")}}), std::invalid_argument);
  EXPECT_THROW((Router{{route("GET", "/a/b{x}")}}), std::invalid_argument);
  EXPECT_THROW((Router{{route("GET", "/a/{x}b")}}), std::invalid_argument);
}

struct Decoded {
  ChunkedBody::Progress progress = ChunkedBody::Progress::more;
  std::string body, rest;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  ChunkedBody chunks;
  Decoded decoded;
  while (!bytes.empty() && decoded.progress == ChunkedBody::Progress::more) {
    std::string_view input = bytes.substr(0, step);
    bytes.remove_prefix(input.size());
    decoded.progress = chunks.take(input, decoded.body, 1 << 20);
    decoded.rest = std::string{input} + std::string{bytes};
  }
  return decoded;
}

TEST(ChunkedBody, IsTheSameHoweverItArrives) {
  constexpr std::string_view bytes =
      "5\r\nhello\r\n00A;ext=\"x\"\r\n, chunked!\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\nGET /";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const Decoded decoded = decode(bytes, step);
    EXPECT_EQ(decoded.progress, ChunkedBody::Progress::done) << step;
    EXPECT_EQ(decoded.body, "hello, chunked!") << step;
    EXPECT_EQ(decoded.rest, "GET /") << step;
  }
}

RC_GTEST_PROP(ChunkedBody, GivesBackWhatWasCutIntoChunks, (const std::vector<std::string>& parts)) {
  std::string bytes, whole;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    char size[32];
    static_cast<void>(std::snprintf(size, sizeof size, "%zx\r\n", part.size()));
    bytes += size + part + "\r\n";
    whole += part;
  }
  bytes += "0\r\n\r\n";
  const Decoded decoded = decode(bytes, *rc::gen::inRange<std::size_t>(1, bytes.size() + 1));
  RC_ASSERT(decoded.progress == ChunkedBody::Progress::done);
  RC_ASSERT(decoded.body == whole);
}

TEST(ChunkedBody, StopsAtAFullPiece) {
  ChunkedBody chunks;
  std::string piece;
  std::string_view input = "8\r\nabcdefgh\r\n0\r\n\r\n";
  EXPECT_EQ(chunks.take(input, piece, 3), ChunkedBody::Progress::more);
  EXPECT_EQ(piece, "abc");
  piece.clear();
  EXPECT_EQ(chunks.take(input, piece, 3), ChunkedBody::Progress::more);
  EXPECT_EQ(piece, "def");
  piece.clear();
  EXPECT_EQ(chunks.take(input, piece, 3), ChunkedBody::Progress::done);
  EXPECT_EQ(piece, "gh");
}

TEST(ChunkedBody, RefusesWhatIsNoChunk) {
  for (const std::string_view bytes :
       {"x\r\n", "\r\n", "-1\r\n", "+5\r\nhello", "0x5\r\nhello", "5\nhello", "5 \r\nhello", "5\rhello", "5\r\nhelloXX",
        "5\r\nhello\n", "1000000000000000\r\n", "5;a\nb\r\n", "0\r\nA: b\n\r\n", "0\r\n\rX"}) {
    EXPECT_EQ(decode(bytes, 1).progress, ChunkedBody::Progress::malformed) << bytes;
  }
  EXPECT_EQ(decode("1;" + std::string(5000, 'e'), 100).progress, ChunkedBody::Progress::malformed);
  EXPECT_EQ(decode("0\r\nT: " + std::string(20'000, 't'), 100).progress, ChunkedBody::Progress::malformed);
}

TEST(ResponseHead, HasTheDateInTheOneFormThatHttpKnows) {
  EXPECT_EQ(format_date(std::chrono::sys_seconds{std::chrono::seconds{784111777}}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_date(std::chrono::sys_seconds{}), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(ResponseHead, CannotBeBrokenByAHandlersValue) {
  Response response;
  response.headers.emplace_back("Location", "/x\r\nSet-Cookie: evil\n\n");
  std::string out;
  append_head(out, response, {.date = "D", .request_id = "R", .content_length = 0});
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: D\r\nX-Request-Id: R\r\nLocation: /x  Set-Cookie: evil  \r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(OwnedRequest, KeepsAllItsBytes) {
  std::string head = "GET /a/b?c=d HTTP/1.1\r\nHost: h\r\nEmpty:\r\n\r\n";
  std::string remote = "1.2.3.4:5", id = "the-id";
  Request request;
  ASSERT_TRUE(parse_head(head, 100, request));
  request.remote_ = remote;
  request.request_id_ = id;
  request.parameter_ = request.path_.substr(3);
  const auto owned = own(request, head);
  head.assign(head.size(), '#');
  remote.assign(remote.size(), '#');
  id.assign(id.size(), '#');
  EXPECT_EQ(owned->method(), "GET");
  EXPECT_EQ(owned->path(), "/a/b");
  EXPECT_EQ(owned->query(), "c=d");
  EXPECT_EQ(owned->parameter(), "b");
  EXPECT_EQ(owned->remote(), "1.2.3.4:5");
  EXPECT_EQ(owned->request_id(), "the-id");
  EXPECT_EQ(owned->header("HOST"), "h");
  EXPECT_EQ(owned->header("empty"), "");
  EXPECT_EQ(owned->header("none"), std::nullopt);
}

TEST(Problem, IsJson) {
  const Response response = problem(404, "not-found", "Not \"found\"", "line\nbreak");
  EXPECT_EQ(response.status, 404U);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            "{\"type\":\"/problems/not-found\",\"title\":\"Not \\\"found\\\"\",\"status\":404,"
            "\"detail\":\"line\\nbreak\"}\n");
}

}  // namespace
}  // namespace ratebook::http
