/* SPDX-License-Identifier: MIT
 *
 * Sources: memory, open files, and a program's own functions. Pipes and the like are read on demand into a spool.
 * Nothing here knows what the bytes mean.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/options.h"
#include "util/source_internal.h"

/** What a pipe may occupy in memory before the rest of it goes to a file. */
#define SPOOL_MEMORY_MAX ((uint64_t)16 << 20)
#define SPOOL_READ_SIZE ((size_t)256 << 10)

typedef struct memory_source {
    snapjar_source base;
    const uint8_t *bytes;
    size_t size;
} memory_source;

typedef struct fd_source {
    snapjar_source base;
    int fd;
    bool is_owned;
    /** The size when it was last looked at: a read that ends there needs no second call to know that it is the end. */
    _Atomic uint64_t known_size;
} fd_source;

typedef struct pipe_source {
    snapjar_source base;
    int fd;
    bool is_owned;
    bool is_at_end;
    uint64_t size_max;
    uint8_t *buffer;
    /** What was read so far; owned by `spooled`, which reads it. */
    sj_spool *spool;
    snapjar_source *spooled;
} pipe_source;

typedef struct functions_source {
    snapjar_source base;
    snapjar_source_functions functions;
    void *state;
} functions_source;

static snapjar_status raise_argument(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", what);
}

snapjar_status sj_source_new(snapjar_source **source, snapjar_context *context, size_t size, const sj_source_kind *kind,
                             const char *name, snapjar_error *err)
{
    if (name == NULL)
        name = "";
    const size_t name_size = strlen(name) + 1;
    uint8_t *block = sj_alloc(context, size + name_size);
    *source = NULL;
    if (block == NULL)
        return sj_raise_no_memory(err, size + name_size);
    memset(block, 0, size);
    memcpy(block + size, name, name_size);
    snapjar_source *made = (snapjar_source *)(void *)block;
    made->kind = kind;
    made->context = context;
    made->name = (const char *)block + size;
    *source = made;
    return SNAPJAR_OK;
}

/* ---- memory ---- */

static snapjar_status memory_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                     snapjar_error *err)
{
    memory_source *memory = (memory_source *)source;
    (void)err;
    if (offset >= memory->size)
        return SNAPJAR_OK;
    size_t count = memory->size - (size_t)offset < size ? memory->size - (size_t)offset : size;
    memcpy(buffer, memory->bytes + offset, count);
    *got = count;
    return SNAPJAR_OK;
}

static snapjar_status memory_get_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    (void)err;
    *size = ((memory_source *)source)->size;
    return SNAPJAR_OK;
}

static const uint8_t *memory_borrow(const snapjar_source *source, uint64_t offset, uint64_t size)
{
    const memory_source *memory = (const memory_source *)source;
    if (memory->bytes == NULL || offset > memory->size || size > memory->size - offset)
        return NULL;
    return memory->bytes + offset;
}

static const sj_source_kind memory_kind = {
    .read_at = memory_read_at,
    .get_size = memory_get_size,
    .borrow = memory_borrow,
};

snapjar_status snapjar_source_from_memory(snapjar_source **source, snapjar_context *context, const void *memory,
                                          size_t size, snapjar_error *err)
{
    if (source == NULL)
        return raise_argument(err, "source is NULL");
    *source = NULL;
    if (context == NULL || (memory == NULL && size > 0))
        return raise_argument(err, "context or memory is NULL");
    SJ_TRY(sj_source_new(source, context, sizeof(memory_source), &memory_kind, NULL, err));
    ((memory_source *)*source)->bytes = memory;
    ((memory_source *)*source)->size = size;
    return SNAPJAR_OK;
}

/* ---- files ---- */

static snapjar_status fd_get_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    fd_source *file = (fd_source *)source;
    struct stat info;
    if (fstat(file->fd, &info) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, errno, source->name, "cannot tell the size");
    *size = info.st_size < 0 ? 0 : (uint64_t)info.st_size;
    file->known_size = *size;
    return SNAPJAR_OK;
}

static snapjar_status fd_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                 snapjar_error *err)
{
    fd_source *file = (fd_source *)source;
    uint64_t file_size = file->known_size;
    /* A reader that asks beyond the end wants to know whether the file has grown. */
    if (offset >= file_size) {
        SJ_TRY(fd_get_size(source, &file_size, err));
        if (offset >= file_size)
            return SNAPJAR_OK;
    }
    size_t count = (size_t)sj_min(size, file_size - offset);
    return sj_fd_read_at(file->fd, source->name, buffer, count, offset, got, err);
}

static void fd_expect_sequential(snapjar_source *source)
{
    (void)posix_fadvise(((fd_source *)source)->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

static void fd_close(snapjar_source *source)
{
    fd_source *file = (fd_source *)source;
    if (file->is_owned)
        (void)close(file->fd);
}

static const sj_source_kind fd_kind = {
    .read_at = fd_read_at,
    .get_size = fd_get_size,
    .expect_sequential = fd_expect_sequential,
    .close = fd_close,
    .is_for_any_thread = true,
};

/* ---- pipes and the like: read on demand, kept in a spool ---- */

/** Reads `fd` on until the spool holds `wanted` bytes, or to its end. */
static snapjar_status pipe_fill(pipe_source *pipe, uint64_t wanted, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;
    while (status == SNAPJAR_OK && !pipe->is_at_end && sj_spool_size(pipe->spool) < wanted) {
        size_t got = 0;
        status = sj_fd_read(pipe->fd, pipe->base.name, pipe->buffer, SPOOL_READ_SIZE, &got, err);
        if (status == SNAPJAR_OK && got > pipe->size_max - sj_spool_size(pipe->spool)) {
            status = sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, SJ_AT_FILE(pipe->size_max),
                              "the input is larger than the limit of %llu bytes", (unsigned long long)pipe->size_max);
            (void)sj_raise_place(err, status, pipe->base.name);
        }
        if (status == SNAPJAR_OK)
            status = sj_spool_write(pipe->spool, pipe->buffer, got, err);
        pipe->is_at_end = got < SPOOL_READ_SIZE;
    }
    return status;
}

static snapjar_status pipe_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                   snapjar_error *err)
{
    pipe_source *pipe = (pipe_source *)source;
    SJ_TRY(pipe_fill(pipe, offset > UINT64_MAX - size ? UINT64_MAX : offset + size, err));
    return snapjar_source_read_at(pipe->spooled, buffer, size, offset, got, err);
}

static snapjar_status pipe_get_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    pipe_source *pipe = (pipe_source *)source;
    SJ_TRY(pipe_fill(pipe, UINT64_MAX, err));
    *size = sj_spool_size(pipe->spool);
    return SNAPJAR_OK;
}

static const uint8_t *pipe_borrow(const snapjar_source *source, uint64_t offset, uint64_t size)
{
    const pipe_source *pipe = (const pipe_source *)source;
    return pipe->is_at_end ? sj_source_borrow(pipe->spooled, offset, size) : NULL;
}

static void pipe_close(snapjar_source *source)
{
    pipe_source *pipe = (pipe_source *)source;
    snapjar_source_free(pipe->spooled);
    sj_free(source->context, pipe->buffer);
    if (pipe->is_owned)
        (void)close(pipe->fd);
}

static const sj_source_kind pipe_kind = {
    .read_at = pipe_read_at,
    .get_size = pipe_get_size,
    .borrow = pipe_borrow,
    .close = pipe_close,
};

/** With `is_owned` the source takes `fd`, but only on success. */
static snapjar_status source_on_pipe(snapjar_source **source, snapjar_context *context, int fd, bool is_owned,
                                     const char *name, uint64_t size_max, snapjar_error *err)
{
    snapjar_source *made;
    SJ_TRY(sj_source_new(&made, context, sizeof(pipe_source), &pipe_kind, name, err));
    pipe_source *pipe = (pipe_source *)made;
    pipe->fd = fd;
    pipe->size_max = size_max == 0 ? SNAPJAR_CONTENT_SIZE_DEFAULT : size_max;
    pipe->buffer = sj_alloc(context, SPOOL_READ_SIZE);
    snapjar_status status = pipe->buffer == NULL ? sj_raise_no_memory(err, SPOOL_READ_SIZE) : SNAPJAR_OK;
    if (status == SNAPJAR_OK)
        status = sj_spool_new(&pipe->spool, context, SPOOL_MEMORY_MAX, err);
    if (status == SNAPJAR_OK)
        status = sj_spool_take_source(&pipe->spooled, pipe->spool, name, err);
    /* What cannot be read at all is told at once, and a small input is read whole. */
    if (status == SNAPJAR_OK)
        status = pipe_fill(pipe, 1, err);
    if (status != SNAPJAR_OK) {
        snapjar_source_free(made);
        return status;
    }
    pipe->is_owned = is_owned;
    *source = made;
    return SNAPJAR_OK;
}

bool sj_source_is_unread(const snapjar_source *source)
{
    return source->kind == &pipe_kind && !((const pipe_source *)source)->is_at_end;
}

/** True if `fd` can be read at any offset and its size can be believed (files in /proc say 0 and are not empty). */
static bool is_seekable_file(int fd, const struct stat *info)
{
    uint8_t byte;
    return S_ISREG(info->st_mode) && (info->st_size > 0 || pread(fd, &byte, 1, 0) == 0);
}

/** The common part; with `is_owned` the source takes `fd`, but only on success. */
static snapjar_status source_on_fd(snapjar_source **source, snapjar_context *context, int fd, bool is_owned,
                                   const char *name, uint64_t size_max, snapjar_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, errno, name, "cannot look at the file");
    if (S_ISDIR(info.st_mode))
        return sj_raise_errno(err, SNAPJAR_DIAG_IS_DIRECTORY, EISDIR, name, "cannot read");
    if (!is_seekable_file(fd, &info))
        return source_on_pipe(source, context, fd, is_owned, name, size_max, err);
    SJ_TRY(sj_source_new(source, context, sizeof(fd_source), &fd_kind, name, err));
    fd_source *file = (fd_source *)*source;
    file->fd = fd;
    file->is_owned = is_owned;
    file->known_size = info.st_size < 0 ? 0 : (uint64_t)info.st_size;
    return SNAPJAR_OK;
}

snapjar_status snapjar_source_open_path(snapjar_source **source, snapjar_context *context, const char *path,
                                        uint64_t size_max, snapjar_error *err)
{
    if (source == NULL)
        return raise_argument(err, "source is NULL");
    *source = NULL;
    if (context == NULL || path == NULL)
        return raise_argument(err, "context or path is NULL");
    int fd;
    SJ_TRY(sj_fd_open(&fd, path, O_RDONLY, 0, err));
    snapjar_status status = source_on_fd(source, context, fd, true, path, size_max, err);
    if (status != SNAPJAR_OK) {
        (void)close(fd);
        return status;
    }
    (*source)->path = (*source)->name;
    return SNAPJAR_OK;
}

snapjar_status snapjar_source_from_fd(snapjar_source **source, snapjar_context *context, int fd, const char *name,
                                      uint64_t size_max, snapjar_error *err)
{
    if (source == NULL)
        return raise_argument(err, "source is NULL");
    *source = NULL;
    if (context == NULL || fd < 0)
        return raise_argument(err, "context is NULL or fd is negative");
    return source_on_fd(source, context, fd, false, name == NULL ? "" : name, size_max, err);
}

/* ---- a program's own functions ---- */

/** What a function of the program's left of its error: one that fails without filling it in must not leave it unset. */
static snapjar_status forward_foreign(snapjar_error *err, const snapjar_error *theirs, snapjar_status status)
{
    if (theirs->status != status)
        return sj_raise(err, status, SNAPJAR_DIAG_READ_FAILED, SJ_NOWHERE, "the program's source failed");
    if (err != NULL)
        *err = *theirs;
    return status;
}

static snapjar_status functions_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                        snapjar_error *err)
{
    functions_source *own = (functions_source *)source;
    snapjar_error theirs;
    theirs.status = SNAPJAR_OK;
    snapjar_status status = own->functions.read_at(own->state, buffer, size, offset, got, &theirs);
    if (status == SNAPJAR_OK && *got <= size)
        return SNAPJAR_OK;
    size_t claimed = *got;
    *got = 0;
    if (status != SNAPJAR_OK)
        return forward_foreign(err, &theirs, status);
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_AT_FILE(offset),
                    "the program's source says that it read %zu bytes of %zu", claimed, size);
}

static snapjar_status functions_get_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    functions_source *own = (functions_source *)source;
    snapjar_error theirs;
    theirs.status = SNAPJAR_OK;
    snapjar_status status = own->functions.get_size(own->state, size, &theirs);
    if (status == SNAPJAR_OK)
        return SNAPJAR_OK;
    *size = 0;
    return forward_foreign(err, &theirs, status);
}

static void functions_close(snapjar_source *source)
{
    functions_source *own = (functions_source *)source;
    if (own->functions.close != NULL)
        own->functions.close(own->state);
}

static const sj_source_kind functions_kind = {
    .read_at = functions_read_at,
    .get_size = functions_get_size,
    .close = functions_close,
};

snapjar_status snapjar_source_from_functions(snapjar_source **source, snapjar_context *context,
                                             const snapjar_source_functions *functions, void *state, snapjar_error *err)
{
    if (source == NULL)
        return raise_argument(err, "source is NULL");
    *source = NULL;
    if (context == NULL || functions == NULL)
        return raise_argument(err, "context or functions is NULL");
    snapjar_source_functions read;
    SJ_TRY(sj_options_read(&read, sizeof read, functions, "snapjar_source_functions", err));
    if (read.read_at == NULL || read.get_size == NULL)
        return raise_argument(err, "a source needs both of read_at and get_size");
    SJ_TRY(sj_source_new(source, context, sizeof(functions_source), &functions_kind, NULL, err));
    ((functions_source *)*source)->functions = read;
    ((functions_source *)*source)->state = state;
    return SNAPJAR_OK;
}

/* ---- all kinds ---- */

snapjar_status snapjar_source_size(snapjar_source *source, uint64_t *size, snapjar_error *err)
{
    if (source == NULL || size == NULL)
        return raise_argument(err, "source or size is NULL");
    *size = 0;
    return source->kind->get_size(source, size, err);
}

snapjar_status snapjar_source_read_at(snapjar_source *source, void *buffer, size_t size, uint64_t offset, size_t *got,
                                      snapjar_error *err)
{
    if (source == NULL || got == NULL || (buffer == NULL && size > 0))
        return raise_argument(err, "source, buffer or got is NULL");
    *got = 0;
    if (size == 0)
        return SNAPJAR_OK;
    return source->kind->read_at(source, buffer, size, offset, got, err);
}

void snapjar_source_free(snapjar_source *source)
{
    if (source == NULL)
        return;
    if (source->kind->close != NULL)
        source->kind->close(source);
    sj_free(source->context, source->own_path);
    sj_free(source->context, source);
}

const uint8_t *sj_source_borrow(const snapjar_source *source, uint64_t offset, uint64_t size)
{
    return source->kind->borrow == NULL ? NULL : source->kind->borrow(source, offset, size);
}

snapjar_status sj_source_read_exact(snapjar_source *source, void *buffer, size_t size, uint64_t offset,
                                    snapjar_diagnostic diagnostic, snapjar_error *err)
{
    size_t got;
    SJ_TRY(snapjar_source_read_at(source, buffer, size, offset, &got, err));
    if (got == size)
        return SNAPJAR_OK;
    /* With nothing read, `offset` itself may lie beyond the end, which is what the message must name. */
    uint64_t end = offset + got;
    if (got == 0)
        SJ_TRY(snapjar_source_size(source, &end, err));
    end = sj_min(end, offset + got);
    snapjar_status status = sj_raise(err, SNAPJAR_CUT_SHORT, diagnostic, SJ_AT_FILE(end),
                                     "the file ends at %llu, %zu bytes are needed at %llu", (unsigned long long)end,
                                     size, (unsigned long long)offset);
    return sj_raise_place(err, status, source->name);
}

void sj_source_expect_sequential(snapjar_source *source)
{
    if (source->kind->expect_sequential != NULL)
        source->kind->expect_sequential(source);
}

bool sj_source_is_for_any_thread(const snapjar_source *source)
{
    return source->kind->is_for_any_thread;
}

const char *sj_source_name(const snapjar_source *source)
{
    return source->name;
}

const char *sj_source_path(const snapjar_source *source)
{
    return source->path;
}

snapjar_status snapjar_source_set_path(snapjar_source *source, const char *path, snapjar_error *err)
{
    if (source == NULL || path == NULL)
        return raise_argument(err, "source or path is NULL");
    char *copy = sj_dup_text(source->context, path, strlen(path));
    if (copy == NULL)
        return sj_raise_no_memory(err, strlen(path));
    sj_free(source->context, source->own_path);
    source->own_path = copy;
    source->path = copy;
    return SNAPJAR_OK;
}
