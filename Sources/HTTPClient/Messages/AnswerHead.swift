/// Reads the lines that libcurl has already cut out of an answer's head.
enum AnswerHead {
    /// What one line of a head is.
    enum Line: Equatable {
        case status(Int)
        case header(name: Range<Int>, value: Range<Int>)
        /// The rest of the header before it, in a form that RFC 9112 has given up but still describes.
        case continuation(value: Range<Int>)
        case end
        case malformed
    }

    /// Classifies one line with its line end; offsets are those of `line`.
    static func classify(_ line: Span<UInt8>) -> Line {
        var end = line.count
        if end > 0, line[end - 1] == newline { end -= 1 }
        if end > 0, line[end - 1] == carriageReturn { end -= 1 }
        guard end > 0 else { return .end }
        var nameEnd = 0
        for index in 0..<end {
            switch line[index] {
            case 0, carriageReturn, newline: return .malformed
            case colon where nameEnd == 0: nameEnd = index
            default: continue
            }
        }
        if line[0].isBlank {
            return .continuation(value: trimmed(0..<end, of: line))
        }
        guard nameEnd > 0 else { return .malformed }
        for index in 0..<nameEnd where !HTTPHeader.isTokenByte(line[index]) {
            return .malformed
        }
        return .header(name: 0..<nameEnd, value: trimmed((nameEnd + 1)..<end, of: line))
    }

    /// Reads `HTTP/1.0 200 OK` or its like; the reason may be missing, other versions are malformed.
    static func classifyStatus(_ line: Span<UInt8>) -> Line {
        let version = Array("HTTP/1.".utf8)
        guard line.count >= 12, version.indices.allSatisfy({ line[$0] == version[$0] }),
            line[7] == zero || line[7] == zero + 1, line[8] == space
        else { return .malformed }
        var status = 0
        for index in 9..<12 {
            guard line[index].isDigit else { return .malformed }
            status = status * 10 + Int(line[index] - zero)
        }
        let isDelimited = line.count == 12 || [space, carriageReturn, newline].contains(line[12])
        return status >= 100 && isDelimited ? .status(status) : .malformed
    }

    /// The headers of a head that was checked line by line, continued lines joined by one space.
    static func headers(in head: [UInt8]) -> [HTTPHeader] {
        var headers: [HTTPHeader] = []
        for line in head.split(separator: newline).dropFirst().map(Array.init) {
            switch classify(line.span) {
            case .header(let name, let value):
                headers.append(HTTPHeader(name: String(decoding: line[name], as: UTF8.self), value: Array(line[value])))
            case .continuation(let value):
                guard let last = headers.popLast() else { continue }
                headers.append(HTTPHeader(name: last.name, value: last.value + [space] + line[value]))
            case .status, .end, .malformed:
                continue
            }
        }
        return headers
    }

    private static func trimmed(_ range: Range<Int>, of line: Span<UInt8>) -> Range<Int> {
        var range = range
        while let first = range.first, line[first].isBlank { range = (first + 1)..<range.upperBound }
        while let last = range.last, line[last].isBlank { range = range.lowerBound..<last }
        return range
    }

    private static let colon = UInt8(ascii: ":")
    private static let space = UInt8(ascii: " ")
    private static let zero = UInt8(ascii: "0")
    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
}
