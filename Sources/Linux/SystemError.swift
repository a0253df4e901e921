import CLinux
import Glibc

/// A refusal by the operating system: what was attempted, and the errno it ended with.
package struct SystemError: Error, Equatable {
    /// The errno.
    package let code: Int32

    /// What was attempted, such as `open /var/lib/shareledger/cluster.lock`.
    package let operation: String

    /// An error of an errno, for what no function of CLinux reports.
    package init(code: Int32, operation: String) {
        self.code = code
        self.operation = operation
    }

    /// Whether it is rights that are missing: those of the user, or of anybody on a file system that is only read.
    package var isForWantOfRights: Bool {
        [EACCES, EPERM, EROFS].contains(code)
    }

    /// Whether something is there already that was to be made.
    package var isForExisting: Bool { code == EEXIST }

    /// Whether something is not there that was named.
    package var isForMissing: Bool { code == ENOENT }

    /// Whether what is written to is closed at its other end.
    package var isForWantOfReaders: Bool { code == EPIPE }

    /// Throws unless `code` is 0, the way every function of CLinux reports.
    static func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(SystemError) {
        guard code == 0 else { throw SystemError(code: code, operation: operation()) }
    }
}

extension SystemError: CustomStringConvertible {
    package var description: String {
        "\(operation): \(unsafe String(cString: linux_error_text(code)))"
    }
}
