#include "cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/captured_console.hpp"
#include "cli/exit_code.hpp"

namespace ratebook::cli {
namespace {

using testing::HasSubstr;

TEST(Arguments, what_is_wrong_is_said_on_err_with_exit_code_2) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"nope"},
      {"push"},
      {"push", "a.csv", "b.csv"},
      {"push", "a.csv", "--wait", "-1"},
      {"push", "a.csv", "--format", "xml"},
      {"rates", "CNSGH"},
      {"rates", "CNSGH", "NLRTM", "--json", "--csv"},
      {"rates", "CNSGH", "NLRTM", "--chart", "sometimes"},
      {"rates", "CNSGH", "NLRTM", "--version", "x"},
      {"batches", "--limit", "0"},
      {"batches", "--limit", "1001"},
      {"batches", "--status", "lost"},
      {"retract"},
      {"retract", "not-an-id"},
      {"places", "take"},
      {"places", "put"},
      {"places", "put", "--sample", "file.json"},
      {"places", "put", "--regions", "r.csv"},
      {"serve"},
      {"serve", "--data", "x", "--listen", "8080"},
      {"generate", "--prices", "0"},
      {"generate", "--from", "2026-02-30"},
      {"generate", "--ports", "/nowhere/ports.csv"},
      {"push", "/nowhere/prices.csv", "--source", "a"},
      {"batches", "--server", "https://127.0.0.1"},
  };
  for (const auto& arguments : wrong) {
    const auto captured = run_captured(arguments);
    const auto text = testing::PrintToString(arguments);
    EXPECT_EQ(captured.exit_code, exit_usage) << text;
    EXPECT_EQ(captured.out, "") << text;
    EXPECT_NE(captured.err, "") << text;
  }
}

TEST(Arguments, help_and_version_go_to_out) {
  EXPECT_THAT(run_captured({"--help"}).out, HasSubstr("Exit codes:"));
  EXPECT_EQ(run_captured({"--help"}).exit_code, exit_ok);
  EXPECT_EQ(run_captured({"version"}).out, run_captured({"--version"}).out);
  EXPECT_TRUE(run_captured({"version"}).out.ends_with('\n'));
  for (const auto* word : {"serve", "push", "rates", "batches", "retract", "places", "generate"}) {
    const auto captured = run_captured({word, "--help"});
    EXPECT_EQ(captured.exit_code, exit_ok);
    EXPECT_THAT(captured.out, HasSubstr("Example")) << word;
    EXPECT_THAT(captured.out, HasSubstr(std::string{"ratebook "} + word));
  }
}

TEST(Serve, gets_its_options) {
  ServeOptions seen;
  const auto captured = run_captured({"serve", "--data", "/tmp/x.sqlite", "--listen", "[::1]:0", "--drain-time", "5",
                                      "--grace-time", "60", "--cores", "2"},
                                     [&](const ServeOptions& options) {
                                       seen = options;
                                       return 7;
                                     });
  EXPECT_EQ(captured.exit_code, 7);
  EXPECT_EQ(seen.data_path, "/tmp/x.sqlite");
  EXPECT_EQ(seen.address, "::1");
  EXPECT_EQ(seen.port, 0);
  EXPECT_EQ(seen.drain_time, std::chrono::seconds{5});
  EXPECT_EQ(seen.grace_time, std::chrono::seconds{60});
  EXPECT_EQ(seen.cores, 2u);
}

TEST(Serve, listens_on_loopback_unless_told_otherwise) {
  ServeOptions seen;
  run_captured({"serve", "--data", "x"}, [&](const ServeOptions& options) {
    seen = options;
    return 0;
  });
  EXPECT_EQ(seen.address, "127.0.0.1");
  EXPECT_EQ(seen.port, 8080);
}

TEST(Serve, an_address_has_a_port) {
  ServeOptions options;
  EXPECT_EQ(read_listen("0.0.0.0:65535", options), "");
  EXPECT_EQ(options.address, "0.0.0.0");
  EXPECT_EQ(options.port, 65535);
  for (const auto* text : {"", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "::1:80", "127.0.0.1:80x", "[]:80"}) {
    EXPECT_NE(read_listen(text, options), "") << text;
  }
}

}  // namespace
}  // namespace ratebook::cli
