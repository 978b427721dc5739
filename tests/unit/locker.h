/* SPDX-License-Identifier: MIT
 *
 * Others who hold the lock of a file. They are processes, not threads: valgrind 3.19 runs one thread at a time, and
 * does not know that F_OFD_SETLKW waits.
 */
#ifndef TEST_LOCKER_H
#define TEST_LOCKER_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"

/** Somebody who holds the lock of `path` for a while, and before letting go of it does `act` and sets `*is_released`.
 */
static inline pid_t lock_and(const char *path, void (*act)(void), bool **is_released)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *is_released = mmap(NULL, sizeof **is_released, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(*is_released, MAP_FAILED);
    int fd = open(path, O_RDWR);
    assert_int_equal(fcntl(fd, F_OFD_SETLKW, &lock), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usleep(100000);
        if (act != NULL)
            act();
        __atomic_store_n(*is_released, true, __ATOMIC_SEQ_CST);
        _exit(0); /* the lock goes with the last descriptor */
    }
    close(fd);
    return child;
}

static inline pid_t lock_for_a_while(const char *path, bool **is_released)
{
    return lock_and(path, NULL, is_released);
}

static inline bool was_released(const bool *is_released)
{
    return __atomic_load_n(is_released, __ATOMIC_SEQ_CST);
}

static inline void forget_release(bool *is_released)
{
    munmap(is_released, sizeof *is_released);
}

static inline void wait_for(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/** Whether somebody else would have to wait for a lock of this type (F_WRLCK or F_RDLCK). */
static inline bool is_locked(int fd, int type)
{
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
}

#endif
