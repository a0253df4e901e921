import CLinux
import Glibc

/// How a process ended.
package enum ProcessExit: Sendable, Equatable {
    case code(Int32)
    case signal(Int32)

    /// Somebody else's child, or one that was reaped behind our back: it is gone, and that is all that can be known.
    case unknown
}

/// A program that this process started; dropping the value leaves it running.
package struct ChildProcess: ~Copyable, Sendable {
    private let handle: ProcessHandle

    /// Its number, which stays its own until it is reaped.
    package var id: Int32 {
        handle.id
    }

    init(id: Int32) throws(SystemError) {
        guard let handle = try ProcessHandle(id: id) else {
            throw SystemError(code: ESRCH, operation: "watch process \(id)")
        }
        self.handle = handle
    }

    /// Waits for its end and reaps it.
    package borrowing func wait(patience: Patience) throws -> ProcessExit {
        while true {
            if let status = try handle.waitForExit(slicedBy: patience) { return status }
            try patience.check()
        }
    }

    /// How it ended, if that happens within a slice of at most 50 ms; nil while it runs.
    package borrowing func exitStatus(slicedBy patience: Patience) throws(SystemError) -> ProcessExit? {
        try handle.waitForExit(slicedBy: patience)
    }

    /// Sends a signal and does not wait; one that has ended already gets none.
    package borrowing func send(_ signal: Int32) throws(SystemError) {
        try handle.send(signal)
    }

    /// Sends a signal that ends it, kills it if it has not ended when `patience` runs out, and reaps it.
    package borrowing func end(with signal: Int32, patience: Patience) throws {
        try handle.send(signal)
        do {
            _ = try wait(patience: patience)
        } catch is Patience.Exhausted {
            killSession()
        }
    }

    /// Kills it and what it started, and reaps it.
    borrowing func killSession() {
        // It leads its session, hence its group; it has not been reaped, so the number is still its own.
        _ = kill(-id, SIGKILL)
        // SIGKILL cannot be refused, only delayed by a disk that hangs: then the child is left to init.
        _ = try? wait(patience: Patience(.seconds(5), endsWithTask: false))
    }
}

/// A running process, whosever child it is; its number cannot come to mean another one.
package struct ProcessHandle: ~Copyable, Sendable {
    /// Its number when it was found.
    package let id: Int32
    private let descriptor: FileDescriptor

    /// Nil if there is no such process.
    package init?(id: Int32) throws(SystemError) {
        var opened: Int32 = -1
        let code = unsafe linux_process_open(id, &opened)
        if code == ESRCH { return nil }
        try SystemError.check(code, "open process \(id)")
        self.id = id
        descriptor = FileDescriptor(taking: opened)
    }

    /// Sends a signal; false if it has ended already.
    @discardableResult
    package borrowing func send(_ signal: Int32) throws(SystemError) -> Bool {
        let code = linux_process_signal(descriptor.number, signal)
        if code == ESRCH { return false }
        try SystemError.check(code, "signal process \(id)")
        return true
    }

    /// Waits at most 50 ms for its end; reaps it if it is our child; nil while it runs.
    package borrowing func waitForExit(slicedBy patience: Patience) throws(SystemError) -> ProcessExit? {
        let code = linux_wait(descriptor.number, patience.sliceMilliseconds)
        if code == ETIMEDOUT { return nil }
        try SystemError.check(code, "wait for process \(id)")
        return Self.reap(id)
    }

    /// Takes note of a child's end, so that its number is free again; nil if it runs, ``ProcessExit/unknown`` if not ours.
    @discardableResult
    package static func reap(_ id: Int32) -> ProcessExit? {
        var exitCode: Int32 = 0
        var signal: Int32 = 0
        switch unsafe linux_reap(id, &exitCode, &signal) {
        case 0: return signal == 0 ? .code(exitCode) : .signal(signal)
        case EAGAIN: return nil
        default: return .unknown
        }
    }
}
