import Foundation
import Linux
import TestSupport
import Testing

struct StreamingTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    @Test func `a file is written, cut and gone on with`() throws {
        let path = directory.path(of: "file")
        do {
            let file = try FileDescriptor(path, for: .beginning)
            let (isFile, isTerminal) = (file.isRegularFile, file.isTerminal)
            #expect(isFile && !isTerminal)
            try file.write(Array("one two three".utf8))
        }
        #expect(throws: SystemError.self) { _ = try FileDescriptor(path, for: .beginning) }
        do {
            let file = try FileDescriptor(path, for: .continuing)
            #expect(try file.read(atMost: 5) == Array("one t".utf8))
            try file.cut(after: 4)
            try file.write(Array("four".utf8))
        }
        let file = try FileDescriptor(path, for: .readingAnywhere)
        #expect(try file.read(atMost: 100) == Array("one four".utf8))
        #expect(try file.read(atMost: 100) == [])
        do {
            _ = try FileDescriptor("\(path)-not", for: .continuing)
            Issue.record("a file that is not there is not made")
        } catch { #expect(error.isForMissing) }
    }

    @Test func `a file is locked by one, and links are read through only where users name files`() throws {
        let path = directory.path(of: "file")
        let file = try FileDescriptor(path, for: .beginning)
        let other = try FileDescriptor(path, for: .continuing)
        #expect(try file.tryLock())
        #expect(try !other.tryLock())
        let link = directory.path(of: "link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(throws: SystemError.self) { _ = try FileDescriptor(link, for: .continuing) }
        #expect(throws: Never.self) { _ = try FileDescriptor(link, for: .readingAnywhere) }
    }

    @Test func `a pipe that nobody reads says so`() throws {
        signal(SIGPIPE, SIG_IGN)
        let writing = try AnonymousPipe().onlyWriting()
        let isFile = writing.isRegularFile
        #expect(!isFile)
        do {
            try writing.write([1])
            Issue.record("written to nobody")
        } catch { #expect(error.isForWantOfReaders) }
    }
}
