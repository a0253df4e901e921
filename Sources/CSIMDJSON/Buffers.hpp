#pragma once

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstdlib>
#include <memory>

#include "CSIMDJSON.h"

namespace csimdjson {

/// What a thread keeps between parses, so that one costs no allocation: about 1.6 MiB at most.
class Buffers {
public:
    std::unique_ptr<simdjson::internal::dom_parser_implementation> tokenizer;
    std::unique_ptr<uint8_t, void (*)(void *)> text{nullptr, std::free};
    std::unique_ptr<csimdjson_node, void (*)(void *)> nodes{nullptr, std::free};
    uint32_t node_count = 0;

    /// Makes room for a document and the padding behind it that simdjson may read.
    bool reserve_text(size_t length) noexcept {
        if (length <= text_capacity_) return true;
        size_t capacity = smallest_capacity;
        while (capacity < length) capacity *= 2;
        release_text();
        text.reset(static_cast<uint8_t *>(std::malloc(capacity + simdjson::SIMDJSON_PADDING)));
        if (!text) return false;
        const auto &implementation = simdjson::get_active_implementation();
        if (implementation->create_dom_parser_implementation(capacity, 1, tokenizer) != simdjson::SUCCESS) {
            release_text();
            return false;
        }
        text_capacity_ = capacity;
        return true;
    }

    bool reserve_nodes(size_t count) noexcept {
        if (count <= node_capacity_) return true;
        nodes.reset(static_cast<csimdjson_node *>(std::malloc(count * sizeof(csimdjson_node))));
        node_capacity_ = nodes ? count : 0;
        return nodes != nullptr;
    }

    void release_outsized() noexcept {
        if (text_capacity_ > largest_kept) release_text();
        if (node_capacity_ * sizeof(csimdjson_node) > largest_kept) {
            nodes.reset();
            node_capacity_ = 0;
        }
    }

private:
    static constexpr size_t smallest_capacity = size_t{1} << 14;
    static constexpr size_t largest_kept = size_t{1} << 18;

    size_t text_capacity_ = 0;
    size_t node_capacity_ = 0;

    void release_text() noexcept {
        tokenizer.reset();
        text.reset();
        text_capacity_ = 0;
    }
};

}  // namespace csimdjson
