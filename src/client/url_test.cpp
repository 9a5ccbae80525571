#include "client/url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace ratebook::client {
namespace {

TEST(Url, reads_host_port_and_prefix) {
  const auto url = parse_url("http://rates.example:8081/ratebook/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "rates.example");
  EXPECT_EQ(url->port, "8081");
  EXPECT_EQ(url->prefix, "/ratebook");
  EXPECT_EQ(url->authority(), "rates.example:8081");
}

TEST(Url, scheme_and_port_may_be_left_out) {
  EXPECT_EQ(parse_url("127.0.0.1:8080")->authority(), "127.0.0.1:8080");
  EXPECT_EQ(parse_url("localhost")->authority(), "localhost:80");
}

TEST(Url, brackets_stand_around_an_ipv6_address_only_where_they_must) {
  const auto url = parse_url("http://[::1]:8080");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority(), "[::1]:8080");
}

TEST(Url, refuses_what_it_cannot_reach) {
  for (const auto* text : {"", "http://", "ftp://127.0.0.1", "http://user@host", "http://h?a=b", "http://h:0",
                           "http://h:99999", "http://a b"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Target, encodes_values) {
  EXPECT_EQ(target("/v1/batches", {}), "/v1/batches");
  EXPECT_EQ(target("/v1/rates", {{"origin", "CNSGH"}, {"stats", "avg,min"}}), "/v1/rates?origin=CNSGH&stats=avg%2Cmin");
  EXPECT_EQ(percent_encode("a-Z_0.~/ &=ä"), "a-Z_0.~%2F%20%26%3D%C3%A4");
}

TEST(Target, every_byte_outside_the_unreserved_is_encoded) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string encoded = percent_encode(text);
    RC_ASSERT(encoded.find_first_of(" &=+?#/\r\n\"") == std::string::npos);
    std::string decoded;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      if (encoded[i] != '%') {
        decoded += encoded[i];
        continue;
      }
      decoded += static_cast<char>(std::stoi(encoded.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
    RC_ASSERT(decoded == text);
  }));
}

}  // namespace
}  // namespace ratebook::client
