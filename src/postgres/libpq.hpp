// What of libpq belongs to someone, freed with its owner.
#pragma once
#include <libpq-fe.h>

#include <memory>

namespace ratebook::postgres {

template <auto free>
struct Freed {
  template <class Value>
  void operator()(Value* value) const {
    free(value);
  }
};

using Handle = std::unique_ptr<PGconn, Freed<PQfinish>>;
using Answer = std::unique_ptr<PGresult, Freed<PQclear>>;
using ParsedOptions = std::unique_ptr<PQconninfoOption, Freed<PQconninfoFree>>;
using Text = std::unique_ptr<char, Freed<PQfreemem>>;

}  // namespace ratebook::postgres
