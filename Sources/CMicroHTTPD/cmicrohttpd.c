#include "cmicrohttpd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cmicrohttpd_daemon {
    struct MHD_Daemon *handle;
    int listening_socket;
    int epoll;
    void (*log)(void *context, const char *message);
    void *context;
};

static void log_message(void *target, const char *format, va_list arguments) {
    const struct cmicrohttpd_daemon *daemon = target;
    char message[512];
    int length = vsnprintf(message, sizeof message, format, arguments);
    if (length < 0)
        return;
    size_t end = strlen(message);
    while (end > 0 && (message[end - 1] == '\n' || message[end - 1] == '\r'))
        message[--end] = '\0';
    daemon->log(daemon->context, message);
}

/* Percent escapes stay as they were received: what is decoded, and how, is the router's decision. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

struct cmicrohttpd_daemon *cmicrohttpd_start(const struct cmicrohttpd_options *options) {
    unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem items[16];
    size_t count = 0;

    struct cmicrohttpd_daemon *daemon = malloc(sizeof *daemon);
    if (daemon == NULL)
        return NULL;
    /* A start that fails closes the socket in most cases, not in all: it is given one of its own. */
    int listening_socket = fcntl(options->listening_socket, F_DUPFD_CLOEXEC, 0);
    if (listening_socket < 0) {
        free(daemon);
        return NULL;
    }
    *daemon = (struct cmicrohttpd_daemon){NULL, listening_socket, -1, options->log, options->context};

#define ADD(name, number, pointer) \
    items[count++] = (struct MHD_OptionItem){name, (intptr_t)(number), (void *)(pointer)}
    /* First, so that what goes wrong in the other options is logged by us. */
    ADD(MHD_OPTION_EXTERNAL_LOGGER, log_message, daemon);
    ADD(MHD_OPTION_LISTEN_SOCKET, listening_socket, NULL);
    ADD(MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->memory_limit, NULL);
    ADD(MHD_OPTION_CONNECTION_LIMIT, options->connection_limit, NULL);
    ADD(MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_seconds, NULL);
    /* What strictness adds is checked by us: the library sends the head of its own refusal twice there (0.9.75). */
    ADD(MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL);
    ADD(MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL);
    ADD(MHD_OPTION_URI_LOG_CALLBACK, options->target, options->context);
    ADD(MHD_OPTION_NOTIFY_COMPLETED, options->completed, options->context);
    ADD(MHD_OPTION_NOTIFY_CONNECTION, options->connection, options->context);
    if (options->certificate != NULL && options->key != NULL) {
        flags |= MHD_USE_TLS;
        ADD(MHD_OPTION_HTTPS_MEM_CERT, 0, options->certificate);
        ADD(MHD_OPTION_HTTPS_MEM_KEY, 0, options->key);
    }
    ADD(MHD_OPTION_END, 0, NULL);
#undef ADD

    daemon->handle = MHD_start_daemon(flags, 0, options->accept, options->context, options->access, options->context,
                                      MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (daemon->handle == NULL) {
        int cause = errno;
        free(daemon);
        errno = cause;
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon->handle, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        cmicrohttpd_stop(daemon);
        errno = ENOTSUP;
        return NULL;
    }
    daemon->epoll = info->epoll_fd;
    return daemon;
}

void cmicrohttpd_wait(struct cmicrohttpd_daemon *daemon, int wakeup, int milliseconds) {
    MHD_UNSIGNED_LONG_LONG timeout;
    if (MHD_get_timeout(daemon->handle, &timeout) == MHD_YES && timeout < (MHD_UNSIGNED_LONG_LONG)milliseconds)
        milliseconds = (int)timeout;
    struct pollfd descriptors[2] = {
        {.fd = daemon->epoll, .events = POLLIN},
        {.fd = wakeup, .events = POLLIN},
    };
    if (poll(descriptors, 2, milliseconds) > 0 && (descriptors[1].revents & POLLIN) != 0) {
        uint64_t count;
        /* It is non-blocking, and there is nothing to do about a signal that has gone. */
        ssize_t ignored = read(wakeup, &count, sizeof count);
        (void)ignored;
    }
}

void cmicrohttpd_turn(struct cmicrohttpd_daemon *daemon) {
    MHD_run_wait(daemon->handle, 0);
}

int cmicrohttpd_has_backlog(struct cmicrohttpd_daemon *daemon) {
    struct pollfd descriptor = {.fd = daemon->listening_socket, .events = POLLIN};
    return poll(&descriptor, 1, 0) > 0 && (descriptor.revents & POLLIN) != 0;
}

void cmicrohttpd_quiesce(struct cmicrohttpd_daemon *daemon) {
    MHD_quiesce_daemon(daemon->handle);
}

void cmicrohttpd_stop(struct cmicrohttpd_daemon *daemon) {
    /* A daemon that was told to quiesce leaves its socket to the caller. */
    MHD_quiesce_daemon(daemon->handle);
    MHD_stop_daemon(daemon->handle);
    close(daemon->listening_socket);
    free(daemon);
}

const struct sockaddr *cmicrohttpd_peer_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? NULL : info->client_addr;
}

int cmicrohttpd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

void *cmicrohttpd_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

size_t cmicrohttpd_head_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

int cmicrohttpd_wakeup_open(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void cmicrohttpd_wakeup_signal(int wakeup) {
    uint64_t one = 1;
    /* It fails only when the counter is full, and then the wake-up is due anyway. */
    ssize_t ignored = write(wakeup, &one, sizeof one);
    (void)ignored;
}
