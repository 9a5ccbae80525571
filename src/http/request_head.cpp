// Beast's parser over a whole head, then the checks that it leaves to its users.
#include "http/request_head.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <functional>
#include <string>

#include "http/text.hpp"

namespace ratebook::http {
namespace {

namespace beast = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t header_count_max = 128;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Collects what the parser finds as views into the bytes that it was given.
class Collector final : public beast::basic_parser<true> {
 public:
  Collector(std::string_view head, Request& request) : head_(head), request_(request) {}

  std::string_view target;
  bool is_http_1_1 = false;
  bool folded = false;
  bool too_many = false;

 private:
  void on_request_impl(beast::verb, boost::beast::string_view method, boost::beast::string_view sent_target,
                       int version, error_code&) override {
    request_.method_ = view(method);
    target = view(sent_target);
    is_http_1_1 = version == 11;
  }
  void on_field_impl(beast::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& error) override {
    // A value folded over lines is put together in the parser's own memory (RFC 9112, 5.2 lets us refuse it).
    const bool inside = value.empty() || !std::less<>{}(value.data(), head_.data());
    folded = folded || !inside || (!value.empty() && std::less<>{}(head_.data() + head_.size(), value.data()));
    too_many = too_many || request_.headers_.size() == header_count_max;
    if (folded || too_many) {
      error = beast::error::bad_field;
    } else {
      request_.headers_.emplace_back(view(name), view(value));
    }
  }
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  std::string_view head_;
  Request& request_;
};

Response malformed(std::string_view detail) { return problem(400, "bad-request", "Malformed request", detail); }

Response refusal(const Collector& collector, error_code error) {
  if (collector.too_many) {
    return problem(431, "headers-too-large", "Too many header fields", "at most 128 header fields are read");
  }
  if (collector.folded) return malformed("a header value is folded over several lines");
  if (error == beast::error::bad_version) {
    return problem(505, "http-version", "HTTP version not supported", "this server speaks HTTP/1.1 and HTTP/1.0");
  }
  if (error == beast::error::need_more) return malformed("the request line or a header field is cut short");
  return malformed(error.message());
}

/// Splits the target into path and query; of `http://host/path` (RFC 9112, 3.2.2) the path counts.
bool split_target(std::string_view target, Request& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    if (target.empty()) target = "/";
    break;
  }
  if (target.find('#') != std::string_view::npos) return false;
  const std::size_t question = target.find('?');
  request.path_ = target.substr(0, question);
  request.query_ = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  return request.path_.starts_with('/') || request.path_ == "*";
}

/// What decides where a message ends, and for whom it is, may stand there once only.
struct Framing {
  unsigned hosts = 0, lengths = 0, encodings = 0, expectations = 0;
  std::string_view host, length, encoding, expectation;

  explicit Framing(const Request& request) {
    for (const auto& [name, value] : request.headers_) {
      switch (name.size()) {
        case 4:
          count(name, "host", value, hosts, host);
          break;
        case 6:
          count(name, "expect", value, expectations, expectation);
          break;
        case 14:
          count(name, "content-length", value, lengths, length);
          break;
        case 17:
          count(name, "transfer-encoding", value, encodings, encoding);
          break;
        default:
          break;
      }
    }
  }

 private:
  static void count(std::string_view name, std::string_view wanted, std::string_view value, unsigned& times,
                    std::string_view& last) {
    if (!equal_ignoring_case(name, wanted)) return;
    ++times;
    last = value;
  }
};

std::optional<Response> wrong_framing(const Framing& framing, bool is_http_1_1) {
  if (framing.hosts > 1 || (framing.hosts == 0 && is_http_1_1)) return malformed("exactly one Host field is needed");
  if (framing.host.find_first_of(" \t,/\\?#@") != std::string_view::npos) return malformed("Host is no host");
  if (framing.lengths > 1) return malformed("Content-Length stands there more than once");
  if (framing.lengths > 0 && framing.length.find_first_not_of("0123456789") != std::string_view::npos) {
    return malformed("Content-Length is no number");
  }
  if (framing.encodings > 0 && framing.lengths > 0) return malformed("Transfer-Encoding and Content-Length together");
  if (framing.encodings > 1) return malformed("Transfer-Encoding stands there more than once");
  if (framing.encodings > 0 && !is_http_1_1) return malformed("HTTP/1.0 has no Transfer-Encoding");
  if (framing.encodings > 0 && !equal_ignoring_case(framing.encoding, "chunked")) {
    return problem(501, "transfer-encoding", "Transfer-Encoding not implemented", "only chunked is");
  }
  if (framing.expectations > 0 && !equal_ignoring_case(framing.expectation, "100-continue")) {
    return problem(417, "expectation-failed", "Expectation failed", "only 100-continue can be met");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t scanned) {
  const std::size_t at = bytes.find("\r\n\r\n", scanned < 3 ? 0 : scanned - 3);
  if (at == std::string_view::npos) return std::nullopt;
  return at + 4;
}

std::expected<Head, Response> parse_head(std::string_view head, std::size_t target_bytes_max, Request& request) {
  request.headers_.clear();
  request.parameter_ = {};
  request.content_length_.reset();
  Collector parser{head, request};
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  parser.body_limit(boost::none);
  error_code error;
  parser.put(boost::asio::const_buffer{head.data(), head.size()}, error);
  if (parser.target.size() > target_bytes_max) return std::unexpected{head_too_long(head, target_bytes_max)};
  if (!error && !parser.is_header_done()) error = beast::error::need_more;
  if (error) return std::unexpected{refusal(parser, error)};
  if (!split_target(parser.target, request)) return std::unexpected{malformed("the target is no path")};

  const Framing framing{request};
  if (auto wrong = wrong_framing(framing, parser.is_http_1_1)) return std::unexpected{std::move(*wrong)};
  if (const auto length = parser.content_length(); length && framing.lengths > 0) request.content_length_ = *length;
  return Head{.keep_alive = parser.keep_alive(),
              .is_http_1_1 = parser.is_http_1_1,
              .chunked = framing.encodings > 0,
              .expects_continue = framing.expectations > 0 && parser.is_http_1_1,
              .host = framing.hosts > 0 ? std::optional{framing.host} : std::nullopt};
}

Response head_too_long(std::string_view bytes, std::size_t target_bytes_max) {
  const std::size_t line = std::min(bytes.find("\r\n"), bytes.size());
  if (line > target_bytes_max) {
    return problem(414, "target-too-long", "Target too long", "the request line is longer than this server reads");
  }
  return problem(431, "headers-too-large", "Headers too large", "the header fields are longer than this server reads");
}

}  // namespace ratebook::http
