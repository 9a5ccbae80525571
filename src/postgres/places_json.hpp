// Places as insert_places() of the database takes them (schema.cpp).
#pragma once
#include <string>

#include "model/places.hpp"

namespace ratebook::postgres {

/// Ports in the order of their numbers.
std::string places_json(const PlacesDocument& places);

}  // namespace ratebook::postgres
