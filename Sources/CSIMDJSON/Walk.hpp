#pragma once

#include "CSIMDJSON.h"

namespace csimdjson {

/// A document as the tokenizer left it: every token's offset, and at least one zero byte behind the last byte.
struct Tokens {
    const uint8_t *text;
    size_t length;
    const uint32_t *offsets;
    uint32_t count;
};

/// One pass over the tokens by RFC 8259's grammar, which fills the nodes in document order.
///
/// While a container is open its `next` holds the index of the container around it, so no stack is needed.
class Walk {
public:
    Walk(const Tokens &tokens, csimdjson_node *nodes, uint32_t max_depth, uint32_t max_nodes) noexcept
        : tokens_(tokens), nodes_(nodes), max_depth_(max_depth), max_nodes_(max_nodes) {}

    csimdjson_result run() noexcept;

private:
    static constexpr uint32_t no_container = UINT32_MAX;

    const Tokens tokens_;
    csimdjson_node *const nodes_;
    const uint32_t max_depth_;
    const uint32_t max_nodes_;

    uint32_t cursor_ = 0;
    uint32_t count_ = 0;
    uint32_t open_ = no_container;
    uint32_t depth_ = 0;
    csimdjson_node key_{};
    csimdjson_result failure_{CSIMDJSON_OK, 0, 0};

    bool value() noexcept;
    bool scalar(csimdjson_node &node) noexcept;
    bool open(csimdjson_node &node, uint8_t kind) noexcept;
    bool close_or_continue(bool &more) noexcept;
    void close(size_t at) noexcept;
    bool next_member() noexcept;
    bool string(size_t start, size_t end, uint8_t &flags) noexcept;
    bool literal(size_t start, size_t end, const char *word, size_t length) noexcept;

    size_t offset(uint32_t token) const noexcept;
    size_t token_end() const noexcept;
    uint8_t closer() const noexcept;
    bool fail(int32_t status, size_t at) noexcept;
    bool unexpected(size_t at) noexcept;
};

}  // namespace csimdjson
