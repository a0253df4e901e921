package import Linux

/// Why ShareLedger's own PostgreSQL cannot be used, in words that say what to do about it.
package struct ClusterError: Error, Sendable {
    /// What kind of thing went wrong.
    package enum Code: String, Sendable {
        /// No PostgreSQL of a usable version is installed.
        case noPostgreSQL

        /// The data directory cannot be used safely: its path, its permissions or what lies in it.
        case directoryRefused

        /// The user may not go where the data directory is, or may not write there.
        case accessDenied

        /// The data directory, or the database in it, belongs to another user.
        case foreignOwner

        /// The user that the server runs as cannot be found, or cannot reach the data directory.
        case unusableUser

        /// What lies in `pgdata` is not a database of ours.
        case damaged
        case diskFull
        case initialisationFailed
        case startFailed
        case stopFailed

        /// A server that this process cannot see holds the database.
        case heldElsewhere
        case timedOut

        /// This process has closed it.
        case closed
        case system
    }

    /// What kind of thing went wrong.
    package let code: Code

    /// One or two sentences for whoever runs the program.
    package let message: String

    /// What the server or the system said, for the log.
    package let detail: String

    /// An error in our own words.
    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = detail
    }
}

extension ClusterError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        message
    }

    package var debugDescription: String {
        detail.isEmpty ? "\(code.rawValue): \(message)" : "\(code.rawValue): \(message)\n\(detail)"
    }
}

// MARK: - Translating

extension ClusterError {
    private static let noSpace = "No space left on device"
    private static let fullDisk = "The disk that holds the data directory is full."

    /// The error for what a program of PostgreSQL said before it gave up.
    package init(_ code: Code, _ message: String, output: String) {
        if output.contains(Self.noSpace) {
            self.init(.diskFull, Self.fullDisk, detail: output)
        } else {
            let reason = output.split(separator: "\n").last { line in
                ["FATAL:", "PANIC:", "error:", "setpriv:"].contains { line.contains($0) }
            }
            self.init(code, reason.map { "\(message) It said: \($0)" } ?? message, detail: output)
        }
    }

    /// The error for what the operating system refused.
    package init(_ error: SystemError) {
        let description = "\(error)"
        if description.hasSuffix(Self.noSpace) {
            self.init(.diskFull, Self.fullDisk, detail: description)
        } else {
            self.init(.system, "\(description).")
        }
    }

    /// Runs `body`; a refusal by the system and an exhausted patience leave it as errors of this type.
    package static func translating<Value: ~Copyable>(_ activity: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as SystemError {
            throw ClusterError(error)
        } catch is Patience.Exhausted {
            throw ClusterError(.timedOut, "It took too long to \(activity).")
        }
    }
}
