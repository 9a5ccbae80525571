#include "book/era.hpp"

namespace ratebook::book {

void release(Era* era) {
  while (era && era->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Era* const next = era->next;
    if (next) {
      for (const void* node : era->retired) free_node(node);
    } else {
      free_tree(era->tree);
      free_sums(era->sums);
    }
    delete era;
    era = next;
  }
}

}  // namespace ratebook::book
