package import Cryptography

/// The pauses between the tries of a delivery.
///
/// After the last pause comes one more try; when that fails as well, an operator has to decide.
package struct RetrySchedule: Sendable, Equatable {
    /// The pause after the first failed try, after the second, and so on.
    package let pauses: [Duration]

    /// The longest pause that a partner can ask for.
    package static let longestRequestedPause = Duration.seconds(86_400)

    /// 5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h.
    package static let standard = RetrySchedule(
        pauses: [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map { .seconds($0) },
    )

    package init(pauses: [Duration]) {
        self.pauses = pauses
    }

    /// Reads `5s,1m,2h`; `nil` for anything else.
    package init?(_ text: String) {
        var pauses: [Duration] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let unit = word.last.flatMap({ Self.units[$0] }), let number = Int64(word.dropLast()),
                (0...Self.largestNumber).contains(number)
            else { return nil }
            pauses.append(.seconds(number * unit))
        }
        self.init(pauses: pauses)
    }

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    private static let largestNumber: Int64 = 1_000_000

    /// How far ahead a delivery can be due: the longest pause, or what a partner may ask for, with all that may be added.
    package var longestWait: Duration {
        let pause = max(pauses.max() ?? .zero, Self.longestRequestedPause)
        return pause + pause / 10
    }

    /// How long to wait after a failed try, the first one being 1; `nil` when there was the last try.
    ///
    /// Up to a tenth is added, so that what failed together does not come back together. A partner that asks for more is
    /// given more; one that asks for less is not, since it could have all tries made at once.
    package func pause(afterTry number: Int, requested: Duration? = nil, randomness: Randomness) -> Duration? {
        guard number <= pauses.count else { return nil }
        let pause = max(pauses[max(number, 1) - 1], min(requested ?? .zero, Self.longestRequestedPause))
        let fraction = randomness.bytes(2).reduce(0) { $0 << 8 | Int($1) }
        return pause + pause * fraction / 655_360
    }
}
