// Places that come with the product, to begin with: well-known ports of the world by their real UN/LOCODEs.
#pragma once
#include "model/places.hpp"

namespace ratebook::cli {

/// Good by check_places. The ports that trade most come first.
PlacesDocument sample_places();

}  // namespace ratebook::cli
