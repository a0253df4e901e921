import CLibPQ
import Glibc

/// Where a PostgreSQL is and how sessions with it behave.
///
/// Printing it shows no password.
package struct PostgresConfiguration: Sendable {
    /// How the server is named. What is left out comes from libpq's environment (`PGHOST`, `PGPASSFILE` …) in every case.
    package enum Server: Sendable {
        /// libpq's keywords (`host`, `port`, `user`, `dbname`, `sslmode` …) with their values, as they are.
        case keywords([String: String])
        /// `postgres://user@host/database?sslmode=verify-full`
        case url(String)
        /// The environment alone.
        case environment
    }

    /// Where the server is, and who we are to it.
    package var server: Server

    /// Shown in `pg_stat_activity`.
    package var applicationName: String

    /// Run-time settings of every session, such as `["jit": "off"]`.
    package var settings: [String: String]

    /// For making a connection, its settings included. With several hosts it is the time for all of them.
    package var connectTimeout: Duration

    /// For one statement or pipeline that is given no limit of its own, and for one step of a COPY or stream.
    package var statementTimeout: Duration

    /// How long a cancelled statement may take to end before the connection is given up.
    package var cancelGrace: Duration

    /// How many prepared statements a session keeps; 0 for none, as some connection poolers want.
    package var preparedStatementLimit: Int

    /// Called on the session's thread for every notice; by default they are dropped.
    package var onNotice: @Sendable (PostgresNotice) -> Void

    /// Everything but the server has a default for production.
    package init(
        server: Server = .environment,
        applicationName: String = "shareledger",
        settings: [String: String] = [:],
        connectTimeout: Duration = .seconds(10),
        statementTimeout: Duration = .seconds(30),
        cancelGrace: Duration = .seconds(5),
        preparedStatementLimit: Int = 256,
        onNotice: @escaping @Sendable (PostgresNotice) -> Void = { _ in },
    ) {
        self.server = server
        self.applicationName = applicationName
        self.settings = settings
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.cancelGrace = cancelGrace
        self.preparedStatementLimit = preparedStatementLimit
        self.onNotice = onNotice
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    package var description: String {
        let place =
            switch server {
            case .keywords(let options):
                ["host", "port", "user", "dbname"].compactMap { key in options[key].map { "\(key)=\($0)" } }
                    .joined(separator: " ")
            case .url: "a URL"
            case .environment: "the environment"
            }
        return "PostgreSQL at \(place)"
    }

    package var customMirror: Mirror {
        Mirror(self, children: ["server": description, "applicationName": applicationName])
    }
}

// MARK: - For libpq

extension PostgresConfiguration {
    /// The options in libpq's order, in which later ones win; the first may be a URL that it takes apart.
    ///
    /// A URL that libpq would take apart wrongly is refused here, since its own messages quote the pieces, and a password
    /// with an `@` or `:` in it, not encoded, would be among them.
    func options() throws(PostgresError) -> [(keyword: String, value: String)] {
        var options: [(keyword: String, value: String)] = []
        switch server {
        case .keywords(let keywords):
            // Names of databases that look like a connection string are expanded when they come first.
            options.append(("dbname", ""))
            options += keywords.sorted { $0.key < $1.key }.map { (keyword: $0.key, value: $0.value) }
        case .url(let url):
            try Self.check(url)
            options.append(("dbname", url))
        case .environment:
            break
        }
        options.append(("application_name", applicationName))
        options.append(("client_encoding", "UTF8"))
        guard options.allSatisfy({ !$0.keyword.utf8.contains(0) && !$0.value.utf8.contains(0) }) else {
            throw PostgresError(.misuse, "a connection option with a NUL in it")
        }
        return options
    }

    private static func check(_ url: String) throws(PostgresError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw PostgresError(.misuse, "the database URL does not begin with postgres:// or postgresql://")
        }
        guard let parsed = unsafe PQconninfoParse(url, nil) else {
            throw PostgresError(.misuse, "the database URL is malformed")
        }
        defer { unsafe PQconninfoFree(parsed) }
        var option = unsafe parsed
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                let text = unsafe String(cString: value)
                switch unsafe String(cString: keyword) {
                case "port" where !text.allSatisfy({ $0.isNumber || $0 == "," }):
                    throw PostgresError(.misuse, "the port in the database URL is not a number")
                case "host" where text.dropFirst().contains("@"):
                    throw PostgresError(.misuse, "an @ in the database URL is not written as %40")
                default:
                    break
                }
            }
            unsafe option += 1
        }
    }
}
