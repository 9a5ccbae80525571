#include "book/era.hpp"

#include "model/turns.hpp"

namespace ratebook::book {
namespace {

constexpr std::size_t nodes_a_turn = 512;

}  // namespace

void release(Era* era) {
  while (era && era->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Era* const next = era->next;
    if (next) {
      std::size_t freed = 0;
      for (const void* node : era->retired) {
        free_node(node);
        if (++freed % nodes_a_turn == 0) let_others_run();
      }
    } else {
      free_tree(era->tree);
      free_sums(era->sums);
    }
    delete era;
    era = next;
  }
}

}  // namespace ratebook::book
