// Wiring: the cores, the listener, and the course of a stop.
#include "http/server.hpp"

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "http/asio.hpp"
#include "http/core.hpp"
#include "http/listener.hpp"

namespace ratebook::http {
namespace {

/// Nothing but a write into it is done by stop(), so that even a signal handler may.
int make_event() {
  const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) throw std::runtime_error{"no descriptor is left for the server's stop event"};
  return descriptor;
}

std::vector<std::unique_ptr<Core>> make_cores(Service& service) {
  const unsigned wanted = service.options.cores;
  const unsigned count = wanted > 0 ? wanted : usable_cores();
  std::vector<std::unique_ptr<Core>> cores;
  for (unsigned i = 0; i < count; ++i) cores.push_back(std::make_unique<Core>(service));
  return cores;
}

}  // namespace

unsigned usable_cores() {
  cpu_set_t usable;
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) return static_cast<unsigned>(CPU_COUNT(&usable));
  return std::max(std::thread::hardware_concurrency(), 1U);
}

class Server::State {
 public:
  State(ServerOptions options, std::vector<Route> routes, std::function<void(const Answered&)> answered)
      : service_{.options = options,
                 .router = Router{std::move(routes)},
                 .pages = Pages{options.hosts, options.origins, options.any_host},
                 .stream_memory = std::make_shared<StreamMemory>(options.streams_bytes_waiting_max),
                 .answered = std::move(answered),
                 .pools = {{{options.workers, options.work_queue_max},
                            {options.workers, options.work_queue_max},
                            {options.workers, options.work_queue_max}}},
                 .certificate =
                     options.tls.certificate_path.empty() ? nullptr : std::make_unique<TlsCertificate>(options.tls)},
        cores_(make_cores(service_)),
        listener_(cores_, service_.options),
        stop_event_(control_, make_event()),
        timer_(control_) {}

  std::expected<std::uint16_t, std::string> listen() {
    if (auto read = reread_certificate(); !read) return std::unexpected{std::move(read.error())};
    return listener_.listen();
  }

  // NOLINTNEXTLINE(readability-make-member-function-const): the certificate is its own
  std::expected<void, std::string> reread_certificate() {
    if (!service_.certificate) return {};
    return service_.certificate->reread();
  }

  void run() {
    await_stop();
    listener_.start();
    running_ = cores_.size();
    std::vector<std::jthread> threads;
    for (const auto& core : cores_) {
      threads.emplace_back([this, &its = *core] {
        its.run();
        boost::asio::post(control_, [this] {
          if (--running_ == 0) timer_.cancel();
        });
      });
    }
    control_.run();
    threads.clear();
    for (const auto& core : cores_) core->close();
  }

  void finish() {
    for (WorkerPool& pool : service_.pools) pool.stop();
  }

  void stop() {
    constexpr std::uint64_t once = 1;
    static_cast<void>(!::write(stop_event_.native_handle(), &once, sizeof once));
  }

 private:
  void await_stop() {
    stop_event_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
      if (error) return;
      enter(Stage::draining);
      after(service_.options.drain_time, [this] { retire(); });
    });
  }

  void retire() {
    cores_.front()->mailbox()->post([this](Core*) { listener_.retire([this] { enter(Stage::leaving); }); });
    const ServerOptions& options = service_.options;
    const auto answering = std::min(options.answer_grace_time, options.grace_time);
    after(std::max(answering, Listener::settle_time), [this, rest = options.grace_time - answering] {
      enter(Stage::closing);
      after(rest, [this] { enter(Stage::cut); });
    });
  }

  void after(std::chrono::milliseconds time, std::function<void()> then) {
    timer_.expires_after(time);
    timer_.async_wait([this, next = std::move(then)](boost::system::error_code error) {
      if (!error && running_ > 0) next();
    });
  }

  void enter(Stage stage) {
    for (const auto& core : cores_) {
      core->mailbox()->post([stage](Core* its) { its->enter(stage); });
    }
  }

  Service service_;
  std::vector<std::unique_ptr<Core>> cores_;
  Listener listener_;  // on the first core's thread
  boost::asio::io_context control_;
  boost::asio::posix::stream_descriptor stop_event_;
  boost::asio::steady_timer timer_;
  std::size_t running_ = 0;
};

Server::Server(ServerOptions options, std::vector<Route> routes, std::function<void(const Answered&)> answered)
    : state_(std::make_unique<State>(std::move(options), std::move(routes), std::move(answered))) {}
Server::~Server() = default;

std::expected<std::uint16_t, std::string> Server::listen() { return state_->listen(); }
std::expected<void, std::string> Server::reread_certificate() { return state_->reread_certificate(); }
void Server::run() { state_->run(); }
void Server::finish() { state_->finish(); }
void Server::stop() { state_->stop(); }

}  // namespace ratebook::http
