// What the order of the log alone says must become of every batch: written from the rules, not from the writer's code,
// so that the two can be compared at every step.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "log/record.hpp"
#include "model/price.hpp"
#include "sim/database.hpp"

namespace ratebook::sim {

class LogReading {
 public:
  /// The next record of a partition.
  void take(std::uint32_t partition, Offset offset, const std::string& bytes);

  /// Whether this is what the log says comes next for the source; empty: yes, and it is taken as done.
  std::string decide(const Decided& decided);

  /// Whether the attempt's chunks all stand in the log in order, before any record that abandons it.
  bool is_complete(const std::string& attempt) const;
  /// What stands in the log under an attempt, in the order sent.
  std::vector<Price> prices(const std::string& attempt) const;
  /// What the log decides and the store has not decided yet.
  std::vector<std::string> undecided() const;
  /// Attempts that are neither complete nor void.
  std::vector<std::string> open() const;
  const std::set<std::pair<std::uint32_t, Offset>>& bad_records() const { return bad_records_; }

 private:
  struct Attempt {
    enum class State : std::uint8_t { open, complete, abandoned } state = State::open;
    std::size_t chunk_count = 0;
    std::vector<Price> prices;
  };
  /// A batch that is complete, or a retraction, in the order of the log.
  struct Item {
    std::string id;
    std::string attempt;  ///< empty: a retraction
    std::string key;
    std::string replaces;
  };
  struct Source {
    std::deque<Item> items;
    std::map<std::string, BatchStatus> decided;    ///< by id
    std::map<std::string, std::string> id_by_key;  ///< committed, or retracted since
  };
  void take_chunk(log::ChunkRecord&& chunk, std::pair<std::uint32_t, Offset> at);
  /// What must become of the item; kind rejected with no rejection: nothing.
  static Decided outcome(const Source& source, const Item& item);
  static bool is_nothing(const Decided& decided);
  static void apply(Source& source, const Item& item, const Decided& decided);

  std::map<std::string, Attempt> attempts_;
  std::map<std::string, Source> sources_;
  std::set<std::pair<std::uint32_t, Offset>> bad_records_;
};

}  // namespace ratebook::sim
