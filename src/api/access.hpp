// Who asks, and what of it is allowed: bearer tokens (RFC 6750) at the door of each endpoint. Without a token file
// everything is open.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/tokens.hpp"
#include "api/problems.hpp"
#include "http/http.hpp"

namespace ratebook::api {

class Service;

/// What an endpoint asks of a token before it looks at anything else.
enum class Need : std::uint8_t {
  any,      ///< a token; the endpoint itself looks at the source
  send,     ///< the role send, or operate; the endpoint itself looks at the source
  read,     ///< the role read, or operate
  operate,  ///< the role operate
};

/// Refuses with 401 or 403. Nothing (so that it costs nothing) where there are no tokens.
http::Guard guard(Service& service, Need need);

/// What whoever sent a request may do.
class Caller {
 public:
  Caller() = default;  ///< may do everything
  explicit Caller(std::shared_ptr<const access::Grant> grant) : grant_(std::move(grant)) {}

  bool may_read_all() const { return !grant_ || grant_->has(access::Role::read); }
  bool may_see(std::string_view source) const { return may_read_all() || grant_->may_send(source); }
  /// Whether any batch that this caller may see can stand in that partition of the log.
  bool may_see_some_of(std::uint32_t partition, std::uint32_t partition_count) const;
  bool may_send(std::string_view source) const { return !grant_ || grant_->may_send(source); }
  /// The only source that this caller sends for; nullopt: several, or any.
  std::optional<std::string> only_source() const;

 private:
  std::shared_ptr<const access::Grant> grant_;
};

/// Of a request that has passed its guard. A token that was revoked meanwhile may do nothing.
Caller caller_of(const Service& service, const http::Request& request);

/// Whether the token that a request came with still is what it needs to be: for what goes on long after its guard.
/// Thread-safe; keeps nothing of the request. Empty: there are no tokens, everything is open.
using Permit = std::function<bool()>;
Permit permit_of(const Service& service, const http::Request& request, Need need);

/// `pieces`, cut off as soon as the permit is gone.
http::Pieces while_permitted(Permit permit, http::Pieces pieces);

/// 403: this token is not for that source (empty: not for all of them), to send for it or to read of it.
Problem wrong_source(std::string_view source, Need need);

}  // namespace ratebook::api
