// Heads that must be understood, and heads that must be refused because another server might read them differently.
#include "http/request_head.hpp"

#include <gtest/gtest.h>

namespace ratebook::http {
namespace {

struct Parsed {
  std::expected<Head, Response> head;
  Request request;
};

Parsed parse(std::string_view head) {
  Request request;
  auto parsed = parse_head(head, 200, request);
  return {std::move(parsed), std::move(request)};
}

unsigned refused(std::string_view head) {
  const Parsed parsed = parse(head);
  return parsed.head ? 0 : parsed.head.error().status;
}

TEST(RequestHead, TellsWhatWasSent) {
  const auto [head, request] =
      parse("POST /v1/batches?source=a%20b HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nX-A:  b c \r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(request.method(), "POST");
  EXPECT_EQ(request.path(), "/v1/batches");
  EXPECT_EQ(request.query(), "source=a%20b");
  EXPECT_EQ(request.header("x-a"), "b c");
  EXPECT_EQ(request.content_length(), 12U);
  EXPECT_TRUE(head->keep_alive);
  EXPECT_FALSE(head->chunked);
  EXPECT_FALSE(head->expects_continue);
}

TEST(RequestHead, KnowsWhenAConnectionIsKept) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n").head->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n").head->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head->keep_alive);
}

TEST(RequestHead, TakesTheAbsoluteForm) {
  EXPECT_EQ(parse("GET http://h:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n").request.path(), "/a");
  EXPECT_EQ(parse("GET http://h?b HTTP/1.1\r\nHost: h\r\n\r\n").head.error().status, 400U);
  EXPECT_EQ(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").request.path(), "/");
}

TEST(RequestHead, RefusesTwoWaysToFrameABody) {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  for (const std::string_view fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                        "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
                                        "Content-Length: 5\r\nContent-Length: 5\r\n",
                                        "Content-Length: 5\r\nContent-Length: 6\r\n",
                                        "Content-Length: 5, 5\r\n",
                                        "Content-Length: +5\r\n",
                                        "Content-Length: -5\r\n",
                                        "Content-Length: 0x5\r\n",
                                        "Content-Length: 5 5\r\n",
                                        "Content-Length:\r\n",
                                        "Content-Length: 99999999999999999999\r\n",
                                        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                        "Transfer-Encoding : chunked\r\n",
                                        "Content-Length : 5\r\n",
                                        " Content-Length: 5\r\n",
                                        "X: a\r\n Content-Length: 5\r\n",
                                        "X: a\nContent-Length: 5\r\n",
                                        "X: a\rContent-Length: 5\r\n",
                                        "Content-Length: 5\n\r\n"}) {
    EXPECT_EQ(refused(start + std::string{fields} + "\r\n"), 400U) << fields;
  }
  EXPECT_EQ(refused(start + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501U);
  EXPECT_EQ(refused(start + "Transfer-Encoding: chunked, gzip\r\n\r\n"), 501U);
  EXPECT_EQ(refused(start + "Transfer-Encoding: xchunked\r\n\r\n"), 501U);
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400U);
}

TEST(RequestHead, RefusesWhatIsNoHttp) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400U);  // no Host
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400U);
  for (const std::string host : {"a b", "a,b", "a/b", "a@b", "a\\b", "a?b"}) {
    EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 400U) << host;
  }
  for (const std::string host : {"", "a", "a.b:80", "[::1]:80"}) {
    EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 0U) << host;
  }
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nNo colon\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nBad\x01Name: x\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nValue: a\x01z\r\n\r\n"), 400U);
  EXPECT_EQ(refused(std::string_view{"GET / HTTP/1.1\r\nHost: h\r\nValue: a\0z\r\n\r\n", 42}), 400U);
  EXPECT_EQ(refused("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET /\r\nHost: h\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"), 400U);
  EXPECT_EQ(refused("GET a HTTP/1.1\r\nHost: h\r\n\r\n"), 400U);
  EXPECT_EQ(refused("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), 400U);
  EXPECT_EQ(refused("garbage\r\n\r\n"), 400U);
  EXPECT_EQ(refused("\x16\x03\x01\r\n\r\n"), 400U);  // TLS
  EXPECT_EQ(refused("PRI * HTTP/2.0\r\n\r\n"), 505U);
  EXPECT_EQ(refused("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), 505U);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n"), 417U);
}

TEST(RequestHead, HasLimits) {
  EXPECT_EQ(refused("GET /" + std::string(199, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 0U);
  EXPECT_EQ(refused("GET /" + std::string(200, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 414U);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 127; ++i) many += "A: b\r\n";
  EXPECT_EQ(refused(many + "\r\n"), 0U);
  EXPECT_EQ(refused(many + "A: b\r\n\r\n"), 431U);
  EXPECT_EQ(head_too_long("GET /" + std::string(300, 'a'), 200).status, 414U);
  EXPECT_EQ(head_too_long("GET / HTTP/1.1\r\nA: " + std::string(300, 'a'), 200).status, 431U);
}

TEST(RequestHead, EndsAtTheEmptyLine) {
  constexpr std::string_view bytes = "GET / HTTP/1.1\r\nHost: h\r\n\r\nrest";
  EXPECT_EQ(find_head_end(bytes, 0), bytes.size() - 4);
  for (std::size_t scanned = 0; scanned < bytes.size() - 4; ++scanned) {
    EXPECT_EQ(find_head_end(bytes, scanned), bytes.size() - 4) << scanned;
    EXPECT_EQ(find_head_end(bytes.substr(0, scanned), 0), std::nullopt) << scanned;
  }
}

}  // namespace
}  // namespace ratebook::http
