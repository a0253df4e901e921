/// Decides which addresses may be connected to, given everything that a name resolved to.
///
/// One refused answer refuses them all: a name that mixes public and inner addresses is an attempt to get inside, and
/// connecting to the rest of it would only move the attempt to the next time.
package struct AddressPolicy: Sendable {
    /// Which addresses are acceptable at all.
    package enum Scope: Sendable {
        /// Global addresses only.
        case publicOnly
        /// Also loopback, private and other inner networks, for a partner that an operator has allowed there.
        case allowPrivate
    }

    /// Which addresses are acceptable at all.
    package let scope: Scope

    /// What we listen on ourselves and so is never a target; a wildcard stands for every address of this machine.
    package let listeners: Set<Endpoint>

    private let localAddresses: @Sendable () -> Set<IPAddress>

    /// Takes the machine's addresses as a closure, asked when a listener on a wildcard address has the target's port.
    package init(
        _ scope: Scope,
        excluding listeners: Set<Endpoint> = [],
        localAddresses: @escaping @Sendable () -> Set<IPAddress> = LocalAddresses.current,
    ) {
        self.scope = scope
        self.listeners = listeners
        self.localAddresses = localAddresses
    }

    /// Global addresses only.
    package static let publicOnly = AddressPolicy(.publicOnly)

    /// Also inner networks.
    package static let allowPrivate = AddressPolicy(.allowPrivate)

    /// What became of the answers for one name.
    package enum Verdict: Sendable {
        /// All of them may be connected to.
        case allowed(VettedAddresses)
        /// None of them may be connected to.
        case refused(AddressRefusal)
    }

    /// Judges all answers for one name together; the allowed ones keep their order.
    package func vet(_ answers: [IPAddress], port: UInt16) -> Verdict {
        guard !answers.isEmpty else { return .refused(AddressRefusal(address: nil, reason: .noAddress)) }
        var kept: [IPAddress] = []
        for address in answers where !kept.contains(address) {
            if let reason = reasonToRefuse(Endpoint(address: address, port: port)) {
                return .refused(AddressRefusal(address: address, reason: reason))
            }
            kept.append(address)
        }
        return .allowed(VettedAddresses(addresses: kept, port: port))
    }

    private func reasonToRefuse(_ target: Endpoint) -> AddressRefusal.Reason? {
        if let purpose = target.address.specialPurpose, scope == .publicOnly || !purpose.isInner {
            return .specialPurpose(purpose)
        }
        // A translator inside the network would carry the request on to the address inside.
        if let embedded = target.address.embedded,
            let reason = reasonToRefuse(Endpoint(address: embedded, port: target.port))
        {
            return reason
        }
        return isOwnListener(target) ? .ownListener : nil
    }

    private func isOwnListener(_ target: Endpoint) -> Bool {
        if listeners.contains(target) {
            return true
        }
        // A listener on :: takes IPv4 as well, unless told otherwise, so either wildcard covers both families.
        let hasWildcard = listeners.contains { $0.port == target.port && $0.address.bits == 0 }
        return hasWildcard
            && (target.address.specialPurpose?.name == "loopback" || localAddresses().contains(target.address))
    }
}

/// Addresses of one target that an ``AddressPolicy`` has allowed; nothing else can be connected to.
package struct VettedAddresses: Hashable, Sendable {
    /// In the order in which they are tried; at least one.
    package let addresses: [IPAddress]

    /// The port for which they were allowed.
    package let port: UInt16

    fileprivate init(addresses: [IPAddress], port: UInt16) {
        self.addresses = addresses
        self.port = port
    }
}

/// Which answer was refused, and why.
package struct AddressRefusal: Hashable, Sendable, CustomStringConvertible {
    /// Why an address is not to be connected to.
    package enum Reason: Hashable, Sendable {
        case noAddress
        case specialPurpose(SpecialPurpose)
        case ownListener
    }

    /// The first answer that was refused; nil if there was none at all.
    package let address: IPAddress?
    /// Why that answer was refused.
    package let reason: Reason

    /// Names the address and the reason; safe to show to an operator.
    package var description: String {
        let address = address?.description ?? "the name"
        return switch reason {
        case .noAddress: "\(address) has no address"
        case .specialPurpose(let purpose): "\(address) is not public (\(purpose))"
        case .ownListener: "\(address) is where ShareLedger itself listens on that port"
        }
    }
}
