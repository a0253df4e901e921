import CCurl
package import Foundation

/// The value of a `Retry-After` header (RFC 9110, 10.2.3).
package enum RetryAfter {
    /// How long to wait from `now`, between zero and `maximum`; nil if the value is neither seconds nor a date.
    package static func delay(_ value: some Collection<UInt8>, now: Date, atMost maximum: Duration) -> Duration? {
        // No date is longer; a number may be, and is then beyond any maximum.
        guard value.count <= 64, let first = value.first else { return nil }
        if value.allSatisfy(\.isDigit) {
            let seconds = Int64(String(decoding: value, as: UTF8.self)) ?? .max
            return min(.seconds(seconds), maximum)
        }
        // An HTTP date begins with the name of a day; curl_getdate alone would take nearly anything for a date.
        guard first.isLetter, !value.contains(0) else { return nil }
        let date = unsafe curl_getdate(String(decoding: value, as: UTF8.self), nil)
        guard date >= 0 else { return nil }
        let delay = Duration.seconds(Double(date) - now.timeIntervalSince1970)
        return min(max(delay, .zero), maximum)
    }
}

extension HTTPAnswer {
    /// How long the target asks us to wait; nil if it does not say, or not understandably.
    package func retryDelay(now: Date, atMost maximum: Duration) -> Duration? {
        headers.first(named: "Retry-After").flatMap { RetryAfter.delay($0.value, now: now, atMost: maximum) }
    }
}
