extension CredentialCutter {
    /// Lengths of what is taken for a credential where it is not known to be one.
    package static let candidateLengths = 16...255

    /// What could be a credential by its looks: runs of characters that keys are made of, a digit among them.
    ///
    /// Runs are taken with and without `-` and `_`, and `.` and `~`, which stand between words as well as in keys, and with
    /// escapes of JSON and of URLs undone.
    ///
    /// - Parameter limit: How many there may be; `nil` where there are more.
    package static func candidates(in bytes: some Collection<UInt8>, limit: Int) -> Set<[UInt8]>? {
        let bytes = Array(bytes)
        var found: Set<[UInt8]> = []
        for text in [bytes] + (SecretSearch.hasNumericEscapes(bytes) ? [SecretSearch.Decoded(bytes).bytes] : []) {
            for alphabet in alphabets {
                guard collect(alphabet, text, limit, &found) else { return nil }
            }
        }
        return found
    }

    /// Which bytes belong to a run.
    private static let alphabets: [[Bool]] = ["", "-_", "-_.~"].map { others in
        (0...UInt8.max).map { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: others.utf8.contains(byte)
            }
        }
    }

    private static func collect(_ alphabet: [Bool], _ text: [UInt8], _ limit: Int, _ found: inout Set<[UInt8]>) -> Bool
    {
        var start = 0
        var hasDigit = false
        for index in 0...text.count {
            if index < text.count, alphabet[Int(text[index])] {
                hasDigit = hasDigit || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index])
                continue
            }
            if hasDigit, candidateLengths.contains(index - start) {
                found.insert(Array(text[start..<index]))
                guard found.count <= limit else { return false }
            }
            start = index + 1
            hasDigit = false
        }
        return true
    }
}
