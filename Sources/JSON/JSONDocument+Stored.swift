extension JSONDocument {
    /// Reads JSON that was checked when it was stored; `nil` for what is none.
    package init?(stored bytes: [UInt8]) {
        do throws(JSONError) {
            try self.init(parsing: bytes, maximumDepth: 1024, maximumValueCount: 16_000_000)
        } catch {
            return nil
        }
    }
}
