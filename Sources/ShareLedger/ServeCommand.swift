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
        in all and from one address; beyond them the answer is 429 until midnight.
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
    // Bound while root's rights are still there, for ports below 1024.
    let publicSocket = try ListeningSocket.bind(host: settings.publicListen.host, port: settings.publicListen.port)
    let privateSocket = try ListeningSocket.bind(host: settings.privateListen.host, port: settings.privateListen.port)
    Interruption.ofCommand.arm()
    let workspace = try await Workspace.open(directory, arguments, logger: logger)
    do {
        let service = Service(settings: settings, workspace: workspace, logger: logger)
        try await service.run(publicSocket: publicSocket, privateSocket: privateSocket)
    } catch {
        // What went wrong in the service matters more than what goes wrong in stopping the database.
        try? await workspace.close()
        throw error
    }
    try await workspace.close()
    return 0
}
