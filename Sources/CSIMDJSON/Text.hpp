#pragma once

#include <cstddef>
#include <cstdint>

namespace csimdjson {

constexpr uint8_t has_escape = 1;
constexpr uint8_t has_nul = 2;
constexpr uint8_t has_lone_surrogate = 4;

struct StringCheck {
    bool valid;
    uint8_t flags;
    size_t fault;
};

struct NumberCheck {
    bool valid;
    bool integer;
    size_t fault;
};

/// Checks the escapes between the quotes of a string that holds no raw control character.
StringCheck check_string(const uint8_t *bytes, size_t begin, size_t end) noexcept;

/// Checks RFC 8259's `number` over exactly these bytes.
NumberCheck check_number(const uint8_t *bytes, size_t begin, size_t end) noexcept;

/// The offset of the first byte that is not well-formed UTF-8 (Unicode 15, table 3-7), or `length`.
size_t find_invalid_utf8(const uint8_t *bytes, size_t length) noexcept;

struct StringFault {
    bool control_character;
    size_t offset;
};

/// Finds what simdjson refused a document's strings for: a raw control character, or the quote that is never closed.
StringFault find_string_fault(const uint8_t *bytes, size_t length) noexcept;

}  // namespace csimdjson
