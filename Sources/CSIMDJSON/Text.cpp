#include "Text.hpp"

#include <cstring>

namespace csimdjson {

namespace {

bool is_digit(uint8_t byte) noexcept { return byte >= '0' && byte <= '9'; }

/// The value of four hex digits, or -1.
int32_t hex4(const uint8_t *bytes, size_t begin, size_t end) noexcept {
    if (end - begin < 4) return -1;
    int32_t value = 0;
    for (size_t i = begin; i < begin + 4; i++) {
        const uint8_t byte = bytes[i];
        int32_t digit;
        if (is_digit(byte)) {
            digit = byte - '0';
        } else if (byte >= 'a' && byte <= 'f') {
            digit = byte - 'a' + 10;
        } else if (byte >= 'A' && byte <= 'F') {
            digit = byte - 'A' + 10;
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

bool is_continuation(uint8_t byte) noexcept { return (byte & 0xC0) == 0x80; }

/// The length of the well-formed sequence that starts here, or 0.
size_t utf8_sequence(const uint8_t *bytes, size_t available) noexcept {
    const uint8_t lead = bytes[0];
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return available >= 2 && is_continuation(bytes[1]) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (available < 3 || !is_continuation(bytes[1]) || !is_continuation(bytes[2])) return 0;
        if (lead == 0xE0 && bytes[1] < 0xA0) return 0;
        if (lead == 0xED && bytes[1] > 0x9F) return 0;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (available < 4) return 0;
        if (!is_continuation(bytes[1]) || !is_continuation(bytes[2]) || !is_continuation(bytes[3])) return 0;
        if (lead == 0xF0 && bytes[1] < 0x90) return 0;
        if (lead == 0xF4 && bytes[1] > 0x8F) return 0;
        return 4;
    }
    return 0;
}

}  // namespace

StringCheck check_string(const uint8_t *bytes, size_t begin, size_t end) noexcept {
    const void *first = std::memchr(bytes + begin, '\\', end - begin);
    if (first == nullptr) return {true, 0, 0};
    uint8_t flags = has_escape;
    size_t i = static_cast<size_t>(static_cast<const uint8_t *>(first) - bytes);
    while (i < end) {
        if (bytes[i] != '\\') {
            i++;
            continue;
        }
        const size_t escape = i;
        if (end - i < 2) return {false, flags, escape};
        switch (bytes[i + 1]) {
            case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
                i += 2;
                break;
            case 'u': {
                const int32_t unit = hex4(bytes, i + 2, end);
                if (unit < 0) return {false, flags, escape};
                i += 6;
                if (unit == 0) flags |= has_nul;
                if (unit < 0xD800 || unit > 0xDFFF) break;
                const bool escape_follows = end - i >= 6 && bytes[i] == '\\' && bytes[i + 1] == 'u';
                const int32_t low = escape_follows ? hex4(bytes, i + 2, end) : -1;
                if (unit <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF) {
                    i += 6;
                } else {
                    flags |= has_lone_surrogate;
                }
                break;
            }
            default:
                return {false, flags, escape};
        }
    }
    return {true, flags, 0};
}

NumberCheck check_number(const uint8_t *bytes, size_t begin, size_t end) noexcept {
    size_t i = begin;
    bool integer = true;
    const auto digits = [&]() noexcept {
        const size_t first = i;
        while (i < end && is_digit(bytes[i])) i++;
        return i > first;
    };
    if (i < end && bytes[i] == '-') i++;
    if (i < end && bytes[i] == '0') {
        i++;
    } else if (!digits()) {
        return {false, false, i};
    }
    if (i < end && bytes[i] == '.') {
        integer = false;
        i++;
        if (!digits()) return {false, false, i};
    }
    if (i < end && (bytes[i] == 'e' || bytes[i] == 'E')) {
        integer = false;
        i++;
        if (i < end && (bytes[i] == '+' || bytes[i] == '-')) i++;
        if (!digits()) return {false, false, i};
    }
    return {i == end, integer, i};
}

size_t find_invalid_utf8(const uint8_t *bytes, size_t length) noexcept {
    size_t i = 0;
    while (i < length) {
        const size_t sequence = utf8_sequence(bytes + i, length - i);
        if (sequence == 0) return i;
        i += sequence;
    }
    return length;
}

StringFault find_string_fault(const uint8_t *bytes, size_t length) noexcept {
    bool inside = false;
    size_t opened = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\\') {
            i++;
        } else if (bytes[i] == '"') {
            inside = !inside;
            opened = i;
        }
        if (inside && i < length && bytes[i] < 0x20) return {true, i};
    }
    return {false, inside ? opened : length};
}

}  // namespace csimdjson
