/* SPDX-License-Identifier: MIT
 *
 * The text of detached seals (spec/seals.md, section 10.1): every bit of it, every way to be refused with its byte,
 * algorithms of the future, and limits on both sides.
 */
#include "detached.h"

#define TITLE_SIZE 24

/* The text is as the specification writes it, and says itself what it has. */
static void test_text(void **state)
{
    (void)state;
    blob text = detach(&file, key, "queue");
    snapjar_detached *detached = read_detached(&text);
    snapjar_signature signature;
    snapjar_error err;

    assert_memory_equal(text.bytes, "snapjar detached seal 1\nrecord ", TITLE_SIZE + 7);
    assert_int_equal(text.bytes[text.size - 1], '\n');
    assert_int_equal(snapjar_detached_record_count(detached), RECORDS);
    assert_int_equal(snapjar_detached_signature_count(detached), 1);
    assert_ok(snapjar_detached_signature(detached, 0, &signature, err));
    assert_int_equal(signature.algorithm, SNAPJAR_SEAL_ED25519);
    assert_string_equal(signature.key_id, snapjar_key_id(key));
    assert_true(signature.has_context);
    assert_int_equal(snapjar_detached_signature(detached, 1, &signature, &err), SNAPJAR_NOT_FOUND);
    snapjar_detached_free(detached);
    free(text.bytes);
}

/* Every bit of it, and every cut but none. */
static void test_every_change(void **state)
{
    (void)state;
    blob record = record_called("first");
    blob text = detach(&record, key, NULL);
    blob changed = blob_copy(text.bytes, text.size);
    snapjar_trust *trust = trust_in(context, key, NULL);
    snapjar_error err;
    size_t count;

    for (size_t bit = 0; bit < 8 * text.size; bit++) {
        changed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(check_by(context, &record, &changed, trust, NULL, &count, &err), SNAPJAR_OK);
        assert_int_equal(count, 0);
        changed.bytes[bit / 8] = text.bytes[bit / 8];
    }
    for (changed.size = 0; changed.size < text.size; changed.size++)
        assert_int_not_equal(check_by(context, &record, &changed, trust, NULL, &count, &err), SNAPJAR_OK);
    snapjar_trust_free(trust);
    free(changed.bytes);
    free(text.bytes);
    free(record.bytes);
}

#define TITLE "snapjar detached seal 1\n"
#define RECORD "record " DIGEST " 34 " DIGEST "\n"
#define MAC_LINE "signature mac " ID " " ID " " DIGEST "\n"
/* Where the lines of TITLE RECORD MAC_LINE begin. */
#define AT_RECORD 24
#define AT_SIGNATURE (AT_RECORD + 140)

static void test_texts_refused(void **state)
{
    static const struct {
        const char *text;
        snapjar_status status;
        snapjar_diagnostic diagnostic;
        uint64_t offset;
    } rows[] = {
        {"", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0},
        {"snapjar detached sea", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0},
        {"snapjar public key 1\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, 0},
        {"snapjar detached seal 2\n" RECORD, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, 22},
        {"snapjar detached seal 1\r\n" RECORD, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, 22},
        {"snapjar detached seal ", SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, 22},
        {TITLE, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD},
        {TITLE MAC_LINE, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD},
        {TITLE "\n" RECORD, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD},
        {TITLE "record\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD},
        {TITLE "record \n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 7},
        {TITLE "record  " DIGEST " 34 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 7},
        {TITLE "record " ID " 34 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 7},
        {TITLE "record " DIGEST " 0 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 72},
        {TITLE "record " DIGEST " 034 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 72},
        {TITLE "record " DIGEST " -34 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 72},
        {TITLE "record " DIGEST " 1234567890123456789 " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_RECORD + 72},
        {TITLE "record " DIGEST " 34\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 74},
        {TITLE "record " DIGEST " 34 " DIGEST " \n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD + 75},
        {TITLE "record " DIGEST " 34 " DIGEST, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_RECORD},
        {TITLE RECORD "x", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_SIGNATURE},
        {TITLE RECORD "signature\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_SIGNATURE},
        {TITLE RECORD "signature \n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_SIGNATURE + 10},
        {TITLE RECORD "signature Mac " ID " " ID " " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 10},
        {TITLE RECORD "signature a23456789012345678901234567890123 " ID " " ID " 00\n", SNAPJAR_DAMAGED,
         SNAPJAR_DIAG_SEAL_FILE_INVALID, AT_SIGNATURE + 10},
        {TITLE RECORD "signature mac " DIGEST " " ID " " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 14},
        {TITLE RECORD "signature mac " ID " - " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 47},
        {TITLE RECORD "signature mac " ID " " ID " " DIGEST "00\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 80},
        {TITLE RECORD "signature mac " ID " " ID "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 79},
        {TITLE RECORD "signature ed25519 " ID " " ID " " DIGEST "\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 84},
        {TITLE RECORD "signature new " ID " " ID " \n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 80},
        {TITLE RECORD "signature new " ID " " ID " 0\n", SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + 80},
        {TITLE RECORD MAC_LINE MAC_LINE, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + sizeof(MAC_LINE) - 1 + 14},
        {TITLE RECORD MAC_LINE RECORD, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
         AT_SIGNATURE + sizeof(MAC_LINE) - 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snapjar_detached *detached = NULL;
        snapjar_error err;
        snapjar_status status = snapjar_detached_read(&detached, context, rows[i].text, strlen(rows[i].text), &err);
        assert_fault(status, &err, rows[i].status, rows[i].diagnostic, SNAPJAR_SPACE_FILE, rows[i].offset);
        assert_null(detached);
    }
}

/* Signatures of algorithms that are not known are passed over, and kept. */
static void test_unknown_algorithm(void **state)
{
    static const char unknown[] = "signature x2 " ID " " ID " 00ff\n";

    (void)state;
    blob text = detach(&file, key, NULL);
    blob more = {must_alloc(text.size + sizeof(unknown)), text.size + sizeof(unknown) - 1};
    blob again;
    snapjar_signature signature;

    memcpy(more.bytes, text.bytes, text.size);
    memcpy(more.bytes + text.size, unknown, sizeof(unknown));
    expect_good(&file, &more, key, RECORDS);
    snapjar_detached *detached = read_detached(&more);
    assert_int_equal(snapjar_detached_signature_count(detached), 2);
    assert_ok(snapjar_detached_signature(detached, 1, &signature, err));
    assert_int_equal(signature.algorithm, 0);
    assert_string_equal(signature.key_id, ID);
    assert_ok(try_detach(context, &file, other_key, NULL, detached, &again, err));
    assert_memory_equal(again.bytes, more.bytes, more.size);
    expect_good(&file, &again, other_key, RECORDS);
    snapjar_detached_free(detached);
    free(again.bytes);
    free(more.bytes);
    free(text.bytes);
}

/* ---- limits ---- */

static blob text_of(size_t records, size_t signatures, size_t signature_size)
{
    size_t line_size = sizeof("signature new " ID " " ID " \n") + 2 * signature_size;
    blob text = {must_alloc(TITLE_SIZE + records * 140 + signatures * line_size + 1), 0};

    memcpy(text.bytes, TITLE, TITLE_SIZE);
    text.size = TITLE_SIZE;
    for (size_t i = 0; i < records; i++, text.size += 140)
        memcpy(text.bytes + text.size, RECORD, 140);
    for (size_t i = 0; i < signatures; i++) {
        text.size += (size_t)sprintf((char *)text.bytes + text.size, "signature new %032zx " ID " ", i);
        memset(text.bytes + text.size, 'a', 2 * signature_size);
        text.size += 2 * signature_size;
        text.bytes[text.size++] = '\n';
    }
    return text;
}

static void expect_text(blob text, snapjar_status status, snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_detached *detached = NULL;
    snapjar_error err;
    snapjar_status actual = snapjar_detached_read(&detached, context, (const char *)text.bytes, text.size, &err);

    if (status == SNAPJAR_OK)
        assert_int_equal(actual, SNAPJAR_OK);
    else
        assert_fault(actual, &err, status, diagnostic, SNAPJAR_SPACE_FILE, offset);
    snapjar_detached_free(detached);
    free(text.bytes);
}

static void test_limits(void **state)
{
    const size_t records_max = SNAPJAR_DETACHED_RECORDS_MAX;
    const size_t line_size = sizeof("signature new " ID " " ID " aa\n") - 1;

    (void)state;
    expect_text(text_of(records_max, 0, 0), SNAPJAR_OK, SNAPJAR_DIAG_NONE, 0);
    expect_text(text_of(records_max + 1, 0, 0), SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, TITLE_SIZE + records_max * 140);
    expect_text(text_of(1, 64, 1), SNAPJAR_OK, SNAPJAR_DIAG_NONE, 0);
    expect_text(text_of(1, 65, 1), SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, AT_SIGNATURE + 64 * line_size);
    expect_text(text_of(1, 1, SNAPJAR_DETACHED_SIGNATURE_SIZE_MAX), SNAPJAR_OK, SNAPJAR_DIAG_NONE, 0);
    expect_text(text_of(1, 1, SNAPJAR_DETACHED_SIGNATURE_SIZE_MAX + 1), SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID,
                AT_SIGNATURE + line_size - 3);
    blob large = {calloc(1, SNAPJAR_DETACHED_SIZE_MAX + 1), SNAPJAR_DETACHED_SIZE_MAX};
    assert_non_null(large.bytes);
    memcpy(large.bytes, TITLE, TITLE_SIZE);
    expect_text(blob_copy(large.bytes, large.size), SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, TITLE_SIZE);
    large.size++;
    expect_text(large, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SNAPJAR_DETACHED_SIZE_MAX);
}

/* Files of any size up to the limit are read whole. */
static void test_large_files(void **state)
{
    static const size_t counts[] = {28, 29, 58, SNAPJAR_DETACHED_RECORDS_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        blob text = text_of(counts[i], 1, 1);
        snapjar_detached *detached = NULL;
        write_blob("large.seal", &text);
        assert_ok(snapjar_detached_open_path(&detached, context, "large.seal", err));
        assert_int_equal(snapjar_detached_record_count(detached), counts[i]);
        assert_int_equal(snapjar_detached_signature_count(detached), 1);
        snapjar_detached_free(detached);
        free(text.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_change),
        cmocka_unit_test(test_texts_refused),
        cmocka_unit_test(test_unknown_algorithm),
        cmocka_unit_test(test_limits),
        cmocka_unit_test_setup_teardown(test_large_files, folder_begin, folder_end),
    };

    return cmocka_run_group_tests_name("detached text", tests, set_up, tear_down);
}
