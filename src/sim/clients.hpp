// The clients: they send small batches, repeat them after any doubt, send other content under the same key, retract,
// replace, change places and read; and they know what they sent.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sim/checks.hpp"
#include "sim/node.hpp"

namespace ratebook::sim {

class Clients {
 public:
  Clients(const Ground& ground, std::vector<std::unique_ptr<Node>>& nodes);
  void start();

 private:
  void send_and_read(std::uint32_t client);
  /// One source sends without an end, and hundreds of others now and then, from beyond the simulated nodes: their
  /// records are just there.
  void crowd();
  /// Returns the attempt.
  std::string put_into_log(const BatchRequest& request);
  void operate_places();
  void send_one(const std::string& source);
  BatchRequest fresh_batch(const std::string& source);
  void name_batch(BatchRequest& request) const;
  void submit(const BatchRequest& request);
  bool goes_past_the_nodes(const Content& content) const;
  void look_up(const BatchRequest& request, const std::string& location);
  void retract_one(const std::string& source);
  void read_one();
  /// Sends to any node that is up and waits for its answer; a node that dies or takes too long gives none.
  Answer ask(const std::function<Answer(Node&)>& what);
  std::vector<Price> draw_prices();
  PlacesDocument draw_places();
  bool over() const { return ground_.scheduler.now() >= ground_.settings.faults_end; }

  Ground ground_;
  std::vector<std::unique_ptr<Node>>& nodes_;
  std::vector<ProcessPointer> processes_;
  std::vector<BatchRequest> sent_;
  std::vector<std::size_t> answered_;  ///< of sent_, those with a 2xx, or that are in the log
  Version newest_ = 0;                 ///< that any answer named
  std::uint64_t keys_ = 0;
};

}  // namespace ratebook::sim
