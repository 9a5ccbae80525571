// `ratebook`: the wiring. A node is the same in both settings but for what stands behind log and store.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <thread>

#include "access/keeper.hpp"
#include "api/answer_watch.hpp"
#include "api/service.hpp"
#include "cli/cli.hpp"
#include "engines/engines.hpp"
#include "follower/follower.hpp"
#include "http/server.hpp"
#include "obs/logger.hpp"
#include "obs/metrics.hpp"
#include "runtime/end_in_time.hpp"
#include "runtime/freed_memory.hpp"
#include "runtime/runtime.hpp"
#include "runtime/service_manager.hpp"
#include "runtime/stop_signals.hpp"
#include "settings/settings.hpp"
#include "writer/log_check.hpp"
#include "writer/writer.hpp"

namespace ratebook {
namespace {

int refuse(const std::string& why) {
  std::cerr << "ratebook: " << why << '\n';
  return 1;
}

// Spools go beside the data, that disk is meant for it; a node of a cluster has none.
intake::Limits intake_limits(const settings::Settings& settings) {
  intake::Limits limits = settings.intake;
  if (!limits.spool_folder.empty()) return limits;
  if (settings.is_cluster()) {
    limits.spool_folder = std::filesystem::temp_directory_path();
    return limits;
  }
  const auto slash = settings.data_path.rfind('/');
  limits.spool_folder = slash == std::string::npos ? "." : settings.data_path.substr(0, slash + 1);
  return limits;
}

using SteadyClock = std::chrono::steady_clock;

/// Behind the drain time, where nothing is being sent.
constexpr std::chrono::milliseconds end_time{950};
/// Of it, behind the last answer, however late that was: connections are closed, threads joined.
constexpr std::chrono::milliseconds end_time_min{250};

Result<engines::Engines> open_engines(const engines::Parts& parts, const StopSignals& signals, EndInTime& end) {
  if (!parts.settings.is_cluster()) return engines::open_embedded(parts);
  std::stop_source stop;
  const auto on_stop = signals.on_stop([&] {
    stop.request_stop();
    end.begin(end_time_min, 1);
  });
  auto opened = engines::open_cluster(parts, stop.get_token());
  if (opened && stop.stop_requested()) return fail(Failure::unavailable, "stopped while the engines were opened");
  return opened;
}

template <class Options>
Options with_report(Options options, const std::function<void(const Fault&)>& report) {
  options.report = report;
  return options;
}

void say_reread(const obs::Logger& logger, const Result<void>& read) {
  if (read) return logger.information("the token file was read again");
  logger.error("the token file is not used, the tokens read before go on to hold", {{"error", read.error().message}});
}

void say_reread_certificate(const obs::Logger& logger, const std::expected<void, std::string>& read) {
  if (read) return logger.information("the certificate was read again");
  logger.error("the certificate is not used, the one read before goes on to hold", {{"error", read.error()}});
}

void say_when_ready(follower::Visible& visible, const http::ServerOptions& options, std::uint16_t port) {
  const auto host = options.address.contains(':') ? fmt::format("[{}]", options.address) : options.address;
  const auto scheme = options.tls.certificate_path.empty() ? "http" : "https";
  visible.subscribe([said = false, url = fmt::format("{}://{}:{}", scheme, host, port)](const follower::Step&) mutable {
    if (std::exchange(said, true)) return;
    std::cout << "listening on " << url << '\n' << std::flush;
    tell_service_manager("READY=1");
  });
}

int serve(const settings::Settings& settings) {
  return_freed_memory();
  StopSignals signals;
  const Runtime runtime = machine_runtime();
  const obs::Logger logger{settings.log};
  // Before all that it may have to leave behind.
  EndInTime end{[&logger] { logger.information("stopped; an engine was not waited for, as a killed node does not"); }};
  const auto report = [&logger](const Fault& fault) { logger.warning(fault.message); };
  obs::Metrics metrics;

  const bool has_certificate = !settings.http.tls.certificate_path.empty();
  // A service manager reloads whatever is set; without it a closed terminal ends the server.
  if (has_certificate || !settings.tokens_path.empty() || has_service_manager()) signals.hold_reread();
  std::optional<access::Keeper> tokens;
  if (!settings.tokens_path.empty()) {
    tokens.emplace(settings.tokens_path, settings.access);
    if (const auto read = tokens->reread(); !read) return refuse(read.error().message);
  }

  const auto opened = open_engines({settings, runtime, logger, metrics}, signals, end);
  if (!opened) return refuse(opened.error().message);
  log::Log& log = *opened->log;
  store::Store& store = *opened->store;

  follower::Visible visible;
  follower::Hints hints{visible, settings.hints};
  api::Service service{
      {runtime, log, store, visible, metrics, tokens ? &*tokens : nullptr}, settings.api, intake_limits(settings)};
  auto routes = api::routes(service);
  api::AnswerWatch watch{metrics, logger, routes, settings.access_log};
  auto http_options = settings.http;
  http_options.any_host = tokens.has_value();  // a page that came by another name has no token
  http::Server server{http_options, std::move(routes),
                      [&watch](const http::Answered& answered) { watch.answered(answered); }};
  const auto port = server.listen();
  if (!port) return refuse(port.error());

  std::atomic<SteadyClock::time_point> stopped_at;
  const auto on_stop = signals.on_stop(
      [&] {
        stopped_at = SteadyClock::now();
        logger.information("stopping");
        tell_service_manager("STOPPING=1");
        service.leave();
        server.stop();
      },
      [&] {
        if (tokens) say_reread(logger, tokens->reread());
        if (has_certificate) say_reread_certificate(logger, server.reread_certificate());
      });
  say_when_ready(visible, settings.http, *port);

  writer::LogCheck log_check{log, store, runtime, {.report = report}};
  std::deque<std::jthread> threads;
  auto follower_options = with_report(settings.follower, report);
  follower_options.load_threads = std::min<std::size_t>(http::usable_cores(), opened->load_threads);
  threads.emplace_back([&](const std::stop_token& stop) {
    follower::Follower{store, runtime, visible, hints, follower_options}.run(stop);
  });
  auto writer_options = with_report(settings.writer, report);
  writer_options.history = [&visible] { return visible.histories(); };
  for (std::uint32_t partition = 0; partition < log.partition_count(); ++partition) {
    threads.emplace_back([&, partition](const std::stop_token& stop) { log_check.run(partition, stop); });
    threads.emplace_back([&, partition](const std::stop_token& stop) {
      const auto offer = std::bind_front(&follower::Hints::offer, &hints);
      writer::run_partition(log, store, runtime, partition, writer_options, offer, stop);
    });
  }
  if (tokens) {
    threads.emplace_back(
        [&](const std::stop_token& stop) { tokens->watch([&](const auto& read) { say_reread(logger, read); }, stop); });
  }
  server.run();
  service.ended = true;
  // The embedded file is closed as a whole, so that it may be copied without what else stands beside it.
  if (settings.is_cluster()) {
    const auto left = stopped_at.load() + settings.http.drain_time + end_time - SteadyClock::now();
    end.begin(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), end_time_min), 0);
  }
  for (auto& thread : threads) thread.request_stop();
  threads.clear();
  logger.information("stopped");
  return 0;
}

}  // namespace
}  // namespace ratebook

int main(int argc, char** argv) { return ratebook::cli::run(argc, argv, ratebook::serve); }
