// The topic that is the log: made where it is missing, and checked, so that what is accepted is kept (rule 5).
#pragma once
#include <map>
#include <optional>
#include <string>

#include "kafka/options.hpp"

namespace ratebook::kafka {

/// The partition count of the topic, which is as the log needs it when this returns. `store_partitions`: as many the
/// store has written down. Failure::conflict: it is otherwise, with words that say how to mend it; unavailable: the
/// cluster does not answer.
Result<std::uint32_t> prepare_topic(const KafkaOptions& options, const Runtime& runtime,
                                    std::optional<std::uint32_t> store_partitions);

/// Whether a topic of these settings, by their names, keeps what is accepted. Failure::conflict as above.
using TopicConfig = std::map<std::string, std::string, std::less<>>;
Result<void> check_config(const KafkaOptions& options, const TopicConfig& config);

}  // namespace ratebook::kafka
