import CCurl
import Glibc

extension Transfer {
    /// What the request's outcome is, from libcurl's result and from what the callbacks saw.
    func outcome(of code: CURLcode, easy: borrowing EasyHandle, now: ContinuousClock.Instant) -> HTTPOutcome {
        let durations = durations(of: easy, now: now)
        let answer = answer(durations)
        if code == CURLE_OK, let answer, reader.isHeadComplete {
            return .answered(answer)
        }
        return .failed(
            HTTPFailure(
                kind(of: code, easy: easy),
                requestMayHaveArrived: sendCount > 0,
                partialAnswer: answer,
                detail: detail(of: code, easy: easy),
                durations: durations,
            )
        )
    }

    /// The outcome of a request that was stopped before libcurl had a result.
    func cancelled(easy: borrowing EasyHandle, now: ContinuousClock.Instant) -> HTTPOutcome {
        let durations = durations(of: easy, now: now)
        return .failed(
            HTTPFailure(
                .cancelled,
                requestMayHaveArrived: sendCount > 0,
                partialAnswer: answer(durations),
                durations: durations,
            )
        )
    }

    /// The system's word for a failed connection: libcurl's own repeats the address and keeps the cause to itself.
    private func detail(of code: CURLcode, easy: borrowing EasyHandle) -> String {
        let number = code == CURLE_COULDNT_CONNECT ? easy.number(CURLINFO_OS_ERRNO) : 0
        return number == 0 ? easy.detail : unsafe String(cString: strerror(CInt(number)))
    }

    private func answer(_ durations: HTTPDurations) -> HTTPAnswer? {
        reader.status.map { status in
            HTTPAnswer(
                status: status,
                head: reader.head,
                body: reader.body,
                bodyByteCount: reader.bodyByteCount,
                bodyDigest: reader.bodyDigest,
                peer: peer,
                tls: session,
                durations: durations,
            )
        }
    }

    private func durations(of easy: borrowing EasyHandle, now: ContinuousClock.Instant) -> HTTPDurations {
        var durations = HTTPDurations()
        durations.queued = started - submission.submitted
        durations.total = now - submission.submitted
        let connected = easy.time(CURLINFO_CONNECT_TIME_T)
        let secured = max(connected, easy.time(CURLINFO_APPCONNECT_TIME_T))
        if easy.number(CURLINFO_NUM_CONNECTS) > 0 {
            durations.connect = (addressStarted - started) + connected
            durations.handshake = secured - connected
        }
        let firstByte = easy.time(CURLINFO_STARTTRANSFER_TIME_T)
        durations.firstByte = max(.zero, firstByte - max(secured, easy.time(CURLINFO_PRETRANSFER_TIME_T)))
        return durations
    }
}

// MARK: - Kinds

extension Transfer {
    private func kind(of code: CURLcode, easy: borrowing EasyHandle) -> HTTPFailure.Kind {
        // Whatever libcurl makes of a second try that we stopped, the first one is what counts.
        if wouldResend {
            return .resendPrevented
        }
        if isTooLate {
            return .timedOut(.connect)
        }
        if let fault = reader.fault {
            return switch fault {
            case .headTooLarge, .tooManyInterimAnswers: .tooLarge(.head)
            case .bodyTooLarge: .tooLarge(.body)
            case .malformed: .malformedAnswer
            }
        }
        switch code {
        case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_ABORTED_BY_CALLBACK:
            return .connect
        case CURLE_OPERATION_TIMEDOUT:
            return .timedOut(phase(of: easy))
        case CURLE_PEER_FAILED_VERIFICATION:
            return .tls(Self.problem(easy.number(CURLINFO_SSL_VERIFYRESULT)))
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
            CURLE_USE_SSL_FAILED, CURLE_SSL_INVALIDCERTSTATUS:
            return .tls(.handshake)
        case CURLE_OK, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            return .malformedAnswer
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND:
            // A handshake that the peer breaks off is reported as a failure to receive.
            return sendCount > 0 ? .connectionLost : .tls(.handshake)
        case CURLE_OUT_OF_MEMORY where sendCount > 0 && !reader.isHeadComplete:
            // Also what it says of a single line beyond its own limit of 100 KiB.
            return .tooLarge(.head)
        default:
            return .internalFault(code: Int(code.rawValue))
        }
    }

    private func phase(of easy: borrowing EasyHandle) -> HTTPFailure.Phase {
        if sendCount == 0 {
            // libcurl times a connection only once its handshake is over, but knows our port as soon as it stands.
            return easy.number(CURLINFO_LOCAL_PORT) > 0 ? .handshake : .connect
        }
        return reader.isHeadComplete ? .body : .answer
    }

    /// Reads OpenSSL's `X509_V_ERR_…`; at a wrong name, its own finding, libcurl has not asked for one and says 1.
    private static func problem(_ verification: Int) -> HTTPFailure.TLSProblem {
        switch verification {
        case 0, 1, 62, 63, 64: .wrongName
        case 9: .notYetValid
        case 10: .expired
        case 2, 18, 19, 20, 21, 24, 27: .untrusted
        case 23: .revoked
        default: .otherCertificateFault(code: verification)
        }
    }
}
