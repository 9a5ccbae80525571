// Places: the document that clients send and read, and the tree that the path works with.
//
//   regions  china_main ── china_east_main ── CNSGH        tree order:  CNSGH CNNGB | CNYTN | closed ports
//                       └─ china_south_main ─ CNYTN        china_main = [0,3)  china_east_main = [0,2)
//
// In tree order every region is one range of ports, at any depth.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "model/digest.hpp"
#include "model/price.hpp"

namespace ratebook {

struct RegionDocument {
  std::string slug;         ///< 1..64 of a-z, 0-9, '_', '-'
  std::string name;         ///< 1..200 bytes of UTF-8 without control characters
  std::string parent_slug;  ///< empty: a root

  bool operator==(const RegionDocument&) const = default;
};

struct PortDocument {
  std::string code;
  std::string name;         ///< 1..200 bytes of UTF-8 without control characters
  std::string parent_slug;  ///< empty only where closed
  bool closed = false;

  bool operator==(const PortDocument&) const = default;
};

/// The whole of all places, as `GET` and `PUT /v1/places` carry it.
struct PlacesDocument {
  std::vector<RegionDocument> regions;
  std::vector<PortDocument> ports;

  bool operator==(const PlacesDocument&) const = default;
};

struct PlaceProblem {
  std::string field;    ///< such as `ports[3].parent_slug`
  std::string code;     ///< such as `unknown-parent`
  std::string message;  ///< says how to mend it
};

/// Everything that is wrong with places that a client wants to put; empty: they are good. At most `most` problems.
std::vector<PlaceProblem> check_places(const PlacesDocument& places, std::size_t most = 100);

/// SHA-256 in hex over one line a region and port, sorted: equal for equal places, whatever their order.
std::string places_digest(const PlacesDocument& places);

using RegionNumber = std::uint32_t;

/// A port or a region, found by its code or slug.
struct PlaceNumber {
  enum class Kind : std::uint8_t { port, region } kind = Kind::port;
  std::uint32_t number = 0;

  bool operator==(const PlaceNumber&) const = default;
};

/// Immutable. Ports carry the store's numbers; the document lists them in that order: ports[n] has number n.
class PlaceTree {
 public:
  PlaceTree() = default;
  /// `places` must be good (check_places), its ports in the order of the store's numbers, with closed ones among them.
  explicit PlaceTree(PlacesDocument places);

  const PlacesDocument& document() const { return document_; }
  std::size_t port_count() const { return document_.ports.size(); }
  std::size_t region_count() const { return document_.regions.size(); }

  /// A port's code or a region's slug; nullopt where there is none.
  std::optional<PlaceNumber> find(std::string_view code_or_slug) const;
  std::optional<PortNumber> find_port(PortCode code) const { return find_port(code.view()); }
  /// By a code that may be none: then there is no such port.
  std::optional<PortNumber> find_port(std::string_view code) const {
    const Slot* slot = find_slot(code);
    return slot == nullptr ? std::nullopt : std::optional{slot->port};
  }
  /// As find_port, but nullopt for a closed one.
  std::optional<PortNumber> find_open_port(std::string_view code) const {
    const Slot* slot = find_slot(code);
    return slot == nullptr || slot->closed ? std::nullopt : std::optional{slot->port};
  }
  bool is_closed(PortNumber port) const { return document_.ports[port].closed; }
  PortCode code(PortNumber port) const { return codes_[port]; }

  /// The ports of a place: itself, or all below the region. Valid as long as the tree.
  std::span<const PortNumber> ports(PlaceNumber place) const;
  /// The region that a port lies in and its ancestors, nearest first; nothing for a closed port.
  std::vector<RegionNumber> regions_of(PortNumber port) const;
  std::optional<RegionNumber> parent(RegionNumber region) const;

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  /// Of a hash table with open addressing, since every price asks it twice; one line of cache an answer.
  struct Slot {
    std::uint64_t code = 0;  ///< its five bytes; 0: the slot is empty
    PortNumber port = 0;
    bool closed = false;
  };

  void fill_slots();
  static std::uint64_t bytes_of(std::string_view code) {
    std::uint32_t head = 0;
    std::memcpy(&head, code.data(), sizeof(head));
    return head | std::uint64_t{static_cast<unsigned char>(code[4])} << 32;
  }
  /// The upper bits of a multiplicative hash (Knuth, TAOCP 3, 6.4): they depend on every byte of the code.
  std::size_t first_slot(std::uint64_t code) const {
    return static_cast<std::size_t>(code * 0x9E3779B97F4A7C15ULL >> slot_shift_);
  }
  const Slot* find_slot(std::string_view code) const {
    if (code.size() != 5 || slots_.empty()) return nullptr;
    const std::uint64_t bytes = bytes_of(code);
    for (std::size_t at = first_slot(bytes); slots_[at].code != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].code == bytes) return &slots_[at];
    }
    return nullptr;
  }

  PlacesDocument document_;
  std::vector<PortCode> codes_;
  std::vector<Slot> slots_;  ///< a power of two of them
  int slot_shift_ = 63;
  std::unordered_map<std::string, RegionNumber> region_by_slug_;
  std::vector<std::int64_t> region_parent_;  ///< -1: a root
  std::vector<std::int64_t> port_region_;    ///< -1: closed
  std::vector<PortNumber> tree_order_;
  std::vector<std::uint32_t> order_of_port_;  ///< inverse of tree_order_
  std::vector<Range> region_range_;           ///< into tree_order_
};

/// What the store holds after `put` was applied to `current`: named ports as put says (new ones appended), ports that
/// it does not name closed and in no region (rule 11). Order of the ports, and with it their numbers, is kept.
PlacesDocument replace_places(const PlacesDocument& current, const PlacesDocument& put);

/// Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7).
bool is_utf8(std::string_view bytes);

}  // namespace ratebook
