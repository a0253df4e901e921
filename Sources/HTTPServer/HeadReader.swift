import CMicroHTTPD

/// Collects a head from the library, and checks that nothing lies between the parts that it hands out.
///
/// libmicrohttpd 0.9.75 takes a bare LF for a line end, cuts a line at a NUL, skips several spaces after the method, and
/// joins a folded line to the field *name*. None of this shows in the strings that it gives. But it parses in place, so
/// in a well-formed head every part begins where the one before it ended, a known number of bytes on; any other spacing
/// is refused. Only a NUL right before a bare LF cannot be told from the CR that belongs there. A library that laid out
/// heads differently would have all requests refused rather than one let through.
@safe struct HeadReader {
    private var headers = HTTPHeaders()
    private var end: UInt
    private var isIntact: Bool

    /// Line ends are overwritten with zeros by the library: CR LF after the version and after each value.
    private static let lineEndByteCount: UInt = 2

    private init(end: UInt, isIntact: Bool) {
        self.end = end
        self.isIntact = isIntact
    }

    /// Reads the whole head of the request that a connection is at.
    ///
    /// - Parameter target: as it was received; the library has cut its own copy up by now.
    static func head(
        of connection: OpaquePointer,
        method: UnsafePointer<CChar>,
        path: UnsafePointer<CChar>,
        version: UnsafePointer<CChar>,
        target: String,
        limit: Int,
    ) throws(HTTPRefusal) -> RequestHead {
        let name = unsafe String(cString: method)
        let version10 = unsafe String(cString: version) == HTTPRequest.Version.http10.rawValue
        let start = UInt(bitPattern: method)
        let targetStart = start &+ UInt(name.utf8.count) &+ 1
        let versionStart = targetStart &+ UInt(target.utf8.count) &+ 1
        var reader = HeadReader(
            end: versionStart &+ 8,
            isIntact: UInt(bitPattern: path) == targetStart && UInt(bitPattern: version) == versionStart
        )
        let byteCount = unsafe cmicrohttpd_head_size(connection)
        guard byteCount <= limit else { throw .headTooLong }
        reader.headers.reserveCapacity(fields: 16, byteCount: byteCount)
        unsafe withUnsafeMutablePointer(to: &reader) { reader in
            _ = unsafe MHD_get_connection_values_n(
                connection,
                .HEADER_KIND,
                { reader, _, name, nameCount, value, valueCount in
                    unsafe reader?.assumingMemoryBound(to: HeadReader.self).pointee
                        .take(name, nameCount, value, valueCount)
                    return .YES
                },
                reader
            )
        }
        guard reader.isIntact, reader.end &+ 2 * lineEndByteCount == start &+ UInt(byteCount) else {
            throw .malformedHead
        }
        return try RequestHead(
            method: name,
            target: target,
            version: version10 ? .http10 : .http11,
            headers: reader.headers
        )
    }

    private mutating func take(
        _ name: UnsafePointer<CChar>?,
        _ nameCount: Int,
        _ value: UnsafePointer<CChar>?,
        _ valueCount: Int,
    ) {
        guard let name = unsafe name, let value = unsafe value else {
            isIntact = false
            return
        }
        let nameStart = UInt(bitPattern: name)
        let nameEnd = nameStart &+ UInt(nameCount)
        let valueStart = UInt(bitPattern: value)
        // Between name and value lie the colon and white space that the library skipped.
        isIntact = isIntact && nameStart == end &+ Self.lineEndByteCount && valueStart > nameEnd
        end = valueStart &+ UInt(valueCount)
        unsafe headers.append(
            name: UnsafeRawBufferPointer(start: name, count: nameCount),
            value: UnsafeRawBufferPointer(start: value, count: valueCount)
        )
    }
}
