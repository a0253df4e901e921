package import Sharing
import TicketSharing

/// Reads paths of the protocol: a base path, `agreements` or `tickets`, an identifier.
package enum ProtocolPath {
    /// What a path below `base` names; `nil` where it names nothing of the protocol.
    ///
    /// - Parameter base: Such as `/sharing`, without a last slash; empty for the root.
    package static func route(_ path: Substring, below base: Substring) -> IncomingRequest.Route? {
        guard path.utf8.starts(with: base.utf8) else { return nil }
        var rest = path.utf8.dropFirst(base.utf8.count)
        let slash = UInt8(ascii: "/")
        guard rest.popFirst() == slash, let end = rest.firstIndex(of: slash),
            let resource = Resource(rawValue: String(Substring(rest[..<end])))
        else { return nil }
        rest = rest[end...].dropFirst()
        guard !rest.contains(slash) else { return nil }
        return IncomingRequest.Route(resource: resource, identifier: unescaped(Substring(rest)))
    }

    /// Percent escapes undone; what is no escape stays, and makes the identifier one that is refused.
    private static func unescaped(_ text: Substring) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
