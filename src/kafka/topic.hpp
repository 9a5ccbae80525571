// The topic that is the log: made where it is missing, and checked, so that what is accepted is kept (rule 5).
#pragma once
#include <map>
#include <optional>
#include <string>

#include "kafka/options.hpp"

namespace ratebook::kafka {

/// What the store says of its log.
struct StoreSide {
  std::optional<std::uint32_t> partitions;  ///< as many it has written down
  bool has_position = false;                ///< it was written from a topic: an empty one is not it (rule 23)
};

/// The partition count of the topic, which is as the log needs it when this returns. Failure::conflict: it is
/// otherwise, with words that say how to mend it; unavailable: the cluster does not answer.
Result<std::uint32_t> prepare_topic(const KafkaOptions& options, const Runtime& runtime, const StoreSide& store);

/// Whether a topic of these settings, by their names, keeps what is accepted. Failure::conflict as above.
using TopicConfig = std::map<std::string, std::string, std::less<>>;
Result<void> check_config(const KafkaOptions& options, const TopicConfig& config);

}  // namespace ratebook::kafka
