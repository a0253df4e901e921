import Foundation
import HTTPServer
import TestPeers
import Testing

/// `/metrics`, as Prometheus scrapes it.
@Suite(.fewAtATime) struct MetricsTests {
    @Test func `metrics tell what was counted and how everything stands, also without a database`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "2")
        var samples = try await scrape(service)
        #expect(samples[#"shareledger_attempts_total{class="delivered"}"#] == 2)
        #expect(samples[#"shareledger_answers_total{listener="private",status="201"}"#] == 1)
        #expect(samples[#"shareledger_destination_state{destination="lenswerk",state="up"}"#] == 1)
        #expect(samples[#"shareledger_destination_state{destination="lenswerk",state="out"}"#] == 0)
        #expect(samples[#"shareledger_deliveries_waiting{destination="lenswerk"}"#] == 0)
        #expect(samples["shareledger_append_seconds_count", default: 0] > 3)
        let all = samples[#"shareledger_append_seconds_bucket{le="+Inf"}"#]
        #expect(all == samples["shareledger_append_seconds_count"])
        #expect(samples["shareledger_claim_seconds_count", default: 0] > 0)
        #expect(samples["shareledger_database_up"] == 1 && samples["process_resident_memory_bytes", default: 0] > 1e6)
        let events = try await service.sql("SELECT max(position) + 1 FROM audit.message")
        #expect(samples["shareledger_ledger_events", default: 0] >= Double(events) ?? .infinity)

        // What the alerts ask for is there.
        let rules = try String(contentsOf: Self.root.appending(path: "tools/alerts.yml"), encoding: .utf8)
        let wanted = Set(rules.matches(of: #/shareledger_[a-z_]+/#).map { String($0.0) })
        let known = Set(samples.keys.map { String($0.prefix { $0 != "{" }) })
        #expect(!wanted.isEmpty && wanted.isSubset(of: known), "\(wanted.subtracting(known))")

        try await service.command("partner", "pause", "lenswerk")
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved"}"#)
        samples = try await scrape(service)
        #expect(samples[#"shareledger_destination_state{destination="lenswerk",state="paused"}"#] == 1)
        #expect(samples[#"shareledger_deliveries_waiting{destination="lenswerk"}"#] == 1)
        #expect(samples[#"shareledger_oldest_delivery_seconds{destination="lenswerk"}"#, default: -1] >= 0)
        try await service.withoutPostgres {
            let left = try await scrape(service)
            #expect(left["shareledger_database_up"] == 0)
            #expect(left["shareledger_attempts_total{class=\"delivered\"}"] == 2)
        }
        #expect(try await ask(service, "POST", authorization: try token(service)).status == 405)
        #expect(try await ask(service, "GET", authorization: "wrong").status == 401)
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

    private func token(_ service: TestService) throws -> String {
        try String(contentsOfFile: "\(service.data)/token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func ask(_ service: TestService, _ method: String, authorization: String) async throws -> RawClient.Answer {
        let head = "\(method) /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(authorization)\r\n"
        return try #require(
            try await service.exchange(Array("\(head)Content-Length: 0\r\nConnection: close\r\n\r\n".utf8), at: .desk)
        )
    }

    /// Names with their labels, and values; every line must be one of the format.
    private func scrape(_ service: TestService) async throws -> [String: Double] {
        let answer = try await ask(service, "GET", authorization: try token(service))
        #expect(answer.status == 200 && answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        var samples: [String: Double] = [:]
        for line in answer.body.split(separator: "\n") where !line.hasPrefix("# HELP ") && !line.hasPrefix("# TYPE ") {
            let space = try #require(line.lastIndex(of: " "), "\(line)")
            let name = String(line[..<space])
            #expect(samples[name] == nil, "\(name) is there twice")
            let value: Double = try #require(Double(String(line[line.index(after: space)...])), "\(line)")
            samples[name] = value
        }
        return samples
    }
}
