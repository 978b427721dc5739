/* SPDX-License-Identifier: MIT
 *
 * Layouts and remembered texts at their limits: states with many fields, many states, many classes, many names. What a
 * layout is for a few fields is tested in test_scan.c.
 */
#include "support.h"

#include <snapjar/scan.h>

/** A pickle that is written piece by piece. */
typedef struct maker {
    uint8_t *bytes;
    size_t size;
    size_t room;
} maker;

static void add(maker *out, const void *bytes, size_t size)
{
    if (out->room - out->size < size) {
        out->room = 2 * out->room + size + 4096;
        out->bytes = realloc(out->bytes, out->room);
        assert_non_null(out->bytes);
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

#define ADD(out, literal) add(out, literal, sizeof(literal) - 1)

/** A text of protocol 1, named by a number of six digits. */
static void add_text(maker *out, char letter, unsigned number)
{
    char text[16] = "X\7\0\0\0";
    snprintf(text + 5, sizeof text - 5, "%c%06u", letter, number % 1000000);
    add(out, text, 12);
}

/** Fields `first` to `last`, upwards or downwards. */
static void add_fields(maker *out, char letter, unsigned first, unsigned last)
{
    for (unsigned i = first;; i = first < last ? i + 1 : i - 1) {
        add_text(out, letter, i);
        ADD(out, "Ns");
        if (i == last)
            return;
    }
}

/** An instance of "m:a" and so on, below its state. */
static void add_instance(maker *out, char letter)
{
    char text[] = "cm\nA\n)\x81";
    text[3] = letter;
    add(out, text, sizeof text - 1);
}

static const size_t steps[] = {SIZE_MAX / 2, 1, 50};

static snapjar_status run(snapjar_scan *scan, const maker *pickle, size_t step, snapjar_error *err)
{
    snapjar_status status = SNAPJAR_OK;
    snapjar_scan_reset(scan, 0);
    for (size_t at = 0; at < pickle->size && status == SNAPJAR_OK; at += step) {
        blob piece = blob_copy(pickle->bytes + at, pickle->size - at < step ? pickle->size - at : step);
        status = snapjar_scan_feed(scan, piece.bytes, piece.size, NULL, err);
        free(piece.bytes);
    }
    return status == SNAPJAR_OK ? snapjar_scan_finish(scan, pickle->size, err) : status;
}

/** Scans in each way, and compares the number of fields of each class; frees the pickle. */
static void expect(snapjar_context *context, const snapjar_scan_options *options, maker *pickle, bool is_whole,
                   size_t first_count, size_t second_count)
{
    snapjar_scan *scan;
    ADD(pickle, ".");
    assert_ok(snapjar_scan_new(&scan, context, options, err));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const size_t wanted[2] = {first_count, second_count};
        assert_ok(run(scan, pickle, steps[i], err));
        assert_int_equal(snapjar_scan_summarize(scan)->layout_is_whole, is_whole);
        for (size_t class_index = 0; class_index < 2; class_index++) {
            size_t count;
            const snapjar_text *fields = snapjar_scan_fields(scan, class_index, &count);
            if (wanted[class_index] != SIZE_MAX)
                assert_int_equal(count, wanted[class_index]);
            for (size_t j = 1; j < count; j++)
                assert_true(memcmp(fields[j - 1].data, fields[j].data, 7) < 0);
        }
    }
    snapjar_scan_free(scan);
    free(pickle->bytes);
    *pickle = (maker){NULL, 0, 0};
}

static void test_wide_states(void **state)
{
    /* A state of 4,096 fields has a layout; of one with more nobody knows the fields. */
    maker pickle = {NULL, 0, 0};
    for (unsigned extra = 0; extra < 2; extra++) {
        ADD(&pickle, "\x80\2");
        add_instance(&pickle, 'a');
        ADD(&pickle, "}");
        add_fields(&pickle, 'f', 1, 4096 + extra);
        ADD(&pickle, "b");
        expect(*state, NULL, &pickle, extra == 0, extra == 0 ? 4096 : 0, 0);
    }
}

static void test_wide_slots(void **state)
{
    /* The second state of a pair: 64 fields, and one more. */
    maker pickle = {NULL, 0, 0};
    for (unsigned extra = 0; extra < 2; extra++) {
        ADD(&pickle, "\x80\2");
        add_instance(&pickle, 'a');
        ADD(&pickle, "}");
        add_fields(&pickle, 'd', 1, 5);
        ADD(&pickle, "}");
        add_fields(&pickle, 's', 1, 64 + extra);
        ADD(&pickle, "\x86"
                     "b");
        expect(*state, NULL, &pickle, extra == 0, extra == 0 ? 69 : 0, 0);
    }
    /* Either of the two states was made elsewhere: nobody knows its fields. */
    ADD(&pickle, "\x80\2}q\0U\1aNs0");
    add_instance(&pickle, 'a');
    ADD(&pickle, "Nh\0\x86"
                 "b");
    expect(*state, NULL, &pickle, false, 0, 0);
    ADD(&pickle, "\x80\2}q\0U\1aNs0");
    add_instance(&pickle, 'a');
    ADD(&pickle, "h\0}\x86"
                 "b");
    expect(*state, NULL, &pickle, false, 0, 0);
}

static void test_many_states(void **state)
{
    /* Two classes in turns, the fields of each in both orders, over and over: each field counts once. */
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    maker pickle = {NULL, 0, 0};
    options.field_count_max = 900;
    ADD(&pickle, "\x80\2");
    for (unsigned i = 0; i < 30; i++) {
        add_instance(&pickle, i % 2 ? 'a' : 'b');
        ADD(&pickle, "}");
        if (i % 4 < 2)
            add_fields(&pickle, i % 2 ? 'f' : 'g', 1, 200);
        else
            add_fields(&pickle, i % 2 ? 'f' : 'g', 200, 1);
        ADD(&pickle, "b0");
    }
    ADD(&pickle, "N");
    expect(*state, &options, &pickle, true, 200, 200);
}

static void test_field_limit(void **state)
{
    /* As many fields over all classes as the limit allows; beyond it the layout is not whole, and nothing fails. */
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    maker pickle = {NULL, 0, 0};
    options.field_count_max = 100;
    for (unsigned extra = 0; extra < 2; extra++) {
        ADD(&pickle, "\x80\2");
        add_instance(&pickle, 'a');
        ADD(&pickle, "}");
        add_fields(&pickle, 'f', 1, 60);
        ADD(&pickle, "b0");
        add_instance(&pickle, 'b');
        ADD(&pickle, "}");
        add_fields(&pickle, 'f', 1, 39 + 20 * extra);
        ADD(&pickle, "b");
        expect(*state, &options, &pickle, extra == 0, 60, extra == 0 ? 39 : SIZE_MAX);
    }
    /* The same state for many classes: each has fields of its own, which count. */
    options.field_count_max = 50;
    ADD(&pickle, "\x80\2");
    for (unsigned i = 0; i < 20; i++) {
        add_instance(&pickle, (char)('a' + i));
        ADD(&pickle, "}");
        add_fields(&pickle, 'f', 1, 5);
        ADD(&pickle, "b0");
    }
    ADD(&pickle, "N");
    expect(*state, &options, &pickle, false, 5, 5);
}

static void test_text_limit(void **state)
{
    /* Names that must be remembered: over the limit the scan fails where the name is that does not fit. */
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_error err;
    snapjar_scan *scan;
    maker pickle = {NULL, 0, 0};
    options.text_size_max = 1024;
    assert_ok(snapjar_scan_new(&scan, *state, &options, err));
    size_t last = 0;
    for (unsigned i = 0; i < 84; i++) {
        /* "m" takes 4 bytes once, each name 12, and 4 are not used. */
        char text[32];
        last = pickle.size;
        add(&pickle, text, (size_t)snprintf(text, sizeof text, "cm\nn%07u\n0", i));
    }
    ADD(&pickle, "N.");
    assert_ok(run(scan, &pickle, SIZE_MAX / 2, err));
    pickle.size -= 2;
    last = pickle.size;
    ADD(&pickle, "cm\nn9999999\n.");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_fault(run(scan, &pickle, steps[i], &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT,
                     SNAPJAR_SPACE_CONTENT, last);
    free(pickle.bytes);
    pickle = (maker){NULL, 0, 0};
    /* Texts in the memo take half of the room at most, however many there are, so names still fit. */
    ADD(&pickle, "\x80\4");
    for (unsigned i = 0; i < 200; i++) {
        add_text(&pickle, 't', i);
        ADD(&pickle, "\x94"
                     "0");
    }
    ADD(&pickle, "cmod\nname\n.");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_ok(run(scan, &pickle, steps[i], err));
        assert_int_equal(snapjar_scan_global_count(scan), 1);
    }
    free(pickle.bytes);
    snapjar_scan_free(scan);
}

static void test_many_globals(void **state)
{
    /* Tables grow, and are empty again for the next pickle. */
    snapjar_scan *scan;
    maker pickle = {NULL, 0, 0};
    assert_ok(snapjar_scan_new(&scan, *state, NULL, err));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            char text[32];
            add(&pickle, text, (size_t)snprintf(text, sizeof text, "cm\nn%u\n0", i % 1000));
        }
    }
    ADD(&pickle, "N.");
    for (unsigned round = 0; round < 2; round++) {
        assert_ok(run(scan, &pickle, SIZE_MAX / 2, err));
        assert_int_equal(snapjar_scan_global_count(scan), 1000);
        for (size_t i = 0; i < 1000; i++) {
            char name[16];
            const snapjar_scan_global *global = snapjar_scan_global_at(scan, i);
            snprintf(name, sizeof name, "n%zu", i);
            assert_int_equal(global->uses[SNAPJAR_USE_IMPORT].count, 4);
            assert_int_equal(global->name.size, strlen(name));
            assert_memory_equal(global->name.data, name, strlen(name));
        }
        assert_ok(snapjar_scan_pickle(scan, "cm\nn5\n.", 7, err));
        assert_int_equal(snapjar_scan_global_count(scan), 1);
    }
    free(pickle.bytes);
    snapjar_scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_states), cmocka_unit_test(test_wide_slots), cmocka_unit_test(test_many_states),
        cmocka_unit_test(test_field_limit), cmocka_unit_test(test_text_limit), cmocka_unit_test(test_many_globals),
    };
    return cmocka_run_group_tests(tests, make_context, free_context);
}
