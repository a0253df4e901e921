#define _GNU_SOURCE
#include "CCurl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

// MARK: Options

CURLcode shareledger_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode shareledger_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode shareledger_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode shareledger_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode shareledger_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

CURLcode shareledger_curl_set_ca_blob(CURL *handle, const void *bytes, size_t count) {
    if (bytes == NULL) {
        return curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, NULL);
    }
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
}

CURLcode shareledger_curl_set_data_function(CURL *handle, CURLoption option, shareledger_curl_data_function function) {
    return curl_easy_setopt(handle, option, function);
}

CURLcode shareledger_curl_set_prereq_function(CURL *handle, shareledger_curl_prereq_function function) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, function);
}

CURLcode shareledger_curl_set_open_function(CURL *handle, shareledger_curl_open_function function) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}

CURLcode shareledger_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

CURLcode shareledger_curl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}

CURLcode shareledger_curl_get_pointer(CURL *handle, CURLINFO info, void **value) {
    return curl_easy_getinfo(handle, info, value);
}

CURLMcode shareledger_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

CURLcode shareledger_curl_message_result(const CURLMsg *message) {
    return message->data.result;
}

bool shareledger_curl_start(void) {
    // A libcurl with several TLS libraries must be told which before it is initialised; with one it answers the same.
    if (curl_global_sslset(CURLSSLBACKEND_OPENSSL, NULL, NULL) != CURLSSLSET_OK) {
        return false;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return false;
    }
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const int needed = CURL_VERSION_SSL | CURL_VERSION_IPV6;
    return info->version_num >= 0x075500 && (info->features & needed) == needed;
}

// MARK: Connecting

curl_socket_t shareledger_curl_open_expected(
    const struct curl_sockaddr *address, const uint8_t *expected, size_t expected_count, uint16_t expected_port) {
    if (address->family == AF_INET && expected_count == sizeof(struct in_addr)
        && address->addrlen >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in peer;
        memcpy(&peer, &address->addr, sizeof(peer));
        if (memcmp(&peer.sin_addr, expected, expected_count) != 0 || ntohs(peer.sin_port) != expected_port) {
            return CURL_SOCKET_BAD;
        }
    } else if (
        address->family == AF_INET6 && expected_count == sizeof(struct in6_addr)
        && address->addrlen >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 peer;
        memcpy(&peer, &address->addr, sizeof(peer));
        if (memcmp(&peer.sin6_addr, expected, expected_count) != 0 || ntohs(peer.sin6_port) != expected_port
            || peer.sin6_scope_id != 0) {
            return CURL_SOCKET_BAD;
        }
    } else {
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// MARK: TLS

bool shareledger_curl_get_tls(CURL *handle, shareledger_curl_tls *tls) {
    struct curl_tlssessioninfo *session = NULL;
    if (curl_easy_getinfo(handle, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == NULL
        || session->backend != CURLSSLBACKEND_OPENSSL || session->internals == NULL) {
        return false;
    }
    const SSL *ssl = session->internals;
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    if (certificate == NULL) {
        return false;
    }
    unsigned int count = 0;
    int digested = X509_digest(certificate, EVP_sha256(), tls->certificate_sha256, &count);
    X509_free(certificate);
    tls->version = SSL_version(ssl);
    return digested == 1 && count == sizeof(tls->certificate_sha256);
}

static bool add_certificates(X509_STORE *store, const void *pem, size_t count) {
    BIO *bio = count > INT32_MAX ? NULL : BIO_new_mem_buf(pem, (int)count);
    if (bio == NULL) {
        return false;
    }
    int added = 0;
    bool is_good = true;
    X509 *certificate;
    while (is_good && (certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        is_good = X509_STORE_add_cert(store, certificate) == 1;
        added += 1;
        X509_free(certificate);
    }
    // The end looks like one more certificate that does not begin; anything else is damage.
    is_good = is_good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    return is_good && added > 0;
}

bool shareledger_trust_create(const void *pem, size_t count, shareledger_trust *trust) {
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        return false;
    }
    // The places libcurl was built with, rather than OpenSSL's, which the environment could move.
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if (info->cainfo != NULL && access(info->cainfo, R_OK) == 0) {
        X509_STORE_load_file(store, info->cainfo);
    }
    if (info->capath != NULL && access(info->capath, R_OK) == 0) {
        X509_STORE_load_path(store, info->capath);
    }
    ERR_clear_error();
    bool is_good = count == 0 || add_certificates(store, pem, count);
    ERR_clear_error();
    if (!is_good) {
        X509_STORE_free(store);
        return false;
    }
    // As libcurl does by itself: a chain may end at any certificate that is trusted, not only at a root.
    X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    trust->store = (uintptr_t)store;
    return true;
}

void shareledger_trust_free(shareledger_trust trust) {
    X509_STORE_free((X509_STORE *)trust.store);
}

int shareledger_trust_count(shareledger_trust trust) {
    return sk_X509_OBJECT_num(X509_STORE_get0_objects((X509_STORE *)trust.store));
}

static CURLcode use_trust(CURL *handle, void *context, void *store) {
    (void)handle;
    SSL_CTX_set1_cert_store(context, store);
    // libcurl installs one when SSLKEYLOGFILE is set: session keys must not leave by way of the environment.
    SSL_CTX_set_keylog_callback(context, NULL);
    return CURLE_OK;
}

CURLcode shareledger_curl_set_trust(CURL *handle, shareledger_trust trust) {
    CURLcode code = curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, use_trust);
    return code != CURLE_OK ? code : curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, (void *)trust.store);
}

// MARK: Waking

int shareledger_event_create(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void shareledger_event_signal(int descriptor) {
    uint64_t one = 1;
    // A full counter (EAGAIN) is readable already, which is all that is asked for.
    while (write(descriptor, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void shareledger_event_clear(int descriptor) {
    uint64_t count;
    while (read(descriptor, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
}
