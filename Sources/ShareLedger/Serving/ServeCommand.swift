import Arguments
import HTTPServer
import Linux
import Logging

let serveCommand = Command(
    "serve",
    summary: "Run the service in the foreground; SIGTERM or Ctrl-C stops it",
    discussion: """
        Takes messages of partners on the public listener and of our own desk on the private one, stores each before it is
        answered, delivers, and keeps the current state. With no database configured a private PostgreSQL runs in the data
        directory; DATABASE_URL or PGHOST name another one.

        Anybody can invite us. What is recorded under invitations that no operator has accepted has bounds a day of UTC,
        in all and from one address; beyond them the answer is 503 until midnight.
        """,
    examples: [
        .init("serve", "Try it out, everything in .shareledger"),
        .init(
            "serve --data /var/lib/shareledger --public-url https://desk.example/sharing --desk-url https://rt.desk.example/sharing",
            "Between a help desk and its partners, behind a TLS proxy",
        ),
    ],
    options: Options.common + [
        Options.publicListen, Options.privateListen, Options.publicURL, Options.privateURL, Options.deskURL,
        Options.origin, Options.strict, Options.trustedProxies, Options.privateHosts, Options.tlsCertificate,
        Options.tlsKey, Options.tokenFile, Options.caFile, Options.bodyLimit, Options.connectionLimit,
        Options.connectionLimitPerAddress,
        Options.strangerMessages, Options.strangerMessagesPerAddress, Options.strangerBytes,
        Options.strangerBytesPerAddress, Options.refusedBytes, Options.retrySchedule,
    ],
) { arguments in
    let settings = try ServiceSettings(arguments)
    let logger = Logger(label: "shareledger")
    let directory = try Workspace.directory(arguments, mayCreate: true)
    let mark = try ServiceMark(in: directory, listeners: [settings.publicListen, settings.privateListen])
    // Bound while root's rights are still there, for ports below 1024.
    let publicSocket = try bind(settings.publicListen, besides: mark.other)
    let privateSocket = try bind(settings.privateListen, besides: mark.other)
    Interruption.ofCommand.arm()
    let workspace = try await Workspace.open(directory, arguments, logger: logger)
    if let other = mark.other {
        logger.warning(
            "another service works in this data directory: invitations and doctor go on with its URLs",
            metadata: ["other": "\(other)"],
        )
    }
    do {
        let service = Service(settings: settings, isSecond: mark.other != nil, workspace: workspace, logger: logger)
        try await service.run(publicSocket: publicSocket, privateSocket: privateSocket)
    } catch {
        // What went wrong in the service matters more than what goes wrong in stopping the database.
        try? await workspace.close()
        throw error
    }
    try await workspace.close()
    return withExtendedLifetime(mark) { 0 }
}

/// - Parameter other: Who else works in the data directory, and so is likely to have the port.
private func bind(_ address: ListenAddress, besides other: String?) throws -> ListeningSocket {
    do throws(ListeningSocketError) {
        return try ListeningSocket.bind(host: address.host, port: address.port)
    } catch {
        guard error.isInUse, let other else { throw CommandFailure(error.description, status: 69) }
        let advice = "stop that one, or give this one other ports with --public-listen and --private-listen"
        throw CommandFailure(
            "port \(address.port) on \(address.host) is in use, and \(other) works in this data directory: \(advice)",
            status: 69
        )
    }
}
