import Glibc
import TestPeers

/// A listener whose queue is full, so that further connections are neither taken nor refused.
struct Swallower {
    private let descriptors: [Int32]

    init(address: UInt32, port: UInt16) throws {
        let (listener, _) = try RawServer.listen(on: address, port: port, backlog: 0)
        var descriptors = [listener]
        for _ in 0..<4 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            descriptors.append(filler)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_addr.s_addr = address.bigEndian
            name.sin_port = port.bigEndian
            unsafe withUnsafePointer(to: &name) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    // In progress, or swallowed already: either fills the queue.
                    _ = unsafe connect(filler, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        self.descriptors = descriptors
    }

    func end() {
        for descriptor in descriptors {
            close(descriptor)
        }
    }
}
