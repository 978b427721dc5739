/* SPDX-License-Identifier: MIT
 *
 * Content that reaches a file as it is decompressed, from whichever thread: the same bytes whatever the number of
 * threads, and no file of a record that fails or on a disk that is full.
 */
#include "one_context.h"

#include <signal.h>
#include <sys/resource.h>

#include "craft.h"
#include "folder.h"

#define FRAME SNAPJAR_FRAME_SIZE_MIN
/** Enough frames for threads to be started. */
#define FRAMES ((size_t)24)
#define THREADS_MAX 3u

static const char name[] = "out.pkl";

static int enter(void **state)
{
    return set_up(state) == 0 && enter_folder() ? 0 : -1;
}

static int leave(void **state)
{
    return tear_down(state) == 0 && leave_folder() ? 0 : -1;
}

/* Of `size` bytes: a text in which each line differs. */
static blob make_pickle(size_t size)
{
    blob pickle = {must_alloc(size + 16), size};

    memcpy(pickle.bytes, "\x80\4B", 3);
    sj_write_le32(pickle.bytes + 3, (uint32_t)(size - 8));
    for (size_t at = 7; at + 16 < size; at += 16)
        (void)snprintf((char *)pickle.bytes + at, 17, "%15zu\n", at);
    pickle.bytes[size - 1] = '.';
    return pickle;
}

static snapjar_sink *open_path(void)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;

    options.durability = SNAPJAR_DURABILITY_NONE;
    assert_ok(snapjar_sink_open_path(&sink, context, name, &options, err));
    return sink;
}

/* Unpacks all records into one file, with a word before and behind; stops at the first that fails. */
static snapjar_status unpack(const blob *file, unsigned threads, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_sink *sink = open_path();

    options.threads = threads;
    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_sink_write(sink, "before", 6, err));
    snapjar_status status = snapjar_reader_next(reader, &record, err);
    while (status == SNAPJAR_OK && record) {
        status = snapjar_record_unpack(reader, sink, &options, err);
        if (status == SNAPJAR_OK)
            status = snapjar_reader_next(reader, &record, err);
    }
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, "behind", 6, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err);
    snapjar_sink_free(sink);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

static void expect_file(const blob *content)
{
    blob got = {must_alloc(content->size + 13), content->size + 12};
    int fd = open(name, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, got.bytes, got.size + 1), got.size);
    (void)close(fd);
    assert_memory_equal(got.bytes, "before", 6);
    assert_memory_equal(got.bytes + 6, content->bytes, content->size);
    assert_memory_equal(got.bytes + 6 + content->size, "behind", 6);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(count_names(), 0);
    free(got.bytes);
}

/* Large and small records one after another, the last frames whole and not. */
static void test_records(void **state)
{
    const size_t sizes[] = {FRAMES * FRAME + 99, 21, FRAMES * FRAME, FRAME, FRAME + 1};
    snapjar_pack_options packing = test_options();
    blob content = {must_alloc(3 * FRAMES * FRAME), 0};

    (void)state;
    packing.frame_size = FRAME;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        blob pickle = make_pickle(sizes[i]);
        memcpy(content.bytes + content.size, pickle.bytes, pickle.size);
        content.size += pickle.size;
        free(pickle.bytes);
    }
    for (int is_raw = 0; is_raw < 2; is_raw++) {
        packing.compression = is_raw ? SNAPJAR_COMPRESSION_RAW : SNAPJAR_COMPRESSION_ZSTD;
        blob file = pack_all(context, content.bytes, content.size, sizeof(sizes) / sizeof(sizes[0]), &packing);
        for (unsigned threads = 0; threads <= THREADS_MAX; threads++) {
            assert_ok(unpack(&file, threads, err));
            expect_file(&content);
        }
        free(file.bytes);
    }
    free(content.bytes);
}

/* What is wrong shows when the last frames were written, or only when all was. */
static void test_bad_records(void **state)
{
    blob content = make_pickle(FRAMES * FRAME);
    snapjar_pack_options packing = test_options();

    (void)state;
    packing.frame_size = FRAME;
    packing.compression = SNAPJAR_COMPRESSION_RAW;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    size_t payload = payload_of(&file);
    file.bytes[file.size - SJ_TRAILER_SIZE - 10] ^= 1;
    content.bytes[content.size - 1] = '0';
    blob frames = craft_payload(content.bytes, content.size, FRAME);
    sj_header_plan plan = craft_plan(content.bytes, content.size, frames.bytes, frames.size);
    blob endless = craft_planned(context, &plan, frames.bytes, frames.size);
    for (unsigned threads = 0; threads <= THREADS_MAX; threads++) {
        snapjar_error fault;
        assert_fault(unpack(&file, threads, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH,
                     SNAPJAR_SPACE_FILE, payload);
        assert_int_equal(count_names(), 0);
        assert_fault(unpack(&endless, threads, &fault), &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH,
                     SNAPJAR_SPACE_CONTENT, content.size);
        assert_int_equal(count_names(), 0);
    }
    free(endless.bytes);
    free(frames.bytes);
    free(file.bytes);
    free(content.bytes);
}

/* A file that may not grow: the failure is told as one of writing, and names the file. */
static void test_full_disk(void **state)
{
    blob content = make_pickle(FRAMES * FRAME);
    snapjar_pack_options packing = test_options();
    struct rlimit old;

    (void)state;
    packing.frame_size = FRAME;
    blob file = pack_all(context, content.bytes, content.size, 1, &packing);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (unsigned threads = 0; threads <= THREADS_MAX; threads++) {
        for (size_t limit = 0; limit < content.size + 12; limit += FRAME / 2) {
            snapjar_error fault;
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, old.rlim_max}), 0);
            snapjar_status status = unpack(&file, threads, &fault);
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
            assert_fault(status, &fault, SNAPJAR_IO, SNAPJAR_DIAG_WRITE_FAILED, SNAPJAR_SPACE_NONE,
                         SNAPJAR_OFFSET_NONE);
            assert_non_null(strstr(fault.place, name));
            assert_int_equal(count_names(), 0);
        }
    }
    (void)signal(SIGXFSZ, handler);
    free(file.bytes);
    free(content.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_bad_records),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
