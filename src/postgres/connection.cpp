#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace ratebook::postgres {
namespace {

std::string one_line(std::string_view text) {
  std::string line{text.substr(0, text.find_last_not_of(" \n\t") + 1)};
  std::ranges::replace(line, '\n', ' ');
  std::ranges::replace(line, '\t', ' ');
  return line;
}

Result<std::optional<std::string>> read_password(const std::string& path) {
  if (path.empty()) return std::nullopt;
  std::ifstream file{path};
  std::string password;
  if (!std::getline(file, password)) {
    return fail(Failure::unavailable, fmt::format("{}: the password file cannot be read, or is empty", path));
  }
  return password;
}

int milliseconds_left(BootTime now, BootTime deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 60'000));
}

/// What every session of ours is set to. The server gives up waiting for locks, and transactions of a node that hangs.
std::string session_settings(const PostgresOptions& options) {
  const auto milliseconds = [](Duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  return fmt::format(
      "SET search_path = ratebook; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; "
      "SET client_min_messages = warning; SET bytea_output = hex; SET standard_conforming_strings = on; "
      "SET default_transaction_isolation = 'read committed'; SET jit = off",
      milliseconds(options.lock_time), milliseconds(options.answer_time));
}

bool await_socket(int socket, short events, int milliseconds) {
  pollfd waited{.fd = socket, .events = events, .revents = 0};
  return poll(&waited, 1, milliseconds) > 0;
}

using Words = std::vector<std::string>;

/// `a,b,c` as libpq reads it; one empty word where there is none.
Words split(const char* list) {
  Words words(1);
  for (const char letter : std::string_view{list == nullptr ? "" : list}) {
    if (letter == ',') {
      words.emplace_back();
    } else {
      words.back() += letter;
    }
  }
  return words;
}

/// What one server of a connection string has of its own; an empty word leaves it to libpq.
struct Server {
  std::string host, hostaddr, port;
};

/// libpq would try those of one string under one deadline, and never come past a server that is silent. At least one.
std::vector<Server> servers_of(const std::string& conninfo) {
  const ParsedOptions parsed{PQconninfoParse(conninfo.c_str(), nullptr)};
  Words hosts(1);
  Words addresses(1);
  Words ports(1);
  for (const PQconninfoOption* option = parsed.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    if (keyword == "host") hosts = split(option->val);
    if (keyword == "hostaddr") addresses = split(option->val);
    if (keyword == "port") ports = split(option->val);
  }
  const std::size_t count = std::max(hosts.size(), addresses.size());
  const auto fits = [count](const Words& words) { return words.size() == 1 || words.size() == count; };
  if (count == 1 || !fits(hosts) || !fits(addresses) || !fits(ports)) return {Server{}};  // libpq says what is wrong
  std::vector<Server> servers;
  const auto at = [](const Words& words, std::size_t i) { return words.size() == 1 ? words[0] : words[i]; };
  for (std::size_t i = 0; i < count; ++i) servers.push_back({at(hosts, i), at(addresses, i), at(ports, i)});
  return servers;
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

Result<Handle> connect(const std::string& conninfo, const Server& server, const std::optional<std::string>& password,
                       Duration at_most, const Runtime& runtime) {
  // What comes later counts: the string that people write stands above our defaults.
  constexpr std::array<const char*, 10> keywords{"tcp_user_timeout", "keepalives_idle",
                                                 "application_name", "dbname",
                                                 "client_encoding",  "host",
                                                 "hostaddr",         "port",
                                                 "password",         nullptr};
  const std::array<const char*, 10> values{"5000",
                                           "5",
                                           "ratebook",
                                           conninfo.c_str(),
                                           "UTF8",
                                           or_null(server.host),
                                           or_null(server.hostaddr),
                                           or_null(server.port),
                                           password ? password->c_str() : nullptr,
                                           nullptr};
  Handle handle{PQconnectStartParams(keywords.data(), values.data(), 1)};
  const auto failed = [&](const std::string& why) {
    return fail(Failure::unavailable, fmt::format("PostgreSQL{}{} cannot be reached: {}",
                                                  server.host.empty() ? "" : " at ", server.host, why));
  };
  if (handle == nullptr || PQstatus(handle.get()) == CONNECTION_BAD) {
    return failed(handle ? one_line(PQerrorMessage(handle.get())) : "out of memory");
  }
  const BootTime deadline = runtime.boot_time() + at_most;
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(handle.get())) {
    if (state == PGRES_POLLING_FAILED) return failed(one_line(PQerrorMessage(handle.get())));
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const BootTime now = runtime.boot_time();
    if (now >= deadline || !await_socket(PQsocket(handle.get()), events, milliseconds_left(now, deadline))) {
      return failed(fmt::format("no connection within {} ms",
                                std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count()));
    }
  }
  if (PQsetnonblocking(handle.get(), 1) != 0) return failed(one_line(PQerrorMessage(handle.get())));
  return handle;
}

}  // namespace

std::string_view Rows::bytes(int row, int column) const {
  return {PQgetvalue(answer_.get(), row, column), static_cast<std::size_t>(PQgetlength(answer_.get(), row, column))};
}

std::int64_t Rows::integer(int row, int column) const {
  const std::string_view raw = bytes(row, column);
  if (raw.empty() || raw.size() > 8) return 0;
  // Big-endian, in two's complement.
  std::int64_t value = static_cast<signed char>(raw.front());
  for (const char byte : raw.substr(1)) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

Digest Rows::digest(int row, int column) const {
  Digest digest{};
  const std::string_view raw = bytes(row, column);
  if (raw.size() == digest.size()) std::ranges::copy(raw, reinterpret_cast<char*>(digest.data()));
  return digest;
}

Fault fault_of(const PGresult* answer, Effect effect) {
  const char* found = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
  const std::string_view state = found == nullptr ? "" : found;
  const char* primary = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message =
      fmt::format("PostgreSQL: {} ({})", primary == nullptr ? one_line(PQresultErrorMessage(answer)) : primary, state);
  if (state == "RB001") return {Failure::lost, message};
  if (state == "RB002") return {Failure::not_found, message};
  if (state == "53100" || state == "53200") return {Failure::full, message};  // disk full, out of memory
  // 57P0x: the session is ended, perhaps in the middle of its commit; 08, XX: nobody can tell.
  const bool may_be_done = state.empty() || state.starts_with("57P") || state.starts_with("08") ||
                           state.starts_with("XX") || state.starts_with("58");
  if (effect == Effect::change && may_be_done) return {Failure::unknown, message};
  return {Failure::unavailable, message};
}

Connection::Connection(Handle handle, const PostgresOptions& options, const Runtime& runtime, std::size_t server)
    : handle_(std::move(handle)),
      options_(&options),
      runtime_(&runtime),
      server_(server),
      number_(static_cast<std::uint64_t>(runtime.boot_time().count())),
      warning_(std::make_unique<std::string>()) {
  PQsetNoticeReceiver(handle_.get(), take_notice, warning_.get());
}

void Connection::take_notice(void* warning, const PGresult* notice) {
  *static_cast<std::string*>(warning) = one_line(PQresultErrorMessage(notice));
}

Result<Connection> Connection::open(const std::string& conninfo, const PostgresOptions& options, const Runtime& runtime,
                                    BootTime deadline, std::size_t first) {
  const auto password = read_password(options.password_file);
  if (!password) return std::unexpected(password.error());
  Fault why;
  const auto servers = servers_of(conninfo);
  for (std::size_t tried = 0; tried < servers.size(); ++tried) {
    const std::size_t number = (first + tried) % servers.size();
    // One that is silent leaves their share to the others.
    const Duration share = (deadline - runtime.boot_time()) / static_cast<std::int64_t>(servers.size() - tried);
    auto handle = connect(conninfo, servers[number], *password, std::min(options.connect_time, share), runtime);
    if (!handle) {
      why = std::move(handle.error());
      continue;
    }
    Connection connection{*std::move(handle), options, runtime, number};
    auto set = connection.script(session_settings(options), std::min(deadline, connection.answer_deadline()));
    if (set) return connection;
    why = std::move(set.error());
  }
  return std::unexpected(std::move(why));
}

bool Connection::await(short events, BootTime deadline) const {
  while (true) {
    const BootTime now = runtime_->boot_time();
    if (now >= deadline) return false;
    if (await_socket(PQsocket(handle_.get()), events, milliseconds_left(now, deadline))) return true;
  }
}

Fault Connection::last_fault(Effect effect) const {
  return {effect == Effect::change ? Failure::unknown : Failure::unavailable,
          fmt::format("PostgreSQL: {}", one_line(PQerrorMessage(handle_.get())))};
}

Fault Connection::give_up(Effect effect, const std::string& why) {
  handle_.reset();
  return {effect == Effect::change ? Failure::unknown : Failure::unavailable, "PostgreSQL: " + why};
}

Result<void> Connection::flush(BootTime deadline, Effect effect) {
  while (true) {
    const int left = PQflush(handle_.get());
    if (left == 0) return {};
    if (left < 0) return std::unexpected(last_fault(effect));
    if (!await(POLLIN | POLLOUT, deadline)) {
      return std::unexpected(give_up(effect, "it takes nothing any more, the connection is closed"));
    }
    if (PQconsumeInput(handle_.get()) == 0) return std::unexpected(last_fault(effect));
  }
}

Result<Answer> Connection::next_answer(BootTime deadline, Effect effect) {
  if (auto sent = flush(deadline, effect); !sent) return std::unexpected(sent.error());
  while (PQisBusy(handle_.get()) != 0) {
    if (!await(POLLIN, deadline)) {
      return std::unexpected(give_up(effect, "no answer in time, the connection is closed"));
    }
    if (PQconsumeInput(handle_.get()) == 0) return std::unexpected(last_fault(effect));
  }
  return Answer{PQgetResult(handle_.get())};
}

Result<std::vector<Rows>> Connection::run(std::span<const Statement> statements, Effect effect, Duration at_most) {
  if (!is_usable()) return fail(Failure::unavailable, "the connection to PostgreSQL is closed");
  warning_->clear();
  auto rows = run_pipeline(statements, effect, runtime_->boot_time() + at_most);
  if (rows && effect == Effect::change && !warning_->empty()) {
    // Such as `canceling wait for synchronous replication`: it may be gone after a fail-over.
    return std::unexpected(Fault{Failure::unknown, "PostgreSQL: " + *warning_});
  }
  return rows;
}

Result<Rows> Connection::run(const Statement& statement, Effect effect) {
  auto rows = run(std::span{&statement, 1}, effect);
  if (!rows) return std::unexpected(rows.error());
  return std::move(rows->front());
}

Result<std::vector<Rows>> Connection::run_pipeline(std::span<const Statement> statements, Effect effect,
                                                   BootTime deadline) {
  PGconn* const db = handle_.get();
  if (PQenterPipelineMode(db) == 0) return std::unexpected(last_fault(Effect::none));
  for (const auto& statement : statements) {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    for (const auto& parameter : statement.parameters) {
      values.push_back(parameter.is_null ? nullptr : parameter.bytes.data());
      lengths.push_back(static_cast<int>(parameter.bytes.size()));
      formats.push_back(parameter.is_binary ? 1 : 0);
    }
    if (PQsendQueryParams(db, statement.sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                          lengths.data(), formats.data(), 1) == 0) {
      return std::unexpected(give_up(Effect::none, one_line(PQerrorMessage(db))));
    }
  }
  if (PQpipelineSync(db) == 0) return std::unexpected(give_up(effect, one_line(PQerrorMessage(db))));

  std::vector<Rows> rows;
  std::optional<Fault> fault;
  while (true) {
    auto answer = next_answer(deadline, effect);
    if (!answer) return std::unexpected(answer.error());
    if (*answer == nullptr) {
      if (PQstatus(db) == CONNECTION_BAD) return std::unexpected(fault.value_or(last_fault(effect)));
      continue;  // between two statements
    }
    const auto status = PQresultStatus(answer->get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows.emplace_back(*std::move(answer));
    } else if (status != PGRES_PIPELINE_ABORTED && !fault) {
      fault = fault_of(answer->get(), effect);
    }
  }
  PQexitPipelineMode(db);
  if (fault) return std::unexpected(*std::move(fault));
  return rows;
}

Result<std::vector<Rows>> Connection::begin(std::span<const Statement> statements) {
  std::vector<Statement> all{Statement{"BEGIN"}};
  all.insert(all.end(), statements.begin(), statements.end());
  auto rows = run(all, Effect::none);
  if (!rows) {
    roll_back();
    return rows;
  }
  rows->erase(rows->begin());
  return rows;
}

Result<Rows> Connection::within(const Statement& statement) {
  if (handle_ == nullptr) return fail(Failure::unavailable, "the connection to PostgreSQL is closed");
  auto rows = run_pipeline({&statement, 1}, Effect::none, answer_deadline());
  if (!rows) return std::unexpected(rows.error());
  return std::move(rows->front());
}

Result<void> Connection::script(const std::string& sql) { return script(sql, answer_deadline()); }

Result<void> Connection::script(const std::string& sql, BootTime deadline) {
  if (PQsendQuery(handle_.get(), sql.c_str()) == 0) return std::unexpected(last_fault(Effect::none));
  return drain(deadline);
}

Result<void> Connection::drain(BootTime deadline) {
  std::optional<Fault> fault;
  while (true) {
    auto answer = next_answer(deadline, Effect::none);
    if (!answer) return std::unexpected(answer.error());
    if (*answer == nullptr) break;
    if (PQresultStatus(answer->get()) != PGRES_COMMAND_OK) fault = fault_of(answer->get(), Effect::none);
  }
  if (fault) return std::unexpected(*std::move(fault));
  return {};
}

Result<void> Connection::copy_in(const std::string& sql, std::string_view bytes) {
  const BootTime deadline = runtime_->boot_time() + options_->copy_time();
  PGconn* const db = handle_.get();
  if (PQsendQuery(db, sql.c_str()) == 0) return std::unexpected(last_fault(Effect::none));
  auto begun = next_answer(deadline, Effect::none);
  if (!begun) return std::unexpected(begun.error());
  if (PQresultStatus(begun->get()) != PGRES_COPY_IN) return std::unexpected(fault_of(begun->get(), Effect::none));
  constexpr std::size_t piece = 64UL << 10U;
  while (!bytes.empty()) {
    const auto some = bytes.substr(0, piece);
    const int put = PQputCopyData(db, some.data(), static_cast<int>(some.size()));
    if (put < 0) return std::unexpected(last_fault(Effect::none));
    if (put > 0) bytes.remove_prefix(some.size());
    if (auto sent = flush(deadline, Effect::none); !sent) return sent;
  }
  while (true) {
    const int ended = PQputCopyEnd(db, nullptr);
    if (ended < 0) return std::unexpected(last_fault(Effect::none));
    if (auto sent = flush(deadline, Effect::none); !sent) return sent;
    if (ended > 0) break;
  }
  return drain(deadline);
}

Result<void> Connection::copy_out(const std::string& sql, const std::function<Result<bool>(std::string_view)>& sink) {
  const BootTime deadline = runtime_->boot_time() + options_->scan_time;
  PGconn* const db = handle_.get();
  if (PQsendQuery(db, sql.c_str()) == 0) return std::unexpected(last_fault(Effect::none));
  auto begun = next_answer(deadline, Effect::none);
  if (!begun) return std::unexpected(begun.error());
  if (PQresultStatus(begun->get()) != PGRES_COPY_OUT) return std::unexpected(fault_of(begun->get(), Effect::none));
  while (true) {
    char* data = nullptr;
    const int got = PQgetCopyData(db, &data, 1);
    const Text piece{data};
    if (got > 0) {
      auto wants_more = sink({data, static_cast<std::size_t>(got)});
      if (wants_more && *wants_more) continue;
      handle_.reset();
      if (!wants_more) return std::unexpected(wants_more.error());
      return {};
    }
    if (got < 0) break;
    // Silence is bounded like any answer; the whole by the time for a scan.
    if (!await(POLLIN, std::min(deadline, answer_deadline()))) {
      return std::unexpected(give_up(Effect::none, "it stopped in the middle of the prices, the connection is closed"));
    }
    if (PQconsumeInput(db) == 0) return std::unexpected(last_fault(Effect::none));
  }
  return drain(deadline);
}

Result<void> Connection::commit(std::span<const Statement> last) {
  if (handle_ == nullptr) return fail(Failure::unavailable, "the connection to PostgreSQL is closed");
  warning_->clear();
  std::vector<Statement> all(last.begin(), last.end());
  all.emplace_back("COMMIT");
  auto done = run_pipeline(all, Effect::change, answer_deadline());
  if (!done) {
    roll_back();
    return std::unexpected(done.error());
  }
  if (!warning_->empty()) return std::unexpected(Fault{Failure::unknown, "PostgreSQL: " + *warning_});
  return {};
}

void Connection::roll_back() {
  if (handle_ == nullptr || PQtransactionStatus(handle_.get()) == PQTRANS_IDLE) return;
  const Statement statement{"ROLLBACK"};
  if (!run_pipeline({&statement, 1}, Effect::none, answer_deadline())) handle_.reset();
}

bool Connection::is_usable() const {
  return handle_ != nullptr && PQstatus(handle_.get()) == CONNECTION_OK &&
         PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
}

bool Connection::is_alive() {
  // The server's last words come first, then the end of the stream.
  while (is_usable() && await_socket(PQsocket(handle_.get()), POLLIN, 0)) {
    if (PQconsumeInput(handle_.get()) == 0) return false;
  }
  return is_usable();
}

Result<std::vector<std::string>> Connection::await_notifications(Duration at_most, int wake) {
  if (!is_usable()) return fail(Failure::unavailable, "the connection to PostgreSQL is closed");
  std::vector<std::string> said;
  const auto take_all = [&] {
    while (PGnotify* notification = PQnotifies(handle_.get())) {
      said.emplace_back(notification->extra);
      PQfreemem(notification);
    }
  };
  take_all();
  if (!said.empty()) return said;
  const BootTime now = runtime_->boot_time();
  std::array waited{pollfd{PQsocket(handle_.get()), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
  if (poll(waited.data(), waited.size(), milliseconds_left(now, now + at_most)) <= 0) return said;
  if (waited[0].revents == 0) return said;
  if (PQconsumeInput(handle_.get()) == 0) return std::unexpected(last_fault(Effect::none));
  take_all();
  return said;
}

}  // namespace ratebook::postgres
