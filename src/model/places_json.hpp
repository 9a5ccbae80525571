// Places as JSON:
// `{"regions":[{"slug","name","parent_slug"}],"ports":[{"code","name","parent_slug"[,"closed":true]}]}`.
#pragma once
#include <string>

#include "model/places.hpp"

namespace ratebook {

/// A line a place, the last one ended.
std::string places_json(const PlacesDocument& places);

}  // namespace ratebook
