#include "Walk.hpp"

#include <cstring>

#include "Text.hpp"

namespace csimdjson {

csimdjson_result Walk::run() noexcept {
    bool more = true;
    while (more) {
        if (!value()) return failure_;
        more = false;
        const bool opened = nodes_[count_ - 1].kind >= CSIMDJSON_ARRAY;
        if (opened) {
            const size_t at = offset(cursor_);
            if (tokens_.text[at] != closer()) {
                if (!next_member()) return failure_;
                more = true;
                continue;
            }
            cursor_++;
            close(at);
        }
        while (open_ != no_container && !more) {
            if (!close_or_continue(more)) return failure_;
        }
    }
    if (cursor_ < tokens_.count) {
        fail(CSIMDJSON_TRAILING_CONTENT, offset(cursor_));
        return failure_;
    }
    return {CSIMDJSON_OK, count_, 0};
}

/// Takes what must follow a finished value in a container: its end, or a comma.
bool Walk::close_or_continue(bool &more) noexcept {
    const size_t at = offset(cursor_);
    const uint8_t byte = tokens_.text[at];
    if (byte == ',') {
        cursor_++;
        more = true;
        return next_member();
    }
    if (byte != closer()) return unexpected(at);
    cursor_++;
    close(at);
    return true;
}

void Walk::close(size_t at) noexcept {
    csimdjson_node &node = nodes_[open_];
    open_ = node.next;
    depth_--;
    node.end = static_cast<uint32_t>(at + 1);
    node.next = count_;
}

/// Counts a member or an element of the open container and, in an object, takes its key and the colon.
bool Walk::next_member() noexcept {
    csimdjson_node &container = nodes_[open_];
    container.count++;
    if (container.kind != CSIMDJSON_OBJECT) return true;
    const size_t start = offset(cursor_);
    if (tokens_.text[start] != '"') return unexpected(start);
    cursor_++;
    const size_t end = token_end();
    uint8_t flags = 0;
    if (!string(start, end, flags)) return false;
    key_.key_start = static_cast<uint32_t>(start);
    key_.key_end = static_cast<uint32_t>(end);
    key_.flags = static_cast<uint8_t>(flags * CSIMDJSON_KEY_ESCAPED);
    const size_t colon = offset(cursor_);
    if (tokens_.text[colon] != ':') return unexpected(colon);
    cursor_++;
    return true;
}

bool Walk::value() noexcept {
    const size_t start = offset(cursor_);
    if (start >= tokens_.length) return fail(CSIMDJSON_ENDED_EARLY, tokens_.length);
    if (count_ == max_nodes_) return fail(CSIMDJSON_TOO_MANY_VALUES, start);
    cursor_++;
    csimdjson_node &node = nodes_[count_];
    node = key_;
    key_ = {};
    node.start = static_cast<uint32_t>(start);
    switch (tokens_.text[start]) {
        case '{':
            if (!open(node, CSIMDJSON_OBJECT)) return false;
            break;
        case '[':
            if (!open(node, CSIMDJSON_ARRAY)) return false;
            break;
        default:
            if (!scalar(node)) return false;
    }
    count_++;
    return true;
}

bool Walk::open(csimdjson_node &node, uint8_t kind) noexcept {
    if (depth_ == max_depth_) return fail(CSIMDJSON_TOO_DEEP, node.start);
    node.kind = kind;
    node.next = open_;
    open_ = count_;
    depth_++;
    return true;
}

bool Walk::scalar(csimdjson_node &node) noexcept {
    const size_t start = node.start;
    const size_t end = token_end();
    node.end = static_cast<uint32_t>(end);
    node.next = count_ + 1;
    switch (tokens_.text[start]) {
        case '"': {
            uint8_t flags = 0;
            if (!string(start, end, flags)) return false;
            node.kind = CSIMDJSON_STRING;
            node.flags = static_cast<uint8_t>(node.flags | flags);
            return true;
        }
        case 't':
            node.kind = CSIMDJSON_TRUE;
            return literal(start, end, "true", 4);
        case 'f':
            node.kind = CSIMDJSON_FALSE;
            return literal(start, end, "false", 5);
        case 'n':
            node.kind = CSIMDJSON_NULL;
            return literal(start, end, "null", 4);
        case '-': case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9': {
            const NumberCheck check = check_number(tokens_.text, start, end);
            if (!check.valid) return fail(CSIMDJSON_MALFORMED_NUMBER, check.fault);
            node.kind = CSIMDJSON_NUMBER;
            if (check.integer) node.flags = static_cast<uint8_t>(node.flags | CSIMDJSON_INTEGER);
            return true;
        }
        default:
            return unexpected(start);
    }
}

bool Walk::string(size_t start, size_t end, uint8_t &flags) noexcept {
    if (end < start + 2 || tokens_.text[end - 1] != '"') return fail(CSIMDJSON_UNCLOSED_STRING, start);
    const StringCheck check = check_string(tokens_.text, start + 1, end - 1);
    flags = check.flags;
    return check.valid || fail(CSIMDJSON_MALFORMED_ESCAPE, check.fault);
}

bool Walk::literal(size_t start, size_t end, const char *word, size_t length) noexcept {
    if (end - start == length && std::memcmp(tokens_.text + start, word, length) == 0) return true;
    return fail(CSIMDJSON_UNEXPECTED, start);
}

/// Where a token starts; past the last one the end of the document, where a zero byte stands.
size_t Walk::offset(uint32_t token) const noexcept {
    return token < tokens_.count ? tokens_.offsets[token] : tokens_.length;
}

/// Where the token before the cursor ends. It reaches up to the next one, but for white space: what the tokenizer
/// takes for one scalar (`1"a"`, `tru\e`) is so checked to its last byte.
size_t Walk::token_end() const noexcept {
    size_t end = offset(cursor_);
    for (;;) {
        const uint8_t last = tokens_.text[end - 1];
        if (last != ' ' && last != '\n' && last != '\r' && last != '\t') return end;
        end--;
    }
}

uint8_t Walk::closer() const noexcept { return nodes_[open_].kind == CSIMDJSON_OBJECT ? '}' : ']'; }

bool Walk::fail(int32_t status, size_t at) noexcept {
    failure_ = {status, 0, at};
    return false;
}

bool Walk::unexpected(size_t at) noexcept {
    return fail(at >= tokens_.length ? CSIMDJSON_ENDED_EARLY : CSIMDJSON_UNEXPECTED, at);
}

}  // namespace csimdjson
