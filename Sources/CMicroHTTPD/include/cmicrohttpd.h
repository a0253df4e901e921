#pragma once

#include <microhttpd.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/** Everything that a daemon is started with; `MHD_start_daemon` itself is variadic. */
struct cmicrohttpd_options {
    /** A listening, non-blocking socket; it stays the caller's. */
    int listening_socket;
    /** Bytes for the head of a request, its parsed form and the head of the answer, per connection. */
    size_t memory_limit;
    unsigned int connection_limit;
    /** Seconds without a byte after which a connection is closed. */
    unsigned int timeout_seconds;
    /** PEM, NUL-terminated, only read while starting; both or neither. */
    const char *_Nullable certificate;
    const char *_Nullable key;

    /** First argument of every callback. */
    void *context;
    /** Whether to take a connection from this address; otherwise it is closed at once. */
    enum MHD_Result (*_Nonnull accept)(void *_Nullable context, const struct sockaddr *_Nullable address,
                                       socklen_t address_length);
    void (*_Nonnull connection)(void *context, struct MHD_Connection *connection,
                                void *_Nullable *_Nonnull connection_context,
                                enum MHD_ConnectionNotificationCode code);
    /** The request line was read; what is returned becomes the request's own context. */
    void *_Nullable (*_Nonnull target)(void *context, const char *target, struct MHD_Connection *connection);
    enum MHD_Result (*_Nonnull access)(void *context, struct MHD_Connection *connection, const char *path,
                                       const char *method, const char *version, const char *_Nullable upload,
                                       size_t *upload_size, void *_Nullable *_Nonnull request_context);
    void (*_Nonnull completed)(void *context, struct MHD_Connection *connection,
                               void *_Nullable *_Nonnull request_context, enum MHD_RequestTerminationCode code);
    /** One finished message, without its line end. */
    void (*_Nonnull log)(void *context, const char *message);
};

/** A daemon together with what its log callback needs. */
struct cmicrohttpd_daemon;

/**
 * Prepares a daemon that is driven by its owner's thread with epoll and suspendable connections; NULL with a message
 * logged, or `errno`. Every function that takes the daemon is for that one thread.
 *
 * It has no thread of its own, because the library's own loop sleeps with work at hand when epoll reports a multiple of
 * 128 events, and aborts the process when it is told to accept no more while it is busy (0.9.75).
 */
struct cmicrohttpd_daemon *_Nullable cmicrohttpd_start(const struct cmicrohttpd_options *options);

/** Waits until there is something to do, the wake-up is signalled, or so many milliseconds have passed. */
void cmicrohttpd_wait(struct cmicrohttpd_daemon *daemon, int wakeup, int milliseconds);

/** Does what can be done without waiting: accepts, reads, calls back, writes, closes. */
void cmicrohttpd_turn(struct cmicrohttpd_daemon *daemon);

/** Whether clients wait to be accepted. */
int cmicrohttpd_has_backlog(struct cmicrohttpd_daemon *daemon);

/** Accepts no further connection. */
void cmicrohttpd_quiesce(struct cmicrohttpd_daemon *daemon);

/** Closes what is open and frees the daemon; no connection may be suspended. */
void cmicrohttpd_stop(struct cmicrohttpd_daemon *daemon);

/** An eventfd that ends a wait, or -1 with `errno`. */
int cmicrohttpd_wakeup_open(void);

/** From any thread, while it is open. */
void cmicrohttpd_wakeup_signal(int wakeup);

/** The peer's address, owned by the connection. */
const struct sockaddr *_Nullable cmicrohttpd_peer_address(struct MHD_Connection *connection);

/** The connection's socket, or -1. */
int cmicrohttpd_socket(struct MHD_Connection *connection);

/** What the connection callback stored. */
void *_Nullable cmicrohttpd_connection_context(struct MHD_Connection *connection);

/** Bytes from the method to the end of the empty line, or 0. */
size_t cmicrohttpd_head_size(struct MHD_Connection *connection);

#pragma clang assume_nonnull end
