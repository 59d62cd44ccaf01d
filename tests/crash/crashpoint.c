/* Ends the process at the k-th call that changes something below a folder, or lets that call fail.

   cc -shared -fPIC -O1 -o crashpoint.so crashpoint.c -ldl, then LD_PRELOAD=crashpoint.so. Armed by crashpoint_arm
   (through ctypes, in a process that was forked for one point), or from its birth by the environment, for
   processes that are spawned: CP_MATCH, CP_AT, and at will CP_TORN, CP_ERRNO, CP_ONWARD, CP_ONLY.

   Which calls count: those on a path that contains the match; with CP_ONLY=1 writes alone, with 2 those that need
   room on the disk, with 4 reads, with 0 all but reads. What happens at the k-th: SIGKILL before it is made (or,
   torn, after half of the bytes of a write); with CP_ERRNO it fails with that number instead, once, or, with
   CP_ONWARD, so do all that follow; torn, a write is first cut short, as a disk does that runs full. With CP_TORN=2
   reads or writes are cut short and nothing else happens; with 3 nothing happens, but every call is told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CHANGES = 0, NEEDS_ROOM = 2, WRITES = 3, READS = 4 }; /* a write needs room too: bits 1 and 2 */
enum { SHORT = 2, TOLD = 3 }; /* of torn */
enum verdict { GO, HALF_THEN_DIE, HALF, FAIL };

static char match[4096];
static long at, calls;
static int torn, number, onward, only, told = -1;
static __thread const char *target; /* of a rename */

static ssize_t (*real_write)(int, const void *, size_t);

void crashpoint_arm(const char *where, long k, int is_torn, int error, int is_onward, int only_bits, int tell)
{
    if (!real_write) real_write = dlsym(RTLD_NEXT, "write");
    snprintf(match, sizeof match, "%s", where);
    calls = 0, torn = is_torn, number = error, onward = is_onward, only = only_bits, told = tell;
    at = k;
}

long crashpoint_calls(void) { return calls; }

static int from_environment(const char *name) { const char *text = getenv(name); return text ? atoi(text) : 0; }

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("CP_MATCH");
    if (where && getenv("CP_AT"))
        crashpoint_arm(where, from_environment("CP_AT"), from_environment("CP_TORN"), from_environment("CP_ERRNO"),
                       from_environment("CP_ONWARD"), from_environment("CP_ONLY"), -1);
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

static void tell(const char *name, const char *path)
{
    char line[9000];
    if (told < 0) return;
    int size = snprintf(line, sizeof line, target ? "%s %s\t%s\n" : "%s %s\n", name, path, target);
    if (real_write(told, line, size) != size) die();
}

/* What is to be done at a call; dies here where it is to die before the call. */
static enum verdict decide(const char *name, const char *path, int kind)
{
    if (!at || !strstr(path, match) || (kind & only) != only || ((kind ^ only) & READS)) return GO;
    if (torn == TOLD) { tell(name, path); return GO; }
    long k = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (k < at || (k > at && !onward)) return GO;
    if (k == at) tell(name, path);
    if (torn == SHORT) return HALF;
    if (k == at && torn && kind == WRITES) return number ? HALF : HALF_THEN_DIE;
    if (!number) die();
    return FAIL;
}

static enum verdict decide_rename(const char *from, const char *to)
{
    target = to;
    enum verdict found = decide("rename", from, NEEDS_ROOM);
    target = NULL;
    return found;
}

static enum verdict decide_of(const char *name, int descriptor, int kind)
{
    char link[64], path[4096];
    if (!at) return GO;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return GO;
    path[size] = 0;
    return decide(name, path, kind);
}

/* Both names: a relative one lies below the folder of its descriptor. */
static enum verdict decide_at(const char *name, int folder, const char *below, int kind)
{
    char link[64], path[8200];
    if (!at) return GO;
    if (below[0] == '/' || folder == AT_FDCWD) return decide(name, below, kind);
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t size = readlink(link, path, 4096);
    if (size < 0) return GO;
    snprintf(path + size, sizeof path - size, "/%s", below);
    return decide(name, path, kind);
}

#define REAL(NAME) static __typeof__(&NAME) real; if (!real) real = (__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME)

#define WRITE(RESULT, NAME, ARGUMENTS, DESCRIPTOR, ALL, PART)                   \
    RESULT NAME ARGUMENTS                                                     \
    {                                                                         \
        REAL(NAME);                                                           \
        switch (decide_of(#NAME, DESCRIPTOR, WRITES)) {                       \
        case HALF_THEN_DIE: { RESULT done = PART; (void)done; die(); }        \
        case HALF: { RESULT some = PART; return some ? some : ALL; }                                               \
        case FAIL: errno = number; return -1;                                 \
        default: return ALL;                                                  \
        }                                                                     \
    }

WRITE(ssize_t, write, (int fd, const void *data, size_t size), fd, real(fd, data, size), real(fd, data, size / 2))
WRITE(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t to), fd, real(fd, data, size, to),
      real(fd, data, size / 2, to))
WRITE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t to), fd, real(fd, data, size, to),
      real(fd, data, size / 2, to))
/* half of a gathered write is half of its first part */
WRITE(ssize_t, writev, (int fd, const struct iovec *parts, int count), fd, real(fd, parts, count),
      real_write(fd, parts[0].iov_base, parts[0].iov_len / 2))
WRITE(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t to), fd, real(fd, parts, count, to),
      pwrite64(fd, parts[0].iov_base, parts[0].iov_len / 2, to))
WRITE(ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t to), fd,
      real(fd, parts, count, to), pwrite64(fd, parts[0].iov_base, parts[0].iov_len / 2, to))
ssize_t sendfile(int, int, off_t *, size_t);
ssize_t sendfile64(int, int, off64_t *, size_t);
WRITE(ssize_t, sendfile, (int to, int from, off_t *start, size_t size), to, real(to, from, start, size),
      real(to, from, start, size / 2))
WRITE(ssize_t, sendfile64, (int to, int from, off64_t *start, size_t size), to, real(to, from, start, size),
      real(to, from, start, size / 2))
WRITE(ssize_t, copy_file_range,
      (int from, off64_t *start, int to, off64_t *target, size_t size, unsigned flags), to,
      real(from, start, to, target, size, flags), real(from, start, to, target, size / 2, flags))

/* Reading, which may give less than was wanted. */
#define READ(NAME, ARGUMENTS, FD, SIZE, ALL, PART)                              \
    ssize_t NAME ARGUMENTS                                                    \
    {                                                                         \
        REAL(NAME);                                                           \
        return SIZE > 1 && decide_of(#NAME, FD, READS) == HALF ? PART : ALL;   \
    }

READ(read, (int fd, void *data, size_t size), fd, size, real(fd, data, size), real(fd, data, size / 2))
READ(pread, (int fd, void *data, size_t size, off_t from), fd, size, real(fd, data, size, from),
     real(fd, data, size / 2, from))
READ(pread64, (int fd, void *data, size_t size, off64_t from), fd, size, real(fd, data, size, from),
     real(fd, data, size / 2, from))

#define CALL(NAME, ARGUMENTS, PASSED, VERDICT)                                  \
    int NAME ARGUMENTS                                                        \
    {                                                                         \
        REAL(NAME);                                                           \
        if (VERDICT == FAIL) { errno = number; return -1; }                   \
        return real PASSED;                                                   \
    }

CALL(ftruncate, (int fd, off_t size), (fd, size), decide_of("ftruncate", fd, NEEDS_ROOM))
CALL(ftruncate64, (int fd, off64_t size), (fd, size), decide_of("ftruncate", fd, NEEDS_ROOM))
CALL(fsync, (int fd), (fd), decide_of("fsync", fd, NEEDS_ROOM))
CALL(fdatasync, (int fd), (fd), decide_of("fdatasync", fd, NEEDS_ROOM))
CALL(rename, (const char *from, const char *to), (from, to), decide_rename(from, to))
CALL(renameat, (int above, const char *from, int above_to, const char *to), (above, from, above_to, to),
     decide_at("renameat", above, from, NEEDS_ROOM))
CALL(renameat2, (int above, const char *from, int above_to, const char *to, unsigned flags),
     (above, from, above_to, to, flags), decide_at("renameat2", above, from, NEEDS_ROOM))
CALL(link, (const char *from, const char *to), (from, to), decide("link", to, NEEDS_ROOM))
CALL(linkat, (int above, const char *from, int above_to, const char *to, int flags),
     (above, from, above_to, to, flags), decide_at("linkat", above_to, to, NEEDS_ROOM))
CALL(symlink, (const char *from, const char *to), (from, to), decide("symlink", to, NEEDS_ROOM))
CALL(mkdir, (const char *path, mode_t mode), (path, mode), decide("mkdir", path, NEEDS_ROOM))
CALL(mkdirat, (int above, const char *path, mode_t mode), (above, path, mode),
     decide_at("mkdirat", above, path, NEEDS_ROOM))
CALL(unlink, (const char *path), (path), decide("unlink", path, CHANGES))
CALL(unlinkat, (int above, const char *path, int flags), (above, path, flags),
     decide_at("unlinkat", above, path, CHANGES))
CALL(rmdir, (const char *path), (path), decide("rmdir", path, CHANGES))

/* Opening counts where it may make the file. */
#define OPEN(NAME, ARGUMENTS, LAST, ABOVE, PASSED)                              \
    int NAME ARGUMENTS                                                        \
    {                                                                         \
        REAL(NAME);                                                           \
        mode_t mode = 0;                                                      \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                \
            va_list rest; va_start(rest, LAST); mode = va_arg(rest, mode_t); va_end(rest); \
        }                                                                     \
        if ((flags & O_CREAT) && decide_at("creat", ABOVE, path, NEEDS_ROOM) == FAIL) { errno = number; return -1; } \
        return real PASSED;                                                   \
    }

OPEN(open, (const char *path, int flags, ...), flags, AT_FDCWD, (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), flags, AT_FDCWD, (path, flags, mode))
OPEN(openat, (int above, const char *path, int flags, ...), flags, above, (above, path, flags, mode))
OPEN(openat64, (int above, const char *path, int flags, ...), flags, above, (above, path, flags, mode))
