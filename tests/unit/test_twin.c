/* SPDX-License-Identifier: MIT
 *
 * Twins: whatever a scan says of a pickle that follows another must be what it says without that other one, to the last
 * offset; and it is a twin exactly where it differs in values only, so that the quick way is known to be taken.
 */
#include "one_context.h"

#include <stdio.h>

#include "craft.h"
#include "pickle/scan.h"

/* An instance of m:T with values of all kinds, in a frame, whose size `make` puts right. */
#define FRAME "\x95\0\0\0\0\0\0\0\0"
#define START "\x80\x05" FRAME "\x8c\x01m\x94\x8c\x01T\x94\x93\x94)\x81\x94}\x94("
#define FIELD(name) "\x8c\x01" name "\x94"
#define END "ub."
#define WHOLE(values) BYTES(START values END)
#define USUAL                                                                                                          \
    FIELD("a")                                                                                                         \
    "K\x07" FIELD("b") "\x8c\x05"                                                                                      \
                       "hello\x94" FIELD("c") "\x88" FIELD("d") "G\0\0\0\0\0\0\0\0" FIELD("e") "C\x02xy\x94" FIELD(    \
                           "f") "]\x94(N}\x94\x8c\x03key\x94h\x06se"

/* Puts the right size into the frame that is in third place, if there is one. */
static void fix_frame(uint8_t *bytes, size_t size)
{
    if (size > 11 && bytes[2] == 0x95)
        sj_write_le64(bytes + 3, size - 11);
}

/* ---- what a scan says, as text ---- */

static void print_text(FILE *out, snapjar_text text)
{
    (void)fprintf(out, " %zu:", text.size);
    for (size_t i = 0; i < text.size; i++)
        (void)fprintf(out, "%02x", (uint8_t)text.data[i]);
}

static void print_use(FILE *out, const snapjar_use_record *use)
{
    (void)fprintf(out, " %llu@%lld", (unsigned long long)use->count, (long long)use->offset);
}

static void print_global(FILE *out, snapjar_scan *scan, size_t index)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(scan, index);
    size_t count = 0;
    print_text(out, global->module);
    print_text(out, global->name);
    print_text(out, global->mapped_module);
    print_text(out, global->mapped_name);
    (void)fprintf(out, " %u %d%d%d%d", global->extension_code, global->protocol, global->is_attribute,
                  global->is_dotted, global->fields_are_whole);
    for (size_t use = 0; use < SNAPJAR_USE_COUNT; use++)
        print_use(out, &global->uses[use]);
    const snapjar_text *fields = snapjar_scan_fields(scan, index, &count);
    for (size_t i = 0; i < count; i++)
        print_text(out, fields[i]);
    (void)fputc('\n', out);
}

static char *print_scan(snapjar_scan *scan)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    const snapjar_error *failure = snapjar_scan_failure(scan);
    const snapjar_scan_finding *finding;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    (void)fprintf(out, "%d%d protocol %d root %d %zd size %llu opcodes %llu depth %llu memo %llu findings %llu\n",
                  summary->is_complete, summary->layout_is_whole, summary->protocol, (int)summary->root,
                  (ssize_t)summary->root_global, (unsigned long long)summary->size,
                  (unsigned long long)summary->opcode_count, (unsigned long long)summary->stack_depth,
                  (unsigned long long)summary->memo_count, (unsigned long long)summary->finding_count);
    print_use(out, &summary->persistent_ids);
    print_use(out, &summary->buffers);
    print_use(out, &summary->computed_calls);
    if (failure != NULL && failure->status != SNAPJAR_OK)
        (void)fprintf(out, "\n%d %s %lld %s", (int)failure->status, snapjar_diagnostic_name(failure->diagnostic),
                      (long long)failure->offset, failure->message);
    (void)fputc('\n', out);
    for (size_t i = 0; (finding = snapjar_scan_finding_at(scan, i)) != NULL; i++)
        (void)fprintf(out, "%s %llu %s\n", snapjar_diagnostic_name(finding->diagnostic),
                      (unsigned long long)finding->offset, finding->message);
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        print_global(out, scan, i);
    (void)fclose(out);
    return text;
}

/* ---- comparing ---- */

static snapjar_scan *new_scan(const snapjar_scan_options *options)
{
    snapjar_scan *scan = NULL;
    assert_ok(snapjar_scan_new(&scan, context, options, err));
    return scan;
}

/* Scans at an offset, from memory of its own that is gone afterwards. */
static void scan_at(snapjar_scan *scan, const uint8_t *bytes, size_t size, uint64_t base_offset)
{
    blob copy = blob_copy(bytes, size);
    size_t consumed = 0;
    snapjar_scan_reset(scan, base_offset);
    if (snapjar_scan_feed(scan, copy.bytes, copy.size, &consumed, NULL) == SNAPJAR_OK) {
        if (snapjar_scan_finish(scan, 0, NULL) == SNAPJAR_OK)
            assert_int_equal(consumed, snapjar_scan_summarize(scan)->size);
        else
            assert_int_equal(consumed, size);
    }
    free(copy.bytes);
}

/* The scan says the same of the bytes as one that has seen no other. Whether it took them for a twin. */
static bool scan_both(snapjar_scan *scan, const uint8_t *bytes, size_t size, uint64_t base_offset)
{
    const uint64_t generation = snapjar_scan_generation(scan);
    snapjar_scan *other = new_scan(NULL);
    scan_at(scan, bytes, size, base_offset);
    scan_at(other, bytes, size, base_offset);
    char *said = print_scan(scan);
    char *expected = print_scan(other);
    assert_string_equal(said, expected);
    free(said);
    free(expected);
    snapjar_scan_free(other);
    return generation != 0 && generation == snapjar_scan_generation(scan);
}

/* Scans the first and then the second, both with their frames put right. Whether they are twins. */
static bool are_twins(const void *first, size_t first_size, const void *second, size_t second_size)
{
    snapjar_scan *scan = new_scan(NULL);
    blob bytes[] = {blob_copy(first, first_size), blob_copy(second, second_size)};
    for (size_t i = 0; i < 2; i++)
        fix_frame(bytes[i].bytes, bytes[i].size);
    (void)scan_both(scan, bytes[0].bytes, bytes[0].size, 0);
    const bool is_twin = scan_both(scan, bytes[1].bytes, bytes[1].size, 1000);
    /* And the first is one of the second. */
    if (is_twin)
        assert_true(scan_both(scan, bytes[0].bytes, bytes[0].size, 7));
    snapjar_scan_free(scan);
    for (size_t i = 0; i < 2; i++)
        free(bytes[i].bytes);
    return is_twin;
}

typedef struct pair {
    const void *first;
    size_t first_size;
    const void *second;
    size_t second_size;
} pair;

static void test_values_differ(void **state)
{
    static const pair pairs[] = {
        {WHOLE(USUAL), WHOLE(USUAL)},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "K\x08")},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "M\x07\x07")},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "J\x07\x07\x07\xff")},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "\x8a\x09\1\2\3\4\5\6\7\x08\x09")},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "\x8a\0")},
        {WHOLE(FIELD("a") "\x88"), WHOLE(FIELD("a") "\x89")},
        {WHOLE(FIELD("a") "G\0\0\0\0\0\0\0\0"), WHOLE(FIELD("a") "G\1\2\3\4\5\6\7\x08")},
        {WHOLE(FIELD("a") "\x8c\0"), WHOLE(FIELD("a") "\x8c\x0dlonger than 8")},
        {WHOLE(FIELD("a") "\x8c\x02\xc3\xa9"), WHOLE(FIELD("a") "\x8c\x03\xed\xa0\x80")},
        {WHOLE(FIELD("a") "\x8c\x01x"), WHOLE(FIELD("a") "X\x01\0\0\0y")},
        {WHOLE(FIELD("a") "C\x01x"), WHOLE(FIELD("a") "C\0")},
        {WHOLE(FIELD("a") "C\x01x"), WHOLE(FIELD("a") "B\x01\0\0\0\xff")},
        /* The keys of a dict that is no state are values like others. */
        {WHOLE(FIELD("a") "}\x8c\x01kK\x01s"), WHOLE(FIELD("a") "}\x8c\x02klK\x01s")},
        {BYTES("\x80\x04K\x01."), BYTES("\x80\x04K\x02.")},
        {BYTES("\x80\x04]\x94(K\x01\x8c\x01xe."), BYTES("\x80\x04]\x94(K\x02\x8c\x02yze.")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!are_twins(pairs[i].first, pairs[i].first_size, pairs[i].second, pairs[i].second_size))
            fail_msg("row %zu", i);
    }
}

static void test_more_differs(void **state)
{
    static const pair pairs[] = {
        /* Names of fields and globals. */
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("b") "K\x07")},
        {BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93)\x81."), BYTES("\x80\x04\x8c\x01m\x8c\x01U\x93)\x81.")},
        {BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93)\x81."), BYTES("\x80\x04\x8c\x01n\x8c\x01T\x93)\x81.")},
        /* A value that is a name elsewhere: by memo, as a key of a state, as an attribute. */
        {BYTES("\x80\x04\x8c\x01m\x94]\x94h\x00\x61h\x00\x8c\x01T\x93\x86."),
         BYTES("\x80\x04\x8c\x01n\x94]\x94h\x00\x61h\x00\x8c\x01T\x93\x86.")},
        {WHOLE(FIELD("a") "\x8c\x01x\x94h\x06K\x01"), WHOLE(FIELD("a") "\x8c\x01y\x94h\x06K\x01")},
        {BYTES("\x80\x04\x8c\x08"
               "builtins\x8c\x07getattr\x93\x8c\x01m\x8c\x01T\x93\x8c\x01x\x86R."),
         BYTES("\x80\x04\x8c\x08"
               "builtins\x8c\x07getattr\x93\x8c\x01m\x8c\x01T\x93\x8c\x01y\x86R.")},
        /* Another kind of value. */
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "N")},
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "\x88")},
        {WHOLE(FIELD("a") "\x8c\x01x"), WHOLE(FIELD("a") "C\x01x")},
        /* Other opcodes, more of them, another memo index, another protocol. */
        {WHOLE(FIELD("a") "K\x07"), WHOLE(FIELD("a") "K\x07" FIELD("b") "K\x07")},
        {WHOLE(FIELD("a") "h\x00"), WHOLE(FIELD("a") "h\x01")},
        {BYTES("\x80\x04K\x01."), BYTES("\x80\x05K\x01.")},
        {BYTES("\x80\x04]."), BYTES("\x80\x04}.")},
        /* What the lexer knows and no twin is looked for with. */
        {BYTES("\x80\x04K\x01K\x02\x30."), BYTES("\x80\x04K\x03K\x02\x30.")},
        {BYTES("\x80\x04\x8a\x01\x05."), BYTES("\x80\x04\x8b\x01\0\0\0\x05.")},
        {BYTES("\x80\x03K\x01."), BYTES("\x80\x03K\x02.")},
        {BYTES("K\x01."), BYTES("K\x02.")},
        {BYTES("\x80\x05\x97."), BYTES("\x80\x05\x97.")},
        {BYTES("\x80\x04K\x01Q."), BYTES("\x80\x04K\x02Q.")},
        {BYTES("\x80\x04\x82\x01)R."), BYTES("\x80\x04\x82\x01)R.")},
        {BYTES("\x80\x04I12\n."), BYTES("\x80\x04I13\n.")},
        /* Findings: two values at STOP, a value that no pickler writes. */
        {BYTES("\x80\x04K\x01K\x01."), BYTES("\x80\x04K\x01K\x02.")},
        {BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93)R)R."), BYTES("\x80\x04\x8c\x01m\x8c\x01T\x93)R)R.")},
        {BYTES("\x80\x04q\x00."), BYTES("\x80\x04q\x00.")},
        {BYTES("\x80\x04Kxq\x00q\x00."), BYTES("\x80\x04Kyq\x00q\x00.")},
        /* Faults: text that is no UTF-8, ends too soon, nothing. */
        {WHOLE(FIELD("a") "\x8c\x01x"), WHOLE(FIELD("a") "\x8c\x01\xff")},
        {BYTES("\x80\x04\x8c\x01x."), BYTES("\x80\x04\x8c")},
        {BYTES("\x80\x04\x8c\x01x."), BYTES("\x80\x04\x8c\x05x.")},
        {BYTES("\x80\x04X\x01\0\0\0x."), BYTES("\x80\x04X\x01\0")},
        {BYTES("\x80\x04X\x01\0\0\0x."), BYTES("\x80\x04X\xff\xff\xff\xffx.")},
        {BYTES("\x80\x04\x88."), BYTES("\x80\x04")},
        {BYTES("\x80\x04K\x01."), BYTES("\x80\x04K")},
        {BYTES("\x80\x04K\x01."), BYTES("\x80\x04K\x01")},
        {BYTES("\x80\x04K\x01."), BYTES("\x80\x04K\x01N")},
        {BYTES("\x80\x04K\x01."), BYTES("")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (are_twins(pairs[i].first, pairs[i].first_size, pairs[i].second, pairs[i].second_size))
            fail_msg("row %zu", i);
    }
}

/* The frame must end where the pickle does: any other end is a finding, as it is for the first of its kind. */
static void test_frames(void **state)
{
    static const int64_t wrong[] = {-1, 1, -2, 300, INT64_MAX, INT64_MIN, -12, -14};
    snapjar_scan *scan = new_scan(NULL);
    blob first = blob_copy(WHOLE(USUAL));
    blob second = blob_copy(first.bytes, first.size);
    (void)state;
    fix_frame(first.bytes, first.size);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void)scan_both(scan, first.bytes, first.size, 0);
        fix_frame(second.bytes, second.size);
        sj_write_le64(second.bytes + 3, sj_read_le64(second.bytes + 3) + (uint64_t)wrong[i]);
        assert_false(scan_both(scan, second.bytes, second.size, 0));
        sj_write_le64(second.bytes + 3, (uint64_t)wrong[i]);
        assert_false(scan_both(scan, second.bytes, second.size, 0));
    }
    /* Two frames, and one that ends before STOP: such a pickle has no twins. */
    static const char two[] = "\x80\x04\x95\x02\0\0\0\0\0\0\0K\x01\x95\x01\0\0\0\0\0\0\0.";
    static const char early[] = "\x80\x04\x95\x02\0\0\0\0\0\0\0K\x01.";
    assert_false(are_twins(two, sizeof two - 1, two, sizeof two - 1));
    (void)scan_both(scan, (const uint8_t *)early, sizeof early - 1, 0);
    assert_false(scan_both(scan, (const uint8_t *)early, sizeof early - 1, 0));
    snapjar_scan_free(scan);
    free(first.bytes);
    free(second.bytes);
}

/* Between a reset and the first bytes nothing is known, though what was found of the pickle before is still there. */
static void test_waiting(void **state)
{
    snapjar_error err;
    size_t count = 7;
    snapjar_scan *scan = new_scan(NULL);
    blob usual = blob_copy(WHOLE(USUAL));
    (void)state;
    fix_frame(usual.bytes, usual.size);
    for (unsigned way = 0; way < 8; way++) {
        scan->stranger_count = 0;
        assert_ok(snapjar_scan_pickle(scan, usual.bytes, usual.size, err));
        assert_int_equal(snapjar_scan_global_count(scan), 1);
        snapjar_scan_reset(scan, 0);
        assert_true(sj_scan_is_waiting(scan));
        assert_int_equal(snapjar_scan_generation(scan), 0);
        assert_int_equal(snapjar_scan_global_count(scan), 0);
        assert_int_equal(snapjar_scan_failure(scan)->status, SNAPJAR_OK);
        assert_null(snapjar_scan_finding_at(scan, 0));
        if (way == 1)
            assert_null(snapjar_scan_global_at(scan, 0));
        if (way == 2)
            assert_null(snapjar_scan_fields(scan, 0, &count));
        if (way == 3)
            assert_int_equal(snapjar_scan_summarize(scan)->size, 0);
        if (way == 4) {
            assert_int_equal(snapjar_scan_finish(scan, 0, &err), SNAPJAR_CUT_SHORT);
            assert_int_equal(err.diagnostic, SNAPJAR_DIAG_PICKLE_EMPTY);
        }
        if (way == 5) {
            sj_scan_fail(scan, &(snapjar_error){.status = SNAPJAR_DAMAGED});
            assert_false(snapjar_scan_summarize(scan)->is_complete);
            assert_int_equal(snapjar_scan_global_count(scan), 0);
        }
        if (way == 6) {
            assert_ok(snapjar_scan_feed(scan, usual.bytes, 0, &count, err));
            assert_int_equal(count, 0);
            assert_true(sj_scan_is_waiting(scan));
        }
        if (way == 7) {
            for (size_t i = 0; i < usual.size; i++)
                assert_ok(snapjar_scan_feed(scan, usual.bytes + i, 1, NULL, err));
            assert_ok(snapjar_scan_finish(scan, usual.size, err));
        }
    }
    /* A size that was not expected, of a twin too; and after a failure there are no twins. */
    assert_ok(snapjar_scan_pickle(scan, usual.bytes, usual.size, err));
    snapjar_scan_reset(scan, 50);
    assert_ok(snapjar_scan_feed(scan, usual.bytes, usual.size, NULL, err));
    assert_int_equal(snapjar_scan_finish(scan, usual.size + 1, &err), SNAPJAR_DAMAGED);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_PICKLE_SIZE_MISMATCH);
    assert_int_equal(err.offset, 50 + usual.size);
    assert_false(scan_both(scan, usual.bytes, usual.size, 0));
    snapjar_scan_free(scan);
    free(usual.bytes);
}

/* Bytes behind STOP belong to the next pickle. */
static void test_followed(void **state)
{
    snapjar_scan *scan = new_scan(NULL);
    size_t consumed = 0;
    (void)state;
    assert_ok(snapjar_scan_feed(scan, BYTES("\x80\x04K\x01.more"), &consumed, err));
    assert_int_equal(consumed, 5);
    const uint64_t generation = snapjar_scan_generation(scan);
    snapjar_scan_reset(scan, 5);
    assert_ok(snapjar_scan_feed(scan, BYTES("\x80\x04M\x01\x02.more"), &consumed, err));
    assert_int_equal(consumed, 6);
    assert_int_equal(snapjar_scan_generation(scan), generation);
    assert_ok(snapjar_scan_feed(scan, BYTES("more"), &consumed, err));
    assert_int_equal(consumed, 0);
    snapjar_scan_free(scan);
}

/* ---- limits ---- */

/* A list of so many small ints, and a text that makes it `size` bytes; how many bytes it has. */
static size_t make_list(uint8_t *bytes, size_t count, size_t size)
{
    size_t at = 0;
    memcpy(bytes, "\x80\x04](", 4);
    for (at = 4; count > 0; count--, at += 2)
        memcpy(bytes + at, "K\x01", 2);
    if (size > 0) {
        bytes[at] = SJ_OP_BINUNICODE;
        sj_write_le32(bytes + at + 1, (uint32_t)(size - at - 7));
        memset(bytes + at + 5, 'x', size - at - 7);
        at = size - 2;
    }
    memcpy(bytes + at, "e.", 2);
    return at + 2;
}

static void test_limits(void **state)
{
    static const struct {
        size_t count;
        size_t size;
        bool has_twins;
    } rows[] = {
        {0, SJ_TWIN_SIZE_MAX, true},
        {0, SJ_TWIN_SIZE_MAX + 1, false},
        {SJ_TWIN_PIECE_MAX - 1, 0, true},
        {SJ_TWIN_PIECE_MAX, 0, false},
    };
    uint8_t bytes[SJ_TWIN_SIZE_MAX + 64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t size = make_list(bytes, rows[i].count, rows[i].size);
        if (are_twins(bytes, size, bytes, size) != rows[i].has_twins)
            fail_msg("row %zu", i);
    }
    /* Two uses of each class, import and new; build is a third. */
    for (size_t count = SJ_TWIN_USE_MAX; count <= SJ_TWIN_USE_MAX + 1; count++) {
        size_t at = 3;
        memcpy(bytes, "\x80\x04]", at);
        for (size_t i = 0; i < count / 2; i++) {
            const uint8_t piece[] = {0x8c, 1,    'm', 0x8c, 2,  (uint8_t)('a' + i / 8), (uint8_t)('a' + i % 8), 0x93,
                                     ')',  0x81, '}', 'b',  'a'};
            const bool has_state = i == 0 && count % 2;
            memcpy(bytes + at, piece, sizeof piece);
            at += sizeof piece - (has_state ? 0 : 2);
            bytes[at - 1] = 'a';
        }
        bytes[at++] = '.';
        assert_int_equal(are_twins(bytes, at, bytes, at), count == SJ_TWIN_USE_MAX);
    }
}

/* Who has no twins does not pay for learning each pickle; who has them again gets the quick way back. */
static void test_strangers(void **state)
{
    snapjar_scan *scan = new_scan(NULL);
    uint8_t bytes[64];
    unsigned known = 0;
    (void)state;
    for (unsigned i = 1; i <= 80; i++) {
        const size_t size = make_list(bytes, i % 20, 0);
        assert_false(scan_both(scan, bytes, size, 0));
        known += scan->twin.is_known;
    }
    assert_int_equal(known, 4 + 80 / 16);
    unsigned rounds = 0;
    for (size_t size = make_list(bytes, 3, 0); !scan_both(scan, bytes, size, 0); rounds++)
        assert_true(rounds < 17);
    snapjar_scan_free(scan);
}

/* ---- at random ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Changes, takes out or puts in a few bytes, and most times puts the frame right. The new size. */
static size_t mutate(uint8_t *bytes, size_t size, uint64_t *seed)
{
    for (uint64_t count = 1 + next_random(seed) % 3; count > 0; count--) {
        const size_t at = (size_t)next_random(seed) % size;
        const uint8_t byte = (uint8_t)(next_random(seed) % 4 ? next_random(seed) : bytes[next_random(seed) % size]);
        switch (next_random(seed) % 4) {
        case 0:
            memmove(bytes + at, bytes + at + 1, size - at - 1);
            size -= size > 1;
            break;
        case 1:
            memmove(bytes + at + 1, bytes + at, size - at);
            bytes[at] = byte;
            size++;
            break;
        default:
            bytes[at] = byte;
        }
    }
    if (next_random(seed) % 4)
        fix_frame(bytes, size);
    return size;
}

static void test_random(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t size;
    } bases[] = {
        {WHOLE(USUAL)},
        {BYTES("\x80\x05" FRAME
               "\x8c\x01m\x94\x8c\x01T\x94\x93\x94)\x81\x94N}\x94(\x8c\x01x\x94K\x01\x8c\x01y\x94h\x04u"
               "\x86\x94"
               "b.")},
        {BYTES("\x80\x04" FRAME "\x8c\x08"
               "builtins\x94\x8c\x07getattr\x94\x93\x94\x8c\x01m\x94\x8c\x01T\x94\x93\x94\x8c\x02xy\x94\x86\x94R\x94"
               "\x8c\x04"
               "args\x94K\x01\x86\x94R.")},
    };
    snapjar_scan *scan = new_scan(NULL);
    uint64_t seed = 1;
    unsigned twins = 0;
    (void)state;
    for (unsigned round = 0; round < 60000; round++) {
        uint8_t bytes[256];
        size_t size = bases[round % 3].size;
        memcpy(bytes, bases[round % 3].bytes, size);
        fix_frame(bytes, size);
        scan->stranger_count = 0;
        scan_at(scan, bytes, size, 0);
        size = mutate(bytes, size, &seed);
        twins += scan_both(scan, bytes, size, round);
    }
    /* Those that hit nothing but values. */
    assert_in_range(twins, 1500, 30000);
    snapjar_scan_free(scan);
}

/* ---- what pack makes of it ---- */

/* The layout of each record is that of its own pickle, whatever the scan read before. */
static void test_layouts(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t size;
        const char *layout;
    } rows[] = {
        {WHOLE(FIELD("a") "K\x07"), "\"layout\":{\"m:T\":[\"a\"]}"},
        {WHOLE(FIELD("a") "K\x08"), "\"layout\":{\"m:T\":[\"a\"]}"},
        {WHOLE(FIELD("b") "K\x07"), "\"layout\":{\"m:T\":[\"b\"]}"},
        {WHOLE(FIELD("b") "\x88"), "\"layout\":{\"m:T\":[\"b\"]}"},
        {BYTES("\x80\x04K\x01."), NULL},
        {BYTES("\x80\x04K\x02."), NULL},
        {WHOLE(FIELD("a") "K\x07"), "\"layout\":{\"m:T\":[\"a\"]}"},
    };
    snapjar_scan *scan = new_scan(NULL);
    snapjar_pack_options options = test_options();
    (void)state;
    options.scan = scan;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        blob pickle = blob_copy(rows[i].bytes, rows[i].size);
        fix_frame(pickle.bytes, pickle.size);
        blob file = pack_all(context, pickle.bytes, pickle.size, 1, &options);
        const void *found = rows[i].layout ? memmem(file.bytes, file.size, rows[i].layout, strlen(rows[i].layout))
                                           : memmem(file.bytes, file.size, "\"layout\"", 8);
        assert_int_equal(found != NULL, rows[i].layout != NULL);
        free(file.bytes);
        free(pickle.bytes);
    }
    snapjar_scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_differ), cmocka_unit_test(test_more_differs), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_waiting),       cmocka_unit_test(test_followed),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_strangers),     cmocka_unit_test(test_random),       cmocka_unit_test(test_layouts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
