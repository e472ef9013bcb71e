#include "core/text/byte_trie.h"

namespace prefbench::text {

void ByteTrie::insert(std::string_view text, std::int32_t value) {
    std::int32_t node = root;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        std::int32_t next = step(node, byte);
        if (next == none) {
            next = static_cast<std::int32_t>(values_.size());
            values_.push_back(none);
            if (2 * ++used_ > edges_.size()) {
                grow();
            }
            put({keyOf(node, byte), next});
        }
        node = next;
    }
    values_[static_cast<std::size_t>(node)] = value;
}

void ByteTrie::put(Edge edge) {
    std::size_t slot = slotOf(edge.key);
    while (edges_[slot].key != 0) {
        slot = (slot + 1) & (edges_.size() - 1);
    }
    edges_[slot] = edge;
}

void ByteTrie::grow() {
    std::vector<Edge> old(2 * edges_.size());
    old.swap(edges_);
    for (const Edge& edge : old) {
        if (edge.key != 0) {
            put(edge);
        }
    }
}

}  // namespace prefbench::text
