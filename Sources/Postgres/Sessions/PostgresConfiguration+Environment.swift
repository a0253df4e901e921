import CLibPQ

extension PostgresConfiguration {
    /// The variables by which a program that uses libpq connects as this does, such as `PGHOST`; nothing else of libpq's
    /// environment is among them.
    ///
    /// A password in a URL goes into the environment, which other users cannot read, and not onto a command line, which
    /// they can. Throws an error of kind `misuse` where an option has no variable.
    package func programEnvironment() throws(PostgresError) -> [String: String] {
        var variables: [String: String] = [:]
        let names = Self.variables()
        for (keyword, value) in try namedOptions() {
            guard let variable = names[keyword] else {
                throw PostgresError(.misuse, "the connection option \(keyword) has no environment variable")
            }
            variables[variable] = value
        }
        return variables
    }

    /// Every variable that libpq reads a connection option from.
    package static var environmentVariables: Set<String> {
        // These two have no keyword: the files in which services and passwords stand.
        Set(variables().values).union(["PGSERVICEFILE", "PGSYSCONFDIR"])
    }

    /// What was named, a URL taken apart.
    private func namedOptions() throws(PostgresError) -> [String: String] {
        switch server {
        case .environment: return [:]
        case .keywords(let keywords): return keywords
        case .url(let url):
            _ = try options()
            guard let parsed = unsafe PQconninfoParse(url, nil) else {
                throw PostgresError(.misuse, "the database URL is malformed")
            }
            defer { unsafe PQconninfoFree(parsed) }
            var options: [String: String] = [:]
            var option = unsafe parsed
            while let keyword = unsafe option.pointee.keyword {
                if let value = unsafe option.pointee.val {
                    unsafe options[String(cString: keyword)] = unsafe String(cString: value)
                }
                unsafe option += 1
            }
            return options
        }
    }

    private static func variables() -> [String: String] {
        // Without memory there are no names, and every option is refused.
        guard let defaults = unsafe PQconndefaults() else { return [:] }
        defer { unsafe PQconninfoFree(defaults) }
        var variables: [String: String] = [:]
        var option = unsafe defaults
        while let keyword = unsafe option.pointee.keyword {
            if let variable = unsafe option.pointee.envvar {
                unsafe variables[String(cString: keyword)] = unsafe String(cString: variable)
            }
            unsafe option += 1
        }
        return variables
    }
}
