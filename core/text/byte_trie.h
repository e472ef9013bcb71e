#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace prefbench::text {

/// Byte strings and a number for each, to be walked byte by byte. Edges lie in one hash table, so that a step costs the
/// same however many children a node has.
class ByteTrie {
  public:
    static constexpr std::int32_t none = -1;

    /// The number replaces an earlier one of the same text.
    void insert(std::string_view text, std::int32_t value);

    static constexpr std::int32_t root = 0;
    /// The node one byte further, or `none`.
    std::int32_t step(std::int32_t node, unsigned char byte) const {
        const std::uint64_t key = keyOf(node, byte);
        for (std::size_t slot = slotOf(key);; slot = (slot + 1) & (edges_.size() - 1)) {
            if (edges_[slot].key == key) {
                return edges_[slot].node;
            }
            if (edges_[slot].key == 0) {
                return none;
            }
        }
    }
    /// The number of the text that ends at the node, or `none`.
    std::int32_t value(std::int32_t node) const { return values_[static_cast<std::size_t>(node)]; }

  private:
    struct Edge {
        std::uint64_t key = 0;  ///< 0 where the slot is free
        std::int32_t node = 0;
    };
    static std::uint64_t keyOf(std::int32_t node, unsigned char byte) {
        return (std::uint64_t{static_cast<std::uint32_t>(node)} << 8 | byte) + 1;
    }
    std::size_t slotOf(std::uint64_t key) const {
        return static_cast<std::size_t>(key * 0x9E3779B97F4A7C15ULL >> 32) & (edges_.size() - 1);
    }
    void put(Edge edge);
    void grow();

    std::vector<Edge> edges_ = std::vector<Edge>(64);  ///< a power of two, at most half full
    std::size_t used_ = 0;
    std::vector<std::int32_t> values_{none};
};

}  // namespace prefbench::text
