/* SPDX-License-Identifier: MIT
 *
 * What any program must at least do that replaces many files durably: replace_loop TARGETS NEW. Gives each file below
 * TARGETS the bytes of the file of the same name below NEW, which are read before the clock starts. Written with the
 * system's calls alone, on one thread: for each file a look at the old one, a neighbour with its bytes, owner, extended
 * attributes and mode; after every 1,024 files one sync, their renames, one sync. Reads, locks and checks nothing.
 * Prints the seconds it took.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define GROUP_SIZE 1024
#define PATH_SIZE 1024
#define XATTR_SIZE 65536
#define FOLDERS_MAX 16

struct file {
    char *path;
    /** The neighbour's path. */
    char *temporary;
    char *bytes;
    size_t size;
};

static struct file *files;
static size_t file_count;
static const char *targets, *news;

static void die(const char *path)
{
    perror(path);
    exit(2);
}

static char *join(const char *folder, const char *inner, const char *dot, const char *name, const char *suffix)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s%.*s%s%s%s", folder, (int)(name - inner), inner, dot, name, suffix);
    return strdup(path);
}

static int add_file(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    const char *inner = path + strlen(news);
    const char *name = path + where->base;

    if (kind != FTW_F)
        return 0;
    if (file_count % GROUP_SIZE == 0)
        files = realloc(files, (file_count + GROUP_SIZE) * sizeof(*files));
    struct file *file = &files[file_count++];
    file->path = join(targets, inner, "", name, "");
    file->temporary = join(targets, inner, ".", name, ".new");
    file->bytes = malloc((size_t)info->st_size + 1);
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, file->bytes, (size_t)info->st_size + 1);
    if (got != info->st_size)
        die(path);
    close(fd);
    file->size = (size_t)got;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static void copy_attributes(const char *from, int to, ssize_t list_size)
{
    static char list[XATTR_SIZE], value[XATTR_SIZE];

    list_size = list_size > 0 ? llistxattr(from, list, sizeof(list)) : 0;
    for (ssize_t at = 0; at < list_size; at += (ssize_t)strlen(list + at) + 1) {
        ssize_t size = lgetxattr(from, list + at, value, sizeof(value));
        if (size < 0 || fsetxattr(to, list + at, value, (size_t)size, 0) != 0)
            die(from);
    }
}

static void write_neighbour(const struct file *file)
{
    struct stat old;
    int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 || lstat(file->path, &old) != 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size)
        die(file->path);
    if ((old.st_uid != geteuid() || old.st_gid != getegid()) && fchown(fd, old.st_uid, old.st_gid) != 0)
        die(file->path);
    copy_attributes(file->path, fd, llistxattr(file->path, NULL, 0));
    if (fchmod(fd, old.st_mode & 07777) != 0 || close(fd) != 0)
        die(file->path);
}

static void sync_file_system(int folder)
{
    if (syncfs(folder) != 0)
        die(targets);
}

static void replace_group(int folder, const struct file *group, size_t count)
{
    for (size_t i = 0; i < count; i++)
        write_neighbour(&group[i]);
    sync_file_system(folder);
    for (size_t i = 0; i < count; i++) {
        if (rename(group[i].temporary, group[i].path) != 0)
            die(group[i].path);
    }
    sync_file_system(folder);
}

int main(int argc, char **argv)
{
    struct timespec start, end;

    if (argc != 3)
        return 2;
    targets = argv[1];
    news = argv[2];
    if (nftw(news, add_file, FOLDERS_MAX, FTW_PHYS) != 0)
        die(news);
    qsort(files, file_count, sizeof(*files), compare);
    clock_gettime(CLOCK_MONOTONIC, &start);
    int folder = open(targets, O_RDONLY | O_DIRECTORY);
    for (size_t at = 0; at < file_count; at += GROUP_SIZE)
        replace_group(folder, files + at, file_count - at < GROUP_SIZE ? file_count - at : GROUP_SIZE);
    close(folder);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9);
    for (size_t i = 0; i < file_count; i++) {
        free(files[i].path);
        free(files[i].temporary);
        free(files[i].bytes);
    }
    free(files);
    return 0;
}
