import CLinux
import Glibc

/// Owns one open file and closes it exactly once; never inherited by a child unless handed to it.
package struct FileDescriptor: ~Copyable, Sendable {
    let number: Int32

    /// Takes ownership of an open descriptor.
    init(taking number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}

// MARK: - Opening

extension FileDescriptor {
    /// What a file is opened for; but for ``readingAnywhere`` none follows a symbolic link in the last component.
    package enum Purpose: Sendable {
        case reading
        /// Reads what a user has named, through links too.
        case readingAnywhere
        /// Appends, creating the file 0600 if it is missing.
        case appending
        /// Reads and writes, creating the file 0600 if it is missing.
        case locking
        /// Writes a file that must not exist yet, 0600.
        case creating
        /// Reads and writes a file that must not exist yet, 0600.
        case beginning
        /// Reads and writes a file that is there.
        case continuing
        /// A directory, to change its owner and mode or to make its entries durable.
        case directory

        fileprivate var flags: Int32 {
            switch self {
            case .reading: O_RDONLY | linux_o_nofollow
            case .readingAnywhere: O_RDONLY
            case .appending: O_WRONLY | O_APPEND | O_CREAT | linux_o_nofollow
            case .locking: O_RDWR | O_CREAT | linux_o_nofollow
            case .creating: O_WRONLY | O_CREAT | O_EXCL | linux_o_nofollow
            case .beginning: O_RDWR | O_CREAT | O_EXCL | linux_o_nofollow
            case .continuing: O_RDWR | linux_o_nofollow
            case .directory: O_RDONLY | linux_o_directory | linux_o_nofollow
            }
        }
    }

    /// Opens `path` with close-on-exec set.
    package init(_ path: String, for purpose: Purpose) throws(SystemError) {
        var opened: Int32 = -1
        try SystemError.check(unsafe linux_open(path, purpose.flags, 0o600, &opened), "open \(path)")
        number = opened
    }

    /// A file in memory that holds `content`, read from its start.
    package init(inMemory content: String) throws(SystemError) {
        var opened: Int32 = -1
        try SystemError.check(unsafe linux_memory_file("shareledger", &opened), "memfd_create")
        let file = FileDescriptor(taking: opened)
        try file.write(content)
        guard lseek(opened, 0, SEEK_SET) == 0 else { throw SystemError(code: errno, operation: "lseek") }
        self = file
    }
}

/// A pipe: what is written to one end is read from the other, which ends when the first is closed everywhere.
package struct AnonymousPipe: ~Copyable, Sendable {
    /// The end that is read from.
    package let reading: FileDescriptor

    /// The end that is written to.
    package let writing: FileDescriptor

    /// Makes both ends, close-on-exec.
    package init() throws(SystemError) {
        var readEnd: Int32 = -1
        var writeEnd: Int32 = -1
        try SystemError.check(unsafe linux_pipe(&readEnd, &writeEnd), "pipe")
        reading = FileDescriptor(taking: readEnd)
        writing = FileDescriptor(taking: writeEnd)
    }

    /// Closes the end that is written to, which a child holds by now: reading ends when the child does.
    package consuming func onlyReading() -> FileDescriptor {
        reading
    }

    /// Closes the end that is read from, which a child holds by now.
    package consuming func onlyWriting() -> FileDescriptor {
        writing
    }
}

// MARK: - Reading and writing

extension FileDescriptor {
    /// Writes all of `text`, however often the system takes only a part.
    package borrowing func write(_ text: String) throws(SystemError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno, operation: "write")
            }
            bytes = bytes.dropFirst(written)
        }
    }

    /// The bytes from `offset` to the end as text, at most the last `byteCount` of them; broken UTF-8 is replaced.
    package borrowing func text(from offset: Int = 0, atMost byteCount: Int = 65_536) throws(SystemError) -> String {
        var start = max(offset, try size - byteCount)
        var collected: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(byteCount, 65_536))
        while collected.count < byteCount {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe pread(number, $0.baseAddress, $0.count, start) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno, operation: "read")
            }
            if count == 0 { break }
            collected += chunk[..<count]
            start += count
        }
        return String(decoding: collected.prefix(byteCount), as: UTF8.self)
    }

    /// The next line of a pipe without its end, waiting as long as `patience` lasts; nil at the end of the pipe.
    ///
    /// Reads byte by byte, so that what follows stays in the pipe.
    package borrowing func line(patience: Patience) throws -> String? {
        var line: [UInt8] = []
        while true {
            let code = linux_wait(number, patience.sliceMilliseconds)
            if code == ETIMEDOUT {
                try patience.check()
                continue
            }
            try SystemError.check(code, "poll")
            var byte: UInt8 = 0
            let count = unsafe Glibc.read(number, &byte, 1)
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno, operation: "read")
            }
            if count == 0 { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }

    /// The length of the file in bytes.
    package var size: Int {
        get throws(SystemError) {
            var status = stat()
            guard unsafe fstat(number, &status) == 0 else { throw SystemError(code: errno, operation: "fstat") }
            return Int(status.st_size)
        }
    }

    /// Cuts the file to nothing; whoever appends to it goes on at its new end.
    package borrowing func truncate() throws(SystemError) {
        guard ftruncate(number, 0) == 0 else { throw SystemError(code: errno, operation: "ftruncate") }
    }

    /// Makes content and, for a directory, its entries survive a power failure.
    package borrowing func synchronize() throws(SystemError) {
        guard fsync(number) == 0 else { throw SystemError(code: errno, operation: "fsync") }
    }

    /// Hands the file over to `user` with `permissions`.
    package borrowing func setOwner(_ user: OSUser, permissions: UInt32) throws(SystemError) {
        if geteuid() == 0 {
            guard fchown(number, user.id, user.groupID) == 0 else { throw SystemError(code: errno, operation: "chown") }
        }
        guard fchmod(number, permissions) == 0 else { throw SystemError(code: errno, operation: "chmod") }
    }
}
