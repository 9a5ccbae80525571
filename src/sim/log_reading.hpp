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
  /// Ends a transaction of a partition: who had waited longer than what was decided since the last one, and for
  /// something no larger, was passed over. Names one who has been for more than `most` times; empty: nobody.
  std::string passed_over(std::uint32_t partition, std::uint32_t most);
  /// As the store is backed up, and restored.
  void back_up();
  void restore();

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
    Offset at = 0;                  ///< its last record
    std::size_t chunk_count = 0;    ///< 0: a retraction
    std::uint32_t passed_over = 0;  ///< in how many transactions
  };
  struct Source {
    std::uint32_t partition = 0;
    std::deque<Item> items;                        ///< the first one will be decided, as something
    std::map<std::string, BatchStatus> decided;    ///< by id
    std::map<std::string, std::string> id_by_key;  ///< committed, or retracted since
  };
  void take_chunk(log::ChunkRecord&& chunk, std::pair<std::uint32_t, Offset> at);
  /// What must become of the item; kind rejected with no rejection: nothing.
  static Decided outcome(const Source& source, const Item& item);
  static bool is_nothing(const Decided& decided);
  static void apply(Source& source, const Item& item, const Decided& decided);
  void add(const std::string& source, std::uint32_t partition, Item item);
  /// Leaves out what comes next and will change nothing.
  static void skip_nothings(Source& source);

  std::map<std::string, Attempt> attempts_;
  std::map<std::string, Source> sources_;
  std::map<std::string, Source> backed_up_;
  std::vector<std::pair<std::string, Item>> since_backup_;  ///< by source
  std::vector<Item> just_decided_;                          ///< in the transaction that is under way
  std::set<std::pair<std::uint32_t, Offset>> bad_records_;
};

}  // namespace ratebook::sim
