import Foundation
import Linux
import Testing

/// A running ClusterHolder, killed with this value.
final class HolderProcess {
    private let child: ChildProcess
    private let input: FileDescriptor
    private let output: FileDescriptor
    private let patience = Patience(.seconds(60), endsWithTask: false)

    init(_ dataDirectory: String) throws {
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        let towards = try AnonymousPipe()
        let back = try AnonymousPipe()
        child = try Command(try Self.program, [dataDirectory], environment: ["PATH": "/usr/bin:/bin"], user: user)
            .start(input: towards.reading, output: back.writing)
        input = towards.onlyWriting()
        output = back.onlyReading()
    }

    deinit {
        // It may be the one that a test has just seen end.
        try? killHard()
    }

    /// ClusterHolder is built beside the tests.
    static var program: String {
        get throws {
            let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(filePath: tests).deletingLastPathComponent().appending(path: "ClusterHolder").path
        }
    }

    var id: Int32 {
        child.id
    }

    /// The next line it prints; nil once it has ended.
    func answer() throws -> String? {
        try output.line(patience: patience)
    }

    func tell(_ word: String) throws {
        try #require(try child.exitStatus(slicedBy: Patience(.zero)) == nil, "ClusterHolder has ended")
        try input.write(word + "\n")
    }

    /// Leaves it no time for anything, and waits for its end.
    func killHard() throws {
        try child.end(with: SIGKILL, patience: patience)
    }
}
