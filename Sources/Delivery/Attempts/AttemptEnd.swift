import Cryptography
import Foundation
import HTTPClient
import JSON
import Ledger
import LedgerStore
import Sharing

/// How an attempt ended, ready to be recorded.
struct AttemptEnd: Sendable {
    let subject: AttemptSubject
    let exchange: EventID

    /// The attempt's number; `nil` until it is begun.
    var attempt: Int?

    private(set) var verdict: AttemptVerdict

    /// What becomes of the row in the queue.
    private(set) var consequence: Consequence

    /// Requests that may be under way to the destination when it is up.
    let capacity: Int

    let rules: OutageRules

    /// The version of the access key that the message brought to a partner.
    let offeredKey: AgreementRecord.KeyVersion?

    let status: Int?

    /// Headers and body of the answer.
    let parts: [Part]

    /// Bytes of the answer's body, kept or not.
    let answerByteCount: Int?

    /// SHA-256 of these, where all came and not all are kept.
    let answerDigest: Digest?

    let connection: Connection

    enum Consequence: Sendable {
        /// Of several requests that make one delivery this one is done.
        case goesOn
        case delivered
        case retry(due: Timestamp, returnsTry: Bool)
        case park
    }

    /// What is known of how the answer came.
    struct Connection: Sendable {
        var address: String?
        var tlsVersion: String?
        var certificateDigest: String?
        var durations: HTTPDurations?
    }

    init(
        of subject: AttemptSubject,
        exchange: EventID,
        attempt: Int?,
        verdict: AttemptVerdict,
        consequence: Consequence,
        capacity: Int,
        rules: OutageRules,
        offeredKey: AgreementRecord.KeyVersion?,
        outcome: HTTPOutcome?,
        secrets: [[UInt8]],
        randomness: Randomness,
    ) {
        self.subject = subject
        self.exchange = exchange
        self.attempt = attempt
        self.verdict = verdict
        self.consequence = consequence
        self.capacity = capacity
        self.rules = rules
        self.offeredKey = offeredKey
        let (answer, durations): (HTTPAnswer?, HTTPDurations?) =
            switch outcome {
            case .answered(let answer): (answer, answer.durations)
            case .failed(let failure): (failure.partialAnswer, failure.durations)
            case nil: (nil, nil)
            }
        status = answer?.status
        answerByteCount = answer?.bodyByteCount
        answerDigest = if case .answered(let whole) = outcome { whole.bodyDigest } else { nil }
        connection = Connection(
            address: answer.map { "\($0.peer)" },
            tlsVersion: answer?.tls?.version.rawValue,
            certificateDigest: answer?.tls.map { hexadecimal($0.certificateDigest) },
            durations: durations,
        )
        parts = answer.map { Self.parts(of: $0, isAgreement: subject.ticket == nil, secrets, randomness) } ?? []
    }

    /// What of the state is read: the agreement too where a partner may have come to know a key.
    var keys: StateKeys {
        var keys = subject.keys
        if offeredKey != nil { keys.agreements = [subject.agreement] }
        return keys
    }

    var byteCount: Int {
        parts.reduce(512) { $0 + $1.content.count }
    }

    /// What it says of the destination.
    var health: HealthReport {
        HealthReport(
            verdict.sign,
            of: subject.delivery,
            reason: Facts.cleaned(verdict.reason),
            requestedPause: verdict.requestedPause,
            capacity: capacity,
        )
    }

    /// The same where the destination is out: what could not even be said to it uses up no try, and goes as the next
    /// canary, or one after that.
    func waiting(forCanaryAt canary: Timestamp) -> AttemptEnd {
        guard verdict.sign == .fault else { return self }
        switch consequence {
        case .goesOn, .delivered: return self
        case .retry, .park: break
        }
        var end = self
        end.consequence = .retry(due: canary, returnsTry: true)
        end.verdict = verdict.triedAgain
        return end
    }

    // MARK: Parts

    private static func parts(
        of answer: HTTPAnswer,
        isAgreement: Bool,
        _ secrets: [[UInt8]],
        _ randomness: Randomness,
    ) -> [Part] {
        var committer = Committer(randomness: randomness)
        var block = HeaderBlock()
        for header in answer.headers {
            block.append(name: Array(header.name.utf8)[...], value: header.value[...])
        }
        var parts = [committer.part(.answerHeaders, CredentialCutter.cut(block.bytes, secrets: secrets).stored)]
        guard !answer.body.isEmpty else { return parts }
        // What a partner makes of an agreement may show its key; what cannot be read is searched for ours.
        let document = try? JSONDocument(parsing: answer.body)  // Most often it is none.
        let body = StoredBody(
            document == nil ? withoutBrokenSecret(answer.body, secrets) : answer.body,
            document: document,
            isAgreement: isAgreement && document != nil,
            secrets: secrets,
            maximumDepth: 64,
        )
        parts.append(committer.part(.answerBody, body.bytes, chunks: body.chunks))
        return parts
    }

    /// The bytes without the beginning of a credential at their end, where the rest may have been cut off.
    private static func withoutBrokenSecret(_ bytes: [UInt8], _ secrets: [[UInt8]]) -> [UInt8] {
        let longest = secrets.map { secret in
            (4..<max(secret.count, 4)).reversed().first { bytes.suffix($0).elementsEqual(secret.prefix($0)) } ?? 0
        }.max()
        return Array(bytes.dropLast(longest ?? 0))
    }
}
