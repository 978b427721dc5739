/* SPDX-License-Identifier: MIT
 *
 * A system that is within its rights and no friend: preloaded, it interrupts calls, transfers fewer bytes than it was
 * asked for, and sets the clock back. All of it is deterministic, by the number of the call. SNAPJAR_HOSTILE has the
 * letters of what is wanted: `i` interrupts, `s` short transfers, `c` a clock that runs backwards.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_uint call_count;

static int is_wanted(char what)
{
    const char *wanted = getenv("SNAPJAR_HOSTILE");
    return wanted != NULL && strchr(wanted, what) != NULL;
}

static unsigned next_number(void)
{
    unsigned x = atomic_fetch_add(&call_count, 1) * 2654435761u;
    return x ^ x >> 15;
}

/* Every third call or so. */
static int is_interrupted(void)
{
    if (!is_wanted('i') || next_number() % 3 != 0)
        return 0;
    errno = EINTR;
    return 1;
}

/* At least one byte, and often no more than that. */
static size_t shortened(size_t size)
{
    if (size < 2 || !is_wanted('s'))
        return size;
    const unsigned number = next_number();
    return number % 4 == 0 ? 1 : 1 + number % size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *buffer, size_t size)
{
    return is_interrupted() ? -1 : REAL(read)(fd, buffer, shortened(size));
}

ssize_t write(int fd, const void *buffer, size_t size)
{
    return is_interrupted() ? -1 : REAL(write)(fd, buffer, shortened(size));
}

ssize_t pread64(int fd, void *buffer, size_t size, off64_t offset)
{
    return is_interrupted() ? -1 : REAL(pread64)(fd, buffer, shortened(size), offset);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
    return is_interrupted() ? -1 : REAL(pread)(fd, buffer, shortened(size), offset);
}

ssize_t pwrite64(int fd, const void *buffer, size_t size, off64_t offset)
{
    return is_interrupted() ? -1 : REAL(pwrite64)(fd, buffer, shortened(size), offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    return is_interrupted() ? -1 : REAL(pwrite)(fd, buffer, shortened(size), offset);
}

int fsync(int fd)
{
    return is_interrupted() ? -1 : REAL(fsync)(fd);
}

/* Only waiting for a lock can be interrupted. */
static int is_wait(int command)
{
    return command == F_SETLKW || command == F_OFD_SETLKW;
}

int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return is_wait(command) && is_interrupted() ? -1 : REAL(fcntl)(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return is_wait(command) && is_interrupted() ? -1 : REAL(fcntl)(fd, command, argument);
}

/* Each look at the clock is an hour before the one before. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static atomic_int looks;
    const int result = REAL(clock_gettime)(clock, now);
    if (result == 0 && is_wanted('c'))
        now->tv_sec -= 3600 * (time_t)(1 + atomic_fetch_add(&looks, 1));
    return result;
}

time_t time(time_t *now)
{
    struct timespec found;
    (void)clock_gettime(CLOCK_REALTIME, &found);
    if (now != NULL)
        *now = found.tv_sec;
    return found.tv_sec;
}
