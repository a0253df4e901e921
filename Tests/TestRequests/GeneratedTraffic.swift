/// Requests as several partners and our own desk make them: good, wrong and repeated ones, in an order that a seed decides.
package struct GeneratedTraffic {
    /// The agreements, by who invited whom.
    package static let inboundAgreements = ["in-1", "in-2"]

    /// The agreements that our desk invites a partner to.
    package static let outboundAgreements = ["out-1", "out-2"]

    private var generator: SeededGenerator
    private var commentCount = 0
    private var history: [TestRequest] = []
    private let label: String

    /// - Parameter label: Tells the comments of several generators apart.
    package init(seed: UInt64, label: String) {
        generator = SeededGenerator(seed: seed)
        self.label = label
    }

    /// What makes and accepts the agreements; the partner `partner` must be there.
    package static var preparation: [TestRequest] {
        inboundAgreements.flatMap { id -> [TestRequest] in
            [.invitation(id), .deskSets("accepted", of: id, with: "partner")]
        }
            + outboundAgreements.flatMap { id -> [TestRequest] in
                [
                    .ownInvitation(
                        id,
                        to: "partner",
                        permissions: #""allows_public_comments":false,"sync_tags":false"#
                    ),
                    .partnerSets("accepted", of: id),
                ]
            }
    }

    /// The next request.
    package mutating func next() -> TestRequest {
        if !history.isEmpty, chance(8) { return history[pick(history.count)] }
        let request = fresh()
        history.append(request)
        return request
    }

    private mutating func fresh() -> TestRequest {
        let isOurs = chance(2)
        let agreement = isOurs ? pick(of: Self.outboundAgreements) : pick(of: Self.inboundAgreements)
        let ticket = "t\(pick(6))"
        let isInbound = chance(2)
        var request = make(agreement, ticket, isInbound: isInbound)
        switch pick(20) {
        case 0: request.token = nil
        case 1: request.token = "\(agreement):wrong-key-wrong-key"
        case 2: request.token = "elsewhere:\(TestRequest.key)"
        case 3: request.body = Array(request.body.dropLast(3))
        case 4: request = request.with("Idempotency-Key", "\(label)-\(pick(5))")
        case 5: request.source = "198.51.100.\(pick(250))"
        default: break
        }
        return request
    }

    private mutating func make(_ agreement: String, _ ticket: String, isInbound: Bool) -> TestRequest {
        let token = "\(agreement):\(TestRequest.key)"
        let (method, path, body): (String, String, String) =
            switch pick(10) {
            case 0, 1:
                ("POST", "/tickets/\(ticket)", #"{"uuid":"\#(ticket)","subject":"Größe","comments":[\#(comment())]}"#)
            case 2: ("DELETE", "/tickets/\(ticket)", "")
            case 3:
                ("PUT", "/agreements/\(agreement)", #"{"access_key":"\#(TestRequest.key)","status":"\#(status())"}"#)
            case 4:
                (
                    "PUT", "/tickets/\(ticket)",
                    #"{"tags":["a","b"],"custom_fields":{"n":1e400000,"k":"\#(TestRequest.key)"}}"#
                )
            case 5: ("PUT", "/tickets/\(ticket)", "  {\"status\" : \"hold\" , \"x\":\"\\u0000\"}\n")
            default: ("PUT", "/tickets/\(ticket)", #"{"status":"open","comments":[\#(comment()),\#(comment())]}"#)
            }
        return isInbound
            ? .inbound(method, path, token: token, body)
            : .outbound(method, path, to: "partner", token: token, body)
    }

    private mutating func comment() -> String {
        commentCount += 1
        return #"{"uuid":"\#(label)-c\#(commentCount)","body":"Hello\n\#(commentCount)","public":\#(chance(2))}"#
    }

    private mutating func status() -> String {
        pick(of: ["accepted", "accepted", "accepted", "inactive"])
    }

    private mutating func pick(_ count: Int) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }

    private mutating func pick(of choices: [String]) -> String {
        choices[pick(choices.count)]
    }

    private mutating func chance(_ oneIn: Int) -> Bool {
        pick(oneIn) == 0
    }
}
