import CLinux
import Glibc

/// An flock on a file: gone when this value is, or the process, even after kill -9.
///
/// A lock is never converted from shared to exclusive in the hope of keeping it: the kernel lets go of the old one first.
package struct FileLock: ~Copyable, Sendable {
    /// How a lock is held.
    package enum Mode: Sendable {
        case shared
        case exclusive
    }

    /// The locked file; a child that is handed it keeps the lock as long as it lives.
    package let descriptor: FileDescriptor

    private let path: String

    /// Opens the file, which is made if it is missing and handed to `owner`; nothing is locked yet.
    package init(path: String, owner: OSUser) throws(SystemError) {
        let file = try FileDescriptor(path, for: .locking)
        try file.setOwner(owner, permissions: 0o600)
        descriptor = file
        self.path = path
    }

    deinit {
        // Closing is not enough: a child that another thread is just starting has a copy of the descriptor until `exec`.
        _ = linux_unlock(descriptor.number)
    }

    /// Takes or changes the lock without waiting: false if another holder is in the way, and then nothing is held.
    package borrowing func tryLock(_ mode: Mode) throws(SystemError) -> Bool {
        let code = linux_lock(descriptor.number, mode == .exclusive)
        if code == EWOULDBLOCK { return false }
        try SystemError.check(code, "flock \(path)")
        return true
    }

    /// Takes or changes the lock, waiting as long as `patience` lasts.
    package borrowing func lock(_ mode: Mode, patience: Patience) throws {
        while try !tryLock(mode) {
            try patience.pause()
        }
    }

    /// Lets go of the lock and keeps the file open.
    package borrowing func unlock() throws(SystemError) {
        try SystemError.check(linux_unlock(descriptor.number), "flock \(path)")
    }
}
