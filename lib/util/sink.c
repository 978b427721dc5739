/* SPDX-License-Identifier: MIT
 *
 * Sinks: memory, open descriptors, and a program's own functions, and the calls that all kinds share. Sinks that
 * replace a file are in path_sink.c.
 */
#include <stdint.h>
#include <string.h>

#include "util/options.h"
#include "util/sink_internal.h"

#define MEMORY_CAPACITY_MIN ((size_t)4096)

typedef struct memory_sink {
    snapjar_sink base;
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} memory_sink;

typedef struct fd_sink {
    snapjar_sink base;
    int fd;
    char *name;
} fd_sink;

typedef struct functions_sink {
    snapjar_sink base;
    snapjar_sink_functions functions;
    void *state;
} functions_sink;

static snapjar_status raise_argument(snapjar_error *err, const char *what)
{
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", what);
}

snapjar_status sj_sink_new(snapjar_sink **sink, snapjar_context *context, size_t size, const sj_sink_kind *kind,
                           bool is_transactional, snapjar_error *err)
{
    *sink = NULL;
    snapjar_sink *made = sj_alloc_zero(context, size);
    if (made == NULL)
        return sj_raise_no_memory(err, size);
    made->kind = kind;
    made->context = context;
    made->is_transactional = is_transactional;
    made->state = SJ_SINK_OPEN;
    *sink = made;
    return SNAPJAR_OK;
}

/* ---- memory ---- */

/** Makes room for `size` more bytes; false without memory. */
static bool memory_grow(memory_sink *memory, size_t size)
{
    size_t needed;
    if (size <= memory->capacity - memory->size)
        return true;
    if (__builtin_add_overflow(memory->size, size, &needed))
        return false;
    size_t capacity = memory->capacity < SIZE_MAX / 2 ? memory->capacity * 2 : SIZE_MAX;
    if (capacity < MEMORY_CAPACITY_MIN)
        capacity = MEMORY_CAPACITY_MIN;
    if (capacity < needed)
        capacity = needed;
    uint8_t *bytes = sj_realloc(memory->base.context, memory->bytes, capacity);
    /* Twice as much may be too much where just enough is not. */
    if (bytes == NULL && capacity > needed)
        bytes = sj_realloc(memory->base.context, memory->bytes, capacity = needed);
    if (bytes == NULL)
        return false;
    memory->bytes = bytes;
    memory->capacity = capacity;
    return true;
}

static snapjar_status memory_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    memory_sink *memory = (memory_sink *)sink;
    if (!memory_grow(memory, size))
        return sj_raise_no_memory(err, size);
    memcpy(memory->bytes + memory->size, bytes, size);
    memory->size += size;
    return SNAPJAR_OK;
}

static void memory_close(snapjar_sink *sink)
{
    sj_free(sink->context, ((memory_sink *)sink)->bytes);
}

static const sj_sink_kind memory_kind = {.write = memory_write, .close = memory_close};

snapjar_status snapjar_sink_to_memory(snapjar_sink **sink, snapjar_context *context, snapjar_error *err)
{
    if (sink == NULL)
        return raise_argument(err, "sink is NULL");
    *sink = NULL;
    if (context == NULL)
        return raise_argument(err, "context is NULL");
    return sj_sink_new(sink, context, sizeof(memory_sink), &memory_kind, true, err);
}

const void *snapjar_sink_memory(const snapjar_sink *sink, size_t *size)
{
    bool is_memory = sink != NULL && sink->kind == &memory_kind;
    if (size != NULL)
        *size = is_memory ? ((const memory_sink *)sink)->size : 0;
    return is_memory ? ((const memory_sink *)sink)->bytes : NULL;
}

void snapjar_sink_reset(snapjar_sink *sink)
{
    if (sink == NULL || sink->kind != &memory_kind)
        return;
    ((memory_sink *)sink)->size = 0;
    sink->state = SJ_SINK_OPEN;
}

uint8_t *sj_sink_reserve(snapjar_sink *sink, size_t size)
{
    memory_sink *memory = (memory_sink *)sink;
    if (sink->kind != &memory_kind || sink->state != SJ_SINK_OPEN || !memory_grow(memory, size))
        return NULL;
    return memory->bytes + memory->size;
}

void sj_sink_commit(snapjar_sink *sink, size_t size)
{
    ((memory_sink *)sink)->size += size;
}

/* ---- descriptors ---- */

static snapjar_status fd_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    const fd_sink *file = (const fd_sink *)sink;
    return sj_fd_write(file->fd, file->name, bytes, size, err);
}

static void fd_close(snapjar_sink *sink)
{
    sj_free(sink->context, ((fd_sink *)sink)->name);
}

static const sj_sink_kind fd_kind = {.write = fd_write, .close = fd_close};

snapjar_status snapjar_sink_from_fd(snapjar_sink **sink, snapjar_context *context, int fd, const char *name,
                                    snapjar_error *err)
{
    if (sink == NULL)
        return raise_argument(err, "sink is NULL");
    *sink = NULL;
    if (context == NULL || fd < 0)
        return raise_argument(err, "context is NULL or fd is negative");
    if (name == NULL)
        name = "";
    snapjar_sink *made;
    SJ_TRY(sj_sink_new(&made, context, sizeof(fd_sink), &fd_kind, false, err));
    ((fd_sink *)made)->fd = fd;
    ((fd_sink *)made)->name = sj_dup_text(context, name, strlen(name));
    if (((fd_sink *)made)->name == NULL) {
        snapjar_sink_free(made);
        return sj_raise_no_memory(err, strlen(name) + 1);
    }
    *sink = made;
    return SNAPJAR_OK;
}

/* ---- a program's own functions ---- */

/** What a function of the program's left of its error: one that fails without filling it in must not leave it unset. */
static snapjar_status forward_foreign(snapjar_error *err, const snapjar_error *theirs, snapjar_status status)
{
    if (status == SNAPJAR_OK)
        return SNAPJAR_OK;
    if (theirs->status != status)
        return sj_raise(err, status, SNAPJAR_DIAG_WRITE_FAILED, SJ_NOWHERE, "the program's sink failed");
    if (err != NULL)
        *err = *theirs;
    return status;
}

static snapjar_status functions_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    functions_sink *own = (functions_sink *)sink;
    snapjar_error theirs;
    theirs.status = SNAPJAR_OK;
    return forward_foreign(err, &theirs, own->functions.write(own->state, bytes, size, &theirs));
}

static snapjar_status functions_finish(snapjar_sink *sink, snapjar_error *err)
{
    functions_sink *own = (functions_sink *)sink;
    snapjar_error theirs;
    theirs.status = SNAPJAR_OK;
    if (own->functions.finish == NULL)
        return SNAPJAR_OK;
    return forward_foreign(err, &theirs, own->functions.finish(own->state, &theirs));
}

static void functions_close(snapjar_sink *sink)
{
    functions_sink *own = (functions_sink *)sink;
    if (own->functions.close != NULL)
        own->functions.close(own->state, sink->state == SJ_SINK_FINISHED);
}

static const sj_sink_kind functions_kind = {
    .write = functions_write, .finish = functions_finish, .close = functions_close};

snapjar_status snapjar_sink_from_functions(snapjar_sink **sink, snapjar_context *context,
                                           const snapjar_sink_functions *functions, void *state, snapjar_error *err)
{
    if (sink == NULL)
        return raise_argument(err, "sink is NULL");
    *sink = NULL;
    if (context == NULL || functions == NULL)
        return raise_argument(err, "context or functions is NULL");
    snapjar_sink_functions read;
    SJ_TRY(sj_options_read(&read, sizeof read, functions, "snapjar_sink_functions", err));
    if (read.write == NULL)
        return raise_argument(err, "a sink needs write");
    SJ_TRY(sj_sink_new(sink, context, sizeof(functions_sink), &functions_kind, read.is_transactional, err));
    ((functions_sink *)*sink)->functions = read;
    ((functions_sink *)*sink)->state = state;
    return SNAPJAR_OK;
}

/* ---- all kinds ---- */

/** Refuses a call on a sink that has failed or was finished: its target is in no state to take more. */
static snapjar_status check_open(const snapjar_sink *sink, snapjar_error *err)
{
    if (sink == NULL)
        return raise_argument(err, "sink is NULL");
    if (sink->state == SJ_SINK_FAILED)
        return raise_argument(err, "the sink failed before");
    if (sink->state == SJ_SINK_FINISHED)
        return raise_argument(err, "the sink was finished before");
    return SNAPJAR_OK;
}

/** After a failure the target is in no known state. */
static snapjar_status note_failure(snapjar_sink *sink, snapjar_status status)
{
    if (status != SNAPJAR_OK)
        sink->state = SJ_SINK_FAILED;
    return status;
}

snapjar_status snapjar_sink_write(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    if (size == 0)
        return SNAPJAR_OK;
    if (bytes == NULL)
        return raise_argument(err, "bytes is NULL");
    return note_failure(sink, sink->kind->write(sink, bytes, size, err));
}

bool sj_sink_can_skip(const snapjar_sink *sink)
{
    /* A target that is written in place is of a kind that could, but never transactional. */
    return sink->kind->skip != NULL && sink->is_transactional;
}

snapjar_status sj_sink_skip(snapjar_sink *sink, uint64_t size, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    return note_failure(sink, sink->kind->skip(sink, size, err));
}

snapjar_status sj_sink_place(snapjar_sink *sink, const void *bytes, size_t size, uint64_t offset, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    return sink->kind->place(sink, bytes, size, offset, err);
}

snapjar_status sj_sink_fill(snapjar_sink *sink, const void *bytes, size_t size, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    return note_failure(sink, sink->kind->fill(sink, bytes, size, err));
}

snapjar_status sj_sink_unskip(snapjar_sink *sink, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    return note_failure(sink, sink->kind->unskip(sink, err));
}

snapjar_status snapjar_sink_finish(snapjar_sink *sink, snapjar_error *err)
{
    SJ_TRY(check_open(sink, err));
    snapjar_status status = sink->kind->finish == NULL ? SNAPJAR_OK : sink->kind->finish(sink, err);
    /* A kind whose target stands although something later failed says so itself (a folder that cannot be synced). */
    if (sink->state == SJ_SINK_OPEN)
        sink->state = status == SNAPJAR_OK ? SJ_SINK_FINISHED : SJ_SINK_FAILED;
    return status;
}

const char *snapjar_sink_torn_path(const snapjar_sink *sink)
{
    return sink == NULL || sink->kind->torn_path == NULL ? NULL : sink->kind->torn_path(sink);
}

uint64_t snapjar_sink_replaced_links(const snapjar_sink *sink)
{
    return sink == NULL || sink->kind->replaced_links == NULL ? 0 : sink->kind->replaced_links(sink);
}

void snapjar_sink_free(snapjar_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->kind->close != NULL)
        sink->kind->close(sink);
    sj_free(sink->context, sink);
}

bool sj_sink_is_transactional(const snapjar_sink *sink)
{
    return sink->is_transactional;
}
