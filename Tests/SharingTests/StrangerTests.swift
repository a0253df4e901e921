import Ledger
import Sharing
import Synchronization
import TestRequests
import Testing
import TicketSharing

/// What is recorded of those whose agreement nobody has accepted, within bounds.
@Suite struct StrangerTests {
    /// Acts that were asked about, and an answer for all of them.
    private final class Gate: Sendable {
        private let asked = Mutex<[StrangerAct]>([])
        private let refused = Mutex<Set<String>>([])

        var bounds: IntakeBounds {
            IntakeBounds(
                mayRecordRefusal: { true },
                mayTake: { act, step in
                    if case .done = step { self.asked.withLock { $0.append(act) } }
                    return !self.refused.withLock { $0.contains(act.source) }
                },
            )
        }

        func refuse(_ source: String) { refused.withLock { _ = $0.insert(source) } }
        func takeDone() -> [StrangerAct] {
            asked.withLock { asked in
                defer { asked = [] }
                return asked
            }
        }

    }

    private let token = "a1:\(TestRequest.key)"

    private var acts: [TestRequest] {
        [
            .invitation("a1"), .inbound("PUT", "/agreements/a1", token: token, #"{"name":"Lenswerk"}"#),
            .inbound("PUT", "/agreements/a1", token: token, #"{"name":"Lenswerk"}"#),
            .inbound("GET", "/agreements/a1", token: token),
        ]
    }

    @Test func `an invitation, its changes, repeats and reads count, each once, until it is accepted`() throws {
        var ledger = try MemoryLedger.withPartner()
        let gate = Gate()
        for act in acts { #expect([200, 201].contains(ledger.answer(act, within: gate.bounds).status)) }
        let done = gate.takeDone()
        #expect(done.map(\.isInvitation) == [true, false, false, false])
        #expect(done.allSatisfy { $0.source == "192.0.2.1" && $0.byteCount > 1024 })
        gate.refuse("192.0.2.1")
        _ = ledger.answer(.deskSets("accepted", of: "a1", with: "partner"), within: gate.bounds)
        let later = acts.dropFirst() + [.share("t1", under: "a1"), .partnerSets("inactive", of: "a1")]
        for act in later { #expect([200, 201].contains(ledger.answer(act, within: gate.bounds).status)) }
        #expect(gate.takeDone().isEmpty)
    }

    @Test func `what there is no room for is answered with 503 and not recorded, and others come through`() throws {
        var ledger = try MemoryLedger()
        let gate = Gate()
        #expect(ledger.answer(.invitation("a1"), within: gate.bounds).status == 201)
        gate.refuse("192.0.2.1")
        let count = ledger.events.count
        for act in acts + [.invitation("a2", from: "https://other.example")] {
            let answer = ledger.answer(act, within: gate.bounds)
            #expect(answer.status == 503 && answer.receipt == nil && answer.fault?.code == .tooManyRequests)
            let wait = try #require(answer.fault?.headers().first)
            #expect(wait.name == "Retry-After" && (1...86_400).contains(Int(wait.value) ?? 0))
        }
        #expect(ledger.events.count == count && ledger.agreement("a1")?.agreement.name == "MondoCam")
        #expect(ledger.agreement("a2") == nil && ledger.state.partners.all.count == 1)
        var other = TestRequest.invitation("a3", from: "https://new.example")
        other.source = "198.51.100.7"
        #expect(ledger.answer(other, within: gate.bounds).status == 201)
    }

    @Test func `what is refused for another reason is no act of a stranger's`() throws {
        var ledger = try MemoryLedger()
        let gate = Gate()
        _ = ledger.answer(.invitation("a1"), within: gate.bounds)
        _ = gate.takeDone()
        for (request, status) in [
            (TestRequest.invitation("a1", key: "some-other-key"), 422), (.invitation("a2", from: "ftp://x"), 422),
            (.partnerSets("accepted", of: "a1"), 403), (.partnerSets("declined", of: "a1", key: "wrong-key"), 403),
            (.share("t1", under: "a1"), 403), (.inbound("GET", "/tickets/t1", token: token), 403),
            (.inbound("PUT", "/agreements/a1", token: token, "{"), 422),
        ] {
            #expect(ledger.answer(request, within: gate.bounds).status == status)
        }
        #expect(gate.takeDone().isEmpty)
    }

    @Test func `an invitation with a wrong body is answered alike, whether or not there is the agreement`() throws {
        var ledger = try MemoryLedger()
        #expect(ledger.answer(.invitation("a1")).status == 201)
        let gate = Gate()
        gate.refuse("192.0.2.1")
        func answers(_ change: (TestRequest) -> TestRequest) -> [ProtocolFault?] {
            ["a1", "a2"].map { ledger.answer(change(.invitation($0, key: "another-key")), within: gate.bounds).fault }
        }
        func replacing(_ old: String, _ new: String) -> (TestRequest) -> TestRequest {
            { request in
                var request = request
                request.body = Array(String(decoding: request.body, as: UTF8.self).replacing(old, with: new).utf8)
                return request
            }
        }
        for (old, new) in [
            ("}", ""), (#""pending""#, #""accepted""#), (MemoryLedger.publicURL, "https://elsewhere.example"),
            (TestRequest.partnerURL, "ftp://x"), ("another-key", ""), ("uuid", "uid"), ("", ""),
        ] {
            let faults = answers(replacing(old, new))
            #expect(faults[0] != nil && faults[0]?.body == faults[1]?.body, "\(old) \(new)")
        }
        #expect(answers(replacing("", "")).map { $0?.code } == [.tooManyRequests, .tooManyRequests])
    }
}
