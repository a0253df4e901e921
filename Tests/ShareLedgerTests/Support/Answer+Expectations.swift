import Foundation
import TestPeers
import Testing
import TicketSharing

extension RawClient.Answer {
    /// Statuses that every partner understands as a refusal.
    private static let understood: Set = [401, 403, 404, 405, 412, 422, 503]

    /// What a refusal says in its body, which must be of one form.
    var fault: (code: ProtocolFault.Code, detail: String)? {
        guard header("Content-Type") == "application/json",
            let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: String],
            object.count == 2, let code = object["error"].flatMap(ProtocolFault.Code.init),
            let detail = object["detail"]
        else { return nil }
        return (code, detail)
    }

    /// Expects a refusal in the protocol's terms.
    func expect(
        _ status: Int,
        _ code: ProtocolFault.Code,
        _ what: String = "",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) {
        let comment = Comment(rawValue: "\(what): \(self.status) \(body)")
        #expect(self.status == status && fault?.code == code, comment, sourceLocation: sourceLocation)
        #expect(Self.understood.contains(self.status), comment, sourceLocation: sourceLocation)
        #expect(fault?.detail.isEmpty == false, comment, sourceLocation: sourceLocation)
    }

    /// Expects an answer that says under which number the message is committed.
    func expectTaken(_ status: Int, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
        let comment = Comment(rawValue: "\(what): \(self.status) \(body)")
        #expect(self.status == status, comment, sourceLocation: sourceLocation)
        #expect(position != nil, comment, sourceLocation: sourceLocation)
        #expect(eventID?.count == 36, comment, sourceLocation: sourceLocation)
    }

    /// Where the message stands in the ledger.
    var position: Int? { header("ShareLedger-Position").flatMap { Int($0) } }

    /// Names its event.
    var eventID: String? { header("ShareLedger-Event-Id") }
}
