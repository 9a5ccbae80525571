// All that `ratebook serve` can be told: the options of every part, each with its default. table.cpp gives each one its
// name; load.hpp fills them in.
#pragma once
#include <string>

#include "api/answer_watch.hpp"
#include "api/service.hpp"
#include "follower/follower.hpp"
#include "http/server.hpp"
#include "intake/intake.hpp"
#include "obs/logger.hpp"
#include "sqlite/file.hpp"
#include "writer/writer.hpp"

namespace ratebook::settings {

struct Settings {
  std::string data_path;          ///< the SQLite file; made where there is none
  bool open_to_everyone = false;  ///< listen beyond loopback, where whoever reaches it may send and retract
  std::size_t hinted_prices_max = 4'000'000;
  obs::LogOptions log;
  api::AccessLog access_log;
  http::ServerOptions http;
  intake::Limits intake;
  api::Limits api;
  writer::WriterOptions writer;
  follower::FollowerOptions follower;
  sqlite::FileOptions sqlite;
};

}  // namespace ratebook::settings
