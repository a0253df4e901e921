import CLinux
import Glibc

/// One account of the operating system.
package struct OSUser: Sendable, Equatable {
    /// The user id.
    package let id: UInt32

    /// The id of the primary group.
    package let groupID: UInt32

    /// The name, by which PostgreSQL and its identity map know the account.
    package let name: String

    /// The home directory, which need not exist.
    package let home: String
}

// MARK: - Looking up

extension OSUser {
    /// The account of that name; nil if there is none.
    package static func named(_ name: String) throws(SystemError) -> OSUser? {
        try unsafe look(up: "user \(name)") { entry, buffer, size, result in
            unsafe getpwnam_r(name, entry, buffer, size, result)
        }
    }

    /// The account with that id; nil if it has no name, as in containers that run under an arbitrary id.
    package static func with(id: UInt32) throws(SystemError) -> OSUser? {
        try unsafe look(up: "user \(id)") { entry, buffer, size, result in
            unsafe getpwuid_r(id, entry, buffer, size, result)
        }
    }

    /// The effective user id of this process.
    package static var currentID: UInt32 {
        geteuid()
    }

    private static func look(
        up what: String,
        _ call: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32,
    ) throws(SystemError) -> OSUser? {
        var size = 1024
        while true {
            var storage = [CChar](repeating: 0, count: size)
            var user: OSUser?
            let code = unsafe storage.withUnsafeMutableBufferPointer { buffer in
                var entry = unsafe passwd()
                var result: UnsafeMutablePointer<passwd>?
                guard let first = buffer.baseAddress else { return ENOMEM }
                let code = unsafe call(&entry, first, buffer.count, &result)
                if unsafe code == 0 && result != nil {
                    user = unsafe OSUser(
                        id: entry.pw_uid,
                        groupID: entry.pw_gid,
                        name: String(cString: entry.pw_name),
                        home: String(cString: entry.pw_dir),
                    )
                }
                return code
            }
            switch code {
            case 0, ENOENT, ESRCH: return user
            case EINTR: continue
            case ERANGE where size < 1 << 20: size *= 2
            default: throw SystemError(code: code, operation: "look up \(what)")
            }
        }
    }
}

// MARK: - Becoming

extension OSUser {
    /// Makes the whole process this user for good, with its primary group only, and proves that root is out of reach.
    ///
    /// Sets `HOME`, `USER` and `LOGNAME`, and the umask to 077. Call it before other threads read the environment.
    package func become() throws(SystemError) {
        try SystemError.check(linux_become(id, groupID), "become user \(name)")
        guard linux_is_only(id, groupID), try !Self.holdsCapabilities() else {
            throw SystemError(code: EPERM, operation: "give up the privileges of root for good")
        }
        for (variable, value) in [("HOME", home), ("USER", name), ("LOGNAME", name)] {
            try SystemError.check(unsafe linux_setenv(variable, value), "setenv \(variable)")
        }
        Self.narrowFileModes()
    }

    /// Sets the umask to 077: what this process makes from now on is nobody else's business.
    package static func narrowFileModes() {
        umask(0o077)
    }

    private static func holdsCapabilities() throws(SystemError) -> Bool {
        let status = try FileDescriptor("/proc/thread-self/status", for: .reading).text()
        let capabilities = status.split(separator: "\n")
            .filter { $0.hasPrefix("CapPrm:") || $0.hasPrefix("CapEff:") || $0.hasPrefix("CapAmb:") }
        return !capabilities.allSatisfy { line in line.drop { $0 != "\t" }.allSatisfy { "0\t".contains($0) } }
    }
}
