// `ratebook move`: from a data file to a cluster.

#include <fmt/format.h>
#include <unistd.h>

#include "cli/exit_code.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/words.hpp"
#include "client/submit.hpp"
#include "postgres/move_in.hpp"
#include "settings/load.hpp"
#include "sqlite/file.hpp"

namespace ratebook::cli {
namespace {

/// What was accepted and is not decided yet would stay behind.
Result<void> check_all_decided(log::Log& log, store::Store& store) {
  for (std::uint32_t partition = 0; partition < log.partition_count(); ++partition) {
    const auto claim = store.claim(partition);
    if (!claim) return std::unexpected(claim.error());
    const auto records = log.read(partition, claim->position.offset + 1, 1, Duration{0});
    if (!records) return std::unexpected(records.error());
    if (records->empty()) continue;
    return fail(Failure::conflict,
                "the file holds batches that are accepted and not decided: serve it until `ratebook batches --status "
                "accepted` lists none, stop that, and move it then");
  }
  return {};
}

Result<postgres::Moved> move_file(const std::string& path, const settings::Settings& settings,
                                  const postgres::MoveProgress& progress) {
  if (::access(path.c_str(), F_OK) != 0)
    return fail(Failure::not_found, fmt::format("{}: there is no such file", path));
  const Runtime runtime = machine_runtime();
  const auto file = sqlite::File::open(path, runtime, settings.sqlite);
  if (!file) return std::unexpected(file.error());
  if (auto decided = check_all_decided((*file)->log(), (*file)->store()); !decided) {
    return std::unexpected(decided.error());
  }
  postgres::PostgresOptions options = settings.postgres;
  options.partitions = settings.kafka.partitions;
  return postgres::move_in((*file)->store(), options, runtime, progress);
}

}  // namespace

int move(const MoveOptions& options, const Console& console) {
  const auto loaded = settings::load(options.inputs);
  if (!loaded) return report_wrong_settings(loaded.error(), console);
  if (!loaded->settings.is_cluster()) {
    return report_wrong_settings({"no cluster is named: say --config FILE with the nodes' settings, or "
                                  "--postgres-primary and --kafka-brokers"},
                                 console);
  }
  Progress progress{console, client::machine_pace().now};
  const auto moved = move_file(options.from, loaded->settings,
                               [&progress](std::uint64_t prices) { progress.part("moving prices", prices, prices); });
  progress.clear();
  if (!moved) {
    say_error(console, moved.error().message);
    const bool may_help = moved.error().failure == Failure::unavailable || moved.error().failure == Failure::unknown;
    return may_help ? exit_unavailable : exit_usage;
  }
  const auto said =
      fmt::format("version {} ({}), {} batches, {} prices\n", moved->head.version,
                  version_tag(moved->head.version, moved->head.chain), grouped(moved->batches), grouped(moved->prices));
  return console.out(said) ? exit_ok : exit_output;
}

}  // namespace ratebook::cli
