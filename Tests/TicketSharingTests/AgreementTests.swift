import JSON
import Testing
import TicketSharing

@Suite struct AgreementTests {
    private func invited(_ text: String, addressed: String = "https://desk.example/sharing") throws -> Agreement {
        try Agreement.invited(by: AgreementMessage(text: text), addressed: BaseURL(addressed))
    }

    private func agreement(
        _ status: Agreement.Status,
        deactivatedBy: AgreementRole? = nil,
        permissions: Agreement.Permissions = .all,
    ) throws -> Agreement {
        Agreement(
            id: try #require(AgreementID("a")),
            name: "Lenswerk",
            senderURL: try BaseURL("https://lens.example/s"),
            receiverURL: try BaseURL("https://desk.example/sharing"),
            status: status,
            deactivatedBy: deactivatedBy,
            permissions: permissions
        )
    }

    private let complete =
        #"{"uuid":"a","sender_url":"https://lens.example/s","receiver_url":"https://desk.example/sharing/","access_key":"k","status":"pending"}"#

    // MARK: Invitation

    @Test func `both clients' invitations make a pending agreement`() throws {
        let gem = try Agreement.invited(
            by: WireRequest("gem/00").agreementMessage(),
            addressed: BaseURL("http://127.0.0.1:18999/sharing")
        )
        #expect(gem.status == .pending && gem.deactivatedBy == nil && gem.name == "MondoCam" && gem.permissions == .all)
        let rt = try Agreement.invited(
            by: WireRequest("rt/00").agreementMessage(),
            addressed: BaseURL("https://127.0.0.1:18998/sharing/")
        )
        #expect(rt.name == "Lenswerk GmbH" && rt.permissions == .all)
        #expect(rt.url(of: .sender).host == "rt.lenswerk.example")
    }

    @Test(arguments: ["uuid", "sender_url", "receiver_url", "access_key", "status"])
    func `an invitation without one of these is refused`(member: String) throws {
        let body = complete.replacing(try Regex("\"\(member)\":\"[^\"]*\""), with: "\"\(member)\":null")
        let refused = fault { _ = try invited(body) }
        #expect(refused == ProtocolFault(.unprocessable, .missingMember, "\(member) is required"))
    }

    @Test func `an invitation is pending, from another desk, to this one`() throws {
        #expect(try invited(complete).name == nil)
        #expect(fault { _ = try invited(complete.replacing("pending", with: "accepted")) }?.code == .invalidValue)
        #expect(
            fault { _ = try invited(complete, addressed: "https://other.example/sharing") }?.detail.hasPrefix(
                "receiver_url"
            ) == true
        )
        #expect(
            fault { _ = try invited(complete.replacing("lens.example/s\"", with: "desk.example/sharing\"")) }?.detail
                .hasPrefix("sender_url") == true
        )
        let deactivated = complete.replacing("}", with: #","deactivated_by":"sender"}"#)
        #expect(fault { _ = try invited(deactivated) }?.detail.hasPrefix("deactivated_by") == true)
        let bound = complete.replacing("}", with: #","sync_tags":false,"allows_public_comments":false}"#)
        #expect(try invited(bound).permissions == Agreement.Permissions(syncsTags: false, allowsPublicComments: false))
    }

    // MARK: Steps

    /// The protocol's own table of steps, written down apart from the code: who may do each.
    private static let steps: [String: Set<AgreementRole>] = [
        "pending>accepted": [.receiver], "pending>declined": [.receiver], "accepted>inactive": [.sender, .receiver],
    ]

    @Test(arguments: AgreementRole.allCases, [AgreementRole?.none, .sender, .receiver])
    func `only the protocol's steps are taken, each by who may`(role: AgreementRole, named: AgreementRole?) throws {
        for current in Agreement.Status.allCases {
            for owner in current == .inactive ? [AgreementRole.sender, .receiver] : [nil] {
                for next in Agreement.Status.allCases {
                    let before = try agreement(current, deactivatedBy: owner)
                    let named = named.map { "\"\($0.rawValue)\"" } ?? "null"
                    let message = try AgreementMessage(
                        text: #"{"status":"\#(next.rawValue)","deactivated_by":\#(named)}"#
                    )
                    let after = try? before.applying(message, from: role, keyMatches: true).agreement
                    let expected = Self.expected(before, next, by: role, named: self.named(message))
                    #expect(
                        after == expected,
                        "\(current) by \(String(describing: owner)) to \(next) by \(role) naming \(named)"
                    )
                }
            }
        }
    }

    private func named(_ message: AgreementMessage) -> AgreementRole? { message.deactivatedBy }

    private static func expected(
        _ before: Agreement,
        _ next: Agreement.Status,
        by role: AgreementRole,
        named: AgreementRole?,
    ) -> Agreement? {
        let owner = before.deactivatedBy
        let naming = named == nil || named == owner || (next == .inactive && named == role)
        func after(_ deactivatedBy: AgreementRole?) -> Agreement {
            Agreement(
                id: before.id,
                name: before.name,
                senderURL: before.senderURL,
                receiverURL: before.receiverURL,
                status: next,
                deactivatedBy: deactivatedBy,
                permissions: before.permissions
            )
        }
        guard naming else { return nil }
        if before.status == next { return before }
        if before.status == .inactive, next == .accepted { return role == owner ? after(nil) : nil }
        guard steps["\(before.status)>\(next)"]?.contains(role) == true else { return nil }
        return after(next == .inactive ? role : nil)
    }

    @Test func `the sides' faults tell who may, and what the status forbids`() throws {
        func refusal(_ before: Agreement, _ text: String, _ role: AgreementRole) throws -> ProtocolFault? {
            let message = try AgreementMessage(text: text)
            return fault { _ = try before.applying(message, from: role, keyMatches: true) }
        }
        let acceptedBySender = try refusal(agreement(.pending), #"{"status":"accepted"}"#, .sender)
        #expect(acceptedBySender?.status == .forbidden)
        let resumed = try refusal(agreement(.inactive, deactivatedBy: .sender), #"{"status":"accepted"}"#, .receiver)
        #expect(resumed?.status == .forbidden && resumed?.code == .notPermitted)
        let again = try refusal(agreement(.declined), #"{"status":"accepted"}"#, .receiver)
        #expect(again == ProtocolFault(.unprocessable, .statusConflict, "the agreement is declined, which is final"))
        #expect(try refusal(agreement(.declined), #"{"name":"New"}"#, .sender)?.code == .statusConflict)
        #expect(try refusal(agreement(.declined), #"{"name":"Lenswerk","status":"declined"}"#, .sender) == nil)
        #expect(try refusal(agreement(.accepted), #"{"status":"pending"}"#, .sender)?.code == .statusConflict)
        let named = try refusal(agreement(.accepted), #"{"deactivated_by":"sender"}"#, .sender)
        #expect(named?.detail == "deactivated_by must name the side that deactivates the agreement")
    }

    @Test func `the gem's and RT's whole histories are taken`() throws {
        var gem = try Agreement.invited(
            by: WireRequest("gem/00").agreementMessage(),
            addressed: BaseURL("http://127.0.0.1:18999/sharing")
        )
        let accepted = try gem.applying(WireRequest("gem/01").agreementMessage(), from: .receiver, keyMatches: true)
        #expect(accepted.changedMembers == [.status])
        gem = accepted.agreement
        let inactive = try gem.applying(WireRequest("gem/05").agreementMessage(), from: .sender, keyMatches: true)
        #expect(inactive.agreement.status == .inactive && inactive.agreement.deactivatedBy == .sender)
        #expect(inactive.changedMembers == [.status, .deactivatedBy])

        let rt = try Agreement.invited(
            by: WireRequest("rt/00").agreementMessage(),
            addressed: BaseURL("http://127.0.0.1:18998/sharing")
        )
        let accept = try AgreementMessage(JSONDocument(text: #"{"status":"accepted"}"#), id: rt.id)
        let ended = try rt.applying(accept, from: .receiver, keyMatches: true).agreement
            .applying(WireRequest("rt/05").agreementMessage(), from: .sender, keyMatches: true)
        #expect(ended.agreement.status == .inactive && ended.agreement.deactivatedBy == .sender)
    }

    // MARK: Who may change what

    @Test(arguments: [
        (AgreementMember.name, #"{"name":"New"}"#, [AgreementRole.sender]),
        (.senderURL, #"{"sender_url":"https://moved.example"}"#, [.sender]),
        (.receiverURL, #"{"receiver_url":"https://moved.example"}"#, [.receiver]),
        (.accessKey, #"{"access_key":"new"}"#, [.sender]),
        (.syncTags, #"{"sync_tags":false}"#, [.sender]),
        (.syncCustomFields, #"{"sync_custom_fields":false}"#, [.sender]),
        (.allowsPublicComments, #"{"allows_public_comments":false}"#, [.sender]),
    ])
    func `each member is changed by its side alone`(member: AgreementMember, body: String, roles: [AgreementRole])
        throws
    {
        let message = try AgreementMessage(text: body)
        for role in AgreementRole.allCases {
            let before = try agreement(.accepted)
            let refused = fault { _ = try before.applying(message, from: role, keyMatches: false) }
            if roles.contains(role) {
                let result = try before.applying(message, from: role, keyMatches: false)
                #expect(result.changedMembers == [member])
                #expect((result.agreement == before) == (member == .accessKey))
            } else {
                #expect(refused?.status == .forbidden)
                #expect(refused?.detail == "only the \(roles[0].rawValue) may change \(member.name)")
            }
        }
    }

    @Test func `values equal to the current ones change nothing, whoever says them`() throws {
        let before = try agreement(.accepted)
        let body = #"""
            {"uuid":"a","name":"Lenswerk","sender_url":"HTTPS://lens.example:443/s/","receiver_url":"https://desk.example/sharing",
            "access_key":"k","status":"accepted","deactivated_by":null,"sync_tags":true,"sync_custom_fields":true,
            "allows_public_comments":true,"current_actor":{"name":"x"},"anything":1}
            """#
        for role in AgreementRole.allCases {
            let result = try before.applying(AgreementMessage(text: body), from: role, keyMatches: true)
            #expect(result.agreement == before && result.changedMembers == [])
        }
    }

    @Test func `a partner may be named by the other scheme, but only a desk itself moves to it`() throws {
        let before = try agreement(.accepted)
        let message = try AgreementMessage(text: #"{"sender_url":"http://lens.example/s"}"#)
        #expect(try before.applying(message, from: .receiver, keyMatches: true).changedMembers == [])
        #expect(try before.applying(message, from: .sender, keyMatches: true).changedMembers == [.senderURL])
    }

    @Test func `a name in another normal form is another name`() throws {
        let before = try Agreement(
            id: #require(AgreementID("a")),
            name: "Caf\u{E9}",
            senderURL: BaseURL("https://lens.example/s"),
            receiverURL: BaseURL("https://desk.example/sharing"),
            status: .accepted,
            deactivatedBy: nil,
            permissions: .all
        )
        let message = try AgreementMessage(text: #"{"name":"Cafe\u0301"}"#)
        let result = try before.applying(message, from: .sender, keyMatches: true)
        #expect(result.changedMembers == [.name] && result.agreement != before)
    }
}
