/* SPDX-License-Identifier: MIT
 *
 * Opening, staging and committing output.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"
#include "report.h"

#define STAGE_MEMORY_MAX (UINT64_C(32) << 20)
#define COPY_SIZE (256u << 10)

bool path_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static size_t without_suffix(const char *name, size_t size, const char *const *suffixes)
{
    for (; suffixes && *suffixes; suffixes++) {
        size_t length = strlen(*suffixes);
        /* A name that is nothing but the suffix keeps it. */
        if (size > length && !memcmp(name + size - length, *suffixes, length) && name[size - length - 1] != '/')
            return size - length;
    }
    return size;
}

char *path_derive(const char *path, const char *const *outer, const char *const *inner, const char *suffix,
                  const char *folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = folder && slash ? slash + 1 : path;
    size_t size = without_suffix(name, without_suffix(name, strlen(name), outer), inner);
    struct text made = {0};

    if (folder) {
        text_puts(&made, folder);
        if (made.size && made.data[made.size - 1] != '/')
            text_putc(&made, '/');
    }
    text_add(&made, name, size);
    text_puts(&made, suffix);
    return made.data;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int output_check_names(struct cli *cli, char *const *names, size_t count)
{
    int code = -1;
    char **sorted = memory_get(count * sizeof(*sorted));

    memcpy(sorted, names, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_strings);
    for (size_t i = 1; i < count && code < 0; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) != 0)
            continue;
        if (!strcmp(sorted[i], "-"))
            code = report_usage(cli, "standard output can take one output only: name a directory with -o");
        else
            code = report_usage(cli, "two inputs would be written to %s: name a directory with -o", sorted[i]);
    }
    free(sorted);
    return code;
}

static bool stat_input(const char *input, struct stat *info)
{
    return (strcmp(input, "-") != 0 ? stat(input, info) : fstat(STDIN_FILENO, info)) == 0;
}

/* Writing a file over its own input would lose it when anything goes wrong. */
static snapjar_status check_target(const char *path, const struct output_options *options, bool *is_special,
                                   snapjar_error *err)
{
    struct stat target;
    struct stat input;
    bool is_stdout = !strcmp(path, "-");

    *is_special = is_stdout;
    if ((is_stdout ? fstat(STDOUT_FILENO, &target) : stat(path, &target)) != 0) {
        size_t size = strlen(path);
        if (errno != ENOENT || !size || path[size - 1] != '/')
            return SNAPJAR_OK; /* opening it will say why */
        report_make(err, SNAPJAR_IO, SNAPJAR_DIAG_OPEN_FAILED, "there is no such directory");
        return err->status;
    }
    if (is_stdout && isatty(STDOUT_FILENO)) {
        report_make(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_NONE,
                    "standard output is a terminal: name a file with -o, or pipe it somewhere");
        return err->status;
    }
    if (S_ISREG(target.st_mode) && options->input && stat_input(options->input, &input) &&
        input.st_dev == target.st_dev && input.st_ino == target.st_ino) {
        report_make(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TARGET_UNSAFE, "the output is the input itself");
        return err->status;
    }
    *is_special = is_stdout || S_ISCHR(target.st_mode) || S_ISBLK(target.st_mode) || S_ISFIFO(target.st_mode);
    return SNAPJAR_OK;
}

static int open_unlinked(void)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    char *name = path_derive(folder, NULL, NULL, "/snapjar-XXXXXX", NULL);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    free(name);
    return fd;
}

/* Puts a stage before the target, which is then what `sink` was. */
static snapjar_status add_stage(struct output *output, uint64_t size_hint, snapjar_error *err)
{
    output->target = output->sink;
    output->sink = NULL;
    if (size_hint <= STAGE_MEMORY_MAX)
        return snapjar_sink_to_memory(&output->sink, output->context, err);
    output->stage_fd = open_unlinked();
    if (output->stage_fd < 0) {
        report_make_errno(err, SNAPJAR_DIAG_OPEN_FAILED, "cannot make a temporary file (see TMPDIR)");
        return err->status;
    }
    return snapjar_sink_from_fd(&output->sink, output->context, output->stage_fd, "temporary file", err);
}

static snapjar_status open_special(struct output *output, const char *path, snapjar_error *err)
{
    if (!strcmp(path, "-"))
        return snapjar_sink_from_fd(&output->sink, output->context, STDOUT_FILENO, "standard output", err);
    output->target_fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (output->target_fd < 0) {
        report_make_errno(err, SNAPJAR_DIAG_OPEN_FAILED, "cannot open for writing");
        return err->status;
    }
    return snapjar_sink_from_fd(&output->sink, output->context, output->target_fd, path, err);
}

snapjar_status output_open(struct output *output, snapjar_context *context, const char *path,
                           const struct output_options *options, snapjar_error *err)
{
    bool is_special;

    *output = (struct output){.context = context, .target_fd = -1, .stage_fd = -1};
    snapjar_status status = check_target(path, options, &is_special, err);
    if (status != SNAPJAR_OK)
        return status;
    if (is_special) {
        status = open_special(output, path, err);
        if (status == SNAPJAR_OK && options->needs_stage)
            status = add_stage(output, options->size_hint, err);
    } else {
        snapjar_path_sink_options sink_options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
        sink_options.must_not_exist = !options->force;
        sink_options.durability = options->no_sync ? SNAPJAR_DURABILITY_NONE : SNAPJAR_DURABILITY_SYNC;
        interrupt_hold();
        output->is_holding = true;
        status = snapjar_sink_open_path(&output->sink, context, path, &sink_options, err);
    }
    if (status != SNAPJAR_OK)
        output_close(output);
    return status;
}

static snapjar_status copy_stage(struct output *output, snapjar_error *err)
{
    size_t size = 0;
    const void *memory = snapjar_sink_memory(output->sink, &size);

    if (output->stage_fd < 0)
        return size ? snapjar_sink_write(output->target, memory, size, err) : SNAPJAR_OK;
    char *buffer = memory_get(COPY_SIZE);
    snapjar_status status = SNAPJAR_OK;
    off_t offset = 0;
    while (status == SNAPJAR_OK) {
        ssize_t got = pread(output->stage_fd, buffer, COPY_SIZE, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            report_make_errno(err, SNAPJAR_DIAG_READ_FAILED, "cannot read the temporary file");
            status = err->status;
        }
        if (got <= 0)
            break;
        offset += got;
        status = snapjar_sink_write(output->target, buffer, (size_t)got, err);
    }
    free(buffer);
    return status;
}

snapjar_status output_commit(struct output *output, uint64_t *replaced_links, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;

    if (replaced_links)
        *replaced_links = 0;
    if (output->target)
        status = copy_stage(output, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(output->target ? output->target : output->sink, err);
    if (status == SNAPJAR_OK && replaced_links && !output->target)
        *replaced_links = snapjar_sink_replaced_links(output->sink);
    return status;
}

void output_close(struct output *output)
{
    snapjar_sink_free(output->sink);
    snapjar_sink_free(output->target);
    if (output->stage_fd >= 0)
        close(output->stage_fd);
    if (output->target_fd >= 0)
        close(output->target_fd);
    bool was_holding = output->is_holding;
    *output = (struct output){.target_fd = -1, .stage_fd = -1};
    if (was_holding)
        interrupt_release();
}
