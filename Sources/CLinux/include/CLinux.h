#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What Glibc's Swift module lacks or hides behind variadics and macros. Every function that can fail returns an errno,
// 0 for success: errno itself does not survive Swift's own calls reliably.

#pragma clang assume_nonnull begin

/// Opens `path`; close-on-exec is always set.
int linux_open(const char *path, int flags, mode_t mode, int *descriptor);

/// `O_NOFOLLOW`, `O_DIRECTORY`, `O_TMPFILE` need _GNU_SOURCE or are macros with casts.
extern const int linux_o_nofollow;
extern const int linux_o_directory;

/// `flock` by another name: Swift sees `struct flock` only.
int linux_lock(int descriptor, bool exclusive);
int linux_unlock(int descriptor);

/// `memmem`, which needs _GNU_SOURCE.
const void *_Nullable linux_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count);

/// A file that lives in memory, close-on-exec.
int linux_memory_file(const char *name, int *descriptor);

/// Both ends are close-on-exec.
int linux_pipe(int *read_end, int *write_end);

/// Everything a child needs. Descriptors 0 to 2 are set as given (-1: /dev/null), `kept` becomes descriptor 3
/// (-1: nothing), all others are closed. The child leads its own session, with default signals and none blocked.
struct linux_spawn_request {
    const char *program;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    const char *directory;
    int input;
    int output;
    int kept;
};
int linux_spawn(const struct linux_spawn_request *request, pid_t *child);

/// Starts a child in our own session and process group, with our descriptors 0 to 2 and no others: what a terminal sends
/// reaches it as it reaches us. Signals are default and not blocked.
int linux_spawn_foreground(
    const char *program,
    char *_Nullable const *_Nonnull arguments,
    char *_Nullable const *_Nonnull environment,
    pid_t *child);

/// A descriptor that stands for one process, whatever becomes of its number.
int linux_process_open(pid_t process, int *descriptor);
int linux_process_signal(int descriptor, int signal);

/// Waits until there is something to read, or for a process until it has ended: ETIMEDOUT after `milliseconds`.
int linux_wait(int descriptor, int milliseconds);

/// Reaps a child that has ended: 0 and its wait status; EAGAIN while it runs; ECHILD if it is no child of ours.
int linux_reap(pid_t child, int *exit_code, int *signal);

/// Becomes another user for good: groups, then real, effective and saved ids.
int linux_become(uid_t user, gid_t group);

/// Whether real, effective and saved ids are these, and root cannot be regained.
bool linux_is_only(uid_t user, gid_t group);

/// Sets a variable of our own environment.
int linux_setenv(const char *name, const char *value);

/// The text of an errno, safe to call from any thread.
const char *linux_error_text(int error);

/// Whether the C library knows a locale for character classes.
bool linux_has_locale(const char *name);

/// Connects to a numeric address and hangs up: 0 if somebody listens there, ETIMEDOUT after `milliseconds`.
int linux_connect(const char *address, uint16_t port, int milliseconds);

#pragma clang assume_nonnull end
