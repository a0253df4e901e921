package import HTTPServer
package import Ledger
package import LedgerStore
package import Logging
import Postgres
package import Sharing
import TicketSharing

/// Takes requests of the protocol from either listener: reads, decides under the ledger's lock, answers once committed.
package struct MessageService: Sendable {
    private let store: Store
    private let reader: RequestReader
    private let budget: RefusalBudget
    private let strangers: StrangerBudget
    private let readings: ReadService
    private let logger: Logger
    private let clock: @Sendable () -> Timestamp

    package init(
        store: Store,
        reader: RequestReader,
        budget: RefusalBudget,
        strangers: StrangerBudget,
        logger: Logger,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
    ) {
        self.store = store
        self.reader = reader
        self.budget = budget
        self.strangers = strangers
        self.logger = logger
        self.clock = clock
        readings = ReadService(store: store)
    }

    /// What a request of the protocol is answered.
    package func answer(_ request: IncomingRequest) async -> HTTPResponse {
        let capture = reader.read(request, at: clock())
        do throws(AppendError) {
            if capture.method == "GET" { return try await read(capture) }
            let bounds = bounds(for: capture)
            let answer = try await store.appender.append(
                StateKeys(of: capture),
                byteCount: capture.storedByteCount,
            ) { transaction in
                transaction.decide(capture, within: bounds)
            }
            if answer.fault == nil { reader.remember(capture) }
            logInvitation(capture, answer)
            return HTTPResponse(answer)
        } catch {
            return HTTPResponse(error)
        }
    }

    /// An invitation waits until somebody looks, whoever it says that it is from.
    private func logInvitation(_ capture: Capture, _ answer: Answer) {
        guard capture.direction == .inbound, answer.status == 201, !answer.isRepeat,
            case .agreement(let message) = capture.content
        else { return }
        logger.notice(
            "an invitation waits for an operator: 'shareledger agreement accept' or 'decline'; the desk is not told before",
            metadata: [
                "agreement": "\(message.id)",
                "sender.url": "\(message.senderURL?.text ?? "")",
                "source": "\(capture.source)",
            ]
        )
    }

    /// What may be recorded of a request.
    private func bounds(for capture: Capture) -> IntakeBounds {
        let (budget, strangers, clock) = (budget, strangers, clock)
        return IntakeBounds(
            mayRecordRefusal: { budget.admit(capture.source, at: clock()) },
            mayKeepBody: { budget.keepsBody(of: capture.source, byteCount: $0, at: clock()) },
            mayTake: { strangers.admit($0, $1, at: clock()) },
        )
    }

    private func read(_ capture: Capture) async throws(AppendError) -> HTTPResponse {
        let bounds = bounds(for: capture)
        let access = try await store.appender.append(StateKeys(of: capture), byteCount: capture.storedByteCount) {
            transaction in
            transaction.authorizeRead(capture, within: bounds)
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
                    within: bounds,
                )
            }
            return HTTPResponse(answer, reading)
        }
    }
}
