/* SPDX-License-Identifier: MIT
 *
 * Every small damage to a small file is found: each bit flipped, each cut, each byte removed, each of the 256 bytes
 * inserted at each place. For several records the same, but for cuts exactly between two, which leave a shorter valid
 * file. With SNAPJAR_TEST_FULL in the environment, a file of several compressed frames too.
 */
#include "support.h"

typedef struct fixture {
    snapjar_context *context;
    blob file;
    size_t record_count;
    /** Where each record ends. */
    size_t ends[4];
} fixture;

static int set_up(void **state, size_t record_count)
{
    static fixture f;
    uint8_t pickles[4 * sizeof(pickle_small)];
    snapjar_pack_options options = test_options();

    memset(&f, 0, sizeof(f));
    if (snapjar_context_new(&f.context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    for (size_t i = 0; i < record_count; i++)
        memcpy(pickles + i * sizeof(pickle_small), pickle_small, sizeof(pickle_small));
    f.file = pack_all(f.context, pickles, record_count * sizeof(pickle_small), record_count, &options);
    f.record_count = record_count;
    for (size_t i = 0; i < record_count; i++)
        f.ends[i] = f.file.size / record_count * (i + 1);
    *state = &f;
    return 0;
}

static int set_up_one(void **state)
{
    return set_up(state, 1);
}

static int set_up_three(void **state)
{
    return set_up(state, 3);
}

/* One record of 300 kB in frames of 64 KiB, compressed to some 30 kB. */
static int set_up_large(void **state)
{
    static fixture f;
    const size_t size = 300000;
    uint8_t *pickle = malloc(size);
    uint32_t random = 1;
    snapjar_pack_options options = test_options();

    if (!pickle || snapjar_context_new(&f.context, NULL, NULL) != SNAPJAR_OK)
        return -1;
    pickle[0] = 0x80;
    pickle[1] = 4;
    pickle[2] = 'B';
    for (int i = 0; i < 4; i++)
        pickle[3 + i] = (uint8_t)((size - 8) >> 8 * i);
    for (size_t i = 7; i < size - 1; i++) {
        random = random * 1664525 + 1013904223;
        pickle[i] = i % 16 ? (uint8_t)(i >> 8) : (uint8_t)(random >> 24);
    }
    pickle[size - 1] = '.';
    options.frame_size = SNAPJAR_FRAME_SIZE_MIN;
    f.file = pack_all(f.context, pickle, size, 1, &options);
    f.record_count = 1;
    f.ends[0] = f.file.size;
    free(pickle);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    free(f->file.bytes);
    snapjar_context_free(f->context);
    return 0;
}

/* The damage must be found, and said with a diagnostic and an offset inside what is there (or at its end). */
static void expect_found(const fixture *f, const uint8_t *bytes, size_t size, const char *what, size_t place)
{
    snapjar_error err;
    size_t count = 0;
    snapjar_status status = verify_all(f->context, bytes, size, NULL, NULL, &count, &err);

    if (status == SNAPJAR_OK)
        fail_msg("%s at %zu was not found", what, place);
    if (err.diagnostic == SNAPJAR_DIAG_NONE || err.space == SNAPJAR_SPACE_NONE || err.offset > size)
        fail_msg("%s at %zu: %s without a place (%llu)", what, place, snapjar_diagnostic_name(err.diagnostic),
                 (unsigned long long)err.offset);
    if (status == SNAPJAR_NO_MEMORY || status == SNAPJAR_BUG || status == SNAPJAR_IO ||
        status == SNAPJAR_INVALID_ARGUMENT)
        fail_msg("%s at %zu: status %s", what, place, snapjar_status_name(status));
}

static void test_intact(void **state)
{
    const fixture *f = *state;
    size_t count = 0;

    assert_ok(verify_all(f->context, f->file.bytes, f->file.size, NULL, NULL, &count, err));
    assert_int_equal(count, f->record_count);
}

static void test_every_bit_flip(void **state)
{
    const fixture *f = *state;
    blob copy = blob_copy(f->file.bytes, f->file.size);

    for (size_t i = 0; i < copy.size * 8; i++) {
        copy.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        expect_found(f, copy.bytes, copy.size, "a flipped bit", i);
        copy.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    free(copy.bytes);
}

static void test_every_cut(void **state)
{
    const fixture *f = *state;

    for (size_t size = 0; size < f->file.size; size++) {
        snapjar_error err;
        size_t count = 0;
        size_t whole = 0;
        blob copy = blob_copy(f->file.bytes, size);
        snapjar_status status = verify_all(f->context, copy.bytes, size, NULL, NULL, &count, &err);
        while (whole < f->record_count && f->ends[whole] <= size)
            whole++;
        assert_int_equal(count, whole);
        if (whole && f->ends[whole - 1] == size)
            assert_int_equal(status, SNAPJAR_OK);
        else if (status != SNAPJAR_CUT_SHORT || err.offset != size || err.space != SNAPJAR_SPACE_FILE)
            fail_msg("cut to %zu: %s at %llu", size, snapjar_status_name(status), (unsigned long long)err.offset);
        free(copy.bytes);
    }
}

static void test_every_deletion(void **state)
{
    const fixture *f = *state;

    for (size_t at = 0; at < f->file.size; at++) {
        blob copy = blob_copy(f->file.bytes, f->file.size - 1);
        memcpy(copy.bytes + at, f->file.bytes + at + 1, f->file.size - at - 1);
        expect_found(f, copy.bytes, copy.size, "a removed byte", at);
        free(copy.bytes);
    }
}

static void test_every_insertion(void **state)
{
    const fixture *f = *state;
    uint8_t *bytes = malloc(f->file.size + 1);

    assert_non_null(bytes);
    for (size_t at = 0; at <= f->file.size; at++) {
        memcpy(bytes, f->file.bytes, at);
        memcpy(bytes + at + 1, f->file.bytes + at, f->file.size - at);
        for (unsigned value = 0; value < 256; value++) {
            bytes[at] = (uint8_t)value;
            expect_found(f, bytes, f->file.size + 1, "an inserted byte", at);
        }
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest large_tests[] = {
        cmocka_unit_test_setup_teardown(test_intact, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_flip, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(test_every_deletion, set_up_large, tear_down),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_intact, set_up_one, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_flip, set_up_one, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut, set_up_one, tear_down),
        cmocka_unit_test_setup_teardown(test_every_deletion, set_up_one, tear_down),
        cmocka_unit_test_setup_teardown(test_every_insertion, set_up_one, tear_down),
        cmocka_unit_test_setup_teardown(test_intact, set_up_three, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_flip, set_up_three, tear_down),
        cmocka_unit_test_setup_teardown(test_every_cut, set_up_three, tear_down),
        cmocka_unit_test_setup_teardown(test_every_deletion, set_up_three, tear_down),
        cmocka_unit_test_setup_teardown(test_every_insertion, set_up_three, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (getenv("SNAPJAR_TEST_FULL"))
        failed += cmocka_run_group_tests(large_tests, NULL, NULL);
    return failed;
}
