/* SPDX-License-Identifier: MIT
 *
 * Sources and sinks over memory that do what a test asks: fail at the n-th call, change or grow between reads, count
 * what they get. Include after support.h.
 */
#ifndef TEST_HOOKED_H
#define TEST_HOOKED_H

/** A source over bytes that may be swapped for others at the n-th read of a place. */
typedef struct hooked_source {
    const uint8_t *bytes;
    size_t size;
    /** Reads so far, and which of them (from 1) fails; 0: none. */
    size_t reads;
    size_t failing_read;
    /** Asking for the size fails. */
    bool has_no_size;
    /** From the `swap_turn`-th read on that begins at `swap_at`, the bytes are these (as many); NULL: never. */
    const uint8_t *others;
    uint64_t swap_at;
    size_t swap_turn;
    size_t turns;
} hooked_source;

static inline snapjar_status hooked_read_at(void *state, void *buffer, size_t size, uint64_t offset, size_t *got,
                                            snapjar_error *err)
{
    hooked_source *own = state;

    if (++own->reads == own->failing_read) {
        memset(err, 0, sizeof(*err));
        err->status = SNAPJAR_IO;
        err->diagnostic = SNAPJAR_DIAG_READ_FAILED;
        err->space = SNAPJAR_SPACE_FILE;
        err->offset = offset;
        return SNAPJAR_IO;
    }
    if (own->others && offset == own->swap_at)
        own->turns++;
    const uint8_t *from = own->others && own->turns >= own->swap_turn ? own->others : own->bytes;
    *got = offset >= own->size ? 0 : size < own->size - offset ? size : (size_t)(own->size - offset);
    if (*got)
        memcpy(buffer, from + offset, *got);
    return SNAPJAR_OK;
}

static inline snapjar_status hooked_get_size(void *state, uint64_t *size, snapjar_error *err)
{
    const hooked_source *own = state;

    *size = own->size;
    if (own->has_no_size) {
        memset(err, 0, sizeof(*err));
        err->status = SNAPJAR_IO;
        err->diagnostic = SNAPJAR_DIAG_READ_FAILED;
        err->offset = SNAPJAR_OFFSET_NONE;
        return SNAPJAR_IO;
    }
    return SNAPJAR_OK;
}

static inline snapjar_source *hooked_source_open(snapjar_context *context, hooked_source *state)
{
    const snapjar_source_functions functions = {sizeof(functions), hooked_read_at, hooked_get_size, NULL};
    snapjar_source *source = NULL;

    assert_ok(snapjar_source_from_functions(&source, context, &functions, state, err));
    return source;
}

/** A sink that keeps what it gets. */
typedef struct hooked_sink {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    /** Writes so far, and which of them (from 1) fails; 0: none. */
    size_t writes;
    size_t failing_write;
} hooked_sink;

static inline snapjar_status hooked_write(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    hooked_sink *own = state;

    if (++own->writes == own->failing_write) {
        memset(err, 0, sizeof(*err));
        err->status = SNAPJAR_IO;
        err->diagnostic = SNAPJAR_DIAG_WRITE_FAILED;
        err->offset = SNAPJAR_OFFSET_NONE;
        return SNAPJAR_IO;
    }
    if (own->capacity - own->size < size) {
        own->capacity = 2 * own->capacity + size;
        own->bytes = realloc(own->bytes, own->capacity);
        if (!own->bytes)
            abort();
    }
    if (size)
        memcpy(own->bytes + own->size, bytes, size);
    own->size += size;
    return SNAPJAR_OK;
}

static inline snapjar_sink *hooked_sink_open(snapjar_context *context, hooked_sink *state, bool is_transactional)
{
    const snapjar_sink_functions functions = {sizeof(functions), hooked_write, NULL, NULL, is_transactional};
    snapjar_sink *sink = NULL;

    assert_ok(snapjar_sink_from_functions(&sink, context, &functions, state, err));
    return sink;
}

#endif
