#include "cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/captured_console.hpp"
#include "cli/exit_code.hpp"
#include "settings/settings.hpp"

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
      {"batches", "--server", "ftp://127.0.0.1"},
      {"backup", "copy.sqlite"},
      {"backup", "copy.sqlite", "--data", "/nowhere/prices.sqlite"},
      {"check"},
      {"check", "/nowhere/prices.sqlite"},
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
  for (const auto* word :
       {"serve", "push", "rates", "batches", "retract", "places", "generate", "config", "backup", "check"}) {
    const auto captured = run_captured({word, "--help"});
    EXPECT_EQ(captured.exit_code, exit_ok);
    EXPECT_THAT(captured.out, HasSubstr("Example")) << word;
    EXPECT_THAT(captured.out, HasSubstr(std::string{"ratebook "} + word));
  }
}

TEST(Arguments, a_flag_that_is_not_there_is_told_with_the_nearest_one) {
  EXPECT_THAT(run_captured({"push", "a.csv", "--sorce", "a"}).err,
              HasSubstr("there is no --sorce; the nearest is --source"));
  EXPECT_THAT(run_captured({"serve", "--http-heder-max=1"}).err, HasSubstr("the nearest is --http-header-max"));
}

settings::Settings served(const std::vector<std::string>& arguments) {
  settings::Settings seen;
  const auto captured = run_captured(arguments, [&](const settings::Settings& settings) {
    seen = settings;
    return 7;
  });
  EXPECT_EQ(captured.exit_code, 7) << captured.err;
  return seen;
}

TEST(Serve, gets_its_settings) {
  const auto seen = served({"serve", "--data", "/tmp/x.sqlite", "--listen", "[::1]:0", "--drain-time", "5",
                            "--grace-time", "1m", "--cores", "2", "--http-header-max", "32KiB"});
  EXPECT_EQ(seen.data_path, "/tmp/x.sqlite");
  EXPECT_EQ(seen.http.address, "::1");
  EXPECT_EQ(seen.http.port, 0);
  EXPECT_EQ(seen.http.drain_time, std::chrono::seconds{5});
  EXPECT_EQ(seen.http.grace_time, std::chrono::seconds{60});
  EXPECT_EQ(seen.http.cores, 2u);
  EXPECT_EQ(seen.http.header_bytes_max, 32u << 10);
}

TEST(Serve, listens_on_loopback_unless_told_otherwise) {
  const auto seen = served({"serve", "--data", "x"});
  EXPECT_EQ(seen.http.address, "127.0.0.1");
  EXPECT_EQ(seen.http.port, 8080);
  EXPECT_FALSE(seen.open_to_everyone);
  const auto refused = run_captured({"serve", "--data", "x", "--listen", "0.0.0.0:0"});
  EXPECT_EQ(refused.exit_code, exit_usage);
  EXPECT_THAT(refused.err, HasSubstr("--open-to-everyone"));
  EXPECT_TRUE(served({"serve", "--data", "x", "--listen", "0.0.0.0:0", "--open-to-everyone"}).open_to_everyone);
}

TEST(Config, prints_what_holds_and_from_where_it_came) {
  const auto captured = run_captured({"config", "--data", "x", "--open-to-everyone"});
  EXPECT_EQ(captured.exit_code, exit_ok);
  EXPECT_THAT(captured.out, HasSubstr("data = \"x\""));
  EXPECT_THAT(captured.out, testing::ContainsRegex("open_to_everyone = true +# --open-to-everyone"));
  EXPECT_THAT(captured.out, testing::ContainsRegex("cores = 0 +# default"));
  EXPECT_THAT(run_captured({"config", "--cores", "x"}).err, HasSubstr("--cores x: write a number from 0 to 1024"));
}

}  // namespace
}  // namespace ratebook::cli
