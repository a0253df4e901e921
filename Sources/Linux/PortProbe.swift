import CLinux

/// Finds out whether anybody listens on a port, without saying anything there.
package enum PortProbe {
    /// Connects and hangs up; throws what the system says where nobody takes the connection within two seconds.
    ///
    /// - Parameter address: A numeric one, IPv6 without brackets.
    package static func connect(_ address: String, port: UInt16) throws(SystemError) {
        try SystemError.check(unsafe linux_connect(address, port, 2000), "connect to \(address) port \(port)")
    }
}
