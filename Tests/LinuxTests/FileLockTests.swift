import Foundation
import Linux
import TestSupport
import Testing

@Suite struct FileLockTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let owner: OSUser

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path(of: "lock")
        owner = try #require(try OSUser.with(id: OSUser.currentID))
    }

    @Test func `many may share a lock, and one alone may have it`() throws {
        let first = try FileLock(path: path, owner: owner)
        let second = try FileLock(path: path, owner: owner)
        #expect(try first.tryLock(.shared))
        #expect(try second.tryLock(.shared))
        #expect(try !second.tryLock(.exclusive))
        try first.unlock()
        #expect(try second.tryLock(.exclusive))
        #expect(try !first.tryLock(.shared))
    }

    @Test func `waiting for a lock ends with its patience`() throws {
        let holder = try FileLock(path: path, owner: owner)
        #expect(try holder.tryLock(.exclusive))
        let waiter = try FileLock(path: path, owner: owner)
        #expect(throws: Patience.Exhausted.self) {
            try waiter.lock(.exclusive, patience: Patience(.milliseconds(30)))
        }
    }

    @Test func `a lock ends with its value`() throws {
        func holdForAMoment() throws {
            let passing = try FileLock(path: path, owner: owner)
            #expect(try passing.tryLock(.exclusive))
        }
        try holdForAMoment()
        let next = try FileLock(path: path, owner: owner)
        #expect(try next.tryLock(.exclusive))
    }

    @Test func `a child that a lock is handed to holds it, and others do not`() throws {
        let other = try FileLock(path: path, owner: owner)
        func run(_ script: String, handed: Bool) throws -> Bool {
            let lock = try FileLock(path: path, owner: owner)
            #expect(try lock.tryLock(.exclusive))
            let command = Command("/bin/sh", ["-c", script, path], environment: ["PATH": "/usr/bin:/bin"], user: owner)
            let patience = Patience(.seconds(10))
            let result =
                handed
                ? try command.run(holding: lock, patience: patience)
                : try command.run(patience: patience)
            return result.output == "yes\n"
        }
        #expect(try run("[ -e /proc/self/fd/3 ] && echo yes || echo no", handed: true))
        #expect(try !run("[ -e /proc/self/fd/3 ] && echo yes || echo no", handed: false))
        #expect(try other.tryLock(.exclusive))
    }

    @Test func `a link in place of a lock file is not followed`() throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/hostname")
        #expect(throws: SystemError.self) { _ = try FileLock(path: path, owner: owner) }
    }
}
