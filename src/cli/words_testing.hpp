// What the tests of words share: files, a batch as the server shows it, and a word run against a scripted server.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/captured_console.hpp"
#include "client/scripted_server.hpp"

namespace ratebook::cli {

inline constexpr auto batch_id = "0f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e";

inline std::string batch_text(const std::string& status, const std::string& version = "null",
                              const std::string& more = "") {
  return R"({"id":")" + std::string{batch_id} + R"(","source":"carrier-a","idempotency_key":"k","status":")" + status +
         R"(","price_count":56689,"digest":"ab","accepted_at":"2026-11-23T08:44:53.120Z","committed_at":null,"version":)" +
         version + R"(,"retracted_version":null)" + more + "}";
}

class File {
 public:
  File(std::string_view ending, std::string_view text) {
    path_ = ::testing::TempDir() + "ratebook_cli_test_" + std::to_string(::getpid()) + std::string{ending};
    std::ofstream{path_} << text;
  }
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline const std::string csv = "orig_code,dest_code,day,price\nCNSGH,NLRTM,2026-01-01,1154.5\n";

inline Captured run_at(const client::ScriptedServer& server, std::vector<std::string> arguments,
                       Terminal terminal = {}) {
  arguments.insert(arguments.end(), {"--server", server.address()});
  return run_captured(std::move(arguments), {}, terminal);
}

inline std::string header_of(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.substr(begin, request.find('\r', begin) - begin);
}

}  // namespace ratebook::cli
