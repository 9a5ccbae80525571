// The file as a store like any other.
#include "sqlite/test_file.hpp"

namespace ratebook::store::contract {
namespace {

class FileStore final : public TestStore {
 public:
  Store& store() override { return file_->store(); }
  std::vector<std::string> rows(const std::string& sql) override { return sqlite::Sql{folder_.file()}.rows(sql); }

 private:
  sqlite::TestFolder folder_;
  std::unique_ptr<sqlite::File> file_ = sqlite::open_file(folder_.file());
};

}  // namespace

INSTANTIATE_STORE_CONTRACT(Sqlite, [] { return std::make_unique<FileStore>(); });

}  // namespace ratebook::store::contract
