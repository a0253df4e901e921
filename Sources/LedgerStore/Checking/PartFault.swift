package import Ledger

/// A part of an event, wherever its bytes are.
package struct PartPlace: Sendable, Hashable {
    package let position: Position
    package let part: PartName

    package init(_ position: Position, _ part: PartName) {
        self.position = position
        self.part = part
    }
}

/// Why the bytes of a part cannot be relied on; names the part, and quotes nothing of it.
package struct PartFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Kind: Sendable, Hashable {
        /// The bytes, their salt or their chunks are not those that the leaf commits to.
        case altered

        /// The bytes are gone, and no `payload.erased` event accounts for that.
        case missing

        /// The bytes are there, but not all of the credentials that were cut out of them.
        case incomplete
    }

    /// The part at fault.
    package let place: PartPlace

    package let kind: Kind

    package init(_ place: PartPlace, _ kind: Kind) {
        self.place = place
        self.kind = kind
    }

    /// What is wrong with the part, for who names the event himself.
    package var reason: String {
        switch kind {
        case .altered: "its part \(place.part.rawValue) is not what its leaf commits to"
        case .missing: "its part \(place.part.rawValue) is missing, and no payload.erased event names it"
        case .incomplete: "not all of what was cut out of its part \(place.part.rawValue) is still there"
        }
    }

    package var description: String {
        switch kind {
        case .altered: "the part \(place.part.rawValue) of event \(place.position) is not what its leaf commits to"
        case .missing:
            "the part \(place.part.rawValue) of event \(place.position) is missing, and no payload.erased event names it"
        case .incomplete:
            "not all of what was cut out of the part \(place.part.rawValue) of event \(place.position) is still there"
        }
    }
}
