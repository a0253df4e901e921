import Arguments

/// Options of `serve` that say how much strangers and partners may have recorded.
extension Options {
    static let strangerMessages = dailyCount(
        "stranger-messages",
        "Messages a day that are recorded under agreements that nobody has accepted",
        "5000"
    )
    static let strangerMessagesPerAddress = dailyCount(
        "stranger-messages-per-address",
        "The same from one address",
        "500"
    )
    static let strangerBytes = dailyBytes(
        "stranger-bytes",
        "Bytes a day that are recorded under agreements that nobody has accepted",
        "67108864"
    )
    static let strangerBytesPerAddress = dailyBytes(
        "stranger-bytes-per-address",
        "The same from one address",
        "4194304"
    )
    static let refusedBytes = dailyBytes(
        "refused-bytes",
        "Bytes a day of refused messages that are kept whole; then the first 4096 of each",
        "67108864"
    )

    private static func dailyCount(_ name: String, _ help: String, _ standard: String) -> Option<Int> {
        Option<Int>(name, "N", in: 0...1_000_000_000, help: help, defaultText: standard).setting
    }

    private static func dailyBytes(_ name: String, _ help: String, _ standard: String) -> Option<Int> {
        Option<Int>(name, "BYTES", in: 0...1 << 40, help: help, defaultText: standard).setting
    }
}
