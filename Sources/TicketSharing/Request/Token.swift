/// The credential of a request: which agreement, and its key.
package struct Token: Sendable, Equatable {
    /// The header that carries it.
    package static let headerName = "X-Ticket-Sharing-Token"

    /// The agreement that the request is made under.
    package let agreement: AgreementID

    /// The secret that proves it.
    package let key: AccessKey

    /// Puts a token together for sending.
    package init(agreement: AgreementID, key: AccessKey) {
        self.agreement = agreement
        self.key = key
    }

    /// Reads `<agreement uuid>:<access key>`; the first colon splits, as a key may hold more of them.
    ///
    /// White space around the value is not part of a header's value. An empty header counts as missing.
    package init(header: String?) throws(TokenFault) {
        let value = (header ?? "").trimmingBlanks
        guard !value.isEmpty else { throw .missing }
        guard let colon = value.utf8.firstIndex(of: UInt8(ascii: ":")),
            let agreement = AgreementID(String(value[..<colon])),
            let key = AccessKey(String(value[value.index(after: colon)...]))
        else { throw .malformed }
        self.init(agreement: agreement, key: key)
    }

    /// What the header says; the only place where a key is spelled out on purpose.
    package var headerValue: String {
        "\(agreement.text):\(key.secret)"
    }
}

/// Why a request has no usable token.
package enum TokenFault: Error, Sendable, Equatable {
    case missing
    case malformed

    /// 401 where there is none; a malformed one is a wrong one, and gets the answer of all wrong ones.
    package var fault: ProtocolFault {
        switch self {
        case .missing: .tokenMissing
        case .malformed: .notAuthorized
        }
    }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The agreement, and a mask for the key.
    package var description: String {
        "\(agreement.text):\(key)"
    }

    /// The same as ``description``, so that no debugger's print shows the key.
    package var debugDescription: String {
        description
    }

    /// The agreement and a mask, so that no dump shows the key.
    package var customMirror: Mirror {
        Mirror(self, children: ["agreement": agreement.text, "key": key.description])
    }
}

extension String {
    /// The text without spaces and tabs at its ends, which RFC 9110 does not count to a header's value.
    var trimmingBlanks: Substring {
        var rest = utf8[...]
        while let first = rest.first, first.isBlank { rest.removeFirst() }
        while let last = rest.last, last.isBlank { rest.removeLast() }
        return Substring(rest)
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool {
        self == UInt8(ascii: " ") || self == UInt8(ascii: "\t")
    }
}
