#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const int linux_o_nofollow = O_NOFOLLOW;
const int linux_o_directory = O_DIRECTORY;

int linux_open(const char *path, int flags, mode_t mode, int *descriptor) {
    int opened;
    do {
        opened = open(path, flags | O_CLOEXEC, mode);
    } while (opened < 0 && errno == EINTR);
    *descriptor = opened;
    return opened < 0 ? errno : 0;
}

int linux_lock(int descriptor, bool exclusive) {
    int result;
    do {
        result = flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

int linux_unlock(int descriptor) {
    return flock(descriptor, LOCK_UN) < 0 ? errno : 0;
}

const void *linux_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
    return memmem(bytes, count, wanted, wanted_count);
}

int linux_memory_file(const char *name, int *descriptor) {
    *descriptor = memfd_create(name, MFD_CLOEXEC);
    return *descriptor < 0 ? errno : 0;
}

int linux_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return errno;
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

/// A copy above the numbers that the child's own descriptors take, so that no dup2 there overwrites a source.
static int lifted(int descriptor) {
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 16);
}

int linux_spawn(const struct linux_spawn_request *request, pid_t *child) {
    int input = request->input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : request->input;
    int output = request->output < 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : request->output;
    int sources[3] = {-1, -1, -1};
    int error = 0;
    if (input < 0 || output < 0) error = errno;
    if (!error && ((sources[0] = lifted(input)) < 0 || (sources[1] = lifted(output)) < 0)) error = errno;
    if (!error && request->kept >= 0 && (sources[2] = lifted(request->kept)) < 0) error = errno;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (!error && !(error = posix_spawn_file_actions_init(&actions))) {
        if (!(error = posix_spawnattr_init(&attributes))) {
            sigset_t none, all;
            sigemptyset(&none);
            sigfillset(&all);
            short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
            error = posix_spawnattr_setflags(&attributes, flags);
            if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
            if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
            if (!error) error = posix_spawn_file_actions_adddup2(&actions, sources[0], 0);
            if (!error) error = posix_spawn_file_actions_adddup2(&actions, sources[1], 1);
            if (!error) error = posix_spawn_file_actions_adddup2(&actions, sources[1], 2);
            if (!error && sources[2] >= 0) error = posix_spawn_file_actions_adddup2(&actions, sources[2], 3);
            if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, sources[2] >= 0 ? 4 : 3);
            if (!error) error = posix_spawn_file_actions_addchdir_np(&actions, request->directory);
            if (!error) {
                error = posix_spawn(
                    child, request->program, &actions, &attributes, request->arguments, request->environment);
            }
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }

    for (int index = 0; index < 3; index++) {
        if (sources[index] >= 0) close(sources[index]);
    }
    if (request->input < 0 && input >= 0) close(input);
    if (request->output < 0 && output >= 0) close(output);
    return error;
}

int linux_spawn_foreground(
    const char *program, char *const *arguments, char *const *environment, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    if (!(error = posix_spawnattr_init(&attributes))) {
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
        if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
        if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        if (!error) error = posix_spawn(child, program, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int linux_process_open(pid_t process, int *descriptor) {
    *descriptor = pidfd_open(process, 0);
    return *descriptor < 0 ? errno : 0;
}

int linux_process_signal(int descriptor, int signal) {
    return pidfd_send_signal(descriptor, signal, NULL, 0) < 0 ? errno : 0;
}

int linux_wait(int descriptor, int milliseconds) {
    struct pollfd entry = {.fd = descriptor, .events = POLLIN};
    int ready = poll(&entry, 1, milliseconds);
    if (ready > 0) return 0;
    return ready == 0 || errno == EINTR ? ETIMEDOUT : errno;
}

int linux_reap(pid_t child, int *exit_code, int *signal) {
    int status;
    pid_t reaped;
    do {
        reaped = waitpid(child, &status, WNOHANG);
    } while (reaped < 0 && errno == EINTR);
    if (reaped < 0) return errno;
    if (reaped == 0) return EAGAIN;
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return 0;
}

int linux_become(uid_t user, gid_t group) {
    if (setgroups(1, &group) < 0) return errno;
    if (setresgid(group, group, group) < 0) return errno;
    return setresuid(user, user, user) < 0 ? errno : 0;
}

bool linux_is_only(uid_t user, gid_t group) {
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) < 0) return false;
    if (getresgid(&real_group, &effective_group, &saved_group) < 0) return false;
    if (real != user || effective != user || saved != user) return false;
    if (real_group != group || effective_group != group || saved_group != group) return false;
    return user == 0 || (setresuid(0, 0, 0) < 0 && seteuid(0) < 0 && (group == 0 || setegid(0) < 0));
}

int linux_setenv(const char *name, const char *value) {
    return setenv(name, value, 1) < 0 ? errno : 0;
}

const char *linux_error_text(int error) {
    const char *text = strerrordesc_np(error);
    return text ? text : "Unknown error";
}

bool linux_has_locale(const char *name) {
    locale_t locale = newlocale(LC_CTYPE_MASK, name, (locale_t)0);
    if (!locale) return false;
    freelocale(locale);
    return true;
}

int linux_connect(const char *address, uint16_t port, int milliseconds) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, service, &hints, &found)) return EINVAL;
    int error = 0;
    int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        error = errno;
    } else if (connect(descriptor, found->ai_addr, found->ai_addrlen) < 0) {
        error = errno;
        struct pollfd entry = {.fd = descriptor, .events = POLLOUT};
        if (error == EINPROGRESS) {
            int ready = poll(&entry, 1, milliseconds);
            socklen_t size = sizeof error;
            if (ready < 0) {
                error = errno;
            } else if (ready == 0) {
                error = ETIMEDOUT;
            } else if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
                error = errno;
            }
        }
    }
    if (descriptor >= 0) close(descriptor);
    freeaddrinfo(found);
    return error;
}
