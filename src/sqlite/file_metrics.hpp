// What the file counts, as metrics.
#pragma once
#include "obs/metrics.hpp"
#include "sqlite/file.hpp"

namespace ratebook::sqlite {

/// `file` must outlive the registry's last text().
void add_metrics(const File& file, obs::Metrics& metrics);

}  // namespace ratebook::sqlite
