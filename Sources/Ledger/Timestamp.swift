import Foundation

/// A moment in microseconds since 1970-01-01T00:00:00Z, the resolution of PostgreSQL's `timestamptz`.
package struct Timestamp: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The system clock's time, which may step backwards.
    package static func now() -> Timestamp {
        var time = timespec()
        // The arguments are valid by construction, so the call cannot fail.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    package var milliseconds: Int64 {
        microseconds.flooringDivision(by: 1000).quotient
    }

    /// The day in UTC, counted from 1970-01-01.
    package var day: Int64 {
        microseconds.flooringDivision(by: 86_400_000_000).quotient
    }

    /// Seconds until the next day in UTC begins, rounded up.
    package var secondsToMidnight: Int {
        Int(86_400 - microseconds.flooringDivision(by: 86_400_000_000).remainder / 1_000_000)
    }

    package static func < (lhs: Timestamp, rhs: Timestamp) -> Bool {
        lhs.microseconds < rhs.microseconds
    }

    /// The moment `duration` later, to the microsecond below.
    package func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(microseconds: microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}

// MARK: - Text

extension Timestamp: CustomStringConvertible {
    /// `2026-01-31T12:00:00.000000Z`: RFC 3339 in UTC, always with six digits of fraction.
    package var description: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends ``description`` in ASCII; years outside 0 to 9999 are written with as many digits as they have.
    package func append(to text: inout [UInt8]) {
        let (day, microsecondOfDay) = microseconds.flooringDivision(by: 86_400_000_000)
        let date = CivilDate(daysSince1970: day)
        let second = microsecondOfDay / 1_000_000
        Self.append(date.year, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.append(date.month, digits: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.append(date.day, digits: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        Self.append(second / 3600, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.append(second / 60 % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.append(second % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: "."))
        Self.append(microsecondOfDay % 1_000_000, digits: 6, to: &text)
        text.append(UInt8(ascii: "Z"))
    }

    private static func append(_ number: Int64, digits: Int, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits {
            divisor *= 10
        }
        if number < 0 {
            text.append(UInt8(ascii: "-"))
        }
        var rest = number.magnitude
        while rest / UInt64(divisor) >= 10 {
            divisor *= 10
        }
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(rest / UInt64(divisor)))
            rest %= UInt64(divisor)
            divisor /= 10
        }
    }
}

/// A day of the proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March.
private struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    init(daysSince1970 days: Int64) {
        let (era, dayOfEra) = (days + 719_468).flooringDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}

extension Int64 {
    fileprivate func flooringDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
