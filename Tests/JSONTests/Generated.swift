import Foundation

/// SplitMix64, so that a failing case can be made again from the seed it printed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// `SHARELEDGER_SEED`, or a new one each run; printed, so that it can be given the next time.
    static let seed: UInt64 = {
        let given = ProcessInfo.processInfo.environment["SHARELEDGER_SEED"].flatMap { UInt64($0) }
        let seed = given ?? .random(in: 0...UInt64.max)
        print("SHARELEDGER_SEED=\(seed)")
        return seed
    }()
}

/// JSON texts of every kind, and texts that nearly are.
struct DocumentGenerator {
    var random: SeededGenerator

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func document() -> [UInt8] {
        Array((space() + value(depth: 0) + space()).utf8)
    }

    /// Changes one to three bytes: flips, drops, doubles, swaps or replaces them by what matters in JSON.
    mutating func mutated(_ document: [UInt8]) -> [UInt8] {
        let grammar = Array("\"\\{}[],:0-1.eEtfnu \n\t\r/\u{0C}\u{0}\u{1A}\u{7F}".utf8)
        let interesting = grammar + [0x80, 0xC0, 0xED, 0xEF, 0xFF]
        var bytes = document
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            case 3: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &random))
            case 4: bytes.insert(interesting.randomElement(using: &random)!, at: index)
            default: bytes[index] = interesting.randomElement(using: &random)!
            }
        }
        return bytes
    }

    private mutating func pick(_ choices: [String]) -> String {
        choices.randomElement(using: &random)!
    }

    private mutating func space() -> String {
        pick(["", "", "", " ", "\n", "\r\n\t", "      "])
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 5 ? 6 : 9), using: &random) {
        case 0: pick(["null", "true", "false"])
        case 1: pick(["0", "-0", "1", "-12", "3.25", "1e400000", "1E-2", "0.0e+00", "123456789012345678901234567890"])
        case 2...5: text()
        case 6, 7: object(depth: depth)
        default: array(depth: depth)
        }
    }

    private mutating func object(depth: Int) -> String {
        let members = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
            space() + text() + space() + ":" + space() + value(depth: depth + 1) + space()
        }
        return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
    }

    private mutating func array(depth: Int) -> String {
        let elements = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
            space() + value(depth: depth + 1) + space()
        }
        return "[" + (elements.isEmpty ? space() : elements.joined(separator: ",")) + "]"
    }

    private mutating func text() -> String {
        let parts = [
            "a", "uuid", "\\u0075uid", " ", "é", "漢", "📷", "\\n", "\\\"", "\\\\", "\\/", "\\b\\f\\r\\t",
            "\\u0000", "\\ud800", "\\uDC00", "\\ud83d\\udcf7", "\\u00E9", "{", "]", ",", ":", "\u{7F}",
            "long enough to fill a whole vector of text",
        ]
        return "\"" + (0..<Int.random(in: 0..<5, using: &random)).map { _ in pick(parts) }.joined() + "\""
    }
}

/// The bodies of the requests that real clients sent.
enum WireSample {
    static func bodies() throws -> [[UInt8]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/wire")
        let paths = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "http" }.sorted { $0.path() < $1.path() }
        return try paths.map { url in
            let request = [UInt8](try Data(contentsOf: url))
            let end = request.indices.first { request[$0...].starts(with: Array("\r\n\r\n".utf8)) }!
            return Array(request[(end + 4)...])
        }.filter { !$0.isEmpty }
    }
}
