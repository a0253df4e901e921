import Cryptography
import Foundation
package import Ledger

/// The file with the master key: 64 hex digits and a line end, readable by its owner only.
///
/// Without it access keys cannot be sent again and repeats are not recognised; it is never inside PostgreSQL's own files,
/// so that a copy of the database alone discloses no credential.
package enum KeyFile {
    /// Why a key file cannot be used.
    package struct Fault: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Reads the key, or makes one where there is no file and `mayCreate` says so.
    package static func load(_ path: String, mayCreate: Bool) throws(Fault) -> KeyRing {
        if mayCreate { try create(path) }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw Fault(description: "the key file \(path) cannot be read: \(reason()); --key-file names another")
        }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw Fault(
                description: """
                    the key file \(path) can be read by others (mode 0\(mode)): chmod 600 it; who has read it and can get at \
                    the database knows the agreements' access keys
                    """
            )
        }
        guard unsafe access(path, R_OK) == 0 else {
            throw Fault(
                description:
                    "the key file \(path) belongs to user id \(status.st_uid) and user id \(geteuid()) cannot read it; chown it"
            )
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= 4096,
            // What is wrong with it does not matter here.
            let text = try? String(contentsOfFile: path, encoding: .utf8)
        else {
            throw Fault(description: "the key file \(path) cannot be read as text")
        }
        guard let master = bytes(hexadecimal: text.trimmingCharacters(in: .whitespacesAndNewlines)),
            master.count == KeyRing.masterByteCount
        else {
            throw Fault(description: "the key file \(path) does not hold 64 hex digits; restore it from its backup")
        }
        return KeyRing(master: master)
    }

    /// Whether there is a file, of whatever use.
    package static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Makes the file unless it exists: written whole under another name, then linked, so that nobody reads half a key.
    private static func create(_ path: String) throws(Fault) {
        guard !exists(path) else { return }
        let temporary = "\(path).\(getpid()).new"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Fault(description: "the key file \(path) cannot be made: \(reason())") }
        let text = Array((hexadecimal(Randomness.system.bytes(KeyRing.masterByteCount)) + "\n").utf8)
        let written = unsafe write(descriptor, text, text.count)
        let isSafe = written == text.count && fsync(descriptor) == 0
        close(descriptor)
        // Another process may have been first; then its key is the key.
        let isLinked = unsafe isSafe && (link(temporary, path) == 0 || errno == EEXIST)
        unsafe unlink(temporary)
        guard isLinked else { throw Fault(description: "the key file \(path) cannot be written: \(reason())") }
    }

    private static func reason() -> String {
        unsafe String(cString: strerror(errno))
    }
}
