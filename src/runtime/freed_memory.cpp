#include "runtime/freed_memory.hpp"

#include <malloc.h>

namespace ratebook {

void return_freed_memory() {
  // NOLINTBEGIN(concurrency-mt-unsafe): before there are threads
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  // Often enough to matter, seldom enough to cost nothing.
  ::mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace ratebook
