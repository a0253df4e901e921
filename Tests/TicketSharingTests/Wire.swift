import Foundation
import JSON
import TicketSharing

/// One request as a real client put it on the wire.
struct WireRequest {
    let method: RequestMethod
    let resource: Resource
    let id: String
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    /// - Parameter name: Such as `gem/02`.
    init(_ name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/wire/\(name).http")))
        let end = bytes.indices.first { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }!
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let request = lines[0].split(separator: " ")
        let path = request[1].split(separator: "/")
        method = RequestMethod(rawValue: String(request[0]))!
        resource = Resource(rawValue: String(path[1]))!
        id = String(path[2])
        headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":")!
            return (String(line[..<colon]), String(line[line.index(after: colon)...]))
        }
        body = Array(bytes[(end + 4)...])
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    func agreementMessage() throws -> AgreementMessage {
        try AgreementMessage(JSONDocument(parsing: body), id: AgreementID(id)!)
    }

    func ticketMessage() throws -> TicketMessage {
        try TicketMessage(JSONDocument(parsing: body), isShare: method == .post, id: TicketID(id)!)
    }
}

extension JSONDocument {
    init(text: String) throws {
        try self.init(parsing: Array(text.utf8))
    }
}

extension TicketMessage {
    /// A message about the ticket `t` in as few words as a test wants.
    init(text: String, isShare: Bool = false, limits: TicketLimits = .standard) throws {
        try self.init(JSONDocument(text: text), isShare: isShare, id: TicketID("t")!, limits: limits)
    }
}

extension AgreementMessage {
    /// A message about the agreement `a` in as few words as a test wants.
    init(text: String) throws {
        try self.init(JSONDocument(text: text), id: AgreementID("a")!)
    }
}

/// The fault that a piece of work ends with, if it ends with one.
func fault(_ work: () throws -> Void) -> ProtocolFault? {
    do {
        try work()
        return nil
    } catch let error as ProtocolFault {
        return error
    } catch let error as JSONError {
        return ProtocolFault(error)
    } catch {
        return nil
    }
}

extension [UInt8] {
    var text: String {
        String(decoding: self, as: UTF8.self)
    }
}
