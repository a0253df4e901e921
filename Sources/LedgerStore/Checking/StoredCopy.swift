import JSON
import Ledger
import Sharing

/// What stands beside a part's bytes and no commitment covers: whether they can be cast, and what was cut out of them.
struct StoredCopy {
    let part: StoredPart
    let isCastable: Bool?

    /// Bodies that were read when they came in; of others nobody tried whether they are JSON.
    private static let readTypes: Set<EventType> = [
        .agreementInvited, .agreementUpdated, .ticketShared, .ticketUpdated,
    ]

    /// What is wrong with it as the part of an event.
    ///
    /// - Parameter keys: Of the ledger's key file; without them nobody can look into what was cut out.
    func faults(in event: StoredEvent, _ cuts: CutRecord, keys: KeyRing?) -> [AuditFault] {
        let place = PartPlace(event.position, part.name)
        var faults: [AuditFault] = []
        if !isRightCastable(event.type) {
            let name = part.name.rawValue
            let text = "of the part \(name) of event \(event.position) it is not said rightly whether it can be cast"
            faults.append(AuditFault(place, text))
        }
        if let fault = fault(of: cuts, event, keys) {
            let name = part.name.rawValue
            let text = "what was cut out of the part \(name) of event \(event.position) cannot be put back"
            faults.append(fault == .incomplete ? AuditFault(PartFault(place, .incomplete)) : AuditFault(place, text))
        }
        return faults
    }

    private func fault(of cuts: CutRecord, _ event: StoredEvent, _ keys: KeyRing?) -> CutRecord.Fault? {
        guard let keys else { return cuts.lacks(part) ? .incomplete : nil }
        do throws(CutRecord.Fault) {
            _ = try cuts.restore(part, of: event.exchange, keys: keys)
            return nil
        } catch {
            return error
        }
    }

    /// A body that was refused may be said not to fit though what is kept of it would.
    private func isRightCastable(_ type: EventType) -> Bool {
        guard part.name == .body else { return isCastable == nil }
        guard let isCastable else { return false }
        // What is no JSON cannot be cast.
        let document = try? JSONDocument(parsing: part.content, maximumDepth: RequestReader.Limits().depth)
        let fits = document?.isCastableToJSONB ?? false
        return isCastable == fits || (!isCastable && !Self.readTypes.contains(type))
    }
}
