import Foundation
import Linux
import TestSupport
import Testing

/// What becomes of root's rights when root starts the service.
@Suite(.fewAtATime, .enabled(if: OSUser.currentID == 0, "only root has rights to give up")) struct RootTests {
    @Test func `no thread of the service keeps them, and no file of the ledger is root's`() async throws {
        let service = try await TestService.started()
        let owner = try #require(try FileStatus(service.data)).ownerID
        #expect(owner != 0)
        let text = try String(contentsOfFile: service.directory.path(of: "service.pid"), encoding: .utf8)
        let tasks = "/proc/\(text.trimmingCharacters(in: .newlines))/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: tasks)
        #expect(threads.count > 1)
        for thread in threads {
            let status = try String(contentsOfFile: "\(tasks)/\(thread)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Uid:") })
            #expect(
                line.split(separator: "\t").dropFirst().allSatisfy { $0 == "\(owner)" },
                "thread \(thread): \(line)"
            )
        }
        for file in try FileManager.default.contentsOfDirectory(atPath: service.data) {
            #expect(try FileStatus("\(service.data)/\(file)")?.ownerID == owner, "\(file)")
        }
    }
}
