/// Reads the forms of a time from bytes; no formatter, as one costs more than all else done with a message.
struct WireTimeReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// The instants of the years 1 to 9999.
    static let range: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    private static let longest = 64

    static func microseconds(of bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count <= longest else { return nil }
        var reader = WireTimeReader(bytes)
        guard let date = reader.date() else { return nil }
        let midnight = Int64(date.daysSince1970) * 86_400_000_000
        guard !reader.isAtEnd else { return midnight }
        guard reader.take("T") || reader.take("t") || reader.take(" "), let time = reader.time(),
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let instant = midnight + time.microseconds - Int64(offset) * 60_000_000
        guard range.contains(instant) else { return nil }
        return time.isLeapSecond && !isEndOfMonth(instant) ? nil : instant
    }

    /// Whether an instant is the first of a UTC month, give or take the fraction of a second.
    private static func isEndOfMonth(_ instant: Int64) -> Bool {
        let microsecondsOfDay = (instant % 86_400_000_000 + 86_400_000_000) % 86_400_000_000
        guard microsecondsOfDay < 1_000_000 else { return false }
        let days = (instant - microsecondsOfDay) / 86_400_000_000
        return CivilDate(daysSince1970: Int(days) - 1).isLastOfMonth
    }

    private mutating func date() -> CivilDate? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2) else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }

    private mutating func time() -> (microseconds: Int64, isLeapSecond: Bool)? {
        guard let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2),
            let fraction = fraction()
        else { return nil }
        let isEndOfDay = hour == 24 && minute == 0 && second == 0 && fraction == 0
        guard isEndOfDay || (hour < 24 && minute < 60 && second <= 60) else { return nil }
        return (Int64(hour * 3_600 + minute * 60 + second) * 1_000_000 + fraction, second == 60)
    }

    /// Microseconds after a point, cut off after six digits; 0 where there is no point.
    private mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var microseconds: Int64 = 0
        var count = 0
        while let digit = digit() {
            if count < 6 { microseconds = microseconds * 10 + Int64(digit) }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in 0..<max(0, 6 - count) { microseconds *= 10 }
        return microseconds
    }

    /// Minutes east of Greenwich; 0 where there is no zone.
    private mutating func offset() -> Int? {
        guard !isAtEnd, !take("Z"), !take("z") else { return 0 }
        if take(" "), take(word: "UTC") || take(word: "GMT") { return 0 }
        let sign = take("-") ? -1 : 1
        guard sign == -1 || take("+"), let hours = number(2) else { return nil }
        if isAtEnd { return hours < 24 ? sign * hours * 60 : nil }
        _ = take(":")
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private mutating func number(_ width: Int) -> Int? {
        var number = 0
        for _ in 0..<width {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    private var isAtEnd: Bool {
        position == bytes.endIndex
    }

    private mutating func digit() -> Int? {
        guard !isAtEnd, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] else { return nil }
        defer { position += 1 }
        return Int(bytes[position] - UInt8(ascii: "0"))
    }

    private mutating func take(_ character: UnicodeScalar) -> Bool {
        guard !isAtEnd, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }
}
