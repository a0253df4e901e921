import Projections
import Synchronization

/// How far a fold has come, drawn over one line of a terminal ten times a second at most; nothing without a terminal.
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

    /// Draws; may be called from anywhere, in any order.
    func show(_ progress: FoldProgress) {
        guard Console.showsProgress else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            let isDue = state.drawn.map { now - $0 >= .milliseconds(100) } ?? true
            guard !state.isFinished, isDue else { return }
            state.drawn = now
            Console.progress(line(progress, at: now))
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

    private func line(_ progress: FoldProgress, at now: ContinuousClock.Instant) -> String {
        let total = max(progress.total, progress.done, 1)
        let filled = progress.done * Self.columnCount / total
        let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: Self.columnCount - filled)
        let seconds = max(0.001, (now - began) / .seconds(1))
        let rate = Int(Double(progress.eventCount) / seconds)
        return
            "\(title) [\(bar)] \(progress.done * 100 / total) %, \(progress.done) of \(total) shares, \(rate) events/s"
    }
}
