// Reads the places that a client sends: the form of model/places_json.hpp.
#pragma once
#include <expected>
#include <string_view>

#include "api/problems.hpp"
#include "model/places.hpp"

namespace ratebook::api {

/// Strict: an unknown, missing or repeated member, a wrong type, or what check_places says is problems::invalid_places
/// with every error (the first 100); what is no JSON is problems::malformed_body.
std::expected<PlacesDocument, Problem> read_places(std::string_view json);

}  // namespace ratebook::api
