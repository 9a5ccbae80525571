// Repr-Digest and Content-Digest (RFC 9530): a dictionary of byte sequences (RFC 9651).
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "intake/body_digests.hpp"

namespace ratebook::api {

/// The digests in it that are checked here, sha-256 and sha-512; others are passed over. nullopt: its syntax is broken,
/// or a digest has not its algorithm's length.
std::optional<std::vector<intake::BodyDigest>> read_digest_field(std::string_view name, std::string_view value);

}  // namespace ratebook::api
