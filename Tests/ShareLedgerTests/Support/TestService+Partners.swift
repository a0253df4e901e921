import Foundation
import TestPeers
import Testing

extension TestService {
    /// An agreement that we have made, and the token under which our desk and the partner speak.
    struct Agreed: Sendable {
        let uuid: String
        let token: String
    }

    /// Adds a partner that listens on loopback.
    nonisolated func add(
        _ partner: FakePartner,
        as name: String = "lenswerk",
        dialect: String = "standard",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        try await command(
            "partner",
            "add",
            name,
            "--url",
            partner.url,
            "--dialect",
            dialect,
            "--allow-http",
            "--allow-private-address",
            sourceLocation: sourceLocation,
        )
    }

    /// Makes an agreement with a partner; it is not accepted yet.
    nonisolated func invite(
        _ name: String = "lenswerk",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> Agreed {
        let invited = try await command(
            "agreement",
            "invite",
            name,
            "--name",
            "MondoCam",
            "--json",
            sourceLocation: sourceLocation,
        )
        let uuid = try #require(try invited.object["uuid"] as? String, sourceLocation: sourceLocation)
        let printed = try await command("agreement", "token", uuid, sourceLocation: sourceLocation).output
        return Agreed(uuid: uuid, token: printed.trimmingCharacters(in: .newlines))
    }

    /// Adds a partner and has it accept an agreement of ours.
    nonisolated func agreement(
        with partner: FakePartner,
        named name: String = "lenswerk",
        dialect: String = "standard",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> Agreed {
        try await add(partner, as: name, dialect: dialect, sourceLocation: sourceLocation)
        let agreed = try await invite(name, sourceLocation: sourceLocation)
        // The token is there once the partner has got the invitation.
        await partner.waitForRequests(1)
        let accepted = try await fromPartner(
            "PUT",
            "/agreements/\(agreed.uuid)",
            token: agreed.token,
            #"{"status":"accepted"}"#,
            sourceLocation: sourceLocation,
        )
        try #require(accepted.status == 200, "\(accepted.body)", sourceLocation: sourceLocation)
        return agreed
    }

    /// Has our desk say something of a ticket.
    nonisolated func desk(
        _ method: String,
        _ ticket: String,
        _ agreed: Agreed,
        to name: String = "lenswerk",
        _ body: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let path = "/\(name)/tickets/\(ticket)"
        let answer = try await fromDesk(method, path, token: agreed.token, body, sourceLocation: sourceLocation)
        try #require([200, 201].contains(answer.status), "\(answer.body)", sourceLocation: sourceLocation)
    }
}
