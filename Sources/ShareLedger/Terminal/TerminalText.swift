/// Text from outside as a terminal may get it: what would move its cursor or turn its lines round is written out.
enum TerminalText {
    /// One line: every control character, line ends too, as `\u{1b}`.
    static func line(_ text: String) -> String {
        cleaned(text) { isActive($0) ? "\\u{\(String($0.value, radix: 16))}" : nil }
    }

    /// Several lines: as ``line(_:)``, but line feeds and tabs stay.
    static func lines(_ text: String) -> String {
        cleaned(text.replacing("\r\n", with: "\n")) { scalar in
            guard scalar != "\n", scalar != "\t", isActive(scalar) else { return nil }
            return "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    /// A JSON text of the same meaning; what is active can stand in its strings only, where JSON has escapes of its own.
    static func json(_ text: String) -> String {
        cleaned(text) { scalar in
            switch scalar {
            case "\n", "\t": nil
            case "\r": " "
            case _ where isActive(scalar):
                String(scalar).utf16.map { unit in
                    let digits = String(unit, radix: 16)
                    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
                .joined()
            default: nil
            }
        }
    }

    private static func cleaned(_ text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
        guard text.unicodeScalars.contains(where: { replacement($0) != nil }) else { return text }
        var cleaned = ""
        for scalar in text.unicodeScalars {
            if let replaced = replacement(scalar) {
                cleaned += replaced
            } else {
                cleaned.unicodeScalars.append(scalar)
            }
        }
        return cleaned
    }

    /// Control characters, those that end lines, and those that change the direction of what follows.
    ///
    /// The two joiners, which are formatting characters too, make up letters and emoji and do nothing else.
    private static func isActive(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x7F || scalar.value < 0x20 else { return false }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        case .format: return scalar != "\u{200C}" && scalar != "\u{200D}"
        default: return false
        }
    }
}

// MARK: - Width

extension TerminalText {
    /// How many columns a line takes on a terminal, as far as that can be known.
    static func width(_ line: String) -> Int {
        line.reduce(0) { $0 + width($1) }
    }

    /// A line of at most so many columns; what is cut off leaves `…`.
    static func shortened(_ line: String, to columns: Int) -> String {
        guard width(line) > columns else { return line }
        var kept = ""
        var used = 1
        for character in line {
            used += width(character)
            guard used <= columns else { break }
            kept.append(character)
        }
        return kept + "…"
    }

    /// A line broken at spaces into lines of at most so many columns; a word that is longer stays whole.
    static func wrapped(_ line: String, to columns: Int) -> [String] {
        var lines = [""]
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            let longer = lines[lines.count - 1].isEmpty ? String(word) : lines[lines.count - 1] + " " + word
            if width(longer) <= columns || lines[lines.count - 1].isEmpty {
                lines[lines.count - 1] = longer
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0.contains(first.value) } ? 2 : 1
        }
    }

    /// The blocks of Unicode's East Asian Width W and F.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x20000...0x3FFFD,
    ]
}
