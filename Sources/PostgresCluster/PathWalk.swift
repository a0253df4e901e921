import Linux

/// Every directory and symbolic link that leads to a path, found one component at a time.
///
/// Whoever owns a link on the way, or may write to a directory on it, decides where the path ends.
struct PathWalk {
    struct Step {
        let path: String
        let status: FileStatus
    }

    /// The real directories from `/` down, ending with the deepest component that exists.
    private(set) var directories: [Step] = []

    /// The links that were followed.
    private(set) var links: [Step] = []

    /// The components below ``directories`` that do not exist yet.
    private(set) var missing: [String] = []

    /// The absolute path without links; it need not exist.
    var path: String {
        let existing = directories.last?.path ?? "/"
        return missing.reduce(existing) { Self.join($0, $1) }
    }

    /// The deepest component, if all of them exist.
    var target: Step? {
        missing.isEmpty ? directories.last : nil
    }

    /// Walks an absolute path.
    init(_ path: String) throws {
        guard let root = try FileStatus("/") else { throw SystemError(code: 2, operation: "stat /") }
        directories = [Step(path: "/", status: root)]
        var pending = Self.components(path)
        while let name = pending.popLast() {
            if name == ".." {
                if directories.count > 1 { directories.removeLast() }
                continue
            }
            let next = Self.join(directories.last?.path ?? "/", name)
            guard let status = try FileStatus(next) else {
                missing = [name] + pending.reversed()
                break
            }
            guard status.kind == .symbolicLink else {
                directories.append(Step(path: next, status: status))
                continue
            }
            links.append(Step(path: next, status: status))
            guard links.count <= 40 else {
                throw ClusterError(.directoryRefused, "\(path) runs through too many symbolic links.")
            }
            let destination = try FileStatus.destination(ofLink: next)
            if destination.hasPrefix("/") { directories.removeLast(directories.count - 1) }
            pending += Self.components(destination)
        }
        guard !missing.contains("..") else {
            throw ClusterError(.directoryRefused, "\(path) steps back out of a directory that does not exist.")
        }
    }

    /// Last component first, without those that lead nowhere.
    private static func components(_ path: String) -> [String] {
        path.split(separator: "/").reversed().filter { $0 != "." }.map(String.init)
    }

    private static func join(_ directory: String, _ name: String) -> String {
        directory == "/" ? "/\(name)" : "\(directory)/\(name)"
    }
}
