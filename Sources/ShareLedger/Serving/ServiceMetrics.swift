import Delivery
import Foundation
import Gateway
import HTTPServer
import Ledger
import LedgerStore
import Metrics
import Postgres
import Projections
import Sharing
import Synchronization

/// What `/metrics` says: what this process has counted, and how everything stands in the database.
final class ServiceMetrics: Sendable {
    let publicAnswers = AnswerMetrics()
    let privateAnswers = AnswerMetrics()

    private let store: Store
    private let deliveries: DeliveryEngine
    private let began = Timestamp.now()
    private let servers = Mutex<[(listener: String, server: HTTPServer)]>([])

    init(store: Store, deliveries: DeliveryEngine) {
        self.store = store
        self.deliveries = deliveries
    }

    /// Has a listener's own counts shown as well.
    func watch(_ server: HTTPServer, as listener: String) {
        servers.withLock { $0.append((listener, server)) }
    }

    /// All of it; without what stands in the database where that does not answer.
    func text() async -> String {
        var text = MetricsText()
        addProcess(&text)
        addAnswers(&text)
        addWork(&text)
        do {
            let now = Timestamp.now()
            let (destinations, progress) = try await store.read { session in
                (try DestinationStatus.all(now: now, in: &session), try FollowerProgress.read(in: &session))
            }
            text.add("shareledger_database_up", .gauge, "Whether the database answers", [.init(1)])
            Self.add(destinations, at: now, &text)
            let events = Double(progress.end.rawValue)
            text.add("shareledger_ledger_events", .gauge, "Events in the ledger", [.init(events)])
            text.add(
                "shareledger_projection_lag_events",
                .gauge,
                "Events that the following projections are behind",
                [.init(Double(progress.lag))]
            )
        } catch {
            text.add("shareledger_database_up", .gauge, "Whether the database answers", [.init(0)])
        }
        return text.text
    }
}

// MARK: - This process

extension ServiceMetrics {
    private func addProcess(_ text: inout MetricsText) {
        text.add(
            "shareledger_build_info",
            .gauge,
            "The version that runs",
            [.init(1, ["version": Main.version])]
        )
        text.add(
            "process_start_time_seconds",
            .gauge,
            "When the process started, in seconds since 1970",
            [.init(Double(began.microseconds) / 1_000_000)]
        )
        // Linux has it in pages; a system without it has no such metric.
        let words = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        let memory = words.count > 1 ? Double(words[1]).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) } : nil
        text.add(
            "process_resident_memory_bytes",
            .gauge,
            "Memory of the process",
            memory.map { [.init($0)] } ?? []
        )
    }

    private func addAnswers(_ text: inout MetricsText) {
        let listeners = [("public", publicAnswers), ("private", privateAnswers)]
        text.add(
            "shareledger_answers_total",
            .counter,
            "Answers by listener and status",
            listeners.flatMap { listener, metrics in
                metrics.answers.snapshot.sorted { $0.key < $1.key }.map { status, count in
                    .init(Double(count), ["listener": listener, "status": "\(status)"])
                }
            }
        )
        text.add(
            "shareledger_answer_seconds",
            "Time from a whole request to its answer",
            listeners.map { (["listener": $0.0], $0.1.duration) }
        )
        let counts = servers.withLock { $0.map { ($0.listener, $0.server.counts) } }
        text.add(
            "shareledger_connections",
            .gauge,
            "Open connections",
            counts.map { .init(Double($0.1.connections), ["listener": $0.0]) }
        )
        text.add(
            "shareledger_requests_refused_by_library_total",
            .counter,
            "Requests that the HTTP library refused by itself, and that are no events",
            counts.map { .init(Double($0.1.refusedByLibrary), ["listener": $0.0]) }
        )
        text.add(
            "shareledger_requests_overloaded_total",
            .counter,
            "Requests that were answered 503 before anything was looked at",
            counts.map { .init(Double($0.1.overloaded), ["listener": $0.0]) }
        )
    }

    private func addWork(_ text: inout MetricsText) {
        let append = store.appender.metrics
        text.add("shareledger_append_seconds", "Time of a batch from its turn to its commit", [([:], append.duration)])
        text.add("shareledger_append_requests", "Requests that were committed together", [([:], append.size)])
        text.add(
            "shareledger_append_waiting",
            .gauge,
            "Requests that wait for the appender",
            [.init(Double(store.appender.waitingCount))]
        )
        let work = deliveries.metrics
        text.add("shareledger_claim_seconds", "Time of a claim", [([:], work.claimDuration)])
        text.add(
            "shareledger_attempts_total",
            .counter,
            "Attempts of this process by what they came to",
            work.attempts.snapshot.sorted { $0.key < $1.key }.map { .init(Double($0.value), ["class": $0.key]) }
        )
        text.add(
            "shareledger_attempts_unknown_total",
            .counter,
            "Attempts of this process of which it is not known whether they arrived",
            [.init(Double(work.unknown.snapshot))]
        )
        text.add(
            "shareledger_claims_reclaimed_total",
            .counter,
            "Claims of workers that were gone, taken back by this process",
            [.init(Double(work.reclaimed.snapshot))]
        )
        text.add(
            "shareledger_deliveries_in_flight",
            .gauge,
            "Deliveries that this process works on",
            [.init(Double(deliveries.inFlightCount))]
        )
    }
}

// MARK: - The database

extension ServiceMetrics {
    private static func add(_ all: [DestinationStatus], at now: Timestamp, _ text: inout MetricsText) {
        func add(_ name: String, _ help: String, _ value: (DestinationStatus) -> Double?) {
            text.add(
                "shareledger_\(name)",
                .gauge,
                help,
                all.compactMap { status in value(status).map { .init($0, ["destination": status.name]) } }
            )
        }
        text.add(
            "shareledger_destination_state",
            .gauge,
            "1 for the state that a destination is in",
            all.flatMap { status in
                ["up", "struggling", "out", "paused"].map { state in
                    let isIn = status.isPaused ? state == "paused" : state == status.health.state.rawValue
                    return .init(isIn ? 1 : 0, ["destination": status.name, "state": state])
                }
            }
        )
        add("deliveries_waiting", "Deliveries that nobody works on") { Double($0.queue.waiting) }
        add("deliveries_claimed", "Deliveries that some process works on") { Double($0.queue.inFlight) }
        add("deliveries_past_due", "First deliveries of their lanes that should have gone a minute ago") {
            Double($0.queue.pastDue)
        }
        add("lanes_parked", "Lanes that wait for an operator's decision") { Double($0.queue.parkedLanes) }
        add("oldest_delivery_seconds", "Age of the oldest message that is not acknowledged") { status in
            status.queue.oldest.map { Double(now.microseconds - $0.microseconds) / 1_000_000 }
        }
        add("last_success_timestamp_seconds", "When a delivery last succeeded, in seconds since 1970") { status in
            status.recent.lastSuccess.map { Double($0.microseconds) / 1_000_000 }
        }
    }
}
