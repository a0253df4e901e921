import CCurl
import Foundation

/// The certificate authorities that may vouch for a target: the system's, and those of a file on top.
///
/// The system's are read once, here; authorities added to the system's directory later are found as well, while one
/// that was taken away counts until a new store is made.
package final class TrustStore: Sendable {
    /// Why certificates could not be taken.
    package struct LoadError: Error, Hashable, Sendable, CustomStringConvertible {
        /// Names the file, if there is one, and what is wrong with it.
        package let description: String
    }

    /// What was added, in PEM form; nil if nothing.
    ///
    /// libcurl compares it to tell whether an open connection was made under the same trust.
    let additionalAuthorities: [UInt8]?
    private let handle: TrustHandle

    /// Trusts the system's authorities, and those of `pem` where given.
    package init(adding pem: [UInt8]? = nil) throws(LoadError) {
        additionalAuthorities = pem
        handle = try TrustHandle(pem: pem)
    }

    /// Trusts the system's authorities and those of a PEM file.
    package convenience init(addingFile path: String) throws(LoadError) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw LoadError(description: "cannot read \(path)")
        }
        do {
            try self.init(adding: Array(bytes))
        } catch {
            throw LoadError(description: "\(path): \(error.description)")
        }
    }

    /// How many authorities were read, the system's included.
    package var authorityCount: Int { Int(shareledger_trust_count(handle.trust)) }

    /// Makes the next transfer on the handle trust this store, which must outlive that transfer.
    func apply(to easy: borrowing EasyHandle) throws(CurlError) {
        try easy.set(authorities: additionalAuthorities)
        try EasyHandle.check(unsafe shareledger_curl_set_trust(easy.pointer, handle.trust))
    }
}

/// Owns one `shareledger_trust`, which OpenSSL lets any thread use.
private struct TrustHandle: ~Copyable, Sendable {
    let trust: shareledger_trust

    init(pem: [UInt8]?) throws(TrustStore.LoadError) {
        let bytes = pem ?? []
        var trust = shareledger_trust()
        // An empty file is a mistake, which no file at all is not.
        guard pem?.isEmpty != true, unsafe shareledger_trust_create(bytes, bytes.count, &trust) else {
            throw TrustStore.LoadError(description: "no certificates in PEM form, or damaged ones")
        }
        self.trust = trust
    }

    deinit {
        shareledger_trust_free(trust)
    }
}
