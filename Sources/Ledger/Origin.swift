/// The name of a ledger in its leaves and, later, its checkpoints: `NAME/EPOCH`, such as `desk.example/sharing/1`.
///
/// A C2SP log origin: a schema-less URL by custom, without spaces and plus signs.
package struct Origin: Sendable, Hashable {
    package let name: String

    /// 1 for a new ledger, one more for every copy that was continued elsewhere.
    package let epoch: Int

    /// Takes 1 to 200 characters of `A-Z a-z 0-9 . _ ~ : / -` that neither begin nor end with a slash; `nil` otherwise.
    package init?(name: String, epoch: Int) {
        let isAllowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
            case UInt8(ascii: "-")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "~"): true
            default: false
            }
        }
        guard isAllowed, (1...200).contains(name.utf8.count), epoch > 0 else { return nil }
        guard !name.hasPrefix("/"), !name.hasSuffix("/") else { return nil }
        self.name = name
        self.epoch = epoch
    }
}

extension Origin: CustomStringConvertible {
    package var description: String {
        "\(name)/\(epoch)"
    }
}
