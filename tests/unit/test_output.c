/* SPDX-License-Identifier: MIT
 *
 * Records that reach a file as they are compressed: the same bytes as anywhere else, whatever size the header was
 * expected to have, and nothing of a record that failed.
 */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "craft.h"
#include "fail_alloc.h"
#include "util/bytes.h"
#include "util/io.h"

#define FRAME ((size_t)64 << 10)
#define MIB ((size_t)1 << 20)

static char folder[64];
static char path[128];
static snapjar_context *context;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/snapjar-output-XXXXXX");
    if (!mkdtemp(folder) || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    snprintf(path, sizeof(path), "%s/a.snapjar", folder);
    return 0;
}

/* Fails if anything was left behind in the folder. */
static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    (void)unlink(path);
    return rmdir(folder);
}

/* ---- pickles: a tuple of what is put into it ---- */

typedef struct pile {
    uint8_t bytes[12 << 20];
    size_t size;
} pile;

static pile pickles;

static void put(const void *bytes, size_t size)
{
    assert_true(size <= sizeof(pickles.bytes) - pickles.size);
    memcpy(pickles.bytes + pickles.size, bytes, size);
    pickles.size += size;
}

static void put_bytes(size_t size, bool is_noise)
{
    uint8_t head[5] = {'B'};
    uint32_t random = 12345;

    sj_write_le32(head + 1, (uint32_t)size);
    put(head, sizeof(head));
    assert_true(size <= sizeof(pickles.bytes) - pickles.size);
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525u + 1013904223u;
        pickles.bytes[pickles.size++] = is_noise ? (uint8_t)(random >> 24) : 0;
    }
}

/* An instance of app.T with one field. */
static void put_instance(const char *field)
{
    put("capp\nT\n)\x81}\x8c", 11);
    put(&(uint8_t){(uint8_t)strlen(field)}, 1);
    put(field, strlen(field));
    put("K\1sb", 4);
}

static void begin(void)
{
    put("\x80\4(", 3);
}

static void end(void)
{
    put("t.", 2);
}

/* ---- the file and what it is compared with ---- */

static snapjar_sink *open_path(snapjar_context *in, snapjar_error *fault)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;

    options.durability = SNAPJAR_DURABILITY_NONE;
    return snapjar_sink_open_path(&sink, in, path, &options, fault) == SNAPJAR_OK ? sink : NULL;
}

static void expect_file(const void *bytes, size_t size)
{
    int fd = open(path, O_RDONLY);
    uint8_t *got = must_alloc(size + 1);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, size + 1), size);
    assert_memory_equal(got, bytes, size);
    close(fd);
    free(got);
}

static snapjar_status pack_to_path(snapjar_context *in, size_t count, const snapjar_pack_options *options,
                                   snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_packed packed = {0};
    uint64_t offset = 0;
    snapjar_sink *sink = open_path(in, err);
    snapjar_status status =
        sink ? snapjar_source_from_memory(&source, in, pickles.bytes, pickles.size, err) : err->status;

    for (size_t i = 0; status == SNAPJAR_OK && i < count; i++) {
        status = snapjar_pack(in, source, offset, sink, options, &packed, err);
        offset += packed.pickle_size;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err);
    snapjar_source_free(source);
    snapjar_sink_free(sink);
    return status;
}

/* The first `count` pickles of the pile give the same file by every way. */
static void expect_same(size_t count, snapjar_pack_options options)
{
    options.frame_size = FRAME;
    for (unsigned turn = 0; turn < 6; turn++) {
        options.threads = turn / 2;
        options.type = turn % 2 ? "app:T" : NULL;
        blob wanted = pack_all(context, pickles.bytes, pickles.size, count, &options);
        assert_ok(pack_to_path(context, count, &options, err));
        expect_file(wanted.bytes, wanted.size);
        free(wanted.bytes);
    }
    pickles.size = 0;
}

static void test_expected_header(void **state)
{
    (void)state;
    begin();
    put_bytes(300000, true);
    end();
    expect_same(1, test_options());
    begin();
    put_instance("field");
    put_bytes(3 * MIB, false);
    end();
    expect_same(1, test_options());
}

/* The frames behind the gap are moved: back, in several steps. */
static void test_longer_header(void **state)
{
    (void)state;
    begin();
    put_bytes(2 * FRAME, false);
    put_bytes(5 * MIB / 2, true);
    end();
    expect_same(1, test_options());
    begin();
    put_bytes(5 * MIB / 2, true);
    put_instance("a_field_that_comes_late");
    put_instance("another");
    end();
    expect_same(1, test_options());
}

/* Forward, and the file becomes shorter. */
static void test_shorter_header(void **state)
{
    snapjar_pack_options options = test_options();

    (void)state;
    begin();
    put_bytes(2 * FRAME, true);
    put_bytes(3 * MIB, false);
    end();
    expect_same(1, options);
    /* The source does not end where the pickle does. */
    options.compression = SNAPJAR_COMPRESSION_RAW;
    begin();
    put_bytes(5 * MIB / 2, true);
    end();
    begin();
    put_bytes(9 * MIB, true);
    end();
    expect_same(2, options);
}

static void test_buffers(void **state)
{
    static uint8_t data[5 * FRAME];
    const snapjar_buffer buffers[] = {{data, sizeof(data)}, {data, 7}};
    snapjar_pack_options options = test_options();

    (void)state;
    options.buffers = buffers;
    options.buffer_count = 2;
    put("\x80\5\x97\x97\x86.", 6);
    expect_same(1, options);
    /* A pickle that has not ended when the first frame goes out: the buffers' places are not known. */
    put("\x80\5\x97", 3);
    put_bytes(8 * FRAME, true);
    put("0\x97\x86.", 4);
    expect_same(1, options);
}

/* A record that fails late leaves the records before it as they were. */
static void test_failure(void **state)
{
    snapjar_pack_options options = test_options();
    snapjar_source *source = NULL;
    snapjar_packed packed;
    snapjar_error fault;

    (void)state;
    options.frame_size = FRAME;
    begin();
    put_bytes(5 * FRAME, true);
    end();
    size_t first_size = pickles.size;
    begin();
    put_bytes(9 * FRAME, true);
    blob wanted = pack_all(context, pickles.bytes, first_size, 1, &options);
    for (unsigned threads = 0; threads < 3; threads++) {
        options.threads = threads;
        snapjar_sink *sink = open_path(context, &fault);
        assert_ok(snapjar_source_from_memory(&source, context, pickles.bytes, pickles.size, err));
        assert_ok(snapjar_pack(context, source, 0, sink, &options, NULL, err));
        for (int i = 0; i < 2; i++)
            assert_fault(snapjar_pack(context, source, first_size, sink, &options, &packed, &fault), &fault,
                         SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SNAPJAR_SPACE_CONTENT, pickles.size);
        assert_ok(snapjar_sink_finish(sink, err));
        expect_file(wanted.bytes, wanted.size);
        snapjar_sink_free(sink);
        snapjar_source_free(source);
    }
    free(wanted.bytes);
    pickles.size = 0;
}

/* A file that may not grow: whatever was written is gone, and what stood there stands. */
static void test_full_disk(void **state)
{
    snapjar_pack_options options = test_options();
    struct rlimit old;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    options.frame_size = FRAME;
    begin();
    put_bytes(20 * FRAME, true);
    put_instance("late");
    end();
    assert_ok(pack_to_path(context, 1, &options, err));
    blob wanted = pack_all(context, pickles.bytes, pickles.size, 1, &options);
    for (size_t limit = 0; limit <= wanted.size; limit += limit + FRAME < wanted.size ? FRAME : 1) {
        snapjar_error fault;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, old.rlim_max}), 0);
        snapjar_status status = pack_to_path(context, 1, &options, &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        if (limit < wanted.size)
            assert_fault(status, &fault, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE,
                         SNAPJAR_OFFSET_NONE);
        else
            assert_int_equal(status, SNAPJAR_OK);
        expect_file(wanted.bytes, wanted.size);
        if (limit + 64 < wanted.size && limit + FRAME >= wanted.size)
            limit = wanted.size - 64;
    }
    (void)signal(SIGXFSZ, handler);
    free(wanted.bytes);
    pickles.size = 0;
}

static void test_alloc_failure(void **state)
{
    snapjar_pack_options options = test_options();

    (void)state;
    options.frame_size = FRAME;
    begin();
    put_instance("early");
    put_bytes(3 * FRAME, true);
    put_instance("late");
    end();
    blob wanted = pack_all(context, pickles.bytes, pickles.size, 1, &options);
    (void)unlink(path);
    for (size_t refused = 1;; refused++) {
        fail_alloc own = {.refused = refused};
        snapjar_context *small = fail_alloc_context(&own);
        snapjar_error fault;
        if (!small)
            continue;
        snapjar_status status = pack_to_path(small, 1, &options, &fault);
        snapjar_context_free(small);
        assert_int_equal(own.live, 0);
        if (status == SNAPJAR_OK && own.count < refused)
            break;
        /* Where the header's size could not be told for want of memory, the record is whole all the same. */
        if (status != SNAPJAR_OK) {
            assert_int_equal(status, SNAPJAR_NO_MEMORY);
            assert_int_equal(access(path, F_OK), -1);
        } else {
            expect_file(wanted.bytes, wanted.size);
            assert_int_equal(unlink(path), 0);
        }
    }
    expect_file(wanted.bytes, wanted.size);
    free(wanted.bytes);
    pickles.size = 0;
}

/* Only what nobody sees before it is finished can be filled in later. */
static void test_other_sinks(void **state)
{
    snapjar_sink *sink = NULL;
    snapjar_error fault;

    (void)state;
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_false(sj_sink_can_skip(sink));
    snapjar_sink_free(sink);
    assert_ok(snapjar_sink_from_fd(&sink, context, 1, NULL, err));
    assert_false(sj_sink_can_skip(sink));
    snapjar_sink_free(sink);
    assert_ok(snapjar_sink_open_path(&sink, context, "/dev/null", NULL, err));
    assert_false(sj_sink_can_skip(sink));
    snapjar_sink_free(sink);
    sink = open_path(context, &fault);
    assert_true(sj_sink_can_skip(sink));
    snapjar_sink_free(sink);
}

/* Between other bytes, small and large. */
static void test_gaps(void **state)
{
    static const size_t gaps[] = {0, 1, 5, 5000};

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        snapjar_error fault;
        snapjar_sink *sink = open_path(context, &fault);
        uint8_t filling[5000];
        char wanted[5100];
        size_t size = gaps[i % 4];
        assert_non_null(sink);
        memset(filling, 'x', sizeof(filling));
        assert_ok(snapjar_sink_write(sink, "before", 6, err));
        assert_ok(sj_sink_skip(sink, gaps[i / 4], err));
        assert_ok(snapjar_sink_write(sink, "lost", 4, err));
        assert_ok(sj_sink_unskip(sink, err));
        assert_ok(sj_sink_skip(sink, gaps[i / 4], err));
        assert_ok(snapjar_sink_write(sink, "behind", 6, err));
        assert_ok(sj_sink_fill(sink, filling, size, err));
        assert_ok(snapjar_sink_write(sink, "end", 3, err));
        assert_ok(snapjar_sink_finish(sink, err));
        int used = snprintf(wanted, sizeof(wanted), "before%.*sbehindend", (int)size, (const char *)filling);
        expect_file(wanted, (size_t)used);
        assert_int_equal(sj_sink_skip(sink, 1, &fault), SNAPJAR_INVALID_ARGUMENT);
        assert_int_equal(sj_sink_fill(sink, filling, 1, &fault), SNAPJAR_INVALID_ARGUMENT);
        assert_int_equal(sj_sink_unskip(sink, NULL), SNAPJAR_INVALID_ARGUMENT);
        snapjar_sink_free(sink);
    }
}

/* Pieces of the gap in any order, and what stands before and behind them. */
static void test_placed(void **state)
{
    snapjar_error fault;
    snapjar_sink *sink = open_path(context, &fault);

    (void)state;
    assert_non_null(sink);
    assert_ok(snapjar_sink_write(sink, "before", 6, err));
    assert_ok(sj_sink_skip(sink, 7, err));
    assert_ok(sj_sink_place(sink, "cd", 2, 2, err));
    assert_ok(snapjar_sink_write(sink, "behind", 6, err));
    assert_ok(sj_sink_place(sink, "efg", 3, 4, err));
    assert_ok(sj_sink_place(sink, "ab", 2, 0, err));
    assert_fault(sj_sink_place(sink, "ab", 2, INT64_MAX - 6, &fault), &fault, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED,
                 SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_ok(snapjar_sink_finish(sink, err));
    expect_file("beforeabcdefgbehind", 19);
    assert_int_equal(sj_sink_place(sink, "ab", 2, 0, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_sink_free(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected_header),
        cmocka_unit_test(test_longer_header),
        cmocka_unit_test(test_shorter_header),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_alloc_failure),
        cmocka_unit_test(test_other_sinks),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_placed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
