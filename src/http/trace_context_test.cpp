#include "http/trace_context.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ratebook::http {
namespace {

constexpr std::string_view valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsTheExampleOfTheRecommendation) {
  const auto found = parse_trace_parent(valid);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(found->parent_id, "00f067aa0ba902b7");
}

TEST(TraceContext, AVersionToComeMayHaveMoreBehindADash) {
  EXPECT_TRUE(parse_trace_parent("cc-12345678901234567890123456789012-1234567890123456-01"));
  EXPECT_TRUE(
      parse_trace_parent("cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like"));
  EXPECT_FALSE(parse_trace_parent("cc-12345678901234567890123456789012-1234567890123456-01.what"));
}

TEST(TraceContext, WhatIsNotValidCountsAsNotSent) {
  for (const char* text : {
           "",
           "00",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "00-4bf92f3577b34da6a3ce929d0e0e473600-f067aa0ba902b7-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
           " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(parse_trace_parent(text)) << text;
  }
}

TEST(TraceContext, OfSeveralHeadersNoneCounts) {
  Request request;
  request.headers_ = {{"Host", "x"}, {"TraceParent", valid}};
  EXPECT_TRUE(trace_parent(request));
  request.headers_.emplace_back("traceparent", valid);
  EXPECT_FALSE(trace_parent(request));
  EXPECT_FALSE(trace_parent(Request{}));
}

RC_GTEST_PROP(TraceContext, OneWrongByteIsNoHarm, ()) {
  std::string text{valid};
  text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  const auto found = parse_trace_parent(text);
  if (found) RC_ASSERT(found->trace_id.find_first_not_of("0123456789abcdef") == std::string_view::npos);
}

}  // namespace
}  // namespace ratebook::http
