/* SPDX-License-Identifier: MIT
 *
 * The limit that `ls` and `info` are held against: walks folders and does nothing but open, read once and close each
 * file. Prints how many files and bytes. Usage: open_loop FOLDER...
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[4096];
static uint64_t file_count;
static uint64_t byte_count;

static int read_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, buffer, sizeof(buffer));
    if (close(fd) || got < 0)
        return -1;
    file_count++;
    byte_count += (uint64_t)got;
    return 0;
}

/* The folders are ours and two levels deep, so recursion is no danger here. */
static int walk(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int result = 0;

    if (!folder)
        return -1;
    while (!result && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        result = entry->d_type == DT_DIR ? walk(fd, entry->d_name) : read_file(fd, entry->d_name);
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (walk(AT_FDCWD, argv[i])) {
            perror(argv[i]);
            return 2;
        }
    }
    printf("%" PRIu64 " files, %" PRIu64 " bytes\n", file_count, byte_count);
    return 0;
}
