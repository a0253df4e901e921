#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// libcurl's setters and getters are variadic, which Swift cannot call: one function an argument kind.

/// Sets an option that takes a `long`.
CURLcode shareledger_curl_set_long(CURL *handle, CURLoption option, long value);

/// Sets an option that takes a `curl_off_t`.
CURLcode shareledger_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value);

/// Sets an option that takes a string; libcurl keeps a copy. NULL restores the default.
CURLcode shareledger_curl_set_string(CURL *handle, CURLoption option, const char *_Nullable value);

/// Sets an option that takes a data pointer; libcurl keeps the pointer.
CURLcode shareledger_curl_set_pointer(CURL *handle, CURLoption option, void *_Nullable value);

/// Sets an option that takes a list; libcurl keeps the pointer.
CURLcode shareledger_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *_Nullable value);

/// Sets `CURLOPT_CAINFO_BLOB` to a copy of the bytes, or to none when `bytes` is NULL.
CURLcode shareledger_curl_set_ca_blob(CURL *handle, const void *_Nullable bytes, size_t count);

typedef size_t (*shareledger_curl_data_function)(char *_Nullable bytes, size_t size, size_t count, void *_Nullable context);
typedef int (*shareledger_curl_prereq_function)(
    void *_Nullable context, char *_Nullable peer, char *_Nullable local, int peer_port, int local_port);
typedef curl_socket_t (*shareledger_curl_open_function)(
    void *_Nullable context, curlsocktype purpose, struct curl_sockaddr *_Nullable address);

/// Sets `CURLOPT_WRITEFUNCTION` or `CURLOPT_HEADERFUNCTION`.
CURLcode shareledger_curl_set_data_function(CURL *handle, CURLoption option, shareledger_curl_data_function function);

/// Sets `CURLOPT_PREREQFUNCTION`.
CURLcode shareledger_curl_set_prereq_function(CURL *handle, shareledger_curl_prereq_function function);

/// Sets `CURLOPT_OPENSOCKETFUNCTION`.
CURLcode shareledger_curl_set_open_function(CURL *handle, shareledger_curl_open_function function);

/// Reads an information value that is a `long`.
CURLcode shareledger_curl_get_long(CURL *handle, CURLINFO info, long *value);

/// Reads an information value that is a `curl_off_t`.
CURLcode shareledger_curl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value);

/// Reads an information value that is a pointer, such as `CURLINFO_PRIVATE`.
CURLcode shareledger_curl_get_pointer(CURL *handle, CURLINFO info, void *_Nullable *_Nonnull value);

/// Sets a `CURLMOPT_` option that takes a `long`.
CURLMcode shareledger_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);

/// The transfer that `message` reports, and its result; libcurl keeps the latter in a union.
CURLcode shareledger_curl_message_result(const CURLMsg *message);

/// Initialises libcurl for the process; false if it lacks OpenSSL, asynchronous use or a version that we rely on.
bool shareledger_curl_start(void);

/// Opens a socket close-on-exec if `address` is exactly the expected one, else answers `CURL_SOCKET_BAD`.
///
/// `expected` is 4 or 16 bytes in network order.
curl_socket_t shareledger_curl_open_expected(
    const struct curl_sockaddr *address, const uint8_t *expected, size_t expected_count, uint16_t expected_port);

/// What is known of the TLS session that a transfer uses.
typedef struct {
    /// `SSL_version`'s number, such as 0x0304 for TLS 1.3.
    int version;
    /// SHA-256 of the peer's certificate in DER.
    uint8_t certificate_sha256[32];
} shareledger_curl_tls;

/// Reads the TLS session of the connection in use; only from a callback during the transfer. False without one.
bool shareledger_curl_get_tls(CURL *handle, shareledger_curl_tls *tls);

/// A set of trusted certificate authorities, shared by connections; OpenSSL counts references to it atomically.
///
/// The address stands as a number because any thread may use it, which Swift does not believe of a pointer.
typedef struct {
    uintptr_t store;
} shareledger_trust;

/// Loads the system's authorities and those of `pem`; false if `pem` is not empty and not all of it can be read.
bool shareledger_trust_create(const void *_Nullable pem, size_t count, shareledger_trust *trust);

/// Frees what `shareledger_trust_create` made; connections that use it keep their own reference.
void shareledger_trust_free(shareledger_trust trust);

/// How many authorities were read; those that are looked up in a directory on demand are not counted.
int shareledger_trust_count(shareledger_trust trust);

/// Makes the transfer's new connections trust exactly `trust`, which must outlive the transfer.
CURLcode shareledger_curl_set_trust(CURL *handle, shareledger_trust trust);

/// Makes an event descriptor that `shareledger_event_signal` makes readable; -1 with errno if there is none to be had.
int shareledger_event_create(void);

/// Makes the descriptor readable.
void shareledger_event_signal(int descriptor);

/// Makes the descriptor unreadable until the next signal.
void shareledger_event_clear(int descriptor);

#pragma clang assume_nonnull end
