// PostgreSQL as a store like any other.
#include "postgres/test_database.hpp"

namespace ratebook::store::contract {
namespace {

class DatabaseStore final : public TestStore {
 public:
  Store& store() override { return node_.store(); }
  std::vector<std::string> rows(const std::string& sql) override { return sql_.rows(sql); }

 private:
  postgres::TestDatabase database_;
  postgres::TestNode node_{database_};
  postgres::Sql sql_{database_.conninfo()};
};

}  // namespace

INSTANTIATE_STORE_CONTRACT(Postgres, [] { return std::make_unique<DatabaseStore>(); });

}  // namespace ratebook::store::contract
