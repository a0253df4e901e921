import Foundation
import Linux
import TestSupport

/// A certificate authority and certificates of one test, made with the openssl command in a directory of their own.
final class Certificates: Sendable {
    struct CommandFailed: Error, CustomStringConvertible {
        let description: String
    }

    /// A certificate with its key, as files.
    struct Identity: Sendable {
        let certificate: String
        let key: String
    }

    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "shareledger-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try makeKey("authority")
        try run(["req", "-x509", "-key", "authority.key", "-out", "authority.pem", "-subj", "/CN=Test", "-days", "2"])
    }

    deinit {
        // A directory that stays behind harms nobody.
        try? FileManager.default.removeItem(at: directory)
    }

    /// The authority's certificate.
    var authority: String { path("authority.pem") }

    /// Makes a certificate for a host, vouched for by the authority; with negative days it has expired.
    func identity(host: String, days: Int = 1) throws -> Identity {
        let name = UUID().uuidString
        try makeKey(name)
        try run([
            "req", "-key", "\(name).key", "-out", "\(name).csr", "-new", "-subj", "/CN=\(host)",
            "-addext", "subjectAltName=DNS:\(host)",
        ])
        try run([
            "x509", "-req", "-in", "\(name).csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-set_serial", "7",
            "-copy_extensions", "copyall", "-days", "\(days)", "-out", "\(name).pem",
        ])
        return Identity(certificate: path("\(name).pem"), key: path("\(name).key"))
    }

    /// Makes a certificate for a host that only it itself vouches for.
    func selfSigned(host: String) throws -> Identity {
        let name = UUID().uuidString
        try makeKey(name)
        try run([
            "req", "-x509", "-key", "\(name).key", "-out", "\(name).pem", "-subj", "/CN=\(host)", "-days", "1",
            "-addext", "subjectAltName=DNS:\(host)",
        ])
        return Identity(certificate: path("\(name).pem"), key: path("\(name).key"))
    }

    /// SHA-256 of the certificate in DER, as openssl computes it.
    func digest(of identity: Identity) throws -> [UInt8] {
        let output = try run(["x509", "-in", identity.certificate, "-noout", "-fingerprint", "-sha256"])
        return output.split(separator: "=").last?.split(separator: ":").compactMap {
            UInt8($0.trimmingCharacters(in: .whitespacesAndNewlines), radix: 16)
        } ?? []
    }

    private func path(_ name: String) -> String { directory.appending(path: name).path }

    private func makeKey(_ name: String) throws {
        try run(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key"])
    }

    @discardableResult
    private func run(_ arguments: [String]) throws -> String {
        let result = try SystemTool.run("/usr/bin/openssl", arguments, directory: directory.path)
        guard result.isSuccess else { throw CommandFailed(description: result.output) }
        return result.output
    }
}
