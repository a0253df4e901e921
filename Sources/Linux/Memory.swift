import Glibc

/// The memory that this process and its children may use.
package enum Memory {
    /// Bytes of the machine, or of the control group where that has a limit below them.
    package static var byteCount: Int {
        let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return min(machine, limit ?? machine)
    }

    /// `nil` where there is no limit (`max`), or no control groups of version 2.
    private static var limit: Int? {
        let text = try? FileDescriptor("/sys/fs/cgroup/memory.max", for: .reading).text()
        return text.flatMap { Int($0.prefix { $0.isNumber }) }
    }
}
