/* SPDX-License-Identifier: MIT
 *
 * What the unit tests share: a context, small pickles, and packing, reading and checking in a line each.
 */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <snapjar/snapjar.h>

/** A protocol 4 pickle of {"a": 1}, as CPython writes it. */
static const uint8_t pickle_small[] = {0x80, 0x04, 0x95, 0x0a, 0,   0,    0,   0,    0,   0,  0,
                                       '}',  0x94, 0x8c, 0x01, 'a', 0x94, 'K', 0x01, 's', '.'};

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        snapjar_error ok_error;                                                                                        \
        memset(&ok_error, 0, sizeof(ok_error));                                                                        \
        snapjar_error *err = &ok_error;                                                                                \
        (void)err;                                                                                                     \
        snapjar_status ok_status = (call);                                                                             \
        if (ok_status != SNAPJAR_OK)                                                                                   \
            fail_msg("%s: %s [%s] at %llu", #call, ok_error.message, snapjar_diagnostic_name(ok_error.diagnostic),     \
                     (unsigned long long)ok_error.offset);                                                             \
    } while (0)

/** Fails unless the error is this one, at this place. */
static inline void assert_fault(snapjar_status actual, const snapjar_error *err, snapjar_status status,
                                snapjar_diagnostic diagnostic, snapjar_space space, uint64_t offset)
{
    if (actual != status || err->status != status || err->diagnostic != diagnostic || err->space != space ||
        err->offset != offset)
        fail_msg("got %s [%s] space %d at %lld (%s), expected %s [%s] space %d at %lld", snapjar_status_name(actual),
                 snapjar_diagnostic_name(err->diagnostic), (int)err->space, (long long)err->offset, err->message,
                 snapjar_status_name(status), snapjar_diagnostic_name(diagnostic), (int)space, (long long)offset);
}

/** The bytes of a literal without its NUL, and how many. */
#define BYTES(literal) (const void *)(literal), sizeof(literal) - 1

/** A fixture: `*state` is a new context. */
static inline int make_context(void **state)
{
    snapjar_context *made = NULL;
    assert_ok(snapjar_context_new(&made, NULL, err));
    *state = made;
    return 0;
}

static inline int free_context(void **state)
{
    snapjar_context_free(*state);
    return 0;
}

/** Bytes that belong to the test; free them with free. */
typedef struct blob {
    uint8_t *bytes;
    size_t size;
} blob;

static inline blob blob_copy(const void *bytes, size_t size)
{
    blob copy = {malloc(size ? size : 1), size};
    assert_non_null(copy.bytes);
    if (size)
        memcpy(copy.bytes, bytes, size);
    return copy;
}

/** Packs `count` pickles that stand one after another into one snapshot file in memory. */
static inline blob pack_all(snapjar_context *context, const void *pickles, size_t size, size_t count,
                            const snapjar_pack_options *options)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_packed packed;
    uint64_t offset = 0;
    size_t out_size = 0;

    assert_ok(snapjar_source_from_memory(&source, context, pickles, size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    for (size_t i = 0; i < count; i++) {
        assert_ok(snapjar_pack(context, source, offset, sink, options, &packed, err));
        offset += packed.pickle_size;
    }
    assert_ok(snapjar_sink_finish(sink, err));
    const void *out = snapjar_sink_memory(sink, &out_size);
    blob file = blob_copy(out, out_size);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return file;
}

static inline snapjar_pack_options test_options(void)
{
    snapjar_pack_options options = SNAPJAR_PACK_OPTIONS_INIT;
    options.type = "app:T";
    options.schema_version = 1;
    options.created = "2026-01-31T12:00:00Z";
    return options;
}

/** Reads and verifies every record of `file`; returns the first failure, and how many records were whole. */
static inline snapjar_status verify_all(snapjar_context *context, const void *file, size_t size,
                                        const snapjar_check_options *options, const snapjar_limits *limits,
                                        size_t *count, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    *count = 0;
    snapjar_status status = snapjar_source_from_memory(&source, context, file, size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, limits, err);
    while (status == SNAPJAR_OK) {
        status = snapjar_reader_next(reader, &record, err);
        if (status != SNAPJAR_OK || !record)
            break;
        status = snapjar_record_verify(reader, options, NULL, err);
        if (status == SNAPJAR_OK)
            ++*count;
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

#endif
