import Delivery
import Foundation
import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Replay
import Sharing

/// How everything stands at a moment.
struct StatusPage: Sendable {
    private let now: Timestamp
    private let identity: LedgerIdentity?
    private let progress: FollowerProgress
    private let databaseByteCount: Int64
    private let disk: Disk?
    private let replays: [ReplayJob]

    /// How long ago some process last looked for what is due, in whole seconds; `nil` where none has for two minutes.
    private let lookedAgo: Int64?

    private let destinations: [DestinationStatus]

    /// Room where the data directory is.
    private struct Disk: Sendable {
        let free: Int64
        let total: Int64
    }

    /// - Parameter data: The data directory, where the database is in it.
    init(now: Timestamp, data: String?, in session: inout PostgresSession) throws {
        self.now = now
        identity = try LedgerIdentity.read(in: &session)
        progress = try FollowerProgress.read(in: &session)
        databaseByteCount = try session.query("SELECT pg_database_size(current_database())")
            .onlyRow()[0, as: Int64.self]
        disk = try data.map { path in
            let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
            let free = attributes[.systemFreeSize] as? NSNumber
            let total = attributes[.systemSize] as? NSNumber
            return Disk(free: free?.int64Value ?? 0, total: total?.int64Value ?? 0)
        }
        replays = try ReplayJob.unfinished(in: &session)
        lookedAgo = try session.query(
            """
            SELECT extract(epoch FROM clock_timestamp() - max(seen_at))::bigint
            FROM delivery.worker
            WHERE seen_at > clock_timestamp() - interval '2 minutes'
            """
        ).onlyRow()[0, as: Int64?.self]
        destinations = try DestinationStatus.all(now: now, in: &session)
    }
}

// MARK: - For people

extension StatusPage {
    var text: String {
        var fields: [(name: String, value: String)] = [
            (name: "Time", value: "\(now)"),
            ("Ledger", "\(identity.map { "\($0.origin)" } ?? "none"), \(progress.end) events"),
            ("Service", service),
            ("Projections", progress.lag == 0 ? "up to date" : "\(progress.lag) events behind"),
        ]
        let free = disk.map { ", \(Self.size($0.free)) free of \(Self.size($0.total))" } ?? ""
        fields.append(("Database", Self.size(databaseByteCount) + free))
        for job in replays {
            let state = job.standsStill ? "stands still" : job.state.rawValue
            let trouble = job.trouble.map { ", its sandbox is \($0)" } ?? ""
            fields.append(("Replay", "\(job.id) \(state), \(job.endedCount) of \(job.itemCount) ended\(trouble)"))
        }
        return PageFields.text(fields) + (destinations.isEmpty ? "" : "\n" + table)
    }

    private var service: String {
        lookedAgo.map { "delivers, seen \(max(0, $0)) s ago" }
            ?? "nobody delivers: 'shareledger serve' does not run, or has trouble; 'shareledger doctor' says more"
    }

    private var table: String {
        var table = TextTable([
            "partner", "state", "since", "under way", "waiting", "parked", "oldest", "last success", "last hour",
            "median", "99 %",
        ])
        for status in destinations {
            let recent = status.recent
            table.add([
                status.name,
                status.isPaused ? "paused" : status.health.state.rawValue,
                status.health.state == .up ? nil : status.health.since.map { "\($0)" },
                "\(status.queue.inFlight)",
                "\(status.queue.waiting)",
                "\(status.queue.parkedLanes)",
                status.queue.oldest.map { "\($0)" } ?? "-",
                recent.lastSuccess.map { "\($0)" } ?? "-",
                recent.attemptCount == 0 ? "-" : "\(recent.succeeded) of \(recent.attemptCount)",
                recent.median.map(Self.milliseconds) ?? "-",
                recent.slowest.map(Self.milliseconds) ?? "-",
            ])
        }
        return table.text
    }

    private static func milliseconds(_ value: Double) -> String {
        "\(Int(value.rounded())) ms"
    }

    /// Bytes with the largest unit of which there is at least one.
    private static func size(_ byteCount: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(byteCount)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(byteCount) B" : "\((value * 10).rounded() / 10) \(units[unit])"
    }
}

extension DestinationStatus.Recent {
    var attemptCount: Int { succeeded + failed + unknown }
}

// MARK: - For programs

extension StatusPage {
    func write(to object: inout JSONWriter) {
        object.member("time", "\(now)")
        object.optional("ledger", identity.map { "\($0.origin)" })
        object.member("events", progress.end.rawValue)
        object.member("projection_lag", progress.lag)
        object.member("database_bytes", databaseByteCount)
        object.member("delivering", lookedAgo != nil)
        object.optional("disk_free_bytes", disk?.free)
        object.optional("disk_bytes", disk?.total)
        object.name("replays")
        object.array { array in
            for job in replays { array.object { job.write(to: &$0) } }
        }
        object.name("destinations")
        object.array { array in
            for status in destinations { array.object { Self.write(status, to: &$0) } }
        }
    }

    private static func write(_ status: DestinationStatus, to object: inout JSONWriter) {
        object.member("to", status.destination == .desk ? "desk" : "partner")
        object.optional("partner", status.destination == .desk ? nil : status.name)
        object.member("state", status.isPaused ? "paused" : status.health.state.rawValue)
        object.optional("since", status.health.since.map { "\($0)" })
        object.optional("reason", status.health.reason)
        object.optional("next_canary_at", status.health.nextCanary.map { "\($0)" })
        object.optional("in_flight_limit", status.health.limit.map { Int64($0) })
        object.member("in_flight", status.queue.inFlight)
        object.member("waiting", status.queue.waiting)
        object.member("parked_lanes", status.queue.parkedLanes)
        object.optional("oldest_enqueued_at", status.queue.oldest.map { "\($0)" })
        object.optional("last_success_at", status.recent.lastSuccess.map { "\($0)" })
        object.name("last_hour")
        object.object { hour in
            hour.member("succeeded", status.recent.succeeded)
            hour.member("failed", status.recent.failed)
            hour.member("unknown", status.recent.unknown)
            hour.optional("median_ms", status.recent.median.map { Int64($0.rounded()) })
            hour.optional("p99_ms", status.recent.slowest.map { Int64($0.rounded()) })
        }
    }
}
