import Foundation
import Postgres
import Testing

@Suite struct PostgresConfigurationTests {
    @Test func `a URL works as keywords do`() throws {
        let cluster = try TestCluster.shared.get()
        let host = try #require(cluster.directory.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let url = "postgres://postgres@\(host)/postgres?connect_timeout=5"
        var session = try PostgresSession.open(PostgresConfiguration(server: .url(url), applicationName: "by url"))
        let row = try session.query("SELECT current_database(), current_setting('application_name')").onlyRow()
        #expect(try row.decode((String, String).self) == ("postgres", "by url"))
    }

    @Test func `a database that is named like a connection string is only a name`() throws {
        let cluster = try TestCluster.shared.get()
        let configuration = cluster.configuration(database: "host=/nowhere user=nobody")
        let error = #expect(throws: PostgresError.self) { _ = try PostgresSession.open(configuration) }
        #expect(error?.message.contains(#"database "host=/nowhere user=nobody" does not exist"#) == true)
    }

    @Test(arguments: [
        "postgres://user:pass:s3cret@host/db", "postgres://user:p@s3cret@host/db",
        "postgres://user:s3cret@host:70000x/db",
        "postgres://user:s3cret@[::1/db", "user:s3cret@host", "host=x password=s3cret",
        "postgres://user:s3cret@h/d?nope=s3cret",
        "postgres://user:%zzs3cret@h/d", "",
    ])
    func `a URL that is wrong is refused without a word of it`(url: String) throws {
        var configuration = PostgresConfiguration(server: .url(url))
        configuration.connectTimeout = .seconds(2)
        let error = try #require(#expect(throws: PostgresError.self) { _ = try PostgresSession.open(configuration) })
        #expect(error.kind == .misuse || !error.message.contains("s3cret"))
        #expect(!error.debugDescription.contains("s3cret"))
    }

    @Test func `printing it shows no password`() {
        let byURL = PostgresConfiguration(server: .url("postgres://user:s3cret@host/db"))
        let byKeywords = PostgresConfiguration(server: .keywords(["host": "h", "password": "s3cret", "dbname": "d"]))
        for configuration in [byURL, byKeywords] {
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in ["\(configuration)", String(reflecting: configuration), dumped] {
                #expect(!text.contains("s3cret"), "\(text)")
            }
        }
        #expect(byKeywords.description == "PostgreSQL at host=h dbname=d")
    }
}
