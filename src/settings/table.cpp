#include "settings/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "http/pages.hpp"

namespace ratebook::settings {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t KiB = 1ULL << 10U, MiB = 1ULL << 20U, GiB = 1ULL << 30U, TiB = 1ULL << 40U;
constexpr std::uint64_t million = 1'000'000;

void add_main(Rows& rows, Settings& s) {
  rows.section("", "");
  rows.path("data", s.data_path, "The data file (SQLite); made where there is none",
            "/var/lib/ratebook/ratebook.sqlite");
  rows.address("listen", s.http.address, s.http.port, "ADDRESS:PORT to listen on; port 0 picks a free one");
  rows.path("tokens", s.tokens_path, "Who may do what: a file made by `ratebook token`; empty: everything is open");
  rows.toggle("open_to_everyone", s.open_to_everyone,
              "Listen beyond loopback without tokens: whoever reaches it may read, send and retract");
  rows.count("cores", s.http.cores, 0, 1024, "Threads that serve connections; 0: one a core");
  rows.duration("drain_time", s.http.drain_time, milliseconds{0}, hours{1},
                "To go on serving after SIGTERM, not ready");
  rows.duration("grace_time", s.http.grace_time, milliseconds{0}, hours{1},
                "After that, for batches that are being sent; nothing else is waited for");
}

void add_log(Rows& rows, Settings& s) {
  using obs::Level;
  using Form = obs::LogOptions::Form;
  using Lines = api::AccessLog::Lines;
  rows.section("log", "What is written to standard error");
  rows.choice("level", s.log.least,
              {{"debug", Level::debug},
               {"information", Level::information},
               {"warning", Level::warning},
               {"error", Level::error}},
              "Lines below it are not written");
  rows.choice("form", s.log.form, {{"auto", Form::automatic}, {"people", Form::people}, {"json", Form::json}},
              "Lines for people, or one JSON object a line; auto: for people on a terminal");
  rows.choice("access", s.access_log.lines,
              {{"off", Lines::off}, {"errors", Lines::errors}, {"slow", Lines::slow}, {"all", Lines::all}},
              "Lines of answers: none, those with status 500 and above, these and slow ones, all");
  rows.duration("slow_time", s.access_log.slow_time, milliseconds{0}, hours{1}, "From here on an answer is slow");
  rows.count("repeats_max", s.log.repeats_max, 1, million,
             "Warnings of one kind within repeat_time; the rest is counted and told as one line");
  rows.duration("repeat_time", s.log.repeat_time, milliseconds{1}, days{1}, "How long they are counted together");
}

void add_access(Rows& rows, access::Limits& access) {
  rows.section("access", "Tokens");
  rows.count("tokens_max", access.tokens_max, 1, 100'000,
             "Tokens of the file; each is compared with, for each request");
  rows.duration("look_interval", access.look_interval, milliseconds{10}, hours{1},
                "Between two looks at the file, whether it has changed");
}

void add_tls(Rows& rows, http::TlsOptions& tls) {
  rows.section("tls", "HTTPS; read again at SIGHUP");
  rows.path("certificate", tls.certificate_path, "In PEM, with its chain behind it; empty: plain HTTP");
  rows.path("key", tls.key_path, "Of the certificate, in PEM");
}

void add_http(Rows& rows, http::ServerOptions& http) {
  rows.section("http", "Connections and requests; past each bound a quick 4xx, or 503 with Retry-After");
  rows.count("workers", http.workers, 1, 4096,
             "Threads for slow answers from memory, as many for what waits for the store, and for bodies of batches");
  rows.count("work_queue_max", http.work_queue_max, 1, million, "Requests that may wait for a worker of each kind");
  rows.list("hosts", http.hosts, http::is_host_list, "names such as rates.example.com, separated by commas, or *",
            "What it is called besides localhost and addresses: a request for another host gets 421; empty: these "
            "alone, with tokens any");
  rows.list("origins", http.origins, http::is_origin_list,
            "origins such as https://pages.example.com, separated by commas, or *",
            "Whose pages may send and retract, besides its own");
  rows.count("connections_max", http.connections_max, 1, million, "Connections open at once");
  rows.bytes("header_max", http.header_bytes_max, KiB, MiB, "A request's line and headers together");
  rows.bytes("target_max", http.target_bytes_max, 256, MiB, "A request's path and query");
  rows.bytes("body_max", http.body_bytes_max, KiB, TiB, "A request's body, as sent");
  rows.bytes("piece", http.piece_bytes, 4 * KiB, 16 * MiB, "A body is handed on in pieces of at most this");
  rows.bytes("drained_max", http.drained_bytes_max, 0, GiB, "A body that a call has no use for");
  rows.bytes("lingered_max", http.lingered_bytes_max, 0, TiB, "Read of a refused body, so that the answer arrives");
  rows.bytes("stream_waiting_max", http.stream_bytes_waiting_max, 4 * KiB, GiB,
             "Events that may wait for a slow client, before its stream is closed");
  rows.bytes("streams_waiting_max", http.streams_bytes_waiting_max, 64 * KiB, TiB,
             "Events that may wait for all clients together, before the slowest one's stream is closed");
  rows.duration("header_timeout", http.header_timeout, milliseconds{10}, hours{1},
                "From the first byte of a request to the end of its headers");
  rows.duration("first_byte_timeout", http.first_byte_timeout, milliseconds{10}, hours{1},
                "From a new connection to the first byte of its first request");
  rows.duration("idle_timeout", http.idle_timeout, milliseconds{10}, days{1}, "Between two requests of a connection");
  rows.duration("body_idle_timeout", http.body_idle_timeout, milliseconds{10}, hours{1}, "Without a byte of a body");
  rows.duration("write_timeout", http.write_timeout, milliseconds{10}, hours{1},
                "Without the client's taking a byte of an answer");
  rows.duration("request_timeout", http.request_timeout, milliseconds{10}, days{7},
                "From a request's headers to the end of its body, and of its answer, however steadily they go");
  rows.duration("linger_time", http.linger_time, milliseconds{0}, minutes{10},
                "For a client to read its last answer, without a byte of it, before the connection is closed");
  rows.duration("linger_time_max", http.linger_time_max, milliseconds{0}, hours{1},
                "The same, however much it goes on sending");
  rows.duration("heartbeat_time", http.heartbeat_time, milliseconds{10}, hours{1},
                "An event stream carries something at least this often");
}

void add_intake(Rows& rows, Settings& s) {
  rows.section("intake", "Batches on their way in");
  rows.bytes("json_body_max", s.intake.json_body_bytes_max, KiB, 4 * GiB,
             "A batch as JSON; who has more sends several, or NDJSON or CSV");
  rows.bytes("body_max", s.intake.body_bytes_max, KiB, TiB, "A batch in any format, decompressed");
  rows.count("compression_ratio_max", s.intake.compression_ratio_max, 1, 100'000,
             "Bytes of a batch for each that was sent; prices compress 8 to 30 to 1");
  rows.bytes("compression_free", s.intake.compression_free_bytes, 0, TiB, "Of a batch, before its ratio counts");
  rows.bytes("zstd_window_max", s.intake.zstd_window_bytes_max, KiB, GiB, "The window of zstd; a power of two");
  rows.count("prices_max", s.intake.items_max, 1, 1000 * million, "Prices of a batch");
  rows.bytes("memory_max", s.api.intake_bytes_max, MiB, TiB, "Memory of all batches in work together");
  rows.bytes("spool_memory_max", s.intake.spool_memory_bytes_max, 0, TiB,
             "A batch in memory; beyond it goes into a temporary file");
  rows.bytes("spool_files_max", s.api.spool_bytes_max, MiB, TiB, "All temporary files together");
  rows.path("spool_folder", s.intake.spool_folder,
            "For temporary files; empty: where the data is, in a cluster the system's folder for them");
}

void add_api(Rows& rows, api::Limits& api) {
  rows.section("api", "Questions and answers");
  rows.duration("wait_default", api.wait_default, milliseconds{0}, hours{1},
                "For the commit of a batch, where Prefer: wait says nothing");
  rows.duration("wait_max", api.wait_max, milliseconds{0}, hours{1}, "The most that Prefer: wait may ask for");
  rows.duration("min_version_wait", api.min_version_wait, milliseconds{0}, minutes{1},
                "For the version that Ratebook-Min-Version asks for");
  rows.count("accepted_per_source_max", api.accepted_per_source_max, 1, million,
             "Batches and retractions of a source that are accepted and not yet committed");
  rows.count("accepted_max", api.accepted_max, 1, 10 * million, "The same, of all sources together");
  rows.bytes("accepted_bytes_per_source_max", api.accepted_bytes_per_source_max, MiB, TiB,
             "What these batches of a source may hold in the log");
  rows.bytes("accepted_bytes_max", api.accepted_bytes_max, MiB, TiB, "The same, of all sources together");
  rows.count("uploads_per_source_max", api.uploads.per_source_max, 1, 100'000,
             "Batches of a source that are being received at once");
  rows.count("uploads_unnamed_max", api.uploads.unnamed_max, 1, 100'000,
             "The same, of those that have not named their source yet");
  rows.count("uploads_max", api.uploads.all_max, 1, 100'000, "The same, of all sources together");
  rows.count("waiting_max", api.outcomes.watched_max, 1, million,
             "Requests that wait for a batch's fate, and as many that wait for a version");
  rows.count("accepted_remembered_max", api.outcomes.accepted_max, 1, 10 * million,
             "Accepted batches that are remembered until their fate is known");
  rows.count("days_max", api.days_max, 1, 65'536, "Days of a query to /v1/rates");
  rows.bytes("query_body_max", api.query_body_bytes_max, KiB, GiB, "A question to /v1/rates/query");
  rows.count("query_routes_max", api.query_routes_max, 1, million, "Its routes");
  rows.count("query_route_days_max", api.query_route_days_max, 1, 1000 * million, "Its routes times its days");
  rows.count("existing_days_max", api.existing_days_max, 1, 65'536, "Days of a query to /rates");
  rows.count("narrow_routes_max", api.narrow_routes_max, 0, million,
             "Port pairs of a query that is answered without a worker");
  rows.count("past_prices_max", api.past_prices_max, 1, 1000 * million, "Prices read for a query of a past version");
  rows.count("batches_default", api.listed_batches_default, 1, 100'000, "Batches of a page, where limit says nothing");
  rows.count("batches_max", api.listed_batches_max, 1, 100'000, "The most that limit may ask for");
  rows.bytes("places_body_max", api.places_body_bytes_max, KiB, GiB, "Places as JSON");
  rows.count("pool_threads", api.pool_threads, 1, 256, "Threads for answers to requests that waited");
}

void add_path(Rows& rows, Settings& s) {
  rows.section("writer", "From the log into the store");
  rows.duration("read_wait", s.writer.read_wait, milliseconds{1}, minutes{1}, "For new records, at a time");
  rows.duration("retry_wait", s.writer.retry_wait, milliseconds{1}, minutes{1},
                "After a failure, before it begins anew");
  rows.duration("retry_wait_max", s.writer.retry_wait_max, milliseconds{1}, minutes{10},
                "The same, where it fails again and again: the wait doubles up to this");
  rows.duration("stall_time", s.writer.stall_time_max, seconds{1}, hours{24},
                "Where a partition does not get on for so long, it leaves the writing to other nodes until the engines "
                "answer it");
  rows.bytes("read_max", s.writer.read_bytes_max, MiB, GiB, "Records read at a time");
  rows.bytes("held_max", s.writer.held_bytes_max, 0, TiB, "Kept in memory until it is staged; more is read again");
  rows.count("small_batch_chunks", s.writer.small_batch_chunks, 1, 10'000,
             "Up to so many chunks (of 50,000 prices) a batch is staged at once; larger ones give way to others");
  rows.count("decisions_per_publish", s.writer.decisions_per_publish, 1, 10'000, "Batches of one transaction");
  rows.count("trim_interval", s.writer.trim_interval, 1, million, "Records between two cuts of the log's read part");
  rows.section("follower", "From the store into the book");
  rows.duration("poll_interval", s.follower.poll_interval, milliseconds{1}, minutes{1},
                "Between two looks at the store, where nothing wakes it");
  rows.duration("load_wait_max", s.follower.load_wait_max, milliseconds{1}, hours{1},
                "Before a load that failed is tried again: it doubles up to this");
  rows.count("versions_per_step", s.follower.rows_per_step, 1, 100'000, "Versions that become visible at once");
  rows.count("prices_per_step_max", s.follower.prices_per_step_max, 1, 1000 * million,
             "A step ends after the version that passes this");
  rows.count("prices_per_merge", s.follower.prices_per_merge, 1, 1000 * million,
             "Prices of a large batch that go into the book's tree at once");
  rows.count("hinted_prices_max", s.hints.prices_max, 0, 1000 * million,
             "Prices kept from the log and the writer, so that they need not be read back");
  rows.count("overlay_prices_min", s.hints.overlay_prices_min, 1, 1000 * million,
             "A batch of so many is made ready for the book while it is staged");
}

void add_sqlite(Rows& rows, sqlite::FileOptions& file) {
  rows.section("sqlite", "The data file");
  rows.bytes("wal_soft", file.checkpoint.wal_bytes_soft, MiB, TiB,
             "From this size on the write-ahead log is moved into the file while others write");
  rows.bytes("wal_max", file.transaction.wal_bytes_max, MiB, TiB, "From this size on writing waits for the move");
  rows.bytes("wal_limit", file.transaction.wal_bytes_limit, MiB, TiB,
             "From this size on, while a reader keeps it from being moved, new batches get 503");
  rows.duration("idle", file.checkpoint.idle, milliseconds{10}, hours{1},
                "After so long without a commit, all of the write-ahead log is moved");
  rows.duration("quiet_max", file.transaction.quiet_max, milliseconds{0}, minutes{1},
                "A batch waits for others to share its commit with");
  rows.duration("writer_quiet_max", file.transaction.writer_quiet_max, milliseconds{0}, minutes{1},
                "The same, once the writer has read it");
  rows.duration("commit_age_max", file.transaction.age_max, milliseconds{1}, minutes{1}, "No commit waits longer");
  rows.count("commit_prices_max", file.transaction.prices_max, 1, 100 * million,
             "So many staged prices are committed at once");
  rows.duration("lock_wait_max", file.transaction.lock_wait_max, milliseconds{0}, minutes{10},
                "For another program's write lock; then 503");
  rows.bytes("small_append_max", file.log.small_append_bytes_max, 0, GiB,
             "A batch up to this size shares a commit with others");
  rows.bytes("write_cache", file.write_cache_bytes, MiB, TiB,
             "Pages of a transaction in memory; what is beyond goes into the write-ahead log early");
  rows.count("quick_readers", file.quick_reader_count, 1, 256, "Connections for quick questions");
  rows.count("scan_readers", file.scan_reader_count, 1, 256,
             "Connections for past versions; as many threads at most load the book at a start");
}

void add_kafka(Rows& rows, kafka::KafkaOptions& kafka) {
  rows.section("kafka", "The log of a cluster");
  rows.text("brokers", kafka.brokers, "HOST:PORT,…", "Some of the brokers; they name the others");
  rows.text("topic", kafka.topic, "a topic's name", "The log; made where there is none, checked where there is one");
  rows.count("partitions", kafka.partitions, 1, 1000,
             "Of the log, when store and topic are made; later it is what stands in the store");
  rows.count("replication", kafka.replication, 1, 15, "Copies of the topic, when it is made");
  rows.text("group", kafka.group, "a group's name", "Nodes of one group share the writing");
  rows.choice("protocol", kafka.security.protocol,
              {{"plaintext", std::string{"plaintext"}},
               {"ssl", std::string{"ssl"}},
               {"sasl_plaintext", std::string{"sasl_plaintext"}},
               {"sasl_ssl", std::string{"sasl_ssl"}}},
              "How the brokers are spoken to");
  rows.path("ca", kafka.security.ca_file, "Who signs the brokers' certificates, in PEM; empty: the system's");
  rows.path("certificate", kafka.security.certificate_file, "This node's, in PEM; empty: none");
  rows.path("key", kafka.security.key_file, "Of that certificate, in PEM");
  rows.text("sasl_mechanism", kafka.security.sasl_mechanism, "a mechanism's name",
            "Of the password; SCRAM-SHA-512 at Kafka 4 asks for librdkafka 2.6.1");
  rows.text("sasl_user", kafka.security.sasl_user, "a name", "Who this node is");
  rows.path("sasl_password_file", kafka.security.sasl_password_file, "Its first line is the password");
  rows.duration("connect_time", kafka.connect_time_max, milliseconds{10}, minutes{5}, "For a connection to a broker");
  rows.duration("request_time", kafka.request_time_max, seconds{1}, minutes{5},
                "A broker that is silent for longer is left");
  rows.duration("produce_time", kafka.produce_time_max, milliseconds{100}, minutes{2},
                "For a record, over changes of its leader; past it nobody knows whether it is in");
  rows.duration(
      "answer_time", kafka.answer_time_max, milliseconds{100}, minutes{2},
      "Without an acknowledgement of any partition, before whoever waits for the log gets 503, and others at once");
  rows.duration("session_time", kafka.session_time_max, milliseconds{100}, minutes{30},
                "After so long a silence of a node others write its partitions");
  rows.duration("log_keep", kafka.log_keep, milliseconds{0}, days{3650},
                "Records so young are kept behind the position, for a store that is restored from a backup");
  rows.bytes("queue_max", kafka.queue_bytes_max, MiB, 4 * GiB,
             "Records that wait to be acknowledged; past it a batch gets 503");
}

void add_postgres(Rows& rows, postgres::PostgresOptions& postgres) {
  rows.section("postgres", "The store of a cluster");
  rows.text("primary", postgres.primary, "a connection string of libpq, without a password",
            "The primary, or what leads to it wherever it is");
  rows.text("replica", postgres.replica, "a connection string of libpq, without a password",
            "Prices are read there where it has got far enough; empty: from the primary");
  rows.path("password_file", postgres.password_file,
            "Its first line is the password, read at each connection; empty: PGPASSWORD, or as libpq finds it");
  rows.count("write_connections", postgres.write_connections, 2, 64,
             "To the primary, for writers: one publishes, the others write the first chunks of batches");
  rows.count("stage_connections", postgres.stage_connections, 1, 64,
             "To the primary, for prices on their way in: chunks of a large batch that are written at once");
  rows.count("stage_rest", postgres.stage_rest_percent, 0, 1000,
             "How long a large batch rests after a chunk, in percent of what writing it took: others commit then");
  rows.count("question_connections", postgres.question_connections, 1, 64,
             "To the primary, for what clients ask of batches and places; more wait, first come first served");
  rows.count("scan_connections", postgres.scan_connections, 1, 64,
             "To the primary, for prices on their way out where no replica has them");
  rows.count("replica_connections", postgres.replica_connections, 1, 64,
             "To the replica, for prices on their way out; as many threads load the book at a start");
  rows.duration("connect_time", postgres.connect_time, milliseconds{10}, minutes{5}, "For a connection");
  rows.duration("question_time", postgres.question_time, milliseconds{100}, hours{1},
                "For an answer to a question, such as whether a batch is known; a batch is accepted without it");
  rows.duration("answer_time", postgres.answer_time, milliseconds{100}, hours{1},
                "For the end of a transaction; past it the connection is closed, and a commit is looked up");
  rows.duration("lock_time", postgres.lock_time, milliseconds{1}, hours{1}, "For a lock that others hold");
  rows.duration("scan_time", postgres.scan_time, seconds{1}, days{1},
                "For a piece of the prices that are asked for, some 200,000");
  rows.duration("void_keep", postgres.void_keep, hours{1}, days{3650},
                "How long an abandoned try to put a batch into the log is remembered, beyond kafka.log_keep");
}

}  // namespace

Rows table(Settings& settings) {
  Rows rows;
  add_main(rows, settings);
  add_log(rows, settings);
  add_access(rows, settings.access);
  add_tls(rows, settings.http.tls);
  add_http(rows, settings.http);
  add_intake(rows, settings);
  add_api(rows, settings.api);
  add_path(rows, settings);
  add_sqlite(rows, settings.sqlite);
  add_kafka(rows, settings.kafka);
  add_postgres(rows, settings.postgres);
  return rows;
}

bool is_other_variable(std::string_view name) {
  constexpr std::array<std::string_view, 8> others{"RATEBOOK_CONFIG", "RATEBOOK_IMPORT_FROM", "RATEBOOK_SERVER",
                                                   "RATEBOOK_TOKEN",  "RATEBOOK_CA",          "RATEBOOK_BINARY",
                                                   "RATEBOOK_PORT",   "RATEBOOK_SEEDS"};
  return std::ranges::find(others, name) != others.end() || name.starts_with("RATEBOOK_TEST_");
}

namespace {

/// `password=…`, with any blanks before the sign, or `//user:password@`.
bool holds_password(std::string_view conninfo) {
  const auto user = conninfo.find("://");
  if (user == std::string_view::npos) {
    constexpr std::string_view word = "password";
    for (auto at = conninfo.find(word); at != std::string_view::npos; at = conninfo.find(word, at + 1)) {
      const auto sign = conninfo.find_first_not_of(" \t\r\n\f\v", at + word.size());
      if (sign != std::string_view::npos && conninfo[sign] == '=') return true;
    }
    return false;
  }
  const auto rest = conninfo.substr(user + 3);
  const auto at = rest.find('@');
  return conninfo.contains("password=") || (at != std::string_view::npos && rest.substr(0, at).contains(':'));
}

}  // namespace

std::vector<std::string> contradictions(const Settings& settings) {
  std::vector<std::string> wrong;
  const auto at_most = [&](bool holds, std::string_view lesser, std::string_view greater) {
    if (!holds) wrong.push_back(fmt::format("{} is more than {}: lower it, or raise the other", lesser, greater));
  };
  at_most(settings.http.target_bytes_max <= settings.http.header_bytes_max, "http.target_max", "http.header_max");
  at_most(settings.api.wait_default <= settings.api.wait_max, "api.wait_default", "api.wait_max");
  at_most(settings.api.listed_batches_default <= settings.api.listed_batches_max, "api.batches_default",
          "api.batches_max");
  at_most(settings.sqlite.checkpoint.wal_bytes_soft <= settings.sqlite.transaction.wal_bytes_max, "sqlite.wal_soft",
          "sqlite.wal_max");
  at_most(settings.sqlite.transaction.wal_bytes_max <= settings.sqlite.transaction.wal_bytes_limit, "sqlite.wal_max",
          "sqlite.wal_limit");
  if (settings.http.tls.certificate_path.empty() != settings.http.tls.key_path.empty()) {
    wrong.emplace_back("tls.certificate and tls.key belong together: name both, or none");
  }
  at_most(settings.postgres.lock_time <= settings.postgres.answer_time, "postgres.lock_time", "postgres.answer_time");
  if (settings.postgres.primary.empty() != settings.kafka.brokers.empty()) {
    wrong.emplace_back("postgres.primary and kafka.brokers belong together: a cluster has both, a file replaces both");
  }
  if (settings.is_cluster() && !settings.data_path.empty()) {
    wrong.emplace_back(
        "data names a file, kafka.brokers and postgres.primary a cluster: leave out the one or the other");
  }
  for (const auto& [name, conninfo] : {std::pair{"postgres.primary", settings.postgres.primary},
                                       std::pair{"postgres.replica", settings.postgres.replica}}) {
    if (holds_password(conninfo)) {
      wrong.push_back(
          fmt::format("{} holds a password, which `ratebook config` and lists of processes show: put it into "
                      "a file that postgres.password_file names",
                      name));
    }
  }
  at_most(settings.writer.retry_wait <= settings.writer.retry_wait_max, "writer.retry_wait", "writer.retry_wait_max");
  return wrong;
}

}  // namespace ratebook::settings
