// `ratebook push` against a server that says what the test wants it to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.hpp"
#include "cli/words_testing.hpp"

namespace ratebook::cli {
namespace {

using client::Peer;
using client::ScriptedServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

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

}  // namespace
}  // namespace ratebook::cli
