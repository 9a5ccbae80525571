#include "engines/engines.hpp"
#include "sqlite/file.hpp"
#include "sqlite/file_metrics.hpp"

namespace ratebook::engines {

Result<Engines> open_embedded(const Parts& parts) {
  auto options = parts.settings.sqlite;
  options.fatal = [&logger = parts.logger](const std::string& why) { logger.error(why); };
  options.report = [&logger = parts.logger](obs::Level level, const std::string& what) { logger.log(level, what); };
  auto opened = sqlite::File::open(parts.settings.data_path, parts.runtime, options);
  if (!opened) return std::unexpected(opened.error());
  const std::shared_ptr<sqlite::File> file = *std::move(opened);
  sqlite::add_metrics(*file, parts.metrics);
  return Engines{file, &file->log(), &file->store(), parts.settings.sqlite.scan_reader_count};
}

}  // namespace ratebook::engines
