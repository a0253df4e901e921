import Foundation
import HTTPClient
import Testing

@Suite struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
    private let now = Date(timeIntervalSince1970: 784_111_777)

    private func delay(_ value: String, atMost maximum: Duration = .seconds(86_400)) -> Duration? {
        RetryAfter.delay(Array(value.utf8), now: now, atMost: maximum)
    }

    @Test(arguments: [
        ("0", 0), ("120", 120), ("00120", 120), ("86401", 86_400), ("99999999999999999999", 86_400),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120), ("Sunday, 06-Nov-94 08:51:37 GMT", 120),
        ("Sun Nov  6 08:51:37 1994", 120),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ])
    func `seconds and dates are read and clamped`(value: String, seconds: Int) {
        #expect(delay(value) == .seconds(seconds))
    }

    @Test(arguments: [
        "", " ", "-1", "+1", "1.5", "1 ", "soon", "1e3", "0x10", "1994-11-06", "12:00", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT" + String(repeating: " ", count: 100), "Sun, 06 Nov\01994 08:49:37 GMT",
    ])
    func `anything else says nothing`(value: String) {
        #expect(delay(value) == nil)
    }
}
