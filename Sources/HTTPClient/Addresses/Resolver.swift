/// Finds the addresses of a host name: by asking the system, or from answers that a test gives.
package struct Resolver: Sendable {
    /// What became of a look-up.
    package enum Resolution: Hashable, Sendable {
        /// All answers, in the order in which they are to be tried.
        case addresses([IPAddress])
        case failed(Failure)
    }

    /// Why there is no answer.
    package enum Failure: Hashable, Sendable, CustomStringConvertible {
        /// The name does not exist or has no address.
        case unknownName
        /// The name service failed; another time may do.
        case unavailable(String)
        case timedOut
        /// Too many look-ups wait already.
        case busy
        case cancelled

        /// Names no host; whoever asked knows it.
        package var description: String {
            switch self {
            case .unknownName: "the name does not exist or has no address"
            case .unavailable(let detail): "the name service failed: \(detail)"
            case .timedOut: "the name service did not answer in time"
            case .busy: "too many look-ups are waiting"
            case .cancelled: "the look-up was cancelled"
            }
        }
    }

    private let lookUp: @Sendable (_ name: String, _ limit: Duration) async -> Resolution

    /// Takes what answers for a name; it must keep to the time limit that it is given.
    package init(_ lookUp: @escaping @Sendable (_ name: String, _ limit: Duration) async -> Resolution) {
        self.lookUp = lookUp
    }

    /// Asks the system's name service, `/etc/hosts` included.
    package static func system(_ configuration: SystemResolver.Configuration = .init()) -> Resolver {
        let resolver = SystemResolver(configuration)
        return Resolver { await resolver.resolve($0, within: $1) }
    }

    /// All addresses of a URL's host; a literal address is its own answer and asks nobody.
    package func addresses(of url: HTTPURL, within limit: Duration) async -> Resolution {
        if let literal = url.literalAddress {
            return .addresses([literal])
        }
        return await lookUp(url.host, limit)
    }
}

// MARK: - Resolving and vetting

extension AddressPolicy {
    /// Resolves a URL's host, vets all answers, and fails as a request would that was never sent.
    package func target(
        of url: HTTPURL,
        resolver: Resolver,
        within limit: Duration,
    ) async -> Result<VettedAddresses, HTTPFailure> {
        switch await resolver.addresses(of: url, within: limit) {
        case .failed(.cancelled):
            return .failure(HTTPFailure(.cancelled, requestMayHaveArrived: false))
        case .failed(let failure):
            return .failure(HTTPFailure(.resolve(failure), requestMayHaveArrived: false))
        case .addresses(let answers):
            switch vet(answers, port: url.port) {
            case .allowed(let vetted): return .success(vetted)
            case .refused(let refusal):
                return .failure(HTTPFailure(.refusedByPolicy(refusal), requestMayHaveArrived: false))
            }
        }
    }
}
