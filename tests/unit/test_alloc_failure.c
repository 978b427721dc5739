/* SPDX-License-Identifier: MIT
 *
 * Every entry point with the 1st, 2nd, ... allocation refused until none is: each failure is out-of-memory, leaves
 * outputs empty, sinks untouched and nothing allocated, and the same call in the same context succeeds when memory is
 * there again, with the same result.
 */
#include "support.h"

#include <stdatomic.h>

#include "craft.h"
#include "hooked.h"

#define FRAME SNAPJAR_FRAME_SIZE_MIN

/* As fail_alloc.h, for threads. */
typedef struct refusing {
    atomic_size_t count;
    size_t refused;
    atomic_size_t live;
    atomic_size_t empty_requests;
} refusing;

static bool is_refused(refusing *own, size_t size)
{
    if (!size)
        own->empty_requests++;
    return atomic_fetch_add(&own->count, 1) + 1 == own->refused;
}

static void *refusing_allocate(void *state, size_t size)
{
    refusing *own = state;

    if (is_refused(own, size))
        return NULL;
    own->live++;
    return malloc(size);
}

static void *refusing_reallocate(void *state, void *pointer, size_t size)
{
    refusing *own = state;

    if (is_refused(own, size))
        return NULL;
    if (!pointer)
        own->live++;
    return realloc(pointer, size);
}

static void refusing_release(void *state, void *pointer)
{
    if (pointer)
        ((refusing *)state)->live--;
    free(pointer);
}

/** What an operation works on. Made once, with a context of its own. */
typedef struct material {
    /** A small pickle, one of several frames, one with two buffers. */
    blob small;
    /** An object with fields. */
    blob object;
    blob object_file;
    blob large;
    blob buffered;
    /** Their records. */
    blob small_file;
    blob large_file;
    blob buffered_file;
    /** Three records of which the second is damaged; and what recovering it gives. */
    blob damaged_file;
    blob recovered;
    /** The same with the second record's size lost too, so that the third must be searched for. */
    blob searched_file;
} material;

static material m;
static const snapjar_buffer two_buffers[] = {{"buffer", 6}, {"another", 7}};

static blob noise_pickle(size_t size)
{
    blob pickle = {must_alloc(size), size};
    uint32_t random = 1;

    memcpy(pickle.bytes,
           "\x80\x04"
           "B",
           3);
    sj_write_le32(pickle.bytes + 3, (uint32_t)(size - 8));
    for (size_t i = 7; i < size - 1; i++) {
        random = random * 1664525u + 1013904223u;
        pickle.bytes[i] = i >> 14 & 3 ? (uint8_t)(random >> 24) : 0;
    }
    pickle.bytes[size - 1] = '.';
    return pickle;
}

static snapjar_pack_options framed(void)
{
    snapjar_pack_options options = test_options();

    options.frame_size = FRAME;
    options.labels_json = "{\"a\":1,\"b\":\"two\"}";
    options.build_json = "{\"app\":\"test\"}";
    return options;
}

static int set_up(void **state)
{
    static const char buffered[] = "\x80\x05\x97\x97\x98.";
    snapjar_context *context = NULL;
    static const char object[] = "\x80\x04\x8c\x01m\x8c\x01T\x93)\x81}(\x8c\x01xN\x8c\x01yNub.";
    snapjar_pack_options options = framed();
    snapjar_pack_options untyped = framed();

    untyped.type = NULL;
    (void)state;
    if (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    m.small = blob_copy(pickle_small, sizeof(pickle_small));
    m.large = noise_pickle(26 * FRAME + 5); /* more than 1 MiB stored: it is read twice */
    m.buffered = blob_copy(buffered, sizeof(buffered) - 1);
    m.object = blob_copy(object, sizeof(object) - 1);
    m.object_file = pack_all(context, m.object.bytes, m.object.size, 1, &untyped);
    m.small_file = pack_all(context, m.small.bytes, m.small.size, 1, &options);
    m.large_file = pack_all(context, m.large.bytes, m.large.size, 1, &options);
    options.buffers = two_buffers;
    options.buffer_count = 2;
    m.buffered_file = pack_all(context, m.buffered.bytes, m.buffered.size, 1, &options);
    size_t size = m.small_file.size;
    m.damaged_file = (blob){must_alloc(3 * size), 3 * size};
    m.recovered = (blob){must_alloc(2 * size), 2 * size};
    for (size_t i = 0; i < 3; i++)
        memcpy(m.damaged_file.bytes + i * size, m.small_file.bytes, size);
    memcpy(m.recovered.bytes, m.damaged_file.bytes, 2 * size);
    m.damaged_file.bytes[size + 60] ^= 1;
    m.searched_file = blob_copy(m.damaged_file.bytes, m.damaged_file.size);
    m.searched_file.bytes[size + 4] ^= 1;
    snapjar_context_free(context);
    return 0;
}

static int tear_down(void **state)
{
    blob *const all[] = {&m.object,     &m.object_file,   &m.small,        &m.large,     &m.buffered,     &m.small_file,
                         &m.large_file, &m.buffered_file, &m.damaged_file, &m.recovered, &m.searched_file};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]->bytes);
    return 0;
}

/* ---- the loop ---- */

typedef snapjar_status operation(snapjar_context *context, snapjar_error *err);

/* Runs `body` with one allocation more granted each time, and again in the same context when it failed. Returns how
 * many it takes. */
static size_t run(operation *body)
{
    for (size_t refused = 1; refused < 100000; refused++) {
        refusing own = {.refused = refused};
        const snapjar_allocator allocator = {&own, refusing_allocate, refusing_reallocate, refusing_release};
        snapjar_context_options options = SNAPJAR_CONTEXT_OPTIONS_INIT;
        snapjar_context *context = NULL;
        snapjar_error fault;
        options.allocator = &allocator;
        snapjar_status status = snapjar_context_new(&context, &options, &fault);
        if (status == SNAPJAR_OK) {
            status = body(context, &fault);
            if (status != SNAPJAR_OK)
                assert_ok(body(context, err));
        }
        if (status != SNAPJAR_OK)
            assert_fault(status, &fault, SNAPJAR_NO_MEMORY, SNAPJAR_DIAG_OUT_OF_MEMORY, SNAPJAR_SPACE_NONE,
                         SNAPJAR_OFFSET_NONE);
        snapjar_context_free(context);
        if (own.live || own.empty_requests)
            fail_msg("refusal %zu: %zu blocks are held, %zu empty requests", refused, (size_t)own.live,
                     (size_t)own.empty_requests);
        if (status == SNAPJAR_OK && own.count < refused)
            return own.count;
    }
    fail_msg("no success");
    return 0;
}

/* ---- pack ---- */

/* Packs to a sink that counts; what it holds afterwards must be `wanted`. */
static snapjar_status pack_and_compare(snapjar_context *context, const blob *pickle,
                                       const snapjar_pack_options *options, const blob *wanted, snapjar_error *err)
{
    static const snapjar_sink_functions functions = {sizeof(functions), hooked_write, NULL, NULL, true};
    hooked_sink got = {.size = 0};
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_packed packed = {.size = 77};

    snapjar_status status = snapjar_source_from_memory(&source, context, pickle->bytes, pickle->size, err);
    assert_true((status == SNAPJAR_OK) == (source != NULL));
    if (status == SNAPJAR_OK)
        status = snapjar_sink_from_functions(&sink, context, &functions, &got, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_pack(context, source, 0, sink, options, &packed, err);
        assert_int_equal(packed.record_size, status == SNAPJAR_OK ? wanted->size : 0);
        assert_int_equal(packed.size != 0, status == SNAPJAR_OK);
    }
    if (status == SNAPJAR_OK) {
        assert_int_equal(got.size, wanted->size);
        assert_memory_equal(got.bytes, wanted->bytes, wanted->size);
    } else {
        assert_int_equal(got.writes, 0);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(got.bytes);
    return status;
}

static snapjar_status pack_small(snapjar_context *context, snapjar_error *err)
{
    snapjar_pack_options options = framed();
    return pack_and_compare(context, &m.small, &options, &m.small_file, err);
}

/* Its type and layout are told from it. */
static snapjar_status pack_object(snapjar_context *context, snapjar_error *err)
{
    snapjar_pack_options options = framed();
    options.type = NULL;
    return pack_and_compare(context, &m.object, &options, &m.object_file, err);
}

static snapjar_status pack_large(snapjar_context *context, snapjar_error *err)
{
    snapjar_pack_options options = framed();
    return pack_and_compare(context, &m.large, &options, &m.large_file, err);
}

static snapjar_status pack_threads(snapjar_context *context, snapjar_error *err)
{
    snapjar_pack_options options = framed();
    options.threads = 2;
    return pack_and_compare(context, &m.large, &options, &m.large_file, err);
}

static snapjar_status pack_buffers(snapjar_context *context, snapjar_error *err)
{
    snapjar_pack_options options = framed();
    options.buffers = two_buffers;
    options.buffer_count = 2;
    return pack_and_compare(context, &m.buffered, &options, &m.buffered_file, err);
}

/* ---- reading ---- */

typedef struct opened {
    hooked_source hooked;
    snapjar_source *source;
    snapjar_reader *reader;
    const snapjar_record *record;
} opened;

/* A reader at the first record, over memory or functions. */
static snapjar_status open_file(opened *o, snapjar_context *context, const blob *file, bool is_memory,
                                snapjar_error *err)
{
    static const snapjar_source_functions functions = {sizeof(functions), hooked_read_at, hooked_get_size, NULL};

    *o = (opened){.hooked = {.bytes = file->bytes, .size = file->size}};
    snapjar_status status = is_memory ? snapjar_source_from_memory(&o->source, context, file->bytes, file->size, err)
                                      : snapjar_source_from_functions(&o->source, context, &functions, &o->hooked, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_reader_new(&o->reader, context, o->source, NULL, err);
        assert_true((status == SNAPJAR_OK) == (o->reader != NULL));
    }
    if (status == SNAPJAR_OK) {
        status = snapjar_reader_next(o->reader, &o->record, err);
        assert_true((status == SNAPJAR_OK) == (o->record != NULL));
    }
    return status;
}

static void close_file(opened *o)
{
    snapjar_reader_free(o->reader);
    snapjar_source_free(o->source);
}

static snapjar_status verify_file(snapjar_context *context, const blob *file, bool is_memory, unsigned threads,
                                  snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification seen = {.opcode_count = 9, .frame_count = 9};
    opened o;

    options.threads = threads;
    snapjar_status status = open_file(&o, context, file, is_memory, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_record_verify(o.reader, &options, &seen, err);
        assert_int_equal(seen.frame_count != 0, status == SNAPJAR_OK);
        assert_int_equal(seen.opcode_count != 0, status == SNAPJAR_OK);
    }
    close_file(&o);
    return status;
}

static snapjar_status verify_memory(snapjar_context *context, snapjar_error *err)
{
    return verify_file(context, &m.large_file, true, 1, err);
}

static snapjar_status verify_functions(snapjar_context *context, snapjar_error *err)
{
    return verify_file(context, &m.large_file, false, 1, err);
}

static snapjar_status verify_threads(snapjar_context *context, snapjar_error *err)
{
    return verify_file(context, &m.large_file, false, 2, err);
}

static snapjar_status verify_buffers(snapjar_context *context, snapjar_error *err)
{
    return verify_file(context, &m.buffered_file, false, 1, err);
}

/* A policy that denies what the object is made of: the verdict is a result. */
static snapjar_status verify_judged(snapjar_context *context, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_verification seen = {.is_allowed = true};
    snapjar_policy *policy = NULL;
    opened o = {.source = NULL};

    snapjar_status status = snapjar_policy_new(&policy, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_allow_defaults(policy, err);
    options.policy = policy;
    if (status == SNAPJAR_OK)
        status = open_file(&o, context, &m.object_file, false, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_verify(o.reader, &options, &seen, err);
    if (status == SNAPJAR_OK) {
        assert_false(seen.is_allowed);
        assert_true(seen.is_analysed);
        assert_int_equal(seen.reason.diagnostic, SNAPJAR_DIAG_GLOBAL_DENIED);
    }
    close_file(&o);
    snapjar_policy_free(policy);
    return status;
}

/* A policy that allows it: it is handed out. */
static snapjar_status load_judged(snapjar_context *context, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_policy *policy = NULL;
    opened o = {.source = NULL};

    snapjar_status status = snapjar_policy_new(&policy, context, err);
    if (status == SNAPJAR_OK)
        status = snapjar_policy_allow(policy, "m:T", SNAPJAR_USES_CLASS, NULL, err);
    options.policy = policy;
    if (status == SNAPJAR_OK)
        status = open_file(&o, context, &m.object_file, true, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_record_load(o.reader, &content, &options, err);
        assert_true((status == SNAPJAR_OK) == (content != NULL));
    }
    snapjar_content_free(content);
    close_file(&o);
    snapjar_policy_free(policy);
    return status;
}

static snapjar_status load_file(snapjar_context *context, const blob *file, const blob *pickle, unsigned threads,
                                snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = NULL;
    opened o;

    options.threads = threads;
    snapjar_status status = open_file(&o, context, file, false, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_record_load(o.reader, &content, &options, err);
        assert_true((status == SNAPJAR_OK) == (content != NULL));
        if (content)
            assert_memory_equal(snapjar_content_data(content, NULL, NULL), pickle->bytes, pickle->size);
    }
    snapjar_content_free(content);
    close_file(&o);
    return status;
}

static snapjar_status load_large(snapjar_context *context, snapjar_error *err)
{
    return load_file(context, &m.large_file, &m.large, 1, err);
}

static snapjar_status load_threads(snapjar_context *context, snapjar_error *err)
{
    return load_file(context, &m.large_file, &m.large, 3, err);
}

static snapjar_status load_buffers(snapjar_context *context, snapjar_error *err)
{
    return load_file(context, &m.buffered_file, &m.buffered, 1, err);
}

/* A sink that is not transactional must get all or nothing. */
static snapjar_status unpack_file(snapjar_context *context, const blob *file, size_t size, bool is_transactional,
                                  snapjar_error *err)
{
    const snapjar_sink_functions functions = {sizeof(functions), hooked_write, NULL, NULL, is_transactional};
    hooked_sink got = {.size = 0};
    snapjar_sink *sink = NULL;
    opened o;

    snapjar_status status = open_file(&o, context, file, false, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_from_functions(&sink, context, &functions, &got, err);
    if (status == SNAPJAR_OK)
        status = snapjar_record_unpack(o.reader, sink, NULL, err);
    if (status == SNAPJAR_OK)
        assert_int_equal(got.size, size);
    else if (!is_transactional)
        assert_int_equal(got.writes, 0);
    snapjar_sink_free(sink);
    close_file(&o);
    free(got.bytes);
    return status;
}

static snapjar_status unpack_transactional(snapjar_context *context, snapjar_error *err)
{
    return unpack_file(context, &m.large_file, m.large.size, true, err);
}

static snapjar_status unpack_pipe(snapjar_context *context, snapjar_error *err)
{
    return unpack_file(context, &m.large_file, m.large.size, false, err);
}

static snapjar_status unpack_buffers(snapjar_context *context, snapjar_error *err)
{
    /* Two opcodes are replaced by nine bytes and the buffer each, one is left out. */
    return unpack_file(context, &m.buffered_file, m.buffered.size - 3 + 2 * 9 + 13, false, err);
}

static snapjar_status walk_records(snapjar_context *context, snapjar_error *err)
{
    blob two = {m.recovered.bytes, m.recovered.size};
    uint64_t index = 0;
    opened o;

    snapjar_status status = open_file(&o, context, &two, false, err);
    while (status == SNAPJAR_OK && o.record) {
        assert_int_equal(snapjar_record_index(o.record), index++);
        status = snapjar_reader_next(o.reader, &o.record, err);
        if (status != SNAPJAR_OK) {
            /* It stays where it is. */
            const snapjar_record *again = NULL;
            assert_null(o.record);
            assert_ok(snapjar_reader_next(o.reader, &again, err));
            assert_int_equal(again ? snapjar_record_index(again) : 2, index);
        }
    }
    if (status == SNAPJAR_OK) {
        assert_int_equal(index, 2);
        status = snapjar_reader_seek_last(o.reader, err);
    }
    if (status == SNAPJAR_OK)
        status = snapjar_reader_next(o.reader, &o.record, err);
    close_file(&o);
    return status;
}

/* Scans and loads all pickles of a source that is read by functions. */
static snapjar_status walk_pickles(snapjar_context *context, const blob *file, uint64_t wanted, snapjar_error *err)
{
    static const snapjar_source_functions functions = {sizeof(functions), hooked_read_at, hooked_get_size, NULL};
    hooked_source hooked = {.bytes = file->bytes, .size = file->size};
    const snapjar_pickles_item *item = NULL;
    snapjar_source *source = NULL;
    snapjar_pickles *pickles = NULL;
    snapjar_scan *scan = NULL;
    uint64_t count = 0;

    snapjar_status status = snapjar_source_from_functions(&source, context, &functions, &hooked, err);
    if (status == SNAPJAR_OK)
        status = snapjar_scan_new(&scan, context, NULL, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_pickles_open(&pickles, context, source, NULL, err);
        assert_true((status == SNAPJAR_OK) == (pickles != NULL));
    }
    while (status == SNAPJAR_OK) {
        snapjar_content *content = NULL;
        status = snapjar_pickles_next(pickles, &item, err);
        if (status != SNAPJAR_OK || !item)
            break;
        count++;
        status = snapjar_pickles_scan(pickles, scan, err);
        assert_true((status == SNAPJAR_OK) == !snapjar_scan_failure(scan));
        if (status == SNAPJAR_OK)
            status = snapjar_pickles_load(pickles, &content, err);
        assert_true((status == SNAPJAR_OK) == (content != NULL));
        snapjar_content_free(content);
    }
    if (status == SNAPJAR_OK)
        assert_int_equal(count, wanted);
    snapjar_pickles_free(pickles);
    snapjar_scan_free(scan);
    snapjar_source_free(source);
    return status;
}

static snapjar_status walk_bare(snapjar_context *context, snapjar_error *err)
{
    return walk_pickles(context, &m.small, 1, err);
}

static snapjar_status walk_snapshot(snapjar_context *context, snapjar_error *err)
{
    return walk_pickles(context, &m.recovered, 2, err);
}

static snapjar_status count_value(void *state, const char *path, snapjar_text value, int is_string)
{
    (void)path;
    (void)value;
    (void)is_string;
    ++*(size_t *)state;
    return SNAPJAR_OK;
}

static snapjar_status visit_header(snapjar_context *context, snapjar_error *err)
{
    size_t count = 0;
    opened o;

    snapjar_status status = open_file(&o, context, &m.buffered_file, true, err);
    if (status == SNAPJAR_OK)
        status = snapjar_header_each(snapjar_record_header(o.record), count_value, &count, err);
    if (status == SNAPJAR_OK)
        assert_int_equal(count, 8 + 1 + 9 + 4);
    close_file(&o);
    return status;
}

/* ---- recover ---- */

/* All that is told or written must be the same, or out-of-memory: a refusal is no damage. */
static snapjar_status recover_file(snapjar_context *context, const blob *file, const blob *kept,
                                   size_t unconfirmed_count, uint64_t lost_size, snapjar_error *err)
{
    static const snapjar_source_functions functions = {sizeof(functions), hooked_read_at, hooked_get_size, NULL};
    static const snapjar_sink_functions sink_functions = {sizeof(sink_functions), hooked_write, NULL, NULL, true};
    hooked_source hooked = {.bytes = file->bytes, .size = file->size};
    hooked_sink got = {.size = 0};
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_recovered told = {9, 9, 9};

    snapjar_status status = snapjar_source_from_functions(&source, context, &functions, &hooked, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_from_functions(&sink, context, &sink_functions, &got, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_recover(context, source, sink, NULL, NULL, NULL, NULL, &told, err);
        if (status != SNAPJAR_OK)
            assert_int_equal(told.kept_count | told.unconfirmed_count | told.lost_size, 0);
    }
    if (status == SNAPJAR_OK) {
        assert_int_equal(told.kept_count, kept->size / m.small_file.size);
        assert_int_equal(told.unconfirmed_count, unconfirmed_count);
        assert_int_equal(told.lost_size, lost_size);
        assert_int_equal(got.size, kept->size);
        assert_memory_equal(got.bytes, kept->bytes, got.size);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(got.bytes);
    return status;
}

static snapjar_status recover_confirmed(snapjar_context *context, snapjar_error *err)
{
    return recover_file(context, &m.damaged_file, &m.recovered, 0, m.small_file.size, err);
}

static snapjar_status recover_searched(snapjar_context *context, snapjar_error *err)
{
    return recover_file(context, &m.searched_file, &m.small_file, 1, m.small_file.size, err);
}

/* The second record's payload is damaged: where the third begins is told by the second's header. */
static snapjar_status recover_payload(snapjar_context *context, snapjar_error *err)
{
    blob file = blob_copy(m.damaged_file.bytes, m.damaged_file.size);

    file.bytes[m.small_file.size + 60] ^= 1;
    file.bytes[2 * m.small_file.size - 40] ^= 1;
    snapjar_status status = recover_file(context, &file, &m.recovered, 0, m.small_file.size, err);
    free(file.bytes);
    return status;
}

#define OPERATION(name)                                                                                                \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        assert_true(run(name) > 3);                                                                                    \
    }

OPERATION(pack_small)
OPERATION(pack_large)
OPERATION(pack_threads)
OPERATION(pack_buffers)
OPERATION(verify_memory)
OPERATION(verify_functions)
OPERATION(verify_threads)
OPERATION(verify_buffers)
OPERATION(load_large)
OPERATION(load_threads)
OPERATION(load_buffers)
OPERATION(unpack_transactional)
OPERATION(unpack_pipe)
OPERATION(unpack_buffers)
OPERATION(pack_object)
OPERATION(verify_judged)
OPERATION(load_judged)
OPERATION(walk_records)
OPERATION(walk_bare)
OPERATION(walk_snapshot)
OPERATION(visit_header)
OPERATION(recover_confirmed)
OPERATION(recover_searched)
OPERATION(recover_payload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_small),       cmocka_unit_test(test_pack_large),
        cmocka_unit_test(test_pack_threads),     cmocka_unit_test(test_pack_buffers),
        cmocka_unit_test(test_verify_memory),    cmocka_unit_test(test_verify_functions),
        cmocka_unit_test(test_verify_threads),   cmocka_unit_test(test_verify_buffers),
        cmocka_unit_test(test_load_large),       cmocka_unit_test(test_load_threads),
        cmocka_unit_test(test_load_buffers),     cmocka_unit_test(test_unpack_transactional),
        cmocka_unit_test(test_unpack_pipe),      cmocka_unit_test(test_unpack_buffers),
        cmocka_unit_test(test_pack_object),      cmocka_unit_test(test_verify_judged),
        cmocka_unit_test(test_load_judged),      cmocka_unit_test(test_walk_bare),
        cmocka_unit_test(test_walk_snapshot),    cmocka_unit_test(test_walk_records),
        cmocka_unit_test(test_visit_header),     cmocka_unit_test(test_recover_confirmed),
        cmocka_unit_test(test_recover_searched), cmocka_unit_test(test_recover_payload),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
