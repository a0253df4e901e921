import Gateway
import HTTPServer
import Testing

@Suite struct AccessTokenTests {
    private let token = AccessToken("s3cret-s3cret-s3cret-s3cret-s3cr")

    private func request(_ values: [String]) -> HTTPRequest {
        HTTPRequest(
            method: "GET",
            target: "/metrics",
            headers: HTTPHeaders(values.map { ("authorization", $0) }),
            peer: .init(address: "127.0.0.1", port: 1),
        )
    }

    @Test func `only the token itself opens`() {
        #expect(token.isBorne(by: request(["Bearer s3cret-s3cret-s3cret-s3cret-s3cr"])))
        #expect(token.isBorne(by: request(["bearer s3cret-s3cret-s3cret-s3cret-s3cr"])))
        let others = [
            "", "Bearer", "Bearer ", "Bearer s3cret", "Basic s3cret-s3cret-s3cret-s3cret-s3cr",
            "s3cret-s3cret-s3cret-s3cret-s3cr", "Bearer s3cret-s3cret-s3cret-s3cret-s3cr x",
        ]
        for other in others {
            #expect(!token.isBorne(by: request([other])), "\(other)")
        }
        #expect(!token.isBorne(by: request([])))
        let right = "Bearer s3cret-s3cret-s3cret-s3cret-s3cr"
        #expect(!token.isBorne(by: request([right, right])))
    }
}
