import Foundation
package import Testing

extension Tag {
    /// Tests in which several threads or processes meet.
    ///
    /// `swift test` cannot select by tag, but it can by file name: `tools/test` runs every file in which
    /// `.tags(.concurrency)` stands a second time, under the thread sanitizer. Keep such tests in files of their own.
    @Tag package static var concurrency: Self
}

extension Trait where Self == ConditionTrait {
    /// Tests that take more than a few seconds: they run if `SHARELEDGER_LONG_TESTS` is 1, as in `tools/test --all`.
    package static var long: Self {
        .enabled(
            if: ProcessInfo.processInfo.environment["SHARELEDGER_LONG_TESTS"] == "1",
            "long: set SHARELEDGER_LONG_TESTS=1",
        )
    }
}
