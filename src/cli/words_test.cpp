// Each word against a server that says what the test wants it to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "cli/captured_console.hpp"
#include "cli/exit_code.hpp"
#include "client/answers.hpp"
#include "client/scripted_server.hpp"
#include "model/places_json.hpp"

namespace ratebook::cli {
namespace {

using client::Peer;
using client::ScriptedServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto batch_id = "0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e";

std::string batch_text(const std::string& status, const std::string& version = "null", const std::string& more = "") {
  return R"({"id":")" + std::string{batch_id} + R"(","source":"carrier-a","idempotency_key":"k","status":")" + status +
         R"(","price_count":56689,"digest":"ab","accepted_at":"2026-11-23T08:44:53.120Z","committed_at":null,"version":)" +
         version + R"(,"retracted_version":null)" + more + "}";
}

class File {
 public:
  File(std::string_view ending, std::string_view text) {
    path_ = testing::TempDir() + "ratebook_cli_test_" + std::to_string(::getpid()) + std::string{ending};
    std::ofstream{path_} << text;
  }
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string csv = "orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-01,1154.5\n";

Captured run_at(const ScriptedServer& server, std::vector<std::string> arguments, Terminal terminal = {}) {
  arguments.insert(arguments.end(), {"--server", server.address()});
  return run_captured(std::move(arguments), {}, terminal);
}

std::string header_of(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.substr(begin, request.find('\r', begin) - begin);
}

TEST(Push, sends_the_file_and_shows_the_batch) {
  const File file{".csv", csv};
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("201 Created", batch_text("committed", "7"));
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a", "--wait", "90"});
  EXPECT_EQ(captured.exit_code, exit_ok) << captured.err;
  EXPECT_THAT(seen, StartsWith("POST /v1/batches?source=carrier-a HTTP/1.1\r\n"));
  EXPECT_EQ(header_of(seen, "Content-Type"), "text/csv");
  EXPECT_EQ(header_of(seen, "Prefer"), "wait=60");
  EXPECT_EQ(header_of(seen, "Idempotency-Key").size(), 32u);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + csv));
  EXPECT_EQ(captured.err, "key " + header_of(seen, "Idempotency-Key") + "\n");
  EXPECT_EQ(captured.out,
            "batch      0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e\n"
            "source     carrier-a\n"
            "key        k\n"
            "status     committed\n"
            "prices     56,689\n"
            "version    7\n"
            "accepted   2026-11-23T08:44:53.120Z\n"
            "digest     ab\n");
}

TEST(Push, sends_a_compressed_file_as_it_is_with_its_digest) {
  const std::string compressed = "\x1f\x8b\x08 compressed";
  const File file{".ndjson.gz", compressed};
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("201 Created", batch_text("committed", "7"));
  }}};
  EXPECT_EQ(run_at(server, {"push", file.path(), "--source", "carrier-a"}).exit_code, exit_ok);
  EXPECT_EQ(header_of(seen, "Content-Type"), "application/x-ndjson");
  EXPECT_EQ(header_of(seen, "Content-Encoding"), "gzip");
  // printf '\x1f\x8b\x08 compressed' | sha256sum, in base64
  EXPECT_EQ(header_of(seen, "Repr-Digest"), "sha-256=:+bzYBH7c45U8xa66KnJ0Qd6WIGdzGTJ/snJA06J3nJ4=:");
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + compressed));
}

TEST(Push, a_compressed_file_whose_name_does_not_tell_its_format_needs_it_told) {
  const File file{".gz", "\x1f\x8b\x08"};
  const auto captured = run_captured({"push", file.path(), "--source", "a"}, {}, {});
  EXPECT_EQ(captured.exit_code, exit_usage);
  EXPECT_THAT(captured.err, HasSubstr("add --format csv, ndjson or json"));
}

TEST(Push, what_ended_the_check_is_said_once) {
  const File file{".csv.gz", "\x1f\x8b\x08"};
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer("400 Bad Request", R"({"title":"The body cannot be decompressed","status":400,"detail":"it ends",)"
                                   R"("errors":[{"index":null,"line":null,"field":"","code":"truncated-compression",)"
                                   R"("message":"it ends"}],"error_count":1})");
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "a", "--key", "k"});
  EXPECT_EQ(captured.exit_code, exit_refused);
  EXPECT_EQ(captured.err, file.path() + ": it ends (truncated-compression)\nerror: The body cannot be decompressed\n");
}

TEST(Push, sends_the_same_key_on_each_try_and_says_why_it_tries_again) {
  const File file{".json", R"({"source":"carrier-a","prices":[]})"};
  std::vector<std::string> keys;
  ScriptedServer server{{[&](Peer& peer) {
                           keys.push_back(header_of(peer.read_request(), "Idempotency-Key"));
                           peer.answer("503 Service Unavailable", R"({"title":"starting"})");
                           keys.push_back(header_of(peer.read_request(), "Idempotency-Key"));
                           peer.reset();
                         },
                         [&](Peer& peer) {
                           const auto request = peer.read_request();
                           keys.push_back(header_of(request, "Idempotency-Key"));
                           EXPECT_EQ(header_of(request, "Content-Type"), "application/json");
                           peer.answer("200 OK", batch_text("committed", "7"));
                         }}};
  const auto captured = run_at(server, {"push", file.path()});
  EXPECT_EQ(captured.exit_code, exit_ok);
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_THAT(keys, testing::Each(keys[0]));
  EXPECT_THAT(captured.err, AllOf(HasSubstr("starting; trying again with the same key"), HasSubstr("connection broke"),
                                  HasSubstr("counts once")));
}

TEST(Push, lists_what_is_wrong_by_file_and_line) {
  const File file{".csv", csv};
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer(
        "422 Unprocessable Content",
        R"({"type":"/problems/invalid-batch","title":"The batch is wrong","detail":"101 prices are wrong","errors":[
                  {"index":0,"line":2,"field":"price","code":"too-many-decimals","message":"write at most two digits"},
                  {"index":4,"field":"","code":"repeated","message":"evil \u001b[2J"}],"error_count":101})");
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a", "--key", "k"});
  EXPECT_EQ(captured.exit_code, exit_refused);
  EXPECT_EQ(captured.out, "");
  EXPECT_EQ(captured.err, file.path() + ":2: price: write at most two digits (too-many-decimals)\n" + file.path() +
                              ": prices[4]: evil ?[2J (repeated)\n"
                              "and 99 more\n"
                              "error: The batch is wrong: 101 prices are wrong\n");
}

TEST(Push, names_items_of_json_by_their_index) {
  const File file{".json", "{}"};
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer(
        "422 Unprocessable Content",
        R"({"title":"wrong","errors":[{"index":3,"line":1,"field":"price","message":"too large"}],"error_count":1})");
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--key", "k"});
  EXPECT_EQ(captured.err, file.path() + ":1: prices[3].price: too large\nerror: wrong\n");
}

TEST(Push, follows_what_was_accepted_until_it_is_committed) {
  const File file{".csv", csv};
  std::string asked;
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_request();
    peer.answer("202 Accepted", batch_text("accepted"), "Location: /v1/batches/x?at=0-17\r\n");
    asked = peer.read_head();
    peer.answer("200 OK", batch_text("accepted"));
    peer.read_head();
    peer.answer("200 OK", batch_text("committed", "9"));
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a", "--json"});
  EXPECT_EQ(captured.exit_code, exit_ok);
  EXPECT_EQ(captured.out, batch_text("committed", "9") + "\n");
  EXPECT_THAT(asked, StartsWith("GET /v1/batches/x?at=0-17 HTTP/1.1\r\n"));
}

TEST(Push, a_batch_that_is_rejected_later_is_refused) {
  const File file{".csv", csv};
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_request();
    peer.answer("202 Accepted", batch_text("accepted"), "Location: /v1/batches/x\r\n");
    peer.read_head();
    peer.answer("200 OK", batch_text("rejected", "null", R"(,"problem":{"title":"key-conflict"})"));
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a"});
  EXPECT_EQ(captured.exit_code, exit_refused);
  EXPECT_THAT(captured.out, HasSubstr("problem    key-conflict\n"));
}

TEST(Push, says_when_the_wait_was_too_short) {
  const File file{".csv", csv};
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_request();
    peer.answer("202 Accepted", batch_text("accepted"), "Location: /v1/batches/x\r\n");
    while (!peer.read_head().empty()) peer.answer("200 OK", batch_text("accepted"));
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a", "--wait", "1"});
  EXPECT_EQ(captured.exit_code, exit_waiting);
  EXPECT_THAT(captured.err, HasSubstr(std::string{"ratebook batches "} + batch_id));
}

TEST(Push, without_a_wait_accepted_is_enough) {
  const File file{".csv", csv};
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("202 Accepted", batch_text("accepted"));
  }}};
  const auto captured = run_at(server, {"push", file.path(), "--source", "carrier-a", "--wait", "0"});
  EXPECT_EQ(captured.exit_code, exit_ok);
  EXPECT_EQ(header_of(seen, "Prefer"), "wait=0");
  EXPECT_THAT(captured.out, HasSubstr("status     accepted\n"));
}

TEST(Push, a_dry_run_says_that_nothing_was_stored) {
  const File file{".csv", csv};
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("200 OK", R"({"price_count":1,"digest":"ab"})");
  }}};
  const auto captured =
      run_at(server, {"push", file.path(), "--source", "carrier-a", "--dry-run", "--replaces", batch_id});
  EXPECT_EQ(captured.exit_code, exit_ok);
  EXPECT_THAT(seen,
              StartsWith(std::string{"POST /v1/batches?source=carrier-a&replaces="} + batch_id + "&dry_run=true "));
  EXPECT_EQ(captured.out, "prices     1\ndigest     ab\n");
  EXPECT_THAT(captured.err, HasSubstr("nothing was stored"));
}

TEST(Push, a_server_that_cannot_now_is_exit_code_3_with_the_key_to_repeat_it) {
  const File file{".csv", csv};
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer("503 Service Unavailable", R"({"title":"the disk is full"})", "Retry-After: 5\r\nX-Request-Id: 1f\r\n");
  }}};
  const auto captured =
      run_at(server, {"push", file.path(), "--source", "carrier-a", "--key", "my key", "--retry-time", "0"});
  EXPECT_EQ(captured.exit_code, exit_unavailable);
  EXPECT_THAT(captured.err, AllOf(HasSubstr("the disk is full"), HasSubstr("wait 5 s"), HasSubstr("request 1f"),
                                  HasSubstr("--key my key")));
}

TEST(Push, csv_needs_a_source) {
  const File file{".txt", csv};
  const auto captured = run_captured({"push", file.path()});
  EXPECT_EQ(captured.exit_code, exit_usage);
  EXPECT_THAT(captured.err, HasSubstr("--source"));
}

TEST(Push, shows_progress_on_a_terminal_only) {
  const File file{".csv", csv};
  const auto part = [](Peer& peer) {
    peer.read_request();
    peer.answer("201 Created", batch_text("committed", "7"));
  };
  ScriptedServer server{{part, part}};
  const std::vector<std::string> arguments{"push", file.path(), "--source", "carrier-a", "--key", "k"};
  EXPECT_THAT(run_at(server, arguments, {.is_terminal = true}).err, HasSubstr("waiting for the commit"));
  EXPECT_EQ(run_at(server, arguments).err, "");
}

const std::string rates_text =
    R"({"version":7,"origin":"CNSGH","destination":"NLRTM","currency":"USD","rates":[
    {"day":"2021-01-01","avg":1154.3333333333333,"min":1100,"p50":1150.5,"max":1244,"count":3},
    {"day":"2021-01-02","avg":1200.5,"min":1200,"p50":1200,"max":1201,"count":1234},
    {"day":"2021-01-03","avg":null,"min":null,"p50":null,"max":null,"count":1}]})";

TEST(RatesWord, shows_a_table) {
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_head();
    peer.answer("200 OK", rates_text);
  }}};
  const auto captured =
      run_at(server, {"rates", "CNSGH", "NLRTM", "--from", "2021-01-01", "--to", "2021-01-03", "--version", "7"});
  EXPECT_EQ(captured.exit_code, exit_ok) << captured.err;
  EXPECT_THAT(seen, StartsWith("GET /v1/rates?origin=CNSGH&destination=NLRTM&date_from=2021-01-01&date_to=2021-01-03"
                               "&stats=avg%2Cmin%2Cp50%2Cmax%2Ccount&version=7 HTTP/1.1\r\n"));
  EXPECT_EQ(captured.out,
            "CNSGH -> NLRTM  USD  version 7\n"
            "\n"
            "day              avg       min       p50       max  count\n"
            "2021-01-01  1,154.33  1,100.00  1,150.50  1,244.00      3\n"
            "2021-01-02  1,200.50  1,200.00  1,200.00  1,201.00  1,234\n"
            "2021-01-03         -         -         -         -      1\n");
}

TEST(RatesWord, draws_on_a_terminal) {
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", rates_text);
  }}};
  const auto captured = run_at(server, {"rates", "CNSGH", "NLRTM", "--from", "2021-01-01", "--to", "2021-01-03"},
                               {.is_terminal = true, .colour = true, .unicode = true});
  EXPECT_THAT(captured.out, AllOf(HasSubstr("1,200 ┤"), HasSubstr("\x1b[36m"), HasSubstr("2021-01-01")));
}

TEST(RatesWord, without_days_shows_the_newest_that_have_prices) {
  std::vector<std::string> seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen.push_back(peer.read_head());
    peer.answer("200 OK", R"({"version":7,"rates":[{"day":"2020-12-31","count":1},{"day":"2021-03-15","count":1}]})");
    seen.push_back(peer.read_head());
    peer.answer("200 OK", "day,avg\n2021-03-15,1\n");
  }}};
  const auto captured = run_at(server, {"rates", "CNSGH", "NLRTM", "--csv"});
  EXPECT_EQ(captured.out, "day,avg\n2021-03-15,1\n");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(header_of(seen[1], "Accept"), "text/csv");
  EXPECT_THAT(seen[1], HasSubstr("date_from=2021-02-13&date_to=2021-03-15 "));
}

TEST(RatesWord, one_day_given_makes_a_month_of_it) {
  std::vector<std::string> seen;
  ScriptedServer server{{[&](Peer& peer) {
                           for (int i = 0; i < 2; ++i) {
                             seen.push_back(peer.read_head());
                             peer.answer("200 OK", R"({"version":7,"rates":[]})",
                                         i == 0 ? "Connection: close\r\n" : "");
                             if (i == 0) return;
                           }
                         },
                         [&](Peer& peer) {
                           seen.push_back(peer.read_head());
                           peer.answer("200 OK", R"({"version":7,"rates":[]})");
                         }}};
  EXPECT_THAT(run_at(server, {"rates", "A", "B", "--from", "2021-01-01"}).err, HasSubstr("no prices from 2021-01-01"));
  run_at(server, {"rates", "A", "B", "--to", "2021-01-31"});
  ASSERT_EQ(seen.size(), 2u);
  for (const auto& request : seen) EXPECT_THAT(request, HasSubstr("date_from=2021-01-01&date_to=2021-01-31&"));
}

TEST(RatesWord, passes_json_through_and_refusals_too) {
  ScriptedServer server{{[&](Peer& peer) {
                           peer.read_head();
                           peer.answer("200 OK", rates_text, "Connection: close\r\n");
                         },
                         [&](Peer& peer) {
                           peer.read_head();
                           peer.answer("404 Not Found", R"({"title":"No such place","detail":"'XXXXX' is unknown"})");
                         }}};
  const std::vector<std::string> arguments{"rates", "CNSGH", "NLRTM", "--from", "2021-01-01", "--json"};
  EXPECT_EQ(run_at(server, arguments).out, rates_text + "\n");
  const auto refused = run_at(server, arguments);
  EXPECT_EQ(refused.exit_code, exit_refused);
  EXPECT_EQ(refused.err, "error: No such place: 'XXXXX' is unknown\n");
}

TEST(RatesWord, days_that_are_none_are_refused_here) {
  for (const auto& days : std::vector<std::vector<std::string>>{
           {"--from", "2021-13-01"}, {"--to", "yesterday"}, {"--from", "2021-02-01", "--to", "2021-01-01"}}) {
    std::vector<std::string> arguments{"rates", "A", "B"};
    arguments.insert(arguments.end(), days.begin(), days.end());
    EXPECT_EQ(run_captured(arguments).exit_code, exit_usage);
  }
}

TEST(Batches, are_listed_with_the_way_to_more) {
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_head();
    peer.answer("200 OK", R"({"batches":[)" + batch_text("committed", "7") + "," + batch_text("accepted") +
                              R"(],"next_cursor":"abc"})");
  }}};
  const auto captured = run_at(server, {"batches", "--source", "carrier-a", "--limit", "2"});
  EXPECT_THAT(seen, StartsWith("GET /v1/batches?limit=2&source=carrier-a HTTP/1.1"));
  EXPECT_EQ(captured.out,
            "batch                             source     status     version  prices  accepted\n"
            "0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e  carrier-a  committed        7  56,689  2026-11-23T08:44:53.120Z\n"
            "0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e  carrier-a  accepted            56,689  2026-11-23T08:44:53.120Z\n");
  EXPECT_EQ(captured.err, "more with --cursor abc\n");
}

TEST(Batches, one_is_shown_or_said_to_be_missing) {
  ScriptedServer server{{[&](Peer& peer) {
                           EXPECT_THAT(peer.read_head(), StartsWith(std::string{"GET /v1/batches/"} + batch_id + " "));
                           peer.answer("200 OK", batch_text("committed", "7"), "Connection: close\r\n");
                         },
                         [&](Peer& peer) {
                           peer.read_head();
                           peer.answer("404 Not Found", R"({"title":"No such batch"})");
                         }}};
  EXPECT_THAT(run_at(server, {"batches", batch_id}).out, HasSubstr("version    7\n"));
  EXPECT_EQ(run_at(server, {"batches", batch_id}).exit_code, exit_refused);
}

TEST(Retract, follows_until_the_batch_is_out) {
  std::string seen;
  ScriptedServer server{{[&](Peer& peer) {
    seen = peer.read_request();
    peer.answer("202 Accepted", batch_text("committed", "7"), "Location: /v1/batches/x\r\n");
    peer.read_head();
    peer.answer("200 OK", batch_text("committed", "7"));
    peer.read_head();
    peer.answer("200 OK", batch_text("retracted", "7"));
  }}};
  const auto captured = run_at(server, {"retract", batch_id});
  EXPECT_EQ(captured.exit_code, exit_ok);
  EXPECT_THAT(seen, StartsWith(std::string{"POST /v1/batches/"} + batch_id + "/retraction HTTP/1.1\r\n"));
  EXPECT_EQ(header_of(seen, "Content-Length"), "0");
  EXPECT_THAT(captured.out, HasSubstr("status     retracted\n"));
}

TEST(Retract, what_is_not_committed_is_refused) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_request();
    peer.answer("409 Conflict", R"({"title":"Not committed"})");
  }}};
  EXPECT_EQ(run_at(server, {"retract", batch_id}).exit_code, exit_refused);
}

const std::string places_text =
    R"({"regions":[{"slug":"asia","name":"Asia"},{"slug":"china_main","name":"China Main","parent_slug":"asia"}],
        "ports":[{"code":"CNCWN","name":"Chiwan","closed":true},{"code":"CNSGH","name":"Shanghai","parent_slug":"china_main"}]})";

TEST(Places, are_shown_as_a_tree) {
  ScriptedServer server{{[](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", places_text, "ETag: \"4-0123abcd\"\r\n");
  }}};
  const auto captured = run_at(server, {"places"});
  EXPECT_EQ(captured.out,
            "asia          Asia\n"
            "  china_main  China Main\n"
            "    CNSGH     Shanghai\n"
            "CNCWN         Chiwan (closed)\n");
  EXPECT_EQ(captured.err, "tag \"4-0123abcd\"\n");
}

TEST(Places, are_replaced_only_as_they_stand) {
  std::string put;
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", places_text, "ETag: \"4-0123abcd\"\r\n");
    put = peer.read_request();
    peer.answer("200 OK", put.substr(put.find("\r\n\r\n") + 4), "Ratebook-Version: 5\r\n");
  }}};
  const auto captured = run_at(server, {"places", "put", "--sample"});
  EXPECT_EQ(captured.exit_code, exit_ok) << captured.err;
  EXPECT_THAT(put, StartsWith("PUT /v1/places HTTP/1.1\r\n"));
  EXPECT_EQ(header_of(put, "If-Match"), "\"4-0123abcd\"");
  EXPECT_EQ(captured.out, "22 regions, 51 ports (50 new or opened, 0 closed)\nversion 5\n");
}

TEST(Places, a_tag_may_be_named_and_another_one_is_refused) {
  std::string put;
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", places_text, "ETag: \"4-0123abcd\"\r\n");
    put = peer.read_request();
    peer.answer("412 Precondition Failed", R"({"title":"Changed"})");
  }}};
  const auto captured = run_at(server, {"places", "put", "--sample", "--if-match", "3-00000000"});
  EXPECT_EQ(captured.exit_code, exit_refused);
  EXPECT_EQ(header_of(put, "If-Match"), "\"3-00000000\"");
  EXPECT_THAT(captured.err, HasSubstr("look at them again"));
}

TEST(Places, come_from_two_tables_as_well) {
  const File regions{"_regions.csv", "slug,name,parent_slug\nbaltic,Baltic,\n"};
  const File ports{"_ports.csv", "parent_slug,code,name\nbaltic,SEGOT,Göteborg\n"};
  std::string put;
  ScriptedServer server{{[&](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", R"({"regions":[],"ports":[]})");
    put = peer.read_request();
    peer.answer("200 OK", put.substr(put.find("\r\n\r\n") + 4));
  }}};
  const auto captured = run_at(server, {"places", "put", "--regions", regions.path(), "--ports", ports.path()});
  EXPECT_EQ(captured.exit_code, exit_ok) << captured.err;
  EXPECT_EQ(header_of(put, "If-Match"), "");
  const auto places = client::parse_places(put.substr(put.find("\r\n\r\n") + 4));
  ASSERT_TRUE(places);
  EXPECT_EQ(*places, (PlacesDocument{{{"baltic", "Baltic", ""}}, {{"SEGOT", "Göteborg", "baltic", false}}}));
}

TEST(Server, comes_from_the_environment_unless_named) {
  const auto part = [](Peer& peer) {
    peer.read_head();
    peer.answer("200 OK", places_text);
  };
  ScriptedServer server{{part, part}};
  ::setenv("RATEBOOK_SERVER", server.address().c_str(), 1);
  EXPECT_EQ(run_captured({"places", "get"}).exit_code, exit_ok);
  ::setenv("RATEBOOK_SERVER", "http://127.0.0.1:1", 1);
  EXPECT_EQ(run_at(server, {"places"}).exit_code, exit_ok);
  EXPECT_EQ(run_captured({"places"}).exit_code, exit_unavailable);
  ::unsetenv("RATEBOOK_SERVER");
}

TEST(Generate, csv_and_json_hold_the_same_prices) {
  const auto as_csv = run_captured({"generate", "--prices", "200", "--seed", "3"}).out;
  const auto as_json =
      run_captured({"generate", "--prices", "200", "--seed", "3", "--format", "json", "--source", "a"}).out;
  EXPECT_THAT(as_csv, StartsWith("orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-01,"));
  EXPECT_THAT(as_json, StartsWith("{\"source\":\"a\",\"prices\":[\n{\"orig_code\":\"CNSGH\",\"dest_code\":\"NLRTM\","));
  EXPECT_EQ(std::ranges::count(as_csv, '\n'), 201);
  std::string rebuilt = "orig_code,dest_code,day,price\n";
  for (std::size_t at = as_json.find("{\"orig_code\""); at != std::string::npos;
       at = as_json.find("{\"orig_code\"", at + 1)) {
    const auto line = as_json.substr(at, as_json.find('}', at) - at);
    rebuilt += line.substr(14, 5) + ',' + line.substr(34, 5) + ',' + line.substr(48, 10) + ',' + line.substr(68) + '\n';
  }
  EXPECT_EQ(rebuilt, as_csv);
}

TEST(Generate, trades_between_the_ports_of_a_file) {
  const File csv_file{"_ports.csv", "code,name,parent_slug\nSEGOT,G,a\nPLGDN,G,b\n"};
  const File json_file{"_places.json", places_json({{{"a", "A", ""}, {"b", "B", ""}},
                                                    {{"SEGOT", "G", "a", false}, {"PLGDN", "G", "b", false}}})};
  const auto from_csv = run_captured({"generate", "--prices", "10", "--ports", csv_file.path()});
  EXPECT_EQ(from_csv.exit_code, exit_ok) << from_csv.err;
  EXPECT_THAT(from_csv.out, HasSubstr("SEGOT,PLGDN,"));
  EXPECT_EQ(run_captured({"generate", "--prices", "10", "--ports", json_file.path()}).out, from_csv.out);
}

}  // namespace
}  // namespace ratebook::cli
