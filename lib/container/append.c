/* SPDX-License-Identifier: MIT
 *
 * Appending to a snapshot file: lock, see that the path still names what was locked, see that the file ends with a
 * whole record, write, sync. What was there before is never touched, and what was not finished is cut off again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <snapjar/snapshot.h>

#include "container/append.h"
#include "util/fd.h"
#include "util/options.h"
#include "util/sink_internal.h"

/* How many files of torn bytes may stand beside the snapshot for one place in it: each interrupted repair leaves one.
 */
#define TORN_FILES_MAX 100
#define SPOOL_MEMORY_MAX (UINT64_C(64) << 20)
#define COPY_SIZE ((size_t)64 << 10)

typedef struct append_sink {
    snapjar_sink base;
    char *path;
    snapjar_append_options options;
    snapjar_limits limits;
    /** -1 while the file does not exist: then what is written waits in the spool until finish. */
    int fd;
    sj_spool *spool;
    /** The file's size before we wrote. */
    uint64_t old_size;
    /** Where the torn tail went, or NULL. */
    char *torn_path;
    sj_append_tail tail;
    /** What is written says that it stands behind that tail. */
    bool is_followed;
} append_sink;

static append_sink *inner(snapjar_sink *sink)
{
    return (append_sink *)sink;
}

/* `*fd` is -1 if there is no file and `create` is set. */
static snapjar_status open_locked(int *fd, const char *path, bool create, snapjar_error *err)
{
    snapjar_error fault;
    struct stat info;
    snapjar_status status = sj_fd_open_locked(fd, &info, path, O_RDWR, &fault);

    if (status == SNAPJAR_OK && !S_ISREG(info.st_mode))
        status = sj_raise_place(&fault,
                                sj_raise(&fault, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TARGET_UNSAFE, SJ_NOWHERE,
                                         "only a regular file can be appended to"),
                                path);
    if (status == SNAPJAR_OK || (status == SNAPJAR_IO && fault.system_errno == ENOENT && create))
        return SNAPJAR_OK;
    if (fault.system_errno == EISDIR)
        fault.diagnostic = SNAPJAR_DIAG_IS_DIRECTORY;
    if (err)
        *err = fault;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    return status;
}

/* What a record that follows must know of the last one. */
static void remember(append_sink *sink, const sj_record *record)
{
    const snapjar_header *header = record->header;
    sj_append_tail *tail = &sink->tail;

    *tail = (sj_append_tail){
        .has_record = true,
        .offset = record->offset,
        .is_sealed = header->prefix.seal_size > 0,
        .has_stream = header->has_stream && (header->is_sealed_stream || !header->stream_index),
        .stream_index = header->stream_index,
    };
    if (tail->has_stream)
        memcpy(tail->stream_id, header->stream_id.data, SJ_STREAM_ID_SIZE);
    if (tail->has_stream && tail->is_sealed)
        sj_record_header_digest(tail->header_digest, header);
}

/* Whether the file ends with a whole record: its last trailer, the header that belongs to it, and again the trailer. */
static snapjar_status check_tail(append_sink *sink, snapjar_source *source, uint64_t size, snapjar_error *err)
{
    sj_record record;
    uint64_t offset = 0;

    SJ_TRY(sj_record_find_last(&offset, source, size, err));
    SJ_TRY(sj_record_read(&record, sink->base.context, source, size, offset, 0, &sink->limits, err));
    snapjar_status status = sj_record_check_end(&record, source, size, err);
    if (status == SNAPJAR_OK && record.offset + record.size != size)
        status = sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN, SJ_AT_FILE(record.offset + record.size),
                          "the last record does not end where the file ends");
    if (status == SNAPJAR_OK)
        remember(sink, &record);
    sj_record_clear(&record);
    return status;
}

/* Where the whole records end, from the start of the file; the fault that stopped there is in `why`. */
static snapjar_status find_whole_end(append_sink *sink, snapjar_source *source, uint64_t size, uint64_t *end,
                                     snapjar_error *why)
{
    snapjar_status status = SNAPJAR_OK;

    *end = 0;
    for (uint64_t index = 0; status == SNAPJAR_OK && *end < size; index++) {
        sj_record record;
        status = sj_record_read(&record, sink->base.context, source, size, *end, index, &sink->limits, why);
        if (status == SNAPJAR_OK)
            status = sj_record_check_end(&record, source, size, why);
        if (status == SNAPJAR_OK) {
            *end += record.size;
            remember(sink, &record);
        }
        sj_record_clear(&record);
    }
    return status;
}

/* An interrupted append leaves a piece of a record, or blocks of zeros; all else is damage, which cutting would hide.
 */
static bool is_torn(const snapjar_error *why)
{
    switch (why->diagnostic) {
    case SNAPJAR_DIAG_HEADER_CUT_SHORT:
    case SNAPJAR_DIAG_RECORD_CUT_SHORT:
    case SNAPJAR_DIAG_TRAILING_GARBAGE:
        return true;
    default:
        return false;
    }
}

static snapjar_status copy_tail(int to, const char *to_name, snapjar_source *source, uint64_t from, uint64_t size,
                                snapjar_context *context, snapjar_error *err)
{
    uint8_t *buffer = sj_alloc(context, COPY_SIZE);
    snapjar_status status = buffer ? SNAPJAR_OK : sj_raise_no_memory(err, COPY_SIZE);

    while (status == SNAPJAR_OK && from < size) {
        size_t step = size - from < COPY_SIZE ? (size_t)(size - from) : COPY_SIZE;
        status = sj_source_read_exact(source, buffer, step, from, SNAPJAR_DIAG_READ_FAILED, err);
        if (status == SNAPJAR_OK)
            status = sj_fd_write(to, to_name, buffer, step, err);
        from += step;
    }
    if (status == SNAPJAR_OK)
        status = sj_fd_sync(to, to_name, err);
    sj_free(context, buffer);
    return status;
}

/* Makes a new file beside the snapshot: NAME.torn-OFFSET, and if that is there, NAME.torn-OFFSET-2 and so on. */
static snapjar_status make_torn_file(append_sink *sink, uint64_t from, int *fd, snapjar_error *err)
{
    size_t room = strlen(sink->path) + 48;

    sink->torn_path = sj_alloc(sink->base.context, room);
    if (!sink->torn_path)
        return sj_raise_no_memory(err, room);
    int size = snprintf(sink->torn_path, room, "%s.torn-%" PRIu64, sink->path, from);
    for (int i = 2; i <= TORN_FILES_MAX + 1; i++) {
        snapjar_error fault;
        snapjar_status status = sj_fd_open(fd, sink->torn_path, O_WRONLY | O_CREAT | O_EXCL, 0600, &fault);
        if (status == SNAPJAR_OK)
            return SNAPJAR_OK;
        if (fault.system_errno != EEXIST)
            return sj_raise_errno(err, SNAPJAR_DIAG_OPEN_FAILED, fault.system_errno, sink->torn_path,
                                  "cannot make a file for the torn bytes");
        (void)snprintf(sink->torn_path + size, room - (size_t)size, "-%d", i);
    }
    sink->torn_path[size] = '\0';
    return sj_raise_errno(err, SNAPJAR_DIAG_TARGET_EXISTS, EEXIST, sink->torn_path,
                          "cannot make one more file for the torn bytes");
}

/* Writes the bytes from `from` on to a new file beside the snapshot, and only then cuts them off. */
static snapjar_status set_tail_aside(append_sink *sink, snapjar_source *source, uint64_t from, uint64_t size,
                                     snapjar_error *err)
{
    int to = -1;

    SJ_TRY(make_torn_file(sink, from, &to, err));
    snapjar_status status = copy_tail(to, sink->torn_path, source, from, size, sink->base.context, err);
    (void)close(to);
    if (status == SNAPJAR_OK)
        status = sj_folder_sync(sink->torn_path, err);
    if (status == SNAPJAR_OK && ftruncate(sink->fd, (off_t)from) != 0)
        status = sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, sink->path, "cannot cut the torn tail off");
    if (status != SNAPJAR_OK) {
        (void)unlink(sink->torn_path);
        return status;
    }
    sink->old_size = from;
    return SNAPJAR_OK;
}

/* The tail is not whole: `fault` says how. Repair it if that was asked for and it is torn, not damaged. */
static snapjar_status deal_with_tail(append_sink *sink, snapjar_source *source, uint64_t size, uint64_t *repaired_size,
                                     snapjar_error *err)
{
    snapjar_error why;
    uint64_t end = 0;

    snapjar_status status = find_whole_end(sink, source, size, &end, &why);
    if (status == SNAPJAR_OK) /* nothing is wrong after all: somebody finished it before we had the lock */
        return SNAPJAR_OK;
    if (!is_torn(&why)) {
        if (err)
            *err = why;
        return sj_raise_place(err, status, sink->path);
    }
    if (!sink->options.repair) {
        (void)sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN, SJ_AT_FILE(end),
                       "%" PRIu64 " bytes at the end belong to no whole record", size - end);
        return sj_raise_place(err, SNAPJAR_CUT_SHORT, sink->path);
    }
    SJ_TRY(set_tail_aside(sink, source, end, size, err));
    *repaired_size = size - end;
    return SNAPJAR_OK;
}

static snapjar_status check_file(append_sink *sink, uint64_t *repaired_size, snapjar_error *err)
{
    snapjar_source *source = NULL;
    uint64_t size = 0;

    SJ_TRY(snapjar_source_from_fd(&source, sink->base.context, sink->fd, sink->path, 0, err));
    snapjar_status status = snapjar_source_size(source, &size, err);
    sink->old_size = size;
    if (status == SNAPJAR_OK && !size && !sink->options.create)
        status = sj_raise_place(
            err, sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_EMPTY_FILE, SJ_AT_FILE(0), "the file is empty"),
            sink->path);
    if (status == SNAPJAR_OK && size) {
        snapjar_error fault;
        status = check_tail(sink, source, size, &fault);
        if (status != SNAPJAR_OK && (fault.status == SNAPJAR_IO || fault.status == SNAPJAR_NO_MEMORY)) {
            if (err)
                *err = fault;
        } else if (status != SNAPJAR_OK) {
            status = deal_with_tail(sink, source, size, repaired_size, err);
        }
    }
    snapjar_source_free(source);
    return status;
}

/* ---- the sink ---- */

static snapjar_status write_bytes(snapjar_sink *base, const void *bytes, size_t size, snapjar_error *err)
{
    append_sink *sink = inner(base);

    return sink->spool ? sj_spool_write(sink->spool, bytes, size, err)
                       : sj_fd_write(sink->fd, sink->path, bytes, size, err);
}

/* The file did not exist: make it, whole. If somebody else made one meanwhile, append to that. */
static snapjar_status finish_new(append_sink *sink, snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_append_options append_options = sink->options;
    snapjar_sink *target = NULL;
    snapjar_error fault;

    options.durability = sink->options.durability;
    options.must_not_exist = true;
    append_options.create = false;
    snapjar_status status = snapjar_sink_open_path(&target, sink->base.context, sink->path, &options, &fault);
    if (status == SNAPJAR_OK)
        status = sj_spool_copy_to(sink->spool, target, &fault);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(target, &fault);
    snapjar_sink_free(target);
    if (status != SNAPJAR_OK && fault.diagnostic == SNAPJAR_DIAG_TARGET_EXISTS && !sink->is_followed) {
        status = snapjar_sink_open_append(&target, sink->base.context, sink->path, &append_options, NULL, &fault);
        if (status == SNAPJAR_OK)
            status = sj_spool_copy_to(sink->spool, target, &fault);
        if (status == SNAPJAR_OK)
            status = snapjar_sink_finish(target, &fault);
        if (target)
            snapjar_sink_free(target);
    }
    if (status != SNAPJAR_OK && err)
        *err = fault;
    return status;
}

static snapjar_status finish(snapjar_sink *base, snapjar_error *err)
{
    append_sink *sink = inner(base);

    if (sink->spool)
        return finish_new(sink, err);
    return sink->options.durability == SNAPJAR_DURABILITY_SYNC ? sj_fd_sync(sink->fd, sink->path, err) : SNAPJAR_OK;
}

static void close_sink(snapjar_sink *base)
{
    append_sink *sink = inner(base);

    if (sink->fd >= 0) {
        /* If this fails too, the file has a torn tail, which the next appender finds. */
        if (base->state != SJ_SINK_FINISHED && ftruncate(sink->fd, (off_t)sink->old_size) != 0)
            (void)0;
        (void)close(sink->fd);
    }
    sj_spool_free(sink->spool);
    sj_free(base->context, sink->torn_path);
    sj_free(base->context, sink->path);
}

static const char *torn_path(const snapjar_sink *base)
{
    return ((const append_sink *)base)->torn_path;
}

static const sj_sink_kind append_kind = {
    .write = write_bytes, .finish = finish, .close = close_sink, .torn_path = torn_path};

static snapjar_status open_sink(append_sink *sink, const char *path, uint64_t *repaired_size, snapjar_error *err)
{
    sink->path = sj_dup_text(sink->base.context, path, strlen(path));
    if (!sink->path)
        return sj_raise_no_memory(err, strlen(path));
    SJ_TRY(open_locked(&sink->fd, path, sink->options.create, err));
    if (sink->fd < 0)
        return sj_spool_new(&sink->spool, sink->base.context, SPOOL_MEMORY_MAX, err);
    snapjar_status status = check_file(sink, repaired_size, err);
    if (status == SNAPJAR_OK && lseek(sink->fd, (off_t)sink->old_size, SEEK_SET) < 0)
        status = sj_raise_errno(err, SNAPJAR_DIAG_WRITE_FAILED, errno, path, "cannot go to the end");
    return status;
}

snapjar_status snapjar_sink_open_append(snapjar_sink **out, snapjar_context *context, const char *path,
                                        const snapjar_append_options *options, uint64_t *repaired_size,
                                        snapjar_error *err)
{
    snapjar_append_options resolved;
    snapjar_limits limits;
    snapjar_sink *sink = NULL;
    uint64_t own = 0;

    *out = NULL;
    if (repaired_size)
        *repaired_size = 0;
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_append_options", err));
    SJ_TRY(sj_limits_resolve(&limits, resolved.limits, err));
    SJ_TRY(sj_sink_new(&sink, context, sizeof(append_sink), &append_kind, true, err));
    inner(sink)->options = resolved;
    inner(sink)->limits = limits;
    inner(sink)->options.limits = &inner(sink)->limits;
    inner(sink)->fd = -1;
    snapjar_status status = open_sink(inner(sink), path, repaired_size ? repaired_size : &own, err);
    if (status != SNAPJAR_OK) {
        if (inner(sink)->fd >= 0) { /* nothing was written: there is nothing to cut back */
            (void)close(inner(sink)->fd);
            inner(sink)->fd = -1;
        }
        snapjar_sink_free(sink);
        return status;
    }
    *out = sink;
    return SNAPJAR_OK;
}

const sj_append_tail *sj_append_follow(snapjar_sink *sink)
{
    if (!sink || sink->kind != &append_kind)
        return NULL;
    inner(sink)->is_followed = true;
    return &inner(sink)->tail;
}
