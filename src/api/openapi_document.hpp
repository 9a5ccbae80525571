// The text of openapi.json; openapi_document.cpp is made from it at build time.
#pragma once
#include <string_view>

namespace ratebook::api {

std::string_view openapi_document();

}  // namespace ratebook::api
