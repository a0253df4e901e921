#include "CSIMDJSON.h"

#include <cstdlib>
#include <cstring>

#include "Buffers.hpp"
#include "Text.hpp"
#include "Walk.hpp"

// simdjson's first stage finds every token of a document and checks its UTF-8 and its strings, at the width of the
// machine's vectors. Its On-Demand walker is not used over that: it does not check what it skips and accepts
// `{"a":"b":}}` and `["a":]]`, which a partner refuses; and its DOM refuses 1e400000 and lone surrogates, which are
// nobody's fault in members that are only passed on. So `Walk` takes the tokens by RFC 8259's grammar alone.

namespace {

constexpr size_t largest_document = size_t{1} << 30;

csimdjson::Buffers &thread_buffers() noexcept {
    static thread_local csimdjson::Buffers buffers;
    return buffers;
}

csimdjson_result fault_of_tokens(simdjson::error_code error, const uint8_t *text, size_t length) noexcept {
    switch (error) {
        case simdjson::EMPTY:
            return {CSIMDJSON_EMPTY, 0, 0};
        case simdjson::UTF8_ERROR:
            return {CSIMDJSON_INVALID_UTF8, 0, csimdjson::find_invalid_utf8(text, length)};
        case simdjson::UNCLOSED_STRING:
        case simdjson::UNESCAPED_CHARS: {
            const csimdjson::StringFault fault = csimdjson::find_string_fault(text, length);
            return {fault.control_character ? CSIMDJSON_CONTROL_CHARACTER : CSIMDJSON_UNCLOSED_STRING, 0, fault.offset};
        }
        default:
            return {CSIMDJSON_OUT_OF_MEMORY, 0, 0};
    }
}

csimdjson_result parse(csimdjson::Buffers &buffers, size_t length, uint32_t max_depth, uint32_t max_nodes) noexcept {
    const uint8_t *text = buffers.text.get();
    const simdjson::error_code error = buffers.tokenizer->stage1(text, length, simdjson::stage1_mode::regular);
    if (error != simdjson::SUCCESS) return fault_of_tokens(error, text, length);
    const csimdjson::Tokens tokens{
        text, length, buffers.tokenizer->structural_indexes.get(), buffers.tokenizer->n_structural_indexes};
    if (!buffers.reserve_nodes(tokens.count < max_nodes ? tokens.count : max_nodes)) {
        return {CSIMDJSON_OUT_OF_MEMORY, 0, 0};
    }
    return csimdjson::Walk(tokens, buffers.nodes.get(), max_depth, max_nodes).run();
}

}  // namespace

csimdjson_result csimdjson_parse(const uint8_t *bytes, size_t length, uint32_t max_depth, uint32_t max_nodes) {
    if (bytes == nullptr || length == 0) return {CSIMDJSON_EMPTY, 0, 0};
    if (length > largest_document) return {CSIMDJSON_TOO_LARGE, 0, largest_document};
    csimdjson::Buffers &buffers = thread_buffers();
    buffers.node_count = 0;
    if (!buffers.reserve_text(length)) return {CSIMDJSON_OUT_OF_MEMORY, 0, 0};
    std::memcpy(buffers.text.get(), bytes, length);
    std::memset(buffers.text.get() + length, 0, simdjson::SIMDJSON_PADDING);
    const csimdjson_result result = parse(buffers, length, max_depth, max_nodes);
    buffers.node_count = result.node_count;
    if (result.status != CSIMDJSON_OK) buffers.release_outsized();
    return result;
}

void csimdjson_take_nodes(csimdjson_node *nodes, uint32_t node_count) {
    csimdjson::Buffers &buffers = thread_buffers();
    if (node_count != buffers.node_count || !buffers.nodes) std::abort();
    std::memcpy(nodes, buffers.nodes.get(), node_count * sizeof(csimdjson_node));
    buffers.node_count = 0;
    buffers.release_outsized();
}
