// Bugs that a simulation plants on purpose, each by a small wrong turn in the simulated log, store or node, or around
// its endpoints: the test of the simulator is that it finds them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ratebook::sim {

enum class Plant : std::uint8_t {
  none,
  position_before_publish,  ///< the position moves in a transaction of its own, before the decisions
  epoch_unchecked,          ///< the store takes stages and publishes of any epoch
  chunk_staged_twice,       ///< a chunk whose marker stands is stored again
  version_before_prices,    ///< staging is answered before it is done, and publishing does not look at markers
  id_ignores_content,       ///< a batch's id is made from source and key alone
  given_up_by_time_alone,   ///< a writer leaves out a batch that it has watched for 2 T, without an abandon record
  doubt_taken_for_success,  ///< an append without an answer counts as acknowledged
  attempt_continued_after_doubt,  ///< the chunk in doubt counts as in, and the attempt goes on
  late_acknowledgement_counts,    ///< a node answers 202 however long its attempt took
  acknowledged_before_synced,     ///< embedded: the append returns before its bytes are safe from a crash
  log_loses_acknowledged,         ///< a fail-over of the log drops its newest records
  confirm_skipped,                ///< the follower shows what a primary that was one says
  confirm_on_other_connection,    ///< what was read on one connection is confirmed on another
  unknown_publish_proves,         ///< a publish whose outcome is unknown counts as the proof of what it made
  key_unchecked,                  ///< the store does not look for the key and the id
  decided_by_unconfirmed_read,    ///< a node answers from a row that nobody confirmed
  retraction_repeated,            ///< taking out what is out already makes another version
  version_from_sequence,          ///< a publish that fails uses up its version number
  counted_attempt_swept,          ///< a late abandon record takes away the prices of a batch that counted
  decisions_reordered,            ///< what is published together is decided in another order than the log's
  past_version_shows_present,     ///< prices of a version include what came after it
  replaced_batch_stays,           ///< the batch that is replaced is not taken out
  answer_before_visible,          ///< a node names a version that it does not show yet
  reads_wait_for_store,           ///< a node does not answer reads while it cannot reach the store
  position_digest_unchecked,      ///< a writer begins in any log that has a record at the position
  foreign_log_accepted,           ///< a node puts batches into whatever log stands there
  low_acknowledgement_counts,     ///< an acknowledgement below what the node has read is taken for one
  sources_by_name,                ///< a writer serves sources in the order of their names
  give_up_clock_restarts,         ///< an open attempt's give-up clock starts anew with each assignment
  hints_survive_reload,           ///< prices numbered by the book before are taken into the one loaded anew
  new_ports_unnoticed,            ///< a follower does not ask for ports that came without a change of places
  row_of_other_attempt_taken,     ///< a node says 201 of whatever attempt of its batch became the version
  version_not_awaited,            ///< a node looks only once whether it shows the version that is demanded
  abandoned_attempt_remembered,   ///< a batch sent again is accepted because it was put into the log once
  own_chain_unchecked,            ///< a follower does not compare the chain of the version that it shows
};

struct PlantName {
  Plant plant = Plant::none;
  std::string_view name;
  std::string_view what;        ///< the wrong turn in words
  std::uint32_t seeds_max = 0;  ///< found within this many seeds
};

/// Every plant but none.
std::span<const PlantName> plants();
std::optional<Plant> parse_plant(std::string_view name);

}  // namespace ratebook::sim
