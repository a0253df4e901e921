import TestPeers
import Testing

/// Has all tests of a suite and of the suites in it use one service, which must be sound when they have ended.
///
/// It knows the partners `lenswerk` and `other`, to whom nothing is sent, and believes `X-Forwarded-For`, so that a test
/// can be a source of its own. Agreements and tickets are to be named for the test that they belong to.
struct SharedService: SuiteTrait, TestScoping {
    @TaskLocal fileprivate static var current: TestService?

    static let urls = ["lenswerk": "http://127.0.0.1:9/sharing", "other": "http://127.0.0.1:9/other"]

    /// An address of its own for what a test calls its source.
    static func address(of source: String) -> String {
        let number = source.utf8.reduce(0 as UInt32) { $0 &* 31 &+ UInt32($1) }
        return "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
    }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void,
    ) async throws {
        let service = try await TestService.started(["--trusted-proxy", "127.0.0.1"])
        for (name, url) in Self.urls {
            try await service.command("partner", "add", name, "--url", url, "--allow-http")
            try await service.command("partner", "pause", name)
        }
        try await Self.$current.withValue(service) { try await function() }
        try await service.expectSound()
    }
}

extension SuiteTrait where Self == SharedService {
    /// One service for all tests of the suite.
    static var sharedService: SharedService { SharedService() }
}

extension TestService {
    /// The service that the tests of a suite share.
    static var shared: TestService {
        get throws { try #require(SharedService.current, "the suite has no .sharedService") }
    }

    /// Has a partner make an agreement with us and share tickets under it; our desk says whether it is accepted.
    nonisolated func makeAgreement(
        _ agreement: String,
        with partner: String = "lenswerk",
        tickets: [String] = [],
        members: String = "",
        thenPut statuses: [String] = ["accepted"],
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let url = try #require(SharedService.urls[partner])
        let invitation = """
            {"uuid":"\(agreement)","name":"Lenswerk","status":"pending","access_key":"\(Self.key)",\
            "sender_url":"\(url)","receiver_url":"\(publicURL)"\(members)}
            """
        let fields = ["X-Forwarded-For: \(SharedService.address(of: agreement))"]
        let token = Self.token(agreement)
        let invited = try await ask(
            .partner,
            "POST",
            "/agreements/\(agreement)",
            token: nil,
            fields: fields,
            invitation
        )
        invited.expectTaken(201, sourceLocation: sourceLocation)
        for status in statuses {
            let body = #"{"status":"\#(status)"}"#
            let answer = try await fromDesk("PUT", "/\(partner)/agreements/\(agreement)", token: token, body)
            answer.expectTaken(200, sourceLocation: sourceLocation)
            guard status == "accepted" else { continue }
            for ticket in tickets {
                let body = #"{"uuid":"\#(ticket)","status":"open"}"#
                let shared = try await ask(.partner, "POST", "/tickets/\(ticket)", token: token, body)
                shared.expectTaken(201, sourceLocation: sourceLocation)
            }
        }
    }
}
