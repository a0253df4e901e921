#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a value is.
enum {
    CSIMDJSON_NULL = 0,
    CSIMDJSON_FALSE = 1,
    CSIMDJSON_TRUE = 2,
    CSIMDJSON_NUMBER = 3,
    CSIMDJSON_STRING = 4,
    CSIMDJSON_ARRAY = 5,
    CSIMDJSON_OBJECT = 6,
};

/// What a reader of a value, or of its key, must know before it decodes one.
enum {
    CSIMDJSON_VALUE_ESCAPED = 1,
    CSIMDJSON_VALUE_HAS_NUL = 2,
    CSIMDJSON_VALUE_HAS_LONE_SURROGATE = 4,
    CSIMDJSON_KEY_ESCAPED = 8,
    CSIMDJSON_KEY_HAS_NUL = 16,
    CSIMDJSON_KEY_HAS_LONE_SURROGATE = 32,
    CSIMDJSON_INTEGER = 64,
};

/// How a parse ended. Everything but `CSIMDJSON_OK` comes with the offset of the first byte at fault.
enum {
    CSIMDJSON_OK = 0,
    CSIMDJSON_EMPTY,
    CSIMDJSON_TOO_LARGE,
    CSIMDJSON_TOO_DEEP,
    CSIMDJSON_TOO_MANY_VALUES,
    CSIMDJSON_OUT_OF_MEMORY,
    CSIMDJSON_INVALID_UTF8,
    CSIMDJSON_CONTROL_CHARACTER,
    CSIMDJSON_UNCLOSED_STRING,
    CSIMDJSON_MALFORMED_ESCAPE,
    CSIMDJSON_MALFORMED_NUMBER,
    CSIMDJSON_ENDED_EARLY,
    CSIMDJSON_TRAILING_CONTENT,
    CSIMDJSON_UNEXPECTED,
};

/// One value, in document order: a container stands before what it holds. All offsets are bytes of the document.
typedef struct csimdjson_node {
    uint32_t start;
    uint32_t end;
    /// The key's opening quote, and the byte after its closing one; both 0 where there is no key.
    uint32_t key_start;
    uint32_t key_end;
    /// The first node after this value and all it holds.
    uint32_t next;
    /// Members of an object, elements of an array.
    uint32_t count;
    uint8_t kind;
    uint8_t flags;
} csimdjson_node;

typedef struct csimdjson_result {
    int32_t status;
    uint32_t node_count;
    size_t offset;
} csimdjson_result;

/// Validates a whole document and keeps its nodes for this thread until `csimdjson_take_nodes` or the next parse.
csimdjson_result csimdjson_parse(const uint8_t *_Nullable bytes, size_t length, uint32_t max_depth, uint32_t max_nodes);

/// Copies the nodes of this thread's last parse, which must have found `node_count`, and lets go of outsized buffers.
void csimdjson_take_nodes(csimdjson_node *_Nonnull nodes, uint32_t node_count);

#ifdef __cplusplus
}
#endif
