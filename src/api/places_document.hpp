// Places as JSON:
// `{"regions":[{"slug","name","parent_slug"}],"ports":[{"code","name","parent_slug"[,"closed":true]}]}`.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "api/problems.hpp"
#include "model/places.hpp"

namespace ratebook::api {

void append_places(std::string& out, const PlacesDocument& places);

/// Strict: an unknown, missing or repeated member, a wrong type, or what check_places says is problems::invalid_places
/// with every error (the first 100); what is no JSON is problems::malformed_body.
std::expected<PlacesDocument, Problem> read_places(std::string_view json);

}  // namespace ratebook::api
