// Whom a server without tokens answers: by the Host that it is asked by, and by the page that sends.
#include "http/pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/test_client.hpp"

namespace ratebook::http {
namespace {

using testing::Client;
using ::testing::HasSubstr;
using testing::RunningServer;

TEST(Pages, LocalhostAndAddressesAreOurs) {
  const Pages pages{"", "", false};
  for (const auto* host : {"localhost", "localhost:8080", "LocalHost", "localhost.", "127.0.0.1", "127.0.0.1:8080",
                           "127.9.8.7:1", "[::1]", "[::1]:8080", "10.0.0.5:8080", "[2001:db8::1]:443"}) {
    EXPECT_TRUE(pages.is_ours(host)) << host;
  }
  for (const auto* host :
       {"", ":80", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.1",
        "0x7f000001", "2130706433", "notlocalhost", "localhost:80:80", "::1", "[::1", "[127.0.0.1]", "[evil]"}) {
    EXPECT_FALSE(pages.is_ours(host)) << host;
  }
}

TEST(Pages, NamesCanBeAdded) {
  const Pages pages{" Rates.example.com, ratebook", "", true};
  EXPECT_TRUE(pages.is_ours("rates.EXAMPLE.com:8080"));
  EXPECT_TRUE(pages.is_ours("ratebook"));
  EXPECT_TRUE(pages.is_ours("localhost"));
  EXPECT_FALSE(pages.is_ours("other.example.com")) << "who names some means these";
  EXPECT_TRUE((Pages{"*", "", false}.is_ours("evil.example")));
  EXPECT_TRUE((Pages{"", "", true}.is_ours("evil.example")));
}

TEST(Pages, ListsAreReadStrictly) {
  for (const auto* list : {"", "*", "a", "a.example.com, b", "a,,b"}) EXPECT_TRUE(is_host_list(list)) << list;
  for (const auto* list : {"a:80", "http://a", "a b", "*.example.com", "a/b"}) EXPECT_FALSE(is_host_list(list)) << list;
  for (const auto* list : {"", "*", "http://a", "https://a.example.com:8443,http://[::1]:80"}) {
    EXPECT_TRUE(is_origin_list(list)) << list;
  }
  for (const auto* list : {"a", "null", "ftp://a", "http://", "http://a/b", "http://a b", "https://*.a"}) {
    EXPECT_FALSE(is_origin_list(list)) << list;
  }
}

bool may_send(const Pages& pages, std::string_view origin, std::string_view host) {
  Request request;
  request.headers_.emplace_back("Origin", origin);
  return !pages.foreign(request, host);
}

TEST(Pages, APageMaySendToItsOwnOriginAlone) {
  const Pages pages{"", "https://pages.example.com, http://localhost:80", false};
  EXPECT_FALSE(pages.foreign(Request{}, "localhost:8080")) << "no page has sent it";
  EXPECT_TRUE(may_send(pages, "http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(may_send(pages, "http://LOCALHOST:8080", "localhost:8080"));
  EXPECT_TRUE(may_send(pages, "https://rates.example.com", "rates.example.com"));
  EXPECT_TRUE(may_send(pages, "https://rates.example.com", "rates.example.com:443"));
  EXPECT_TRUE(may_send(pages, "http://[::1]:8080", "[::1]:8080"));
  EXPECT_TRUE(may_send(pages, "https://pages.example.com:443", "localhost:8080")) << "by the setting";
  EXPECT_TRUE(may_send(pages, "http://localhost", "127.0.0.1:8080")) << "by the setting";
  for (const auto* origin : {"null", "", "http://localhost:3000", "http://127.0.0.1:8080", "http://evil.example",
                             "http://localhost:8080.evil.example", "http://localhost:8080/x", "localhost:8080",
                             "https://pages.example.com.evil.example", "http://pages.example.com"}) {
    EXPECT_FALSE(may_send(pages, origin, "localhost:8080")) << origin;
  }
  EXPECT_TRUE(may_send(Pages{"", "*", false}, "null", "localhost"));
}

TEST(Pages, OfSeveralOriginsEachHasToBeAllowed) {
  Request request;
  request.headers_.emplace_back("origin", "http://localhost");
  request.headers_.emplace_back("ORIGIN", "http://evil.example");
  EXPECT_TRUE((Pages{"", "", false}.foreign(request, "localhost")));
}

class Served : public ::testing::Test {
 protected:
  static std::vector<Route> routes(int& called) {
    const Immediate handler{[&called](const Request&, Response& response) {
      ++called;
      response.body = "yes";
    }};
    return {{"GET", "/read", handler, "read"}, {"POST", "/change", handler, "change"}};
  }
  static ServerOptions options() {
    auto quick = RunningServer::quick_options();
    quick.any_host = false;
    return quick;
  }
  std::optional<testing::Answer> ask(const std::string& line, const std::string& headers) {
    return Client{server_.port()}.ask(line + " HTTP/1.1\r\n" + headers + "\r\n");
  }

  int called_ = 0;
  RunningServer server_{routes(called_), options()};
};

TEST_F(Served, AnotherHostIsMisdirected) {
  for (const auto* line : {"GET /read", "POST /change", "GET /nowhere", "PUT /read"}) {
    const auto answer = ask(line, "Host: evil.example:80\r\n");
    ASSERT_TRUE(answer) << line;
    EXPECT_EQ(answer->status, 421U) << line;
    EXPECT_TRUE(answer->is_problem("wrong-host"));
    EXPECT_THAT(answer->body, HasSubstr("http.hosts"));
  }
  EXPECT_EQ(called_, 0);
  EXPECT_EQ(ask("GET /read", "Host: localhost\r\n")->status, 200U);
  EXPECT_EQ(ask("GET /read", "")->status, 400U);
  EXPECT_EQ(Client{server_.port()}.ask("GET /read HTTP/1.0\r\n\r\n")->status, 200U) << "no browser sends that";
}

TEST_F(Served, OfAConnectionEachRequestIsLookedAt) {
  Client client{server_.port()};
  EXPECT_EQ(client.ask("GET /read HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")->status, 200U);
  EXPECT_EQ(client.ask("GET /read HTTP/1.1\r\nHost: evil.example\r\n\r\n")->status, 421U);
  EXPECT_EQ(client.ask("GET /read HTTP/1.1\r\nHost: evil.example\r\n\r\n")->status, 421U);
  EXPECT_EQ(client.ask("GET /read HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")->status, 200U);
}

TEST_F(Served, AForeignPageReadsButDoesNotChange) {
  const std::string page = "Host: localhost\r\nOrigin: http://evil.example\r\n";
  EXPECT_EQ(ask("GET /read", page)->status, 200U);
  const auto answer = ask("POST /change", page);
  EXPECT_EQ(answer->status, 403U);
  EXPECT_TRUE(answer->is_problem("foreign-origin"));
  EXPECT_THAT(answer->body, HasSubstr("http.origins"));
  EXPECT_EQ(ask("POST /change", "Host: localhost\r\nOrigin: null\r\n")->status, 403U);
  EXPECT_EQ(ask("POST /change", "Host: localhost\r\nOrigin: http://localhost\r\n")->status, 200U);
  EXPECT_EQ(ask("POST /change", "Host: localhost\r\n")->status, 200U);
  EXPECT_EQ(called_, 3);
}

TEST_F(Served, ARefusedBodyIsNotRead) {
  Client client{server_.port()};
  ASSERT_TRUE(client.send("POST /change HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nContent-Length: 1000\r\n\r\n"));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403U);
  EXPECT_TRUE(answer->closes());
}

}  // namespace
}  // namespace ratebook::http
