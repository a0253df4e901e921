import Ledger
import LedgerStore
import Postgres

/// Looks at every event of the ledger, however long that takes, and says what each fault is.
struct WholeLedgerCheck: Sendable {
    private static let subject = "whole ledger"

    /// Faults that get a line of their own; more have one cause.
    private static let shownCount = 100

    let configuration: PostgresConfiguration

    /// `nil` where the key file cannot be used, which is a finding of its own.
    let keys: KeyRing?

    let workers: Int

    func look() async -> [Finding] {
        let bar = ProgressBar("Checking")
        defer { bar.finish() }
        let began = ContinuousClock.now
        do {
            let report = try await LedgerAudit.run(
                configuration,
                keys: keys,
                workers: workers,
                progress: bar.show
            )
            return Self.findings(report, after: (.now - began) / .seconds(1))
        } catch {
            return [.fail(Self.subject, error)]
        }
    }

    static func findings(_ report: AuditReport, after seconds: Double) -> [Finding] {
        guard report.faultCount > 0 else {
            let erased = report.erasedCount > 0 ? ", \(report.erasedCount) more are erased" : ""
            let rate = Int(Double(report.eventCount) / max(0.001, seconds))
            let found = "all \(report.eventCount) events and \(report.partCount) parts are as they were recorded"
            return [.ok(subject, "\(found)\(erased); \(rate) events/s")]
        }
        let advice = "somebody has changed the ledger: compare with a backup"
        let shown = report.faults.sorted { $0.position < $1.position }.prefix(shownCount)
        var findings = shown.map { fault in
            var finding = Finding.fail(subject, fault.description, advice: nil)
            finding.position = fault.position.rawValue
            finding.part = fault.part?.rawValue
            return finding
        }
        let count = report.faultCount == 1 ? "1 fault" : "\(report.faultCount) faults"
        let extent = report.faultCount > shown.count ? ", of which \(shown.count) are shown" : ""
        findings.append(.fail(subject, "\(count) in \(report.end) positions\(extent)", advice: advice))
        return findings
    }
}
