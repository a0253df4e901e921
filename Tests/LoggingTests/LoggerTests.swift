import Foundation
import Logging
import Testing

@Suite struct LoggerTests {
    private let handler = CollectingLogHandler()

    @Test func `lines below the level are neither written nor evaluated`() {
        let logger = Logger(label: "test", logLevel: .warning, handler: handler)
        func evaluated() -> String {
            Issue.record("a line below the level was evaluated")
            return ""
        }
        logger.info(evaluated())
        logger.error("kept")
        #expect(handler.lines.map(\.message) == ["kept"])
    }

    @Test func `a JSON line escapes what would break it, and masks what is private`() throws {
        Logger(label: "test", handler: handler)
            .error("failed", metadata: ["partner.name": "a\"b\\c\n\u{1}", "token": .masked])
        let line = try #require(handler.lines.first)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.json.utf8)) as? [String: String])
        #expect(object["partner.name"] == "a\"b\\c\n\u{1}")
        #expect(object["token"] == "[masked]")
        #expect(object["level"] == "error")
        #expect(object["time"]?.hasSuffix("Z") == true)
        #expect(line.json.filter { $0 == "\n" }.count == 1)
    }

    @Test func `a text line stays one line`() throws {
        Logger(label: "test", handler: handler).error("failed", metadata: ["cause": "two\nlines\u{1B}[31m"])
        let line = try #require(handler.lines.first)
        #expect(line.text.dropLast().allSatisfy { !$0.isNewline && $0 != "\u{1B}" })
    }
}
