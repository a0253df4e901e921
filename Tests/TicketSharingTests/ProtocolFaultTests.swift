import JSON
import Testing
import TicketSharing

@Suite struct ProtocolFaultTests {
    @Test func `a fault is answered as JSON`() {
        let fault = ProtocolFault(.unprocessable, .wrongType, "comments[3].body must be a string")
        #expect(fault.body.text == #"{"error":"wrong_type","detail":"comments[3].body must be a string"}"#)
        #expect(fault.headers() == [])
        #expect(ProtocolFault.overloaded.status == .unavailable)
        #expect(ProtocolFault.overloaded.headers(retryAfterSeconds: 7) == [HeaderField("Retry-After", "7")])
    }

    @Test(arguments: [
        ("", ProtocolFault.Code.malformedJSON), ("{", .malformedJSON), ("{\"a\":1", .malformedJSON),
        ("{\"a\":\u{0}}", .malformedJSON),
        ("{\"a\":\"\u{0}\"}", .malformedJSON), (String(repeating: "[", count: 65), .overLimit),
    ])
    func `a body that is no JSON, or too deep, is 422`(body: String, code: ProtocolFault.Code) {
        let refused = fault { _ = try JSONDocument(text: body) }
        #expect(refused?.status == .unprocessable)
        #expect(refused?.code == code)
    }

    @Test func `the detail of a limit names it and the place`() {
        let refused = fault { _ = try JSONDocument(text: String(repeating: "[", count: 65)) }
        #expect(refused?.detail == "the body is not accepted: depth over 64 at byte 64")
    }
}
