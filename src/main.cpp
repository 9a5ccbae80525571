// `ratebook`: the wiring of the embedded setting. One SQLite file is both log and store; one process does all.
#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <functional>
#include <iostream>
#include <thread>

#include "api/answer_watch.hpp"
#include "api/service.hpp"
#include "cli/cli.hpp"
#include "follower/follower.hpp"
#include "http/server.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"
#include "runtime/runtime.hpp"
#include "runtime/stop_signals.hpp"
#include "sqlite/file.hpp"
#include "sqlite/file_metrics.hpp"
#include "writer/writer.hpp"

namespace ratebook {
namespace {

constexpr std::size_t hinted_prices_max = 4'000'000;

int refuse(const std::string& why) {
  std::cerr << "ratebook: " << why << '\n';
  return 1;
}

// Spools go beside the data: that disk is meant for it.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

void say_when_ready(follower::Visible& visible, const std::string& address, std::uint16_t port) {
  const auto host = address.contains(':') ? fmt::format("[{}]", address) : address;
  visible.subscribe([said = false, url = fmt::format("http://{}:{}", host, port)](const follower::Step&) mutable {
    if (std::exchange(said, true)) return;
    std::cout << "listening on " << url << std::endl;
  });
}

int serve(const cli::ServeOptions& options) {
  const StopSignals signals;
  const Runtime runtime = machine_runtime();
  const obs::Logger logger{obs::Logger::form_of_stderr()};
  const auto report = [&logger](const Fault& fault) { logger.warning(fault.message); };
  obs::Metrics metrics;

  const auto file = sqlite::File::open(options.data_path, runtime);
  if (!file) return refuse(file.error().message);
  log::Log& log = (*file)->log();
  store::Store& store = (*file)->store();
  sqlite::add_metrics(**file, metrics);

  follower::Visible visible;
  follower::Hints hints{hinted_prices_max};
  api::Service service{{runtime, log, store, visible, metrics}, {}, {.spool_folder = folder_of(options.data_path)}};
  auto routes = api::routes(service);
  api::AnswerWatch watch{metrics, logger, routes};
  http::Server server{{.address = options.address,
                       .port = options.port,
                       .cores = options.cores,
                       .drain_time = options.drain_time,
                       .grace_time = options.grace_time},
                      std::move(routes),
                      [&watch](const http::Answered& answered) { watch.answered(answered); }};
  const auto port = server.listen();
  if (!port) return refuse(port.error());

  const auto on_stop = signals.on_stop([&] {
    logger.information("stopping");
    service.leaving = true;
    server.stop();
  });
  say_when_ready(visible, options.address, *port);

  std::deque<std::jthread> threads;
  threads.emplace_back([&](const std::stop_token& stop) {
    follower::Follower{store, runtime, visible, hints, {.report = report}}.run(stop);
  });
  for (std::uint32_t partition = 0; partition < log.partition_count(); ++partition) {
    threads.emplace_back([&, partition](const std::stop_token& stop) {
      const auto offer = std::bind_front(&follower::Hints::offer, &hints);
      writer::run_partition(log, store, runtime, partition, {.report = report}, offer, stop);
    });
  }
  server.run();
  for (auto& thread : threads) thread.request_stop();
  threads.clear();
  logger.information("stopped");
  return 0;
}

}  // namespace
}  // namespace ratebook

int main(int argc, char** argv) { return ratebook::cli::run(argc, argv, ratebook::serve); }
