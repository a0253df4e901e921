import CLinux
import Glibc

// Files of any length, read and written a piece at a time.
extension FileDescriptor {
    /// Standard input, as a descriptor of its own.
    package static func standardInput() throws(SystemError) -> FileDescriptor {
        try duplicate(STDIN_FILENO)
    }

    /// Standard output, as a descriptor of its own.
    package static func standardOutput() throws(SystemError) -> FileDescriptor {
        try duplicate(STDOUT_FILENO)
    }

    private static func duplicate(_ number: Int32) throws(SystemError) -> FileDescriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SystemError(code: errno, operation: "dup") }
        return FileDescriptor(taking: copy)
    }

    /// Up to `byteCount` bytes from where reading stands; none at the end.
    package borrowing func read(atMost byteCount: Int) throws(SystemError) -> [UInt8] {
        while true {
            var code: Int32 = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
                let read = unsafe Glibc.read(number, buffer.baseAddress, buffer.count)
                if read < 0 { code = errno }
                count = max(read, 0)
            }
            if code == 0 { return bytes }
            if code != EINTR { throw SystemError(code: code, operation: "read") }
        }
    }

    /// Writes all of `bytes`, however often the system takes only a part.
    package borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
        var start = 0
        while start < bytes.count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(number, buffer.baseAddress?.advanced(by: start), buffer.count - start)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno, operation: "write")
            }
            start += written
        }
    }

    /// Cuts the file after so many bytes, and has reading and writing go on there.
    package borrowing func cut(after byteCount: Int) throws(SystemError) {
        guard ftruncate(number, byteCount) == 0 else { throw SystemError(code: errno, operation: "ftruncate") }
        guard lseek(number, byteCount, SEEK_SET) >= 0 else { throw SystemError(code: errno, operation: "lseek") }
    }

    /// Whether it is a file, whose length says how much there is to read.
    package var isRegularFile: Bool {
        var status = stat()
        return unsafe fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether somebody would see what is written.
    package var isTerminal: Bool {
        isatty(number) == 1
    }

    /// Locks the file for as long as it is open: false where another process has it.
    package borrowing func tryLock() throws(SystemError) -> Bool {
        let code = linux_lock(number, true)
        if code == EWOULDBLOCK { return false }
        try SystemError.check(code, "flock")
        return true
    }
}
