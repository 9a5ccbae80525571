// A client of one node's endpoints: calls them as the server does (http/http.hpp), without HTTP. A call runs in the
// task of whoever calls, which must be one of the node's process.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http.hpp"
#include "sim/scheduler.hpp"

namespace ratebook::sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ApiRequest {
  std::string method;
  std::string path;
  std::string query;
  Headers headers;
  std::string body;
};

struct ApiAnswer {
  unsigned status = 0;
  Headers headers;
  std::string body;

  std::optional<std::string_view> header(std::string_view name) const;
  /// Ratebook-Version.
  std::uint64_t version() const;
  /// The last part of a problem's type; empty: none.
  std::string problem() const;
};

class ApiClient {
 public:
  ApiClient(Scheduler& scheduler, std::vector<http::Route> routes);

  /// Comes back with the answer, however long that takes.
  ApiAnswer call(ApiRequest request);
  /// What has no answer yet.
  std::size_t open_count() const { return open_count_; }

 private:
  struct Exchange;
  const http::Route& route(const ApiRequest& request, std::string& parameter) const;
  void run(const http::Route& route, const std::shared_ptr<Exchange>& exchange);
  void upload(const http::Uploading& handler, const std::shared_ptr<Exchange>& exchange);

  Scheduler& scheduler_;
  std::vector<http::Route> routes_;
  std::size_t open_count_ = 0;
};

}  // namespace ratebook::sim
