// The other words against a server that says what the test wants it to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/exit_code.hpp"
#include "cli/words_testing.hpp"
#include "client/answers.hpp"
#include "model/places_json.hpp"

namespace ratebook::cli {
namespace {

using client::Peer;
using client::ScriptedServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

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
