#include "model/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_set>

namespace ratebook {
namespace {

constexpr std::size_t slug_length_max = 64;
constexpr std::size_t name_length_max = 200;

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= slug_length_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Without control characters: names stand in lines, between tabs.
bool is_name(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= name_length_max && is_utf8(text) && std::ranges::none_of(text, is_control);
}

constexpr std::string_view how_to_name = "write 1 to 200 bytes of UTF-8 without control characters";

class Checker {
 public:
  Checker(const PlacesDocument& places, std::size_t most) : places_(places), most_(most) {}

  std::vector<PlaceProblem> run() {
    check_regions();
    check_cycles();
    check_ports();
    return std::move(problems_);
  }

 private:
  void report(std::string field, std::string code, std::string message) {
    if (problems_.size() < most_) problems_.push_back({std::move(field), std::move(code), std::move(message)});
  }

  void check_regions() {
    for (std::size_t i = 0; i < places_.regions.size(); ++i) {
      const auto& region = places_.regions[i];
      if (!is_slug(region.slug)) {
        report(fmt::format("regions[{}].slug", i), "bad-slug", "write 1 to 64 of a-z, 0-9, '_' and '-'");
      } else if (!parent_.emplace(region.slug, region.parent_slug).second) {
        report(fmt::format("regions[{}].slug", i), "repeated",
               fmt::format("the slug '{}' stands twice; keep one of them", region.slug));
      }
      if (!is_name(region.name)) {
        report(fmt::format("regions[{}].name", i), "bad-name", std::string{how_to_name});
      }
    }
    for (std::size_t i = 0; i < places_.regions.size(); ++i) {
      const auto& parent = places_.regions[i].parent_slug;
      if (!parent.empty() && !parent_.contains(parent)) report_unknown_parent("regions", i, parent);
    }
  }

  void report_unknown_parent(std::string_view list, std::size_t index, std::string_view parent) {
    report(fmt::format("{}[{}].parent_slug", list, index), "unknown-parent",
           fmt::format("no region has the slug '{}'; add it or name another", parent));
  }

  // Each region is walked over once: a walk ends where an earlier one passed, at a root, or where it meets itself.
  void check_cycles() {
    std::unordered_map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < places_.regions.size(); ++i) {
      if (!places_.regions[i].slug.empty()) index.emplace(places_.regions[i].slug, i);
    }
    constexpr std::size_t unseen = std::numeric_limits<std::size_t>::max();
    std::vector<std::size_t> walk_of(places_.regions.size(), unseen);
    for (std::size_t i = 0; i < walk_of.size(); ++i) {
      std::size_t at = i;
      while (at != unseen && walk_of[at] == unseen) {
        walk_of[at] = i;
        const auto parent = index.find(places_.regions[at].parent_slug);
        at = parent == index.end() ? unseen : parent->second;
      }
      if (at == unseen || walk_of[at] != i) continue;
      const std::size_t first = at;
      do {
        report_cycle(at);
        at = index.at(places_.regions[at].parent_slug);
      } while (at != first);
    }
  }

  void report_cycle(std::size_t region) {
    report(fmt::format("regions[{}].parent_slug", region), "cycle",
           fmt::format("'{}' lies below itself; name a parent that is not below it", places_.regions[region].slug));
  }

  void check_ports() {
    std::unordered_set<std::string_view> codes;
    for (std::size_t i = 0; i < places_.ports.size(); ++i) {
      const auto& port = places_.ports[i];
      if (!PortCode::parse(port.code)) {
        report(fmt::format("ports[{}].code", i), "bad-code",
               "write a UN/LOCODE such as CNSGH: 2 letters, then 3 of A-Z, 0-9");
      } else if (!codes.insert(port.code).second) {
        report(fmt::format("ports[{}].code", i), "repeated",
               fmt::format("the code '{}' stands twice; keep one of them", port.code));
      }
      if (!is_name(port.name)) report(fmt::format("ports[{}].name", i), "bad-name", std::string{how_to_name});
      if (port.closed && port.parent_slug.empty()) continue;
      if (port.closed) {
        report(fmt::format("ports[{}].parent_slug", i), "closed-in-region",
               "a closed port lies in no region; drop one of the two");
      } else if (port.parent_slug.empty()) {
        report(fmt::format("ports[{}].parent_slug", i), "missing", "name the region that the port lies in");
      } else if (!parent_.contains(port.parent_slug)) {
        report_unknown_parent("ports", i, port.parent_slug);
      }
    }
  }

  const PlacesDocument& places_;
  std::size_t most_;
  std::vector<PlaceProblem> problems_;
  std::unordered_map<std::string_view, std::string_view> parent_;  ///< by slug
};

}  // namespace

std::vector<PlaceProblem> check_places(const PlacesDocument& places, std::size_t most) {
  return Checker{places, most}.run();
}

std::string places_digest(const PlacesDocument& places) {
  std::vector<std::string> lines;
  lines.reserve(places.regions.size() + places.ports.size());
  for (const auto& region : places.regions) {
    lines.push_back(fmt::format("region\t{}\t{}\t{}\n", region.slug, region.name, region.parent_slug));
  }
  for (const auto& port : places.ports) {
    lines.push_back(fmt::format("port\t{}\t{}\t{}\t{}\n", port.code, port.name, port.parent_slug, port.closed));
  }
  std::ranges::sort(lines);
  Sha256 sha;
  for (const auto& line : lines) sha.add(line);
  return hex(sha.finish());
}

PlaceTree::PlaceTree(PlacesDocument places) : document_(std::move(places)) {
  const auto& regions = document_.regions;
  const auto& ports = document_.ports;
  for (RegionNumber i = 0; i < regions.size(); ++i) region_by_slug_.emplace(regions[i].slug, i);
  region_parent_.assign(regions.size(), -1);
  std::vector<std::vector<RegionNumber>> children(regions.size());
  std::vector<RegionNumber> roots;
  for (RegionNumber i = 0; i < regions.size(); ++i) {
    if (const auto found = region_by_slug_.find(regions[i].parent_slug); found != region_by_slug_.end()) {
      region_parent_[i] = found->second;
      children[found->second].push_back(i);
    } else {
      roots.push_back(i);
    }
  }
  codes_.reserve(ports.size());
  port_region_.assign(ports.size(), -1);
  std::vector<std::vector<PortNumber>> ports_of(regions.size());
  std::vector<PortNumber> outside;
  for (PortNumber i = 0; i < ports.size(); ++i) {
    codes_.push_back(PortCode::parse(ports[i].code).value());
    const auto found = region_by_slug_.find(ports[i].parent_slug);
    if (ports[i].closed || found == region_by_slug_.end()) {
      outside.push_back(i);
    } else {
      port_region_[i] = found->second;
      ports_of[found->second].push_back(i);
    }
  }
  fill_slots();
  // Depth first without recursion: a tree may be as deep as it has regions.
  region_range_.resize(regions.size());
  struct Step {
    RegionNumber region;
    std::size_t next_child;
  };
  for (const RegionNumber root : roots) {
    std::vector<Step> stack{{root, 0}};
    while (!stack.empty()) {
      auto& [region, next_child] = stack.back();
      if (next_child == 0) {
        region_range_[region].begin = static_cast<std::uint32_t>(tree_order_.size());
        tree_order_.insert(tree_order_.end(), ports_of[region].begin(), ports_of[region].end());
      }
      if (next_child < children[region].size()) {
        const RegionNumber child = children[region][next_child++];
        stack.push_back({child, 0});
      } else {
        region_range_[region].end = static_cast<std::uint32_t>(tree_order_.size());
        stack.pop_back();
      }
    }
  }
  tree_order_.insert(tree_order_.end(), outside.begin(), outside.end());
  order_of_port_.resize(ports.size());
  for (std::uint32_t i = 0; i < tree_order_.size(); ++i) order_of_port_[tree_order_[i]] = i;
}

std::optional<PlaceNumber> PlaceTree::find(std::string_view code_or_slug) const {
  if (const auto code = PortCode::parse(code_or_slug)) {
    if (const auto port = find_port(*code)) return PlaceNumber{PlaceNumber::Kind::port, *port};
    return std::nullopt;
  }
  const auto found = region_by_slug_.find(std::string{code_or_slug});
  if (found == region_by_slug_.end()) return std::nullopt;
  return PlaceNumber{PlaceNumber::Kind::region, found->second};
}

// At most half of the slots are taken, so that a search for any code soon meets an empty one.
void PlaceTree::fill_slots() {
  const std::size_t slot_count = std::bit_ceil(codes_.size() * 2 + 2);
  slot_shift_ = 64 - std::countr_zero(slot_count);
  slots_.assign(slot_count, Slot{});
  for (PortNumber port = 0; port < codes_.size(); ++port) {
    const std::uint64_t code = bytes_of(codes_[port].view());
    std::size_t at = first_slot(code);
    while (slots_[at].code != 0) at = (at + 1) & (slot_count - 1);
    slots_[at] = {code, port, document_.ports[port].closed};
  }
}

std::span<const PortNumber> PlaceTree::ports(PlaceNumber place) const {
  const std::span order{tree_order_};
  if (place.kind == PlaceNumber::Kind::port) return order.subspan(order_of_port_[place.number], 1);
  const Range range = region_range_[place.number];
  return order.subspan(range.begin, range.end - range.begin);
}

std::vector<RegionNumber> PlaceTree::regions_of(PortNumber port) const {
  std::vector<RegionNumber> regions;
  for (std::int64_t at = port_region_[port]; at >= 0; at = region_parent_[static_cast<std::size_t>(at)]) {
    regions.push_back(static_cast<RegionNumber>(at));
  }
  return regions;
}

std::optional<RegionNumber> PlaceTree::parent(RegionNumber region) const {
  if (region_parent_[region] < 0) return std::nullopt;
  return static_cast<RegionNumber>(region_parent_[region]);
}

PlacesDocument replace_places(const PlacesDocument& current, const PlacesDocument& put) {
  PlacesDocument next;
  next.regions = put.regions;
  std::unordered_map<std::string_view, const PortDocument*> named;
  for (const auto& port : put.ports) named.emplace(port.code, &port);
  for (const auto& port : current.ports) {
    if (const auto found = named.find(port.code); found != named.end()) {
      next.ports.push_back(*found->second);
      named.erase(found);
    } else {
      next.ports.push_back({port.code, port.name, "", true});
    }
  }
  for (const auto& port : put.ports) {
    if (named.contains(port.code)) next.ports.push_back(port);
  }
  return next;
}

bool is_utf8(std::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* end = at + bytes.size();
  while (at < end) {
    const unsigned char lead = *at++;
    if (lead < 0x80) continue;
    int tail = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      tail = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      tail = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      tail = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    for (; tail > 0; --tail, low = 0x80, high = 0xBF) {
      if (at == end || *at < low || *at > high) return false;
      ++at;
    }
  }
  return true;
}

}  // namespace ratebook
