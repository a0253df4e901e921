/// The address of a C object that its library lets any thread use.
///
/// Swift treats every pointer as bound to one thread. libpq promises more for two of its objects: a `PGresult` is read-only
/// once made, and `PQcancel` may run on any thread. Only those two are kept like this; a `PGconn` never is.
@safe struct SharedAddress: Sendable {
    private let address: UInt

    init(_ pointer: OpaquePointer) {
        address = UInt(bitPattern: pointer)
    }

    var pointer: OpaquePointer? {
        unsafe OpaquePointer(bitPattern: address)
    }
}
