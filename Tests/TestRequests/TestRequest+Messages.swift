/// Messages that many tests begin with.
extension TestRequest {
    /// The access key of all agreements of the tests.
    package static let key = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"

    /// Where the partner of most tests is.
    package static let partnerURL = "https://partner.example/sharing"

    /// An invitation of a partner's to us.
    package static func invitation(
        _ agreement: String,
        from sender: String = partnerURL,
        key: String = key,
        permissions: String = "",
    ) -> TestRequest {
        .inbound(
            "POST",
            "/agreements/\(agreement)",
            invitationBody(agreement, sender, MemoryLedger.publicURL, key, permissions)
        )
    }

    /// An invitation of our desk's to a partner.
    package static func ownInvitation(
        _ agreement: String,
        to partner: String,
        at receiver: String = partnerURL,
        key: String = key,
        permissions: String = "",
    ) -> TestRequest {
        let body = invitationBody(agreement, "http://help.internal/sharing", receiver, key, permissions)
        return .outbound("POST", "/agreements/\(agreement)", to: partner, body)
    }

    /// A change of an agreement's status by the partner.
    package static func partnerSets(_ status: String, of agreement: String, key: String = key) -> TestRequest {
        .inbound("PUT", "/agreements/\(agreement)", token: "\(agreement):\(key)", #"{"status":"\#(status)"}"#)
    }

    /// A change of an agreement's status by our desk.
    package static func deskSets(
        _ status: String,
        of agreement: String,
        with partner: String,
        key: String = key,
    ) -> TestRequest {
        .outbound(
            "PUT",
            "/agreements/\(agreement)",
            to: partner,
            token: "\(agreement):\(key)",
            #"{"status":"\#(status)"}"#
        )
    }

    /// A ticket that the partner shares with us.
    package static func share(_ ticket: String, under agreement: String, key: String = key, _ more: String = "")
        -> TestRequest
    {
        let rest = more.isEmpty ? "" : ",\(more)"
        let body = #"{"uuid":"\#(ticket)","subject":"Lens","status":"open"\#(rest)}"#
        return .inbound("POST", "/tickets/\(ticket)", token: "\(agreement):\(key)", body)
    }

    /// A change of a ticket by the partner.
    package static func update(_ ticket: String, under agreement: String, key: String = key, _ body: String)
        -> TestRequest
    {
        .inbound("PUT", "/tickets/\(ticket)", token: "\(agreement):\(key)", body)
    }

    private static func invitationBody(
        _ agreement: String,
        _ sender: String,
        _ receiver: String,
        _ key: String,
        _ permissions: String,
    ) -> String {
        let rest = permissions.isEmpty ? "" : ",\(permissions)"
        return """
            {"uuid":"\(agreement)","name":"MondoCam","sender_url":"\(sender)","receiver_url":"\(receiver)",\
            "access_key":"\(key)","status":"pending"\(rest)}
            """
    }
}
