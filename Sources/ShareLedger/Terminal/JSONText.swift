import JSON

/// JSON as commands print it.
enum JSONText {
    /// A string with its quotes.
    static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Prints an object on a line of its own.
    static func print(_ write: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.object(write)
        Console.print(json: writer.bytes + [UInt8(ascii: "\n")])
    }

    /// An array of objects, one a line.
    static func lines<Element>(
        _ elements: some Sequence<Element>,
        _ write: (Element, inout JSONWriter) -> Void,
    ) -> String {
        let objects = elements.map { element in
            var writer = JSONWriter()
            writer.object { write(element, &$0) }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        return objects.isEmpty ? "[]\n" : "[\n" + objects.joined(separator: ",\n") + "\n]\n"
    }
}

/// An array of objects, one a line, printed as it grows.
struct JSONList {
    private var pending: [UInt8] = []
    private var isEmpty = true

    /// Adds an object.
    mutating func add(_ write: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.object(write)
        pending += Array((isEmpty ? "[\n" : ",\n").utf8) + writer.bytes
        isEmpty = false
        if pending.count > 65_536 { flush() }
    }

    /// Prints what was added so far.
    mutating func flush() {
        Console.print(json: pending)
        pending = []
    }

    /// Prints the rest and the closing bracket.
    mutating func finish() {
        pending += Array((isEmpty ? "[]\n" : "\n]\n").utf8)
        flush()
    }
}

extension JSONWriter {
    /// A member that is `null` where there is no value.
    mutating func optional(_ name: String, _ value: String?) {
        if let value {
            member(name, value)
        } else {
            self.name(name)
            null()
        }
    }

    /// A number that is `null` where there is none.
    mutating func optional(_ name: String, _ value: Int64?) {
        if let value {
            member(name, value)
        } else {
            self.name(name)
            null()
        }
    }
}
