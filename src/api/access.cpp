#include "api/access.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/headers.hpp"
#include "api/reading.hpp"
#include "api/service.hpp"

namespace ratebook::api {
namespace {

/// The token of `Authorization: Bearer TOKEN`; empty: none was sent.
std::string_view token_of(const http::Request& request) {
  constexpr std::string_view scheme = "bearer ";
  const auto sent = request.header("Authorization").value_or("");
  if (media_type(sent.substr(0, scheme.size() - 1)) != scheme.substr(0, scheme.size() - 1)) return {};
  const auto begin = sent.find_first_not_of(' ', scheme.size() - 1);
  return begin == std::string_view::npos ? std::string_view{} : sent.substr(begin);
}

bool meets(const access::Grant& grant, Need need) {
  switch (need) {
    case Need::any:
      return true;
    case Need::send:
      return grant.has(access::Role::send);
    case Need::read:
      return grant.has(access::Role::read);
    case Need::operate:
      return grant.has(access::Role::operate);
  }
  return false;
}

std::string_view role_of(Need need) { return need == Need::send ? "send" : need == Need::read ? "read" : "operate"; }

std::optional<Problem> refusal(const access::Tokens& tokens, const http::Request& request, Need need) {
  const auto token = token_of(request);
  if (token.empty()) {
    return Problem{
        problems::token_missing, "send Authorization: Bearer TOKEN; an operator of this server has it", {}, {}};
  }
  const auto* grant = tokens.find(token);
  if (grant == nullptr) {
    return Problem{problems::token_unknown, "it is wrong, or was revoked; ask an operator of this server", {}, {}};
  }
  if (meets(*grant, need)) return std::nullopt;
  return Problem{problems::forbidden,
                 fmt::format("it needs the role {}, which the token '{}' does not have", role_of(need), grant->name),
                 {},
                 {}};
}

}  // namespace

http::Guard guard(Service& service, Need need) {
  if (service.tokens == nullptr) return nullptr;
  return [&service, need](const http::Request& request, http::Response& response) {
    const auto problem = refusal(*service.tokens->tokens(), request, need);
    if (problem) answer_with_view(*problem, service.view(), response);
    return !problem;
  };
}

bool Caller::may_see_some_of(std::uint32_t partition, std::uint32_t partition_count) const {
  return may_read_all() || std::ranges::any_of(grant_->sources, [&](const std::string& source) {
           return partition_of(source, partition_count) == partition;
         });
}

std::optional<std::string> Caller::only_source() const {
  if (!grant_ || grant_->has(access::Role::operate) || grant_->sources.size() != 1) return std::nullopt;
  return grant_->sources.front();
}

Caller caller_of(const Service& service, const http::Request& request) {
  if (service.tokens == nullptr) return {};
  const auto tokens = service.tokens->tokens();
  static const access::Grant nothing;
  const auto* grant = tokens->find(token_of(request));
  return Caller{{tokens, grant != nullptr ? grant : &nothing}};
}

Permit permit_of(const Service& service, const http::Request& request, Need need) {
  if (service.tokens == nullptr) return nullptr;
  return [&keeper = *service.tokens, token = sha256(token_of(request)), need] {
    const auto tokens = keeper.tokens();
    const auto grant = std::ranges::find(tokens->grants(), token, &access::Grant::token);
    return grant != tokens->grants().end() && meets(*grant, need);
  };
}

http::Pieces while_permitted(Permit permit, http::Pieces pieces) {
  if (!permit) return pieces;
  return [permit = std::move(permit), pieces = std::move(pieces)]() -> std::expected<std::string, std::string> {
    if (!permit()) return std::unexpected{"its token was revoked"};
    return pieces();
  };
}

Problem wrong_source(std::string_view source, Need need) {
  return {problems::forbidden,
          need == Need::send ? fmt::format("sending for '{}' needs the role send for that source, or operate", source)
                             : fmt::format("batches of {} need the role read, or send for that source",
                                           source.empty() ? "all sources" : fmt::format("'{}'", source)),
          {},
          {}};
}

}  // namespace ratebook::api
