/* SPDX-License-Identifier: MIT
 *
 * What any program must at least do that replaces many files durably: replace_loop TARGETS NEW. Gives each file of
 * TARGETS the bytes of the file of the same name in NEW, which are read before the clock starts, in the way that
 * snapjar migrate does, on one thread: neighbours, one sync, renames, one sync, a thousand files at a time. Prints the
 * seconds it took.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <snapjar/snapjar.h>

#define PATH_SIZE 1024
#define FILE_SIZE_MAX ((size_t)1 << 20)

struct file {
    char *path;
    char *bytes;
    size_t size;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static void read_file(struct file *file, const char *path)
{
    static char buffer[FILE_SIZE_MAX];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

    if (got < 0) {
        perror(path);
        exit(2);
    }
    close(fd);
    file->size = (size_t)got;
    file->bytes = malloc(file->size + 1);
    memcpy(file->bytes, buffer, file->size);
}

static size_t list_files(struct file **files, const char *targets, const char *news)
{
    DIR *folder = opendir(targets);
    size_t count = 0;
    char path[PATH_SIZE];

    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        *files = realloc(*files, (count + 1) * sizeof(**files));
        snprintf(path, sizeof(path), "%s/%s", news, entry->d_name);
        read_file(&(*files)[count], path);
        snprintf(path, sizeof(path), "%s/%s", targets, entry->d_name);
        (*files)[count++].path = strdup(path);
    }
    if (folder)
        closedir(folder);
    qsort(*files, count, sizeof(**files), compare);
    return count;
}

static void replaced(void *state, void *item, uint64_t links, const snapjar_error *failure)
{
    (void)item;
    (void)links;
    if (failure)
        fprintf(stderr, "%s\n", failure->message);
    else
        ++*(size_t *)state;
}

static snapjar_status replace(snapjar_replacing *replacing, const struct file *file, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_status status = snapjar_replacing_open(replacing, file->path, &source, err);

    if (status == SNAPJAR_OK)
        status = snapjar_replacing_sink(replacing, &sink, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, file->bytes, file->size, err);
    return status == SNAPJAR_OK ? snapjar_replacing_stage(replacing, NULL, err) : status;
}

int main(int argc, char **argv)
{
    snapjar_replacing_options options = SNAPJAR_REPLACING_OPTIONS_INIT;
    snapjar_context *context = NULL;
    snapjar_replacing *replacing = NULL;
    struct file *files = NULL;
    struct timespec start, end;
    struct rlimit limit;
    snapjar_error err;
    size_t done = 0;

    if (argc != 3)
        return 2;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    size_t count = list_files(&files, argv[1], argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    options.file_count_max = 1024;
    options.replaced = replaced;
    options.state = &done;
    snapjar_status status = snapjar_context_new(&context, NULL, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_new(&replacing, context, &options, &err);
    for (size_t i = 0; status == SNAPJAR_OK && i < count; i++)
        status = replace(replacing, &files[i], &err);
    if (status == SNAPJAR_OK)
        status = snapjar_replacing_commit(replacing, &err);
    snapjar_replacing_free(replacing);
    snapjar_context_free(context);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (status != SNAPJAR_OK || done != count) {
        fprintf(stderr, "%zu of %zu replaced\n", done, count);
        return 1;
    }
    printf("%f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9);
    for (size_t i = 0; i < count; i++) {
        free(files[i].path);
        free(files[i].bytes);
    }
    free(files);
    return 0;
}
