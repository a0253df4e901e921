package import PostgresCluster
package import Testing

/// The database of one test: a copy of a template, dropped after the test.
package struct TestDatabase: Sendable {
    /// Unique in its server.
    package let name: String

    /// Where its server listens.
    package let endpoint: ClusterEndpoint
    let cluster: TestCluster

    /// A statement that psql refused.
    package struct Failure: Error, CustomStringConvertible {
        /// The statement.
        package let sql: String

        /// What psql said.
        package let output: String

        package var description: String {
            "\(sql): \(output)"
        }
    }

    @TaskLocal static var bound: TestDatabase?

    /// The database of the running test, whose suite has the trait `.database`.
    package static var current: TestDatabase {
        guard let bound else { preconditionFailure("The test needs the trait .database.") }
        return bound
    }

    /// libpq's keywords and values for a connection as `role`.
    package func parameters(as role: ClusterRole = .service) -> [String: String] {
        endpoint.parameters(as: role, database: name)
    }

    /// Runs SQL on a connection of its own: rows one a line, columns separated by `|`.
    @discardableResult
    package func execute(_ sql: String, as role: ClusterRole = .administrator) async throws -> String {
        try await cluster.run(sql, database: name, as: role)
    }
}

extension TestDatabase {
    /// Lends another database of the same server, a copy of a template as in ``DatabaseTrait``.
    package func withAnother<Result>(
        template: String,
        prepare: @escaping @Sendable (TestDatabase) async throws -> Void,
        _ body: (TestDatabase) async throws -> Result,
    ) async throws -> Result {
        let other = try await cluster.makeDatabase(from: template, prepare: prepare)
        do {
            let result = try await body(other)
            try await cluster.drop(other)
            return result
        } catch {
            try await cluster.drop(other)
            throw error
        }
    }
}

/// Gives every test a database of its own.
package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    let template: String
    let cluster: TestCluster
    let prepare: @Sendable (TestDatabase) async throws -> Void

    package var isRecursive: Bool {
        true
    }

    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void,
    ) async throws {
        let database = try await cluster.makeDatabase(from: template, prepare: prepare)
        do {
            try await TestDatabase.$bound.withValue(database, operation: function)
        } catch {
            try await cluster.drop(database)
            throw error
        }
        try await cluster.drop(database)
    }
}

extension Trait where Self == DatabaseTrait {
    /// An empty database for every test, owned by `shareledger_owner`, in ``TestDatabase/current``.
    package static var database: Self {
        .database(template: "empty") { _ in }
    }

    /// A copy of a template for every test.
    ///
    /// - Parameters:
    ///   - template: names the template; the first test of the process that wants it makes it.
    ///   - durable: whether the server writes through, for tests that crash it.
    ///   - prepare: fills the template, and closes its connections.
    package static func database(
        template: String,
        durable: Bool = false,
        prepare: @escaping @Sendable (TestDatabase) async throws -> Void,
    ) -> Self {
        DatabaseTrait(template: template, cluster: durable ? .durable : .fast, prepare: prepare)
    }
}
