#include "book/tree.hpp"

#include "book/route_editor.hpp"

namespace ratebook::book {

void make_leaves(std::span<const Item> items, Edit& edit, std::vector<Route::Entry>& leaves) {
  while (!items.empty()) {
    // Equal shares of what is left, so that no leaf comes out nearly empty.
    const std::size_t leaf_count =
        items.size() <= leaf_prices_max ? 1 : (items.size() + leaf_prices_aim - 1) / leaf_prices_aim;
    std::size_t count = (items.size() + leaf_count - 1) / leaf_count;
    while (item_day(items[count - 1]) - item_day(items.front()) >= leaf_days_max) --count;
    leaves.push_back({items.front(), edit.make<Leaf>(items.first(count))});
    items = items.subspan(count);
  }
}

Result<Tree> change_tree(Tree before, KeyChanges changes, Edit& edit) {
  RouteEditor editor(edit);
  Result<Tree> after{before};
  std::vector<Origins::Entry> origin_changes;
  std::vector<Origin::Entry> route_changes;
  const auto orig_of = [](const Key& key) { return route_orig(key.route); };
  const auto dest_of = [](const Key& key) { return route_dest(key.route); };
  for_each_group(changes, orig_of, [&](PortNumber orig, KeyChanges of_orig) {
    if (!after) return;
    const Origin* origin = before.origins ? before.origins->find(orig) : nullptr;
    route_changes.clear();
    for_each_group(of_orig, dest_of, [&](PortNumber dest, KeyChanges of_route) {
      if (!after) return;
      const Route* route = origin ? origin->find(dest) : nullptr;
      const Result<const Route*> changed = editor.change(route, of_route);
      if (!changed) {
        after = std::unexpected(changed.error());
        return;
      }
      after->route_count += *changed != nullptr;
      after->route_count -= route != nullptr;
      route_changes.push_back({dest, *changed});
    });
    if (after) origin_changes.push_back({orig, change_branch<Origin>(origin, route_changes, edit)});
  });
  if (after) after->origins = change_branch<Origins>(before.origins, origin_changes, edit);
  return after;
}

void free_tree(const Tree& tree) {
  if (!tree.origins) return;
  for (const Origin* origin : tree.origins->children()) {
    for (const Route* route : origin->children()) {
      for (const Leaf* leaf : route->children()) free_node(leaf);
      free_node(route);
    }
    free_node(origin);
  }
  free_node(tree.origins);
}

}  // namespace ratebook::book
