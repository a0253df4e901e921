import Foundation
import Glibc
import Linux
import TestPeers
import TestSupport
import Testing

/// The disk of the private PostgreSQL is full. Needs the right to mount a small one.
@Suite(.fewAtATime, .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted"), .timeLimit(.minutes(15)))
struct DiskTests {
    @Test func `messages get 503 while the disk is full, and nothing that was acknowledged is lost`() async throws {
        let service = try TestService()
        let disk = try SmallDisk(at: service.data, megabytes: 160)
        try await service.start()
        try await service.agree()
        let file = try AcknowledgementFile(path: service.directory.path(of: "acknowledged"))
        var client = InsistentClient(port: service.publicPort)
        #expect(try await send(3, "before", by: &client, file) == [201, 201, 201])
        try disk.fill()
        let full = try await send(60, "full", by: &client, file)
        #expect(full.allSatisfy { $0 == 201 || $0 == 503 })
        #expect(full.last == 503)
        // Still there to be asked, and to be told to go on.
        let health = try #require(try await service.ask("GET", "/healthz", at: service.privatePort))
        #expect(health.status == 200)
        try disk.empty()
        try await service.waitUntilReady()
        let last = InsistentClient.message(
            "POST",
            "/sharing/tickets/last",
            token: TestService.token(),
            Self.body("last")
        )
        let answer = try await client.send(last)
        try file.append(Acknowledgement(answer, ticket: "last", comment: "c-last", direction: "in"))
        let recorded = try await service.recordedMessages()
        let acknowledged = try file.contents.map(\.line)
        #expect(Set(acknowledged).subtracting(recorded) == [])
        #expect(recorded.count == Set(recorded).count)
        try await service.command("projection", "verify")
        #expect(try await service.stop() == .code(0))
    }

    /// Sends messages of a megabyte until one is refused, and two more.
    private func send(
        _ count: Int,
        _ name: String,
        by client: inout InsistentClient,
        _ file: AcknowledgementFile,
    ) async throws -> [Int] {
        var statuses: [Int] = []
        for number in 0..<count where statuses.count(where: { $0 == 503 }) < 3 {
            let ticket = "\(name)-\(number)"
            let target = "/sharing/tickets/\(ticket)"
            let message = InsistentClient.message("POST", target, token: TestService.token(), Self.body(ticket))
            let answer = try #require(try await client.sendOnce(message))
            statuses.append(answer.status)
            if answer.status == 201 {
                try file.append(Acknowledgement(answer, ticket: ticket, comment: "c-\(ticket)", direction: "in"))
            } else {
                #expect(answer.header("Retry-After") != nil)
            }
        }
        return statuses
    }

    /// A ticket with a megabyte that cannot be compressed much.
    private static func body(_ ticket: String) -> String {
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<60_000).map { _ in String(generator.next(), radix: 36) }.joined()
        return #"{"uuid":"\#(ticket)","comments":[{"uuid":"c-\#(ticket)","body":"\#(noise.prefix(700_000))"}]}"#
    }
}

/// A tmpfs of a few megabytes, gone with this value and with the process that holds it.
private struct SmallDisk: ~Copyable {
    private let path: String
    private let watchdog: Watchdog

    /// Tries it once.
    static let isPermitted: Bool = {
        guard OSUser.currentID == 0, let directory = try? TemporaryDirectory() else { return false }
        let isMounted = (try? run("mount", ["-t", "tmpfs", "-o", "size=1m", "none", directory.path])) != nil
        return isMounted && (try? run("umount", [directory.path])) != nil
    }()

    init(at path: String, megabytes: Int) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let watchdog = try Watchdog(script: Self.cleanUp, [path], user: try Self.root())
        try Self.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0755", "none", path])
        self.path = path
        self.watchdog = watchdog
    }

    /// Takes all the room that is left.
    borrowing func fill() throws {
        let filler = "\(path)/filler"
        try #require(FileManager.default.createFile(atPath: filler, contents: nil))
        let file = try FileHandle(forWritingTo: URL(filePath: filler))
        for size in [1 << 20, 1 << 12] {
            let piece = Data(count: size)
            // Thrown when there is no more room, which is what is wanted.
            while (try? file.write(contentsOf: piece)) != nil {}
        }
        try file.close()
    }

    /// Makes room again.
    borrowing func empty() throws {
        try FileManager.default.removeItem(atPath: "\(path)/filler")
    }

    private static let cleanUp = """
        for _ in $(seq 300); do [ -e "$0/pgdata/postmaster.pid" ] || break; sleep 0.05; done
        umount -l "$0" && rm -rf "$(dirname "$0")"
        """

    private static func root() throws -> OSUser {
        try #require(try OSUser.with(id: 0))
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let command = Linux.Command("/bin/\(program)", arguments, environment: [:], user: try root())
        let result = try command.run(patience: Patience(.seconds(10), endsWithTask: false))
        try #require(result.isSuccess, "\(result.output)")
    }
}
