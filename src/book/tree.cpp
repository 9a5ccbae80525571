#include "book/tree.hpp"

#include "book/prefetch.hpp"
#include "book/route_editor.hpp"
#include "model/turns.hpp"

namespace ratebook::book {

namespace {

constexpr std::size_t routes_ahead = 4;

struct RouteChange {
  PortNumber dest = 0;
  const Route* before = nullptr;
  KeyChanges changes;
};

/// The destinations of one origin that change.
void list_routes(const Origin* origin, KeyChanges of_orig, std::vector<RouteChange>& routes) {
  routes.clear();
  const auto dest_of = [](const Key& key) { return route_dest(key.route); };
  for_each_group(of_orig, dest_of, [&](PortNumber dest, KeyChanges changes) {
    routes.push_back({dest, origin ? origin->find(dest) : nullptr, changes});
  });
}

struct OrigChange {
  PortNumber orig = 0;
  KeyChanges changes;
};

}  // namespace

Result<Tree> change_tree(Tree before, KeyChanges changes, Edit& edit) {
  std::vector<OrigChange> origs;
  const auto orig_of = [](const Key& key) { return route_orig(key.route); };
  for_each_group(changes, orig_of, [&](PortNumber orig, KeyChanges of_orig) { origs.push_back({orig, of_orig}); });

  RouteEditor editor(edit);
  Tree after = before;
  std::size_t changed_count = 0;
  std::vector<RouteChange> routes;
  std::vector<Origin::Entry> changed_routes;
  std::vector<Origins::Entry> changed_origins;
  for (const OrigChange& of_orig : origs) {
    const Origin* origin = before.origins ? before.origins->find(of_orig.orig) : nullptr;
    list_routes(origin, of_orig.changes, routes);
    changed_routes.clear();
    for (std::size_t i = 0; i < routes.size(); ++i) {
      if (++changed_count % routes_a_turn == 0) let_others_run();
      // Leaves lie scattered in memory: the next ones are fetched while this one is merged.
      if (i + 2 * routes_ahead < routes.size()) prefetch_route(routes[i + 2 * routes_ahead].before);
      if (i + routes_ahead < routes.size()) {
        prefetch_leaves(routes[i + routes_ahead].before, routes[i + routes_ahead].changes);
      }
      const Result<const Route*> changed = editor.change(routes[i].before, routes[i].changes);
      if (!changed) return std::unexpected(changed.error());
      after.route_count += *changed != nullptr;
      after.route_count -= routes[i].before != nullptr;
      changed_routes.push_back({routes[i].dest, *changed});
    }
    changed_origins.push_back({of_orig.orig, change_branch<Origin>(origin, changed_routes, edit)});
  }
  after.origins = change_branch<Origins>(before.origins, changed_origins, edit);
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
