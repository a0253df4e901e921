import LedgerStore
import Projections
import Synchronization

/// How far something long has come, drawn over one line of a terminal ten times a second at most; nothing without a terminal.
final class ProgressBar: Sendable {
    private struct State {
        var drawn: ContinuousClock.Instant?
        var isFinished = false
    }

    private static let columnCount = 30

    private let title: String
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    init(_ title: String) {
        self.title = title
    }

    /// Draws how far a fold has come; may be called from anywhere, in any order.
    func show(_ progress: FoldProgress) {
        show(progress.done, of: progress.total, "shares", eventCount: progress.eventCount)
    }

    /// Draws how far an audit has come; may be called from anywhere, in any order.
    func show(_ progress: AuditProgress) {
        show(progress.done, of: progress.total, "events", eventCount: progress.done)
    }

    /// Draws how far something has come.
    ///
    /// - Parameter eventCount: What the rate is of, where `things` are not what takes time.
    func show(
        _ done: Int,
        of total: Int,
        _ things: String,
        eventCount: Int,
        _ rated: String = "events",
    ) {
        guard Console.showsProgress else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            let isDue = state.drawn.map { now - $0 >= .milliseconds(100) } ?? true
            guard !state.isFinished, isDue else { return }
            state.drawn = now
            Console.progress(
                "\(title) \(Self.line(done, of: total, things, eventCount: eventCount, rated, after: (now - began) / .seconds(1)))"
            )
        }
    }

    /// Takes the line away; what comes in late is not drawn any more.
    func finish() {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            if state.drawn != nil { Console.progress("") }
        }
    }

    /// The bar, the percentage, the counts, the rate and the time that is left at it.
    static func line(
        _ done: Int,
        of total: Int,
        _ things: String,
        eventCount: Int,
        _ rated: String = "events",
        after seconds: Double,
    ) -> String {
        let total = max(total, done, 1)
        let filled = done * columnCount / total
        let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: columnCount - filled)
        let seconds = max(0.001, seconds)
        let rate = Int(Double(eventCount) / seconds)
        let left = done > 0 ? ", \(time(seconds * Double(total - done) / Double(done))) left" : ""
        return "[\(bar)] \(done * 100 / total) %, \(done) of \(total) \(things), \(rate) \(rated)/s\(left)"
    }

    /// A length of time, rounded up, as people say it.
    static func time(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 1_000_000).rounded(.up))
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \(seconds % 60) s"
        default: return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        }
    }
}
