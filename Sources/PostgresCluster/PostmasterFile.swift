/// What a server writes about itself into `postmaster.pid`, one line each.
package struct PostmasterFile: Equatable, Sendable {
    /// How far a server has come.
    package enum Status: String, Sendable {
        case starting
        case stopping
        case ready

        /// Ready for queries that only read.
        case standby
    }

    /// The number of the process that wrote it.
    package let processID: Int32

    /// It is no server but one `postgres --single`, which writes its number as a negative one.
    package let isStandalone: Bool

    /// Nil until the server has opened its socket.
    package let endpoint: ClusterEndpoint?

    /// Nil until the server has said so for the first time.
    package let status: Status?

    /// Nil if the text does not even begin with a process id: half written, or garbage.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0).trimmingSpaces }
        guard let first = lines.first, let number = Int32(first), number != 0, number != .min else { return nil }
        processID = abs(number)
        isStandalone = number < 0
        if lines.count > 4, let port = Int(lines[3]), lines[4].hasPrefix("/") {
            endpoint = ClusterEndpoint(socketDirectory: lines[4], port: port)
        } else {
            endpoint = nil
        }
        status = lines.count > 7 ? Status(rawValue: lines[7]) : nil
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let start = drop { $0 == " " }
        let end = start.lastIndex { $0 != " " }.map { start.index(after: $0) } ?? start.startIndex
        return String(start[..<end])
    }
}
