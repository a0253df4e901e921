import Dispatch
import Foundation
import Synchronization

/// Has Ctrl-C and SIGTERM cancel a command instead of ending it at once, so that what it has opened is closed.
///
/// A command that just died would leave the private PostgreSQL running, with nobody to stop it.
final class Interruption: Sendable {
    /// The one of this process.
    static let ofCommand = Interruption()

    private struct State {
        var task: Task<Int32, any Error>?
        var sources: [any DispatchSourceSignal] = []
        var signal: Int32?
        var stop: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// The signal that came, if one did.
    var signal: Int32? {
        state.withLock(\.signal)
    }

    /// Runs a command as a task that can be cancelled from ``arm()`` on.
    func run(_ command: @escaping @Sendable () async throws -> Int32) async throws -> Int32 {
        let task = Task { try await command() }
        state.withLock { $0.task = task }
        return try await task.value
    }

    /// From now on signals call `stop` and neither cancel the command nor end the process: it has started, and stops by itself.
    ///
    /// One that came before has cancelled the command already.
    func handOver(to stop: @escaping @Sendable () -> Void) {
        state.withLock { $0.stop = stop }
    }

    /// Takes the signals over; the second one ends the process.
    func arm() {
        state.withLock { state in
            guard state.sources.isEmpty else { return }
            for number in [SIGINT, SIGTERM, SIGHUP] {
                Foundation.signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { @Sendable [self] in take(number) }
                source.resume()
                state.sources.append(source)
            }
        }
    }

    private func take(_ number: Int32) {
        let before = state.withLock { state in
            let before = state
            if state.stop == nil { state.signal = number }
            return before
        }
        if let stop = before.stop { return stop() }
        guard before.signal == nil, let task = before.task else { exit(128 + number) }
        task.cancel()
    }
}
