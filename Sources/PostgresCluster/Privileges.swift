package import Linux

/// Gives up the rights of root, in the second of two steps.
///
/// First ``DataDirectory/prepare(at:)`` chooses the user and makes the directory, and ports below 1024 are bound; then
/// this. Open files stay open. Nothing gets root back afterwards.
package enum Privileges {
    /// Becomes `user` if this process is root's, and narrows the umask to 077 either way.
    ///
    /// Call it early: it changes `HOME`, which other threads may be reading.
    package static func drop(to user: OSUser) throws {
        try ClusterError.translating("give up the privileges of root") {
            if OSUser.currentID == 0 { try user.become() } else { OSUser.narrowFileModes() }
        }
    }
}
