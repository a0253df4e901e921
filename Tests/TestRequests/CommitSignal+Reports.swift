package import LedgerStore

extension CommitSignal {
    /// Reports from now on, the newest only for who is slow; never ends by itself.
    package func reports() -> AsyncStream<BatchReport> {
        let (stream, continuation) = AsyncStream.makeStream(of: BatchReport.self, bufferingPolicy: .bufferingNewest(1))
        let id = add { continuation.yield($0) }
        continuation.onTermination = { [weak self] _ in self?.remove(id) }
        return stream
    }
}
