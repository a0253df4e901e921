package import HTTPServer
package import Ledger
package import LedgerStore
import Logging
import Postgres
package import Sharing
import TicketSharing

/// Takes requests of the protocol from either listener: reads, decides under the ledger's lock, answers once committed.
package struct MessageService: Sendable {
    private let store: Store
    private let reader: RequestReader
    private let budget: RefusalBudget
    private let readings: ReadService
    private let clock: @Sendable () -> Timestamp

    package init(
        store: Store,
        reader: RequestReader,
        budget: RefusalBudget,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
    ) {
        self.store = store
        self.reader = reader
        self.budget = budget
        self.clock = clock
        readings = ReadService(store: store)
    }

    /// What a request of the protocol is answered.
    package func answer(_ request: IncomingRequest) async -> HTTPResponse {
        let capture = reader.read(request, at: clock())
        do throws(AppendError) {
            if capture.method == "GET" { return try await read(capture) }
            let budget = budget
            let clock = clock
            let answer = try await store.appender.append(
                StateKeys(of: capture),
                byteCount: capture.storedByteCount,
            ) { transaction in
                transaction.decide(capture) { budget.admit(capture.source, at: clock()) }
            }
            return HTTPResponse(answer)
        } catch {
            return HTTPResponse(error)
        }
    }

    private func read(_ capture: Capture) async throws(AppendError) -> HTTPResponse {
        let budget = budget
        let clock = clock
        let mayRecord: @Sendable () -> Bool = { budget.admit(capture.source, at: clock()) }
        let access = try await store.appender.append(StateKeys(of: capture), byteCount: capture.storedByteCount) {
            transaction in
            transaction.authorizeRead(capture, mayRecordRefusal: mayRecord)
        }
        switch access {
        case .refused(let answer): return HTTPResponse(answer)
        case .granted(let record):
            let reading: ReadService.Reading
            do {
                reading = try await readings.read(capture, record)
            } catch {
                throw .unavailable("\(error)")
            }
            let answer = try await store.appender.append(
                StateKeys(of: capture),
                byteCount: capture.storedByteCount + reading.body.count,
            ) { transaction in
                transaction.recordRead(
                    capture,
                    answer: reading.body,
                    chunks: reading.chunks,
                    mayRecordRefusal: mayRecord,
                )
            }
            return HTTPResponse(answer, reading)
        }
    }
}

extension Capture {
    /// About how many bytes it takes in the ledger.
    fileprivate var storedByteCount: Int {
        parts.reduce(1024) { $0 + $1.content.count + 128 }
    }
}
