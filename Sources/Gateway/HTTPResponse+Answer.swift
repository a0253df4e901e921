package import HTTPServer
import JSON
import Ledger
package import LedgerStore
package import Sharing
package import TicketSharing

extension HTTPResponse {
    /// A decision as an answer: nothing in the body of a success, the fault in that of a refusal.
    package init(_ answer: Answer) {
        guard let fault = answer.fault else {
            self.init(status: answer.status, headers: Self.position(of: answer))
            return
        }
        self.init(fault)
        headers += Self.position(of: answer)
    }

    /// The answer to a GET.
    init(_ answer: Answer, _ reading: ReadService.Reading) {
        guard answer.fault == nil else {
            self.init(answer)
            return
        }
        let delivery = reading.delivery.map { [Field("ShareLedger-Delivery", $0)] } ?? []
        self.init(
            status: answer.status,
            contentType: "application/json",
            headers: Self.position(of: answer) + delivery,
            body: reading.body,
        )
    }

    /// A fault of the protocol, as JSON with `error` and `detail`.
    package init(_ fault: ProtocolFault) {
        var fields = fault.headers().compactMap { Field(name: $0.name, value: $0.value) }
        if fault.status == .methodNotAllowed {
            fields.append(Field("Allow", Self.allowed(by: fault)))
        }
        self.init(status: fault.status.rawValue, contentType: "application/json", headers: fields, body: fault.body)
    }

    /// An append that was not done: 503 with Retry-After, or 422 where the request itself cannot be stored.
    package init(_ error: AppendError) {
        switch error {
        case .refused: self.init(ProtocolFault(.unprocessable, .invalidValue, "the message cannot be stored"))
        case .overloaded: self.init(ProtocolFault.overloaded)
        case .unavailable, .lostEvents, .notInitialized:
            self.init(ProtocolFault(.unavailable, .overloaded, "the ledger is not available now; try again later"))
        }
    }

    private static func position(of answer: Answer) -> [Field] {
        guard let receipt = answer.receipt else { return [] }
        return [
            Field("ShareLedger-Position", "\(receipt.position)"),
            Field("ShareLedger-Event-Id", "\(receipt.event)"),
        ]
    }

    private static func allowed(by fault: ProtocolFault) -> String {
        fault.detail.replacing("allowed are ", with: "")
    }
}
