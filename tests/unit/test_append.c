/* SPDX-License-Identifier: MIT
 *
 * Appending: whole or not at all, behind whole records only, one at a time, to the file that the path names now.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static snapjar_context *context;
static blob one;

static int set_up(void **state)
{
    snapjar_pack_options options = test_options();

    (void)state;
    strcpy(folder, "/tmp/snapjar-append-XXXXXX");
    if (!mkdtemp(folder) || snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    snprintf(path, sizeof(path), "%s/a.snapjar", folder);
    one = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    free(one.bytes);
    snapjar_context_free(context);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static blob read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t buffer[65536];
    assert_non_null(file);
    size_t size = fread(buffer, 1, sizeof(buffer), file);
    fclose(file);
    return blob_copy(buffer, size);
}

static off_t size_of(const char *name)
{
    struct stat info;
    return stat(name, &info) == 0 ? info.st_size : -1;
}

static snapjar_status append_one(bool repair, bool create, uint64_t *repaired, snapjar_error *err)
{
    snapjar_append_options options = SNAPJAR_APPEND_OPTIONS_INIT;
    snapjar_sink *sink = NULL;

    options.repair = repair;
    options.create = create;
    options.durability = SNAPJAR_DURABILITY_NONE;
    snapjar_status status = snapjar_sink_open_append(&sink, context, path, &options, repaired, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, one.bytes, one.size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err);
    snapjar_sink_free(sink);
    return status;
}

static size_t count_records(void)
{
    blob file = read_file(path);
    size_t count = 0;

    assert_ok(verify_all(context, file.bytes, file.size, NULL, NULL, &count, err));
    free(file.bytes);
    return count;
}

static void test_appends(void **state)
{
    (void)state;
    write_file(path, one.bytes, one.size);
    assert_ok(append_one(false, false, NULL, err));
    assert_ok(append_one(false, false, NULL, err));
    assert_int_equal(count_records(), 3);
}

static void test_missing_file(void **state)
{
    snapjar_error err;

    (void)state;
    assert_int_equal(append_one(false, false, NULL, &err), SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OPEN_FAILED);
    assert_int_equal(err.system_errno, ENOENT);
    assert_ok(append_one(false, true, NULL, err));
    assert_ok(append_one(false, true, NULL, err));
    assert_int_equal(count_records(), 2);
}

static void test_empty_file(void **state)
{
    snapjar_error err;

    (void)state;
    write_file(path, "", 0);
    assert_fault(append_one(false, false, NULL, &err), &err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_EMPTY_FILE,
                 SNAPJAR_SPACE_FILE, 0);
    assert_ok(append_one(false, true, NULL, err));
    assert_int_equal(count_records(), 1);
}

static void test_unfinished_is_cut_off(void **state)
{
    snapjar_sink *sink = NULL;

    (void)state;
    write_file(path, one.bytes, one.size);
    assert_ok(snapjar_sink_open_append(&sink, context, path, NULL, NULL, err));
    assert_ok(snapjar_sink_write(sink, one.bytes, 100, err));
    assert_int_equal(size_of(path), one.size + 100);
    snapjar_sink_free(sink);
    assert_int_equal(size_of(path), one.size);
}

/* Every cut of the second record is a torn tail: refused, then repaired with nothing lost. */
static void test_every_torn_tail(void **state)
{
    blob two = {malloc(2 * one.size), 2 * one.size};
    char aside[160];

    (void)state;
    assert_non_null(two.bytes);
    memcpy(two.bytes, one.bytes, one.size);
    memcpy(two.bytes + one.size, one.bytes, one.size);
    snprintf(aside, sizeof(aside), "%s.torn-%zu", path, one.size);
    for (size_t cut = one.size + 1; cut < two.size; cut++) {
        snapjar_error err;
        uint64_t repaired = 0;
        write_file(path, two.bytes, cut);
        assert_fault(append_one(false, false, NULL, &err), &err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN,
                     SNAPJAR_SPACE_FILE, one.size);
        assert_int_equal(size_of(path), cut);
        assert_ok(append_one(true, false, &repaired, err));
        assert_int_equal(repaired, cut - one.size);
        assert_int_equal(count_records(), 2);
        blob tail = read_file(aside);
        assert_int_equal(tail.size, cut - one.size);
        assert_memory_equal(tail.bytes, two.bytes + one.size, tail.size);
        free(tail.bytes);
        assert_int_equal(unlink(aside), 0);
    }
    free(two.bytes);
}

static void test_tail_of_zeros_is_torn(void **state)
{
    uint8_t zeros[512] = {0};
    snapjar_error err;
    uint64_t repaired = 0;

    (void)state;
    write_file(path, one.bytes, one.size);
    FILE *file = fopen(path, "ab");
    fwrite(zeros, 1, sizeof(zeros), file);
    fclose(file);
    assert_fault(append_one(false, false, NULL, &err), &err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_TAIL_TORN,
                 SNAPJAR_SPACE_FILE, one.size);
    assert_ok(append_one(true, false, &repaired, err));
    assert_int_equal(repaired, sizeof(zeros));
    assert_int_equal(count_records(), 2);
}

/* A file of torn bytes that is there already, from a repair that was interrupted, is never overwritten. */
static void test_aside_exists(void **state)
{
    char aside[160];
    snapjar_append_options options = SNAPJAR_APPEND_OPTIONS_INIT;
    snapjar_sink *sink = NULL;
    snapjar_error err;

    (void)state;
    options.repair = true;
    options.create = true;
    options.durability = SNAPJAR_DURABILITY_NONE;
    for (int i = 1; i <= 101; i++) {
        snprintf(aside, sizeof(aside), i == 1 ? "%s.torn-0" : "%s.torn-0-%d", path, i);
        write_file(path, one.bytes, one.size - 1);
        if (i > 100) { /* one too many */
            assert_int_equal(snapjar_sink_open_append(&sink, context, path, &options, NULL, &err), SNAPJAR_IO);
            assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_EXISTS);
            assert_int_equal(size_of(path), one.size - 1);
            break;
        }
        assert_ok(snapjar_sink_open_append(&sink, context, path, &options, NULL, err));
        assert_string_equal(snapjar_sink_torn_path(sink), aside);
        snapjar_sink_free(sink);
        assert_int_equal(size_of(path), 0);
        assert_int_equal(size_of(aside), one.size - 1);
    }
    for (int i = 1; i <= 100; i++) {
        snprintf(aside, sizeof(aside), i == 1 ? "%s.torn-0" : "%s.torn-0-%d", path, i);
        assert_int_equal(unlink(aside), 0);
    }
}

/* The limits on headers hold for those in the file: one below is refused, as it is is not. */
static void test_limits_are_the_callers(void **state)
{
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    snapjar_append_options options = SNAPJAR_APPEND_OPTIONS_INIT;
    uint64_t json_size = one.bytes[20] | (uint64_t)one.bytes[21] << 8;
    snapjar_sink *sink = NULL;
    snapjar_error err;

    (void)state;
    options.limits = &limits;
    write_file(path, one.bytes, one.size);
    limits.header_json_size_max = json_size - 1;
    assert_fault(snapjar_sink_open_append(&sink, context, path, &options, NULL, &err), &err, SNAPJAR_LIMIT,
                 SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE, 20);
    limits.header_json_size_max = json_size;
    assert_ok(snapjar_sink_open_append(&sink, context, path, &options, NULL, err));
    assert_null(snapjar_sink_torn_path(sink));
    snapjar_sink_free(sink);
    limits.json_depth_max = 1001;
    assert_int_equal(snapjar_sink_open_append(&sink, context, path, &options, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_null(snapjar_sink_torn_path(NULL));
}

/* What is not torn but damaged, or not a snapshot, is left alone even with repair. */
static void test_damage_is_not_cut(void **state)
{
    snapjar_error err;
    blob copy = blob_copy(one.bytes, one.size);

    (void)state;
    copy.bytes[60] ^= 1;
    write_file(path, copy.bytes, copy.size);
    assert_fault(append_one(true, false, NULL, &err), &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH,
                 SNAPJAR_SPACE_FILE, 28);
    assert_int_equal(size_of(path), one.size);
    write_file(path, "hello, world", 12);
    assert_fault(append_one(true, false, NULL, &err), &err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_NOT_SNAPJAR,
                 SNAPJAR_SPACE_FILE, 0);
    assert_int_equal(size_of(path), 12);
    free(copy.bytes);
}

static void test_only_regular_files(void **state)
{
    snapjar_error err;
    snapjar_sink *sink = NULL;

    (void)state;
    assert_int_not_equal(snapjar_sink_open_append(&sink, context, folder, NULL, NULL, &err), SNAPJAR_OK);
    assert_null(sink);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_IS_DIRECTORY);
    assert_int_equal(snapjar_sink_open_append(&sink, context, "/dev/null", NULL, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_UNSAFE);
}

/* Many processes at once: every record arrives whole. */
static void test_concurrent_appenders(void **state)
{
    enum { PROCESSES = 8, EACH = 20 };

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork();
        assert_int_not_equal(child, -1);
        if (child == 0) {
            for (int k = 0; k < EACH; k++) {
                if (append_one(false, true, NULL, NULL) != SNAPJAR_OK)
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int result = 0;
        assert_int_not_equal(wait(&result), -1);
        assert_int_equal(result, 0);
    }
    assert_int_equal(size_of(path), (off_t)(PROCESSES * EACH * one.size));
    blob all = {malloc(PROCESSES * EACH * one.size), PROCESSES * EACH * one.size};
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(all.bytes, 1, all.size, file), all.size);
    fclose(file);
    size_t count = 0;
    assert_ok(verify_all(context, all.bytes, all.size, NULL, NULL, &count, err));
    assert_int_equal(count, PROCESSES * EACH);
    free(all.bytes);
}

/* A file that is replaced again and again while others append: what is there in the end is whole, and no append failed.
 */
static void test_rewrite_under_appender(void **state)
{
    (void)state;
    write_file(path, one.bytes, one.size);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        for (int i = 0; i < 100; i++) {
            snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
            snapjar_sink *sink = NULL;
            options.durability = SNAPJAR_DURABILITY_NONE;
            if (snapjar_sink_open_path(&sink, context, path, &options, NULL) != SNAPJAR_OK ||
                snapjar_sink_write(sink, one.bytes, one.size, NULL) != SNAPJAR_OK ||
                snapjar_sink_finish(sink, NULL) != SNAPJAR_OK)
                _exit(1);
            snapjar_sink_free(sink);
        }
        _exit(0);
    }
    for (int i = 0; i < 200; i++)
        assert_ok(append_one(false, false, NULL, err));
    int result = 0;
    assert_int_not_equal(waitpid(child, &result, 0), -1);
    assert_int_equal(result, 0);
    size_t records = (size_t)size_of(path) / one.size;
    assert_true(records >= 1 && (size_t)size_of(path) == records * one.size);
    assert_true(records > 60 || count_records() == records);
}

/* The disk is full: the file is cut back to what it was. */
static void test_no_room(void **state)
{
    struct rlimit old;
    struct rlimit low;
    snapjar_error err;

    (void)state;
    write_file(path, one.bytes, one.size);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = old;
    low.rlim_cur = one.size + 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    snapjar_status status = append_one(false, false, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, SNAPJAR_IO);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_WRITE_FAILED);
    assert_int_equal(err.system_errno, EFBIG);
    assert_string_equal(err.place, path);
    assert_int_equal(size_of(path), one.size);
    assert_int_equal(count_records(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_appends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unfinished_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_torn_tail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tail_of_zeros_is_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aside_exists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits_are_the_callers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_not_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_regular_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_concurrent_appenders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rewrite_under_appender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
