/* SPDX-License-Identifier: MIT
 *
 * Runs a program, its output thrown away, and prints "WALL CPU RSS" (seconds, seconds, peak in bytes); returns its exit
 * code. A small process of its own, because a child counts the memory of the one it was started from as its own peak.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double to_seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void become(char **command)
{
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (quiet >= 0 && dup2(quiet, STDOUT_FILENO) >= 0)
        execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int status;

    if (argc < 2)
        return 2;
    double start = now();
    pid_t child = fork();
    if (!child)
        become(argv + 1);
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 2;
    double wall = now() - start;
    printf("%.6f %.6f %lld\n", wall, to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime),
           (long long)usage.ru_maxrss * 1024);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
