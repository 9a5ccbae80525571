// All that `ratebook serve` can be told: the options of every part, each with its default. table.cpp gives each one its
// name; load.hpp fills them in.
#pragma once
#include <string>

#include "access/tokens.hpp"
#include "api/answer_watch.hpp"
#include "api/service.hpp"
#include "follower/follower.hpp"
#include "http/server.hpp"
#include "intake/intake.hpp"
#include "kafka/options.hpp"
#include "obs/logger.hpp"
#include "postgres/options.hpp"
#include "sqlite/file.hpp"
#include "writer/writer.hpp"

namespace ratebook::settings {

struct Settings {
  std::string data_path;    ///< the SQLite file; made where there is none; empty in a cluster
  std::string tokens_path;  ///< who may do what; empty: everything is open
  /// Listen beyond loopback without tokens, where whoever reaches it may send and retract.
  bool open_to_everyone = false;
  access::Limits access;
  obs::LogOptions log;
  api::AccessLog access_log;
  http::ServerOptions http;
  intake::Limits intake;
  api::Limits api;
  writer::WriterOptions writer;
  follower::FollowerOptions follower;
  follower::HintOptions hints;
  sqlite::FileOptions sqlite;
  kafka::KafkaOptions kafka;
  postgres::PostgresOptions postgres;

  /// Log and store are Kafka and PostgreSQL, not a file.
  bool is_cluster() const { return !postgres.primary.empty() || !kafka.brokers.empty(); }
};

}  // namespace ratebook::settings
