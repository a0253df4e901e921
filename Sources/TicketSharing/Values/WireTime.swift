/// A time of the protocol: the instant, and the text in which a partner wrote it.
package struct WireTime: Sendable, Equatable {
    /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds; what is finer is cut off.
    package let microseconds: Int64

    /// The time as it was written; sent on as it is.
    package let text: String

    /// Reads the forms that partners send; `nil` for anything else and for days and hours that do not exist.
    ///
    /// `2010-11-24 14:13:54 -0800` (gem, walkthrough), `2010-11-24T14:13:54.5-08:00` and `…Z` (RFC, RT), `… UTC` (Ruby),
    /// a bare date and a time without zone (both taken as UTC). `24:00:00` is the next day's midnight, as XML Schema
    /// has it; `23:59:60` is taken only where a leap second can be, at the end of a month in UTC, as the second after.
    package init?(_ text: String) {
        guard let microseconds = WireTimeReader.microseconds(of: Array(text.utf8)[...]) else { return nil }
        self.microseconds = microseconds
        self.text = text
    }

    /// Takes what was read before, when its document was.
    init(checked text: String, microseconds: Int64) {
        self.text = text
        self.microseconds = microseconds
    }

    /// Writes an instant in one of the protocol's forms, always in UTC; `nil` outside the years 1 to 9999.
    package init?(microseconds: Int64, in form: Form) {
        guard WireTimeReader.range.contains(microseconds) else { return nil }
        self.microseconds = microseconds
        text = form.text(of: microseconds)
    }
}

extension WireTime: CustomStringConvertible {
    /// The time as it was written.
    package var description: String {
        text
    }
}

extension WireTime {
    /// The two ways of writing a time.
    package enum Form: Sendable {
        /// `2010-11-24 22:13:54 +0000`, as the gem writes; has no fractions.
        case spaced

        /// `2010-11-24T22:13:54Z`, as the RFC demands; with six digits of fraction where there is one.
        case xml

        func text(of microseconds: Int64) -> String {
            let (seconds, fraction) = microseconds.dividedDown(by: 1_000_000)
            let (days, secondOfDay) = seconds.dividedDown(by: 86_400)
            let date = CivilDate(daysSince1970: Int(days))
            var text = "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))"
            text += self == .xml ? "T" : " "
            text += "\(Self.padded(Int(secondOfDay / 3_600), 2)):\(Self.padded(Int(secondOfDay / 60 % 60), 2))"
            text += ":\(Self.padded(Int(secondOfDay % 60), 2))"
            guard self == .xml else { return text + " +0000" }
            return text + (fraction == 0 ? "Z" : ".\(Self.padded(Int(fraction), 6))Z")
        }

        private static func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
    }
}

extension Int64 {
    /// Quotient and remainder with the remainder never negative, so that times before 1970 come out right.
    fileprivate func dividedDown(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
