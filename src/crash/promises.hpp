// The promises of the design, as they can be seen in a store after a crash: gapless versions with their chain, whole
// batches or none, nothing lost that a client was told, nothing twice.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "crash/path.hpp"
#include "store/store.hpp"

namespace ratebook::crash {

class Promises {
 public:
  explicit Promises(store::Store& store) : store_(store) {}

  void check_versions();
  void check_places(Version told);
  void check_told(const Sent& sent);
  /// The newest version shows exactly the prices of the batches that it holds, and each of them whole.
  void check_prices(const std::vector<std::vector<Sent>>& batches);
  /// Everything is in once, but what was retracted or replaced.
  void check_end(const std::vector<std::vector<Sent>>& batches);

  void report(std::string what) { broken_.push_back(std::move(what)); }
  std::vector<std::string> broken() const { return broken_; }

 private:
  std::vector<NumberedPrice> numbered(const std::vector<Price>& prices);
  template <class T>
  T need(Result<T> result);

  store::Store& store_;
  std::vector<VersionRow> rows_;
  std::vector<std::string> broken_;
};

}  // namespace ratebook::crash
