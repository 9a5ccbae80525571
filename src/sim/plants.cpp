#include "sim/plants.hpp"

#include <algorithm>
#include <array>

namespace ratebook::sim {
namespace {

constexpr std::array all = {
    PlantName{Plant::position_before_publish, "position-before-publish",
              "the position moves in a transaction of its own, before the decisions", 50},
    PlantName{Plant::epoch_unchecked, "epoch-unchecked", "the store takes stages and publishes of any epoch", 200},
    PlantName{Plant::chunk_staged_twice, "chunk-staged-twice", "a chunk whose marker stands is stored again", 50},
    PlantName{Plant::version_before_prices, "version-before-prices",
              "a version row is written before its prices are all there", 20},
    PlantName{Plant::id_ignores_content, "id-ignores-content", "a batch's id is made from source and key alone", 50},
    PlantName{Plant::given_up_by_time_alone, "given-up-by-time-alone",
              "a writer leaves out what it watched for 2 T, without an abandon record", 200},
    PlantName{Plant::doubt_taken_for_success, "doubt-taken-for-success",
              "an append without an answer counts as acknowledged", 20},
    PlantName{Plant::attempt_continued_after_doubt, "attempt-continued-after-doubt",
              "a chunk in doubt counts as in, and the attempt goes on", 50},
    PlantName{Plant::late_acknowledgement_counts, "late-acknowledgement-counts",
              "a node answers 202 however long its attempt took", 1000},
    PlantName{Plant::acknowledged_before_synced, "acknowledged-before-synced",
              "embedded: an append returns before its bytes are safe from a crash", 200},
    PlantName{Plant::log_loses_acknowledged, "log-loses-acknowledged",
              "a fail-over of the log drops its newest records", 50},
    PlantName{Plant::confirm_skipped, "confirm-skipped", "the follower shows what a primary that was one says", 200},
    PlantName{Plant::confirm_on_other_connection, "confirm-on-other-connection",
              "what was read on one connection is confirmed on another", 200},
    PlantName{Plant::unknown_publish_proves, "unknown-publish-proves",
              "a publish whose outcome is unknown counts as the proof of what it made", 1000},
    PlantName{Plant::key_unchecked, "key-unchecked", "the store does not look for the key and the id", 20},
    PlantName{Plant::decided_by_unconfirmed_read, "decided-by-unconfirmed-read",
              "a node answers from a batch row that nobody confirmed", 1000},
    PlantName{Plant::retraction_repeated, "retraction-repeated", "taking out what is out already makes another version",
              50},
    PlantName{Plant::version_from_sequence, "version-from-sequence", "a publish that fails uses up its version number",
              50},
    PlantName{Plant::counted_attempt_swept, "counted-attempt-swept",
              "a late abandon record takes away the prices of a batch that counted", 50},
    PlantName{Plant::decisions_reordered, "decisions-reordered",
              "what is published together is decided in another order than the log's", 50},
    PlantName{Plant::past_version_shows_present, "past-version-shows-present",
              "the prices of a version include what came after it", 200},
    PlantName{Plant::replaced_batch_stays, "replaced-batch-stays", "a batch that is replaced is not taken out", 50},
    PlantName{Plant::answer_before_visible, "answer-before-visible", "a node names a version that it does not show yet",
              50},
    PlantName{Plant::reads_wait_for_store, "reads-wait-for-store",
              "a node does not answer reads while it cannot reach the store", 20},
    PlantName{Plant::position_digest_unchecked, "position-digest-unchecked",
              "a writer begins in any log that has a record at the position", 200},
    PlantName{Plant::foreign_log_accepted, "foreign-log-accepted", "a node puts batches into whatever log stands there",
              200},
    PlantName{Plant::low_acknowledgement_counts, "low-acknowledgement-counts",
              "an acknowledgement below what the node has read is taken for one", 200},
    PlantName{Plant::sources_by_name, "sources-by-name", "a writer serves sources in the order of their names", 200},
    PlantName{Plant::give_up_clock_restarts, "give-up-clock-restarts",
              "an open attempt's give-up clock starts anew with each assignment", 100},
    PlantName{Plant::hints_survive_reload, "hints-survive-reload",
              "prices numbered by the book before are taken into the one loaded anew", 1000},
    PlantName{Plant::new_ports_unnoticed, "new-ports-unnoticed",
              "a follower does not ask for ports that came without a change of places", 50},
    PlantName{Plant::row_of_other_attempt_taken, "row-of-other-attempt-taken",
              "a node says 201 of whatever attempt of its batch became the version", 200},
    PlantName{Plant::version_not_awaited, "version-not-awaited",
              "a node looks only once whether it shows the version that is demanded", 50},
    PlantName{Plant::abandoned_attempt_remembered, "abandoned-attempt-remembered",
              "a batch sent again is accepted because it was put into the log once", 50},
    PlantName{Plant::own_chain_unchecked, "own-chain-unchecked",
              "a follower does not compare the chain of the version that it shows", 1000},
};

}  // namespace

std::span<const PlantName> plants() { return all; }

std::optional<Plant> parse_plant(std::string_view name) {
  const auto found = std::ranges::find(all, name, &PlantName::name);
  return found == all.end() ? std::nullopt : std::optional{found->plant};
}

}  // namespace ratebook::sim
