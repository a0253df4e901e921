package import Cryptography
import Ledger
import Synchronization

/// The access keys of all agreements, by their fingerprints: enough to recognise one, and not to tell it.
///
/// A key may be put where nobody looks for one: in a path, in a `Referer`, under another agreement. Whatever looks like a
/// key there is compared with these.
package final class KnownKeys: Sendable {
    private let fingerprints: Mutex<Set<Digest>>

    /// Candidates in one part of a request beyond which it is not looked through.
    static let candidateLimit = 4096

    package init(_ fingerprints: some Sequence<Digest> = []) {
        self.fingerprints = Mutex(Set(fingerprints))
    }

    /// Adds keys.
    package func insert(_ more: some Sequence<Digest>) {
        fingerprints.withLock { $0.formUnion(more) }
    }

    /// The keys that stand in some bytes; `nil` where there is too much in them that could be one.
    ///
    /// - Parameter others: Fingerprints of further keys, such as those of the agreement that is spoken of.
    func found(in bytes: some Collection<UInt8>, with keys: KeyRing, _ others: [Digest] = []) -> [[UInt8]]? {
        let known = fingerprints.withLock { $0 }
        guard !known.isEmpty || !others.isEmpty else { return [] }
        guard let candidates = CredentialCutter.candidates(in: bytes, limit: Self.candidateLimit) else { return nil }
        return candidates.filter { candidate in
            let fingerprint = keys.fingerprint(ofAccessKey: candidate)
            return known.contains(fingerprint) || others.contains(fingerprint)
        }
    }
}
