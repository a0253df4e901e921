import CCurl
import Foundation

/// Makes HTTP requests to targets that may be hostile: vetted addresses, exact bytes, bounded answers, one sending.
///
/// All transfers run on one thread of the client's own. Nothing is taken from the environment, no redirect is
/// followed, no cookie kept, no proxy used, and a request is never sent twice for one call: libcurl would, when a
/// connection left open by an earlier request dies.
package final class HTTPClient: Sendable {
    /// Bounds of a client.
    package struct Configuration: Sendable {
        /// Requests that are made at once.
        package var maximumConcurrent = 256

        /// Requests that are made at once to one host and port.
        package var maximumPerTarget = 64

        /// Requests that may be under way or waiting; further ones fail at once.
        package var maximumOutstanding = 10_000

        /// How long a connection may have been idle to be used again; whole seconds.
        ///
        /// Shorter than servers usually keep one open: a connection that they close under a request leaves it unknown
        /// whether the request arrived.
        package var idleConnectionAge = Duration.seconds(4)

        /// Who vouches for targets where a request does not say.
        package var trust: TrustStore

        /// Starts from bounds that suit one help desk with some dozen partners.
        package init(trust: TrustStore) {
            self.trust = trust
        }
    }

    /// Why a client cannot be made.
    package struct StartError: Error, Sendable, CustomStringConvertible {
        /// What to do about it.
        package let description: String
    }

    private let mailbox: Mailbox

    /// Starts the transfer thread.
    ///
    /// - Throws: ``StartError`` if libcurl is too old or not built with OpenSSL, or the system is out of descriptors.
    package init(_ configuration: Configuration) throws(StartError) {
        guard Self.isLibraryUsable else {
            throw StartError(description: "libcurl 7.85 or later with OpenSSL is needed")
        }
        let mailbox: Mailbox
        do {
            mailbox = try Mailbox(maximumOutstanding: configuration.maximumOutstanding)
        } catch {
            throw StartError(description: "cannot make an event descriptor")
        }
        self.mailbox = mailbox
        let thread = Thread { @Sendable in Self.transfer(mailbox, configuration) }
        thread.name = "http-transfers"
        thread.start()
    }

    deinit {
        mailbox.close()
    }

    /// Requests that were accepted and have no outcome yet.
    package var outstandingCount: Int { mailbox.outstandingCount }

    /// Makes a request and waits for its outcome; cancelling the task ends it and closes its connection.
    package func perform(_ request: HTTPRequest) async -> HTTPOutcome {
        let reply = Reply<HTTPOutcome>()
        switch mailbox.submit(request, reply) {
        case .closed:
            return .failed(HTTPFailure(.cancelled, requestMayHaveArrived: false))
        case .full:
            return .failed(HTTPFailure(.queueFull, requestMayHaveArrived: false))
        case .accepted(let id):
            return await withTaskCancellationHandler {
                await reply.value()
            } onCancel: {
                mailbox.cancel(id)
            }
        }
    }

    /// Cancels everything that is under way and waits until the transfer thread has ended.
    package func stop() async {
        mailbox.close()
        await mailbox.ended()
    }
}

// MARK: - The transfer thread

extension HTTPClient {
    /// Initialises libcurl once for the process.
    private static let isLibraryUsable = shareledger_curl_start()

    private static func transfer(_ mailbox: Mailbox, _ configuration: Configuration) {
        // Signals belong to the program's other threads; a write to a closed connection must not end the process.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
        var code = CURLE_OK
        do throws(CurlError) {
            try TransferLoop(mailbox: mailbox, configuration: configuration).run()
        } catch {
            code = error.code
        }
        for submission in mailbox.end() {
            let kind: HTTPFailure.Kind = code == CURLE_OK ? .cancelled : .internalFault(code: Int(code.rawValue))
            mailbox.finished()
            submission.reply.give(.failed(HTTPFailure(kind, requestMayHaveArrived: false)))
        }
    }
}
