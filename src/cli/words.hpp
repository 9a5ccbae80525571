// The words of the command line, each with what it can be told. One file each; arguments.cpp reads the command line
// into these.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/console.hpp"
#include "cli/generator.hpp"
#include "cli/serve_function.hpp"
#include "settings/inputs.hpp"

namespace ratebook::cli {

inline constexpr auto default_server = "http://127.0.0.1:8080";

/// Where a server is, and with what it is asked. The token itself is never on a command line, where others see it.
struct Server {
  Server() = default;
  explicit Server(std::string url_) : url(std::move(url_)) {}
  std::string url = default_server;
  std::string token_file;  ///< empty: RATEBOOK_TOKEN, or none
  std::string ca_file;     ///< for https; empty: RATEBOOK_CA, or those that the system trusts
};

struct PushOptions {
  Server server;
  std::string file;      ///< "-": standard input
  std::string source;    ///< empty: named in the file (JSON)
  std::string key;       ///< empty: a fresh one
  std::string format;    ///< csv, ndjson, json; empty: seen from the file
  std::string replaces;  ///< id of a batch; empty: none
  bool dry_run = false;
  std::chrono::seconds wait{600};       ///< for the commit, after it was accepted
  std::chrono::seconds retry_time{60};  ///< that failed tries are repeated
  bool json = false;
};

struct RatesOptions {
  Server server;
  std::string origin;
  std::string destination;
  std::string from;  ///< YYYY-MM-DD; empty, both: the newest days that have prices
  std::string to;
  std::string stats;  ///< as the server takes them; empty: a choice for people, or the server's own
  std::optional<std::uint64_t> min_count;
  std::optional<std::uint64_t> version;
  std::string chart = "auto";  ///< auto: on a terminal; always, never
  bool json = false;
  bool csv = false;
};

struct BatchesOptions {
  Server server;
  std::string id;  ///< empty: a list
  std::string source;
  std::string status;
  std::string cursor;
  unsigned limit = 20;
  bool json = false;
};

struct RetractOptions {
  Server server;
  std::string id;
  std::chrono::seconds wait{600};
  std::chrono::seconds retry_time{60};
  bool json = false;
};

struct PlacesOptions {
  Server server;
  std::string file;  ///< JSON
  std::string regions;
  std::string ports;
  bool sample = false;
  std::string if_match;  ///< empty: the tag of the places as they stand now
  bool json = false;
};

struct ExportOptions {
  Server server;
  std::optional<std::uint64_t> version;
  std::string format = "csv";  ///< or ndjson
  std::string output;          ///< empty: standard output
};

struct ImportOptions {
  Server server;
  std::string connection;  ///< as libpq takes it; empty: from the environment
  std::string source = "existing";
  std::string key = "import";
  bool dry_run = false;
  bool skip_wrong = false;
  bool replace_places = false;
  std::chrono::seconds wait{600};
  std::chrono::seconds retry_time{60};
  bool json = false;
};

struct CompareOptions {
  Server server;
  std::string url;  ///< of the existing service
  std::size_t routes = 300;
  std::optional<std::uint64_t> seed;
  std::string from;  ///< YYYY-MM-DD; empty, both: the days that have prices
  std::string to;
  double tolerance = 1e-12;  ///< of averages, relative
  bool json = false;
};

struct GenerateOptions {
  GeneratorOptions prices;
  std::string ports = "sample";  ///< or a file: CSV, or places as JSON
  std::string format = "csv";
  std::string source = "generated";  ///< for JSON, which names it
};

struct ConfigOptions {
  settings::Inputs inputs;
  bool json = false;
  bool example = false;   ///< the documented example file instead
  bool markdown = false;  ///< the table of the reference instead
};

struct TokenOptions {
  std::string file;
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> sources;
};

struct BackupOptions {
  std::string file;  ///< the copy
  std::string data;  ///< the file that is copied
  bool force = false;
  bool json = false;
};

struct CheckOptions {
  std::string file;
  bool json = false;
};

struct MoveOptions {
  std::string from;  ///< a data file
  settings::Inputs inputs;
};

/// Each returns an exit code (exit_code.hpp).
int backup(const BackupOptions& options, const Console& console);
int check(const CheckOptions& options, const Console& console);
int move(const MoveOptions& options, const Console& console);
int serve(const settings::Inputs& inputs, const ServeFunction& run, const Console& console);
int config(const ConfigOptions& options, const Console& console);
/// Tells what settings::load() said.
int report_wrong_settings(const std::vector<std::string>& wrong, const Console& console);
int push(const PushOptions& options, const Console& console);
int rates(const RatesOptions& options, const Console& console);
int batches(const BatchesOptions& options, const Console& console);
int retract(const RetractOptions& options, const Console& console);
int get_places(const PlacesOptions& options, const Console& console);
int put_places(const PlacesOptions& options, const Console& console);
int export_prices(const ExportOptions& options, const Console& console);
int import_tables(const ImportOptions& options, const Console& console);
int compare(const CompareOptions& options, const Console& console);
int create_token(const TokenOptions& options, const Console& console);
int list_tokens(const TokenOptions& options, const Console& console);
int revoke_token(const TokenOptions& options, const Console& console);
int generate_prices(const GenerateOptions& options, const Console& console);

}  // namespace ratebook::cli
