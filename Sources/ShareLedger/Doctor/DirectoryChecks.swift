import Foundation
import Linux

/// Looks at the files of an installation.
enum DirectoryChecks {
    /// The data directory as it is found, before anything else touches it.
    static func dataDirectory(_ path: String) -> [Finding] {
        let subject = "data directory"
        let status: FileStatus?
        do {
            status = try FileStatus(path, followsLinks: true)
        } catch {
            let advice = "run as a user who may enter \(path), or name another with --data"
            return [.fail(subject, "\(error)", advice: error.isForWantOfRights ? advice : nil)]
        }
        guard let status else {
            let advice = "name another with --data, or make it with 'shareledger init'"
            return [.fail(subject, "there is no \(path)", advice: advice)]
        }
        guard status.kind == .directory else {
            return [.fail(subject, "\(path) is no directory", advice: "name another with --data")]
        }
        // A user without a name in the system's tables still has a number.
        let owner = (try? OSUser.with(id: status.ownerID)?.name) ?? "id \(status.ownerID)"
        let mode = String(status.permissions, radix: 8)
        guard status.permissions & 0o077 == 0 else {
            let advice = "chmod 700 \(path), and think who may have read the keys in it"
            return [.warn(subject, "others may enter \(path): its mode is 0\(mode)", advice: advice)]
        }
        return [.ok(subject, "\(path), mode 0\(mode), of user \(owner)")]
    }

    /// The bearer token of the private listener.
    static func token(_ path: String) -> [Finding] {
        let subject = "token file"
        do {
            guard let status = try FileStatus(path, followsLinks: true) else {
                return [
                    .warn(subject, "there is no \(path)", advice: "'shareledger serve' makes it where none is given")
                ]
            }
            guard status.permissions & 0o077 == 0 else {
                return [
                    .fail(subject, "others may read \(path)", advice: "chmod 600 \(path), and put a new token into it")
                ]
            }
            let text = String(decoding: try ServiceSettings.contents(path), as: UTF8.self)
            guard text.trimmingCharacters(in: .whitespacesAndNewlines).utf8.count >= 32 else {
                let advice = "'openssl rand -hex 32' makes one"
                return [.fail(subject, "the token in \(path) has fewer than 32 characters", advice: advice)]
            }
        } catch {
            return [.fail(subject, error)]
        }
        return [.ok(subject, path)]
    }

    /// Room on the disk of the data directory.
    static func space(_ path: String) -> [Finding] {
        let subject = "disk space"
        do {
            let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
            guard let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value,
                let size = (attributes[.systemSize] as? NSNumber)?.int64Value, size > 0
            else { return [.warn(subject, "the file system of \(path) does not say", advice: "look with df")] }
            let text = "\(gibibytes(free)) of \(gibibytes(size)) GiB free on the disk of \(path)"
            let advice = "make room before PostgreSQL stops; \(path) holds the database and its log"
            if free < leastByteCount { return [.fail(subject, text, advice: advice)] }
            if free < comfortableByteCount || free < size / 20 { return [.warn(subject, text, advice: advice)] }
            return [.ok(subject, text)]
        } catch {
            return [.fail(subject, error)]
        }
    }

    private static let leastByteCount: Int64 = 256 << 20
    private static let comfortableByteCount: Int64 = 2 << 30

    /// With one decimal.
    private static func gibibytes(_ byteCount: Int64) -> String {
        let tenths = byteCount * 10 / (1 << 30)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
