package import Linux

/// The file or pipe that an export goes to, or comes from.
package final class TransferFile: Sendable {
    let descriptor: FileDescriptor

    package init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Opens a file for an export: a new one, or one that is to be gone on with; `-` is standard output.
    package static func toExport(_ path: String, isResumed: Bool) throws -> TransferFile {
        if path == "-" {
            guard !isResumed else { throw TransferFault(.state, "what was written to a pipe cannot be gone on with") }
            let output = TransferFile(try FileDescriptor.standardOutput())
            guard !output.descriptor.isTerminal else {
                throw TransferFault(.state, "an export is no text for a terminal: name a file, or a pipe with > or |")
            }
            return output
        }
        do {
            let file = TransferFile(try FileDescriptor(path, for: isResumed ? .continuing : .beginning))
            guard file.descriptor.isRegularFile else { throw TransferFault(.state, "\(path) is no file") }
            guard try file.descriptor.tryLock() else {
                throw TransferFault(.state, "another export is writing \(path)")
            }
            if !isResumed { try FileDescriptor(directory(of: path), for: .directory).synchronize() }
            return file
        } catch let error as SystemError where error.isForExisting {
            let advice = "--resume goes on with an export that was interrupted; nothing is ever overwritten"
            throw TransferFault(.target, "\(path) is there already; \(advice)")
        }
    }

    /// The directory in which a file is, whose entry has to survive as well.
    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Opens a file to be imported; `-` is standard input.
    package static func toImport(_ path: String) throws -> TransferFile {
        path == "-"
            ? TransferFile(try FileDescriptor.standardInput())
            : TransferFile(try FileDescriptor(path, for: .readingAnywhere))
    }

    /// How long it is; `nil` of a pipe.
    var byteCount: Int? {
        // Without a length there is a bar less.
        descriptor.isRegularFile ? try? descriptor.size : nil
    }
}
