import Synchronization
import Transfer

/// A bar for each step of an export or import, one after another.
final class TransferBars: Sendable {
    private struct State {
        var step: TransferProgress.Step?
        var bar: ProgressBar?
    }

    private let state = Mutex(State())

    /// Draws how far it has come.
    func show(_ progress: TransferProgress) {
        let bar = state.withLock { state in
            if state.step != progress.step {
                state.bar?.finish()
                state.bar = ProgressBar(progress.step.title)
                state.step = progress.step
            }
            return state.bar
        }
        bar?.show(progress)
    }

    func finish() {
        state.withLock { $0.bar?.finish() }
    }
}

extension ProgressBar {
    /// Draws how far an export or import has come.
    func show(_ progress: TransferProgress) {
        let (done, total, things) =
            switch progress.step {
            case .reading: (progress.done >> 20, progress.total >> 20, "MiB")
            case .writing, .checking: (progress.done, progress.total, "events")
            case .folding: (progress.done, progress.total, "shares")
            }
        show(done, of: total, things, eventCount: progress.eventCount)
    }
}

extension TransferProgress.Step {
    fileprivate var title: String {
        switch self {
        case .writing: "Exporting"
        case .reading: "Reading"
        case .checking: "Checking"
        case .folding: "Folding"
        }
    }
}
