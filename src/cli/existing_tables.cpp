#include "cli/existing_tables.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "postgres/libpq.hpp"

namespace ratebook::cli {
namespace {

using postgres::Answer;
using Line = postgres::Text;

std::string last_message(const PGconn* connection) {
  std::string text{PQerrorMessage(connection)};
  while (text.ends_with('\n')) text.pop_back();
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return text;
}

std::unexpected<Fault> failed(const PGconn* connection) {
  return fail(Failure::unavailable, "the existing service's database: " + last_message(connection));
}

Result<Answer> ask(PGconn* connection, const char* sql, ExecStatusType expected) {
  Answer answer{PQexec(connection, sql)};
  if (PQresultStatus(answer.get()) != expected) return failed(connection);
  return answer;
}

std::string text(const Answer& answer, int row, int column) { return PQgetvalue(answer.get(), row, column); }

/// Undoes what COPY's text form escapes (PostgreSQL's manual, COPY, "Text Format"): enough to show a key as it is.
std::string unescaped(std::string_view field) {
  std::string result;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 1 < field.size()) {
      const char c = field[++i];
      result += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    } else {
      result += field[i];
    }
  }
  return result;
}

/// One line of COPY's text form.
class CopiedLine {
 public:
  explicit CopiedLine(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    for (auto& field : fields_) {
      const auto tab = line.find('\t');
      const auto raw = line.substr(0, tab);
      line = tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1);
      if (raw == "\\N") continue;
      field = raw;
      if (raw.contains('\\')) field = kept_.emplace_back(unescaped(raw));
    }
  }
  ExistingPrice price() const { return {fields_[0], fields_[1], fields_[2], fields_[3]}; }

 private:
  std::array<std::optional<std::string_view>, 4> fields_;
  std::vector<std::string> kept_ = [] {
    std::vector<std::string> kept;
    kept.reserve(4);  // views into it must hold
    return kept;
  }();
};

}  // namespace

struct ExistingTables::Connection {
  PGconn* handle;
};

void ExistingTables::Close::operator()(Connection* connection) const {
  PQfinish(connection->handle);
  delete connection;
}

Result<bool> ExistingTables::names_password(const std::string& connection) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, postgres::Freed<PQconninfoFree>> options{
      PQconninfoParse(connection.c_str(), &message)};
  PQfreemem(message);  // it may repeat a password
  if (!options) {
    return fail(Failure::conflict,
                "the connection cannot be read: write it as 'host=HOST dbname=NAME user=USER' or as "
                "postgresql://USER@HOST/NAME");
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (std::string_view{option->keyword}.ends_with("password") && option->val != nullptr && *option->val != '\0') {
      return true;
    }
  }
  return false;
}

Result<ExistingTables> ExistingTables::open(const std::string& connection) {
  if (const auto read = names_password(connection); !read) return std::unexpected(read.error());
  const std::array keys{"connect_timeout", "tcp_user_timeout", "dbname",
                        "client_encoding", "application_name", static_cast<const char*>(nullptr)};
  const std::array values{"10",   "60000",           connection.c_str(),
                          "UTF8", "ratebook import", static_cast<const char*>(nullptr)};
  const std::size_t first = 0;
  std::unique_ptr<Connection, Close> made{new Connection{PQconnectdbParams(&keys[first], &values[first], 1)}};
  PGconn* handle = made->handle;
  if (PQstatus(handle) != CONNECTION_OK) return failed(handle);
  for (const auto* sql : {"SET datestyle TO ISO, YMD", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"}) {
    if (const auto done = ask(handle, sql, PGRES_COMMAND_OK); !done) return std::unexpected(done.error());
  }
  return ExistingTables{std::move(made)};
}

Result<PlacesDocument> ExistingTables::places() {
  PGconn* handle = connection_->handle;
  PlacesDocument places;
  const auto regions = ask(handle, "SELECT slug, name, parent_slug FROM regions ORDER BY slug", PGRES_TUPLES_OK);
  if (!regions) return std::unexpected(regions.error());
  for (int row = 0; row < PQntuples(regions->get()); ++row) {
    places.regions.push_back({text(*regions, row, 0), text(*regions, row, 1), text(*regions, row, 2)});
  }
  const auto ports = ask(handle, "SELECT code, name, parent_slug FROM ports ORDER BY code", PGRES_TUPLES_OK);
  if (!ports) return std::unexpected(ports.error());
  for (int row = 0; row < PQntuples(ports->get()); ++row) {
    places.ports.push_back({text(*ports, row, 0), text(*ports, row, 1), text(*ports, row, 2)});
  }
  return places;
}

Result<void> ExistingTables::each_price(const std::function<Result<void>(const ExistingPrice&)>& take) {
  PGconn* handle = connection_->handle;
  const auto begun = ask(handle,
                         "COPY (SELECT orig_code, dest_code, day, price FROM prices ORDER BY orig_code COLLATE \"C\", "
                         "dest_code COLLATE \"C\", day, price) TO STDOUT",
                         PGRES_COPY_OUT);
  if (!begun) return std::unexpected(begun.error());
  char* raw = nullptr;
  int bytes = 0;
  while ((bytes = PQgetCopyData(handle, &raw, 0)) > 0) {
    const Line line{raw};
    const CopiedLine copied{{raw, static_cast<std::size_t>(bytes)}};
    if (const auto taken = take(copied.price()); !taken) return taken;  // the connection ends with this object
  }
  if (bytes == -2) return failed(handle);
  const Answer end{PQgetResult(handle)};
  if (PQresultStatus(end.get()) != PGRES_COMMAND_OK) return failed(handle);
  return {};
}

}  // namespace ratebook::cli
