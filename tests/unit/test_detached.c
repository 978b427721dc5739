/* SPDX-License-Identifier: MIT
 *
 * Detached seals (spec/seals.md, section 10): records removed, repeated, exchanged, added and altered, keys and
 * contexts, files beside files, seeking, and every refused allocation. Their text is test_detached_text.c's.
 */
#include "detached.h"

#include "fail_alloc.h"

static void expect_fault(const blob *of, const blob *text, size_t good, snapjar_status status,
                         snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_error err;
    size_t count;
    snapjar_status actual = check(of, text, key, &count, &err);

    assert_fault(actual, &err, status, diagnostic, SNAPJAR_SPACE_FILE, offset);
    assert_int_equal(count, good);
    if (diagnostic != SNAPJAR_DIAG_SEAL_STRIPPED)
        assert_int_equal(err.record_index, good);
}

static void test_good(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);
    blob secret = detach(&file, other_key, NULL);

    expect_good(&file, &text, key, RECORDS);
    expect_good(&file, &secret, other_key, RECORDS);
    free(secret.bytes);
    free(text.bytes);
}

/* Seals inside the records are not asked, and may come and go. */
static void test_seals_inside(void **state)
{
    (void)state;
    blob plain = plain_file(context, 1);
    blob text = detach(&plain, key, NULL);
    snapjar_sealer *sealer = fixed_sealer(context, (const snapjar_key *const *)&other_key, 1, NULL);
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    blob sealed;

    assert_ok(snapjar_source_from_memory(&source, context, plain.bytes, plain.size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_seal(sealer, source, sink, NULL, NULL, err));
    sealed.bytes = (uint8_t *)(uintptr_t)snapjar_sink_memory(sink, &sealed.size);
    assert_true(sealed.size > plain.size);
    expect_good(&sealed, &text, key, 1);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_sealer_free(sealer);
    free(text.bytes);
    free(plain.bytes);
}

/* A file of the records with these numbers; 9 ends the list. */
static blob file_of(const size_t *records)
{
    blob out = {must_alloc(16384), 0};

    for (; *records != 9; records++) {
        size_t size = starts[*records + 1] - starts[*records];
        memcpy(out.bytes + out.size, file.bytes + starts[*records], size);
        out.size += size;
    }
    return out;
}

static void test_order(void **state)
{
    static const struct {
        size_t records[8];
        size_t good;
        snapjar_diagnostic diagnostic;
        /** The offset is where as many records as these end. */
        size_t at;
    } rows[] = {
        {{1, 2, 9}, 0, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 0},
        {{0, 2, 9}, 1, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 1},
        {{0, 1, 9}, 2, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 2},
        {{0, 9}, 1, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 1},
        {{0, 0, 1, 2, 9}, 1, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, 1},
        {{0, 2, 1, 9}, 1, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 1},
        {{1, 0, 2, 9}, 0, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 0},
        {{0, 1, 1, 9}, 2, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, 2},
        {{0, 1, 2, 2, 9}, 3, SNAPJAR_DIAG_SEAL_RECORDS_ADDED, 3},
        {{0, 1, 2, 0, 9}, 3, SNAPJAR_DIAG_SEAL_RECORDS_ADDED, 3},
    };

    (void)state;
    blob text = detach(&file, key, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        blob changed = file_of(rows[i].records);
        uint64_t offset = 0;
        for (size_t at = 0; at < rows[i].at; at++)
            offset += starts[rows[i].records[at] + 1] - starts[rows[i].records[at]];
        expect_fault(&changed, &text, rows[i].good, SNAPJAR_BAD_SEAL, rows[i].diagnostic, offset);
        free(changed.bytes);
    }
    free(text.bytes);
}

/* A record whose header or payload is another, with checksums that fit. */
static void test_altered(void **state)
{
    (void)state;
    blob first = record_called("first");
    blob text = detach(&first, key, NULL);
    blob other = record_called("other");
    size_t payload_at = area_at(first.bytes);

    /* Another header, the same payload. */
    expect_fault(&other, &text, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_PREFIX_SIZE);
    /* One that is no JSON: it is not looked at. */
    other.bytes[SJ_PREFIX_SIZE] = '!';
    mend(&other);
    expect_fault(&other, &text, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_PREFIX_SIZE);
    /* Neither. */
    other.bytes[other.size - SJ_TRAILER_SIZE - 1] ^= 1;
    expect_fault(&other, &text, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_TRANSPLANTED, 0);
    /* Damage is damage: the checksum comes first. */
    first.bytes[payload_at] ^= 1;
    expect_fault(&first, &text, 0, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, payload_at);
    free(other.bytes);
    free(text.bytes);
    free(first.bytes);
}

/* A list that somebody with the key signed, and that lies of a record. */
static blob lying_text(const blob *record, bool lies_of_size)
{
    sj_listed listed = {.stored_size = 1};
    snapjar_detached *list = NULL;
    snapjar_sink *sink = NULL;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *read = NULL;
    size_t size;

    assert_ok(snapjar_source_from_memory(&source, context, record->bytes, record->size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_reader_next(reader, &read, err));
    sj_record_header_digest(listed.header_digest, snapjar_record_header(read));
    if (!lies_of_size)
        listed.stored_size = read->inner.header->stored_size;
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    assert_ok(sj_detached_new(&list, context, err));
    assert_ok(sj_detached_add(list, &listed, 0, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(sj_detached_write_list(list, sink, &list->list_size, list->list_digest, err));
    assert_ok(sj_detached_write_signature(list, key, NULL, sink, err));
    const void *bytes = snapjar_sink_memory(sink, &size);
    blob text = blob_copy(bytes, size);
    snapjar_sink_free(sink);
    snapjar_detached_free(list);
    return text;
}

static void test_lists_that_lie(void **state)
{
    (void)state;
    blob record = record_called("first");
    blob of_size = lying_text(&record, true);
    blob of_payload = lying_text(&record, false);

    expect_fault(&record, &of_size, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MALFORMED, 0);
    expect_fault(&record, &of_payload, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_PAYLOAD_ALTERED, area_at(record.bytes));
    free(of_payload.bytes);
    free(of_size.bytes);
    free(record.bytes);
}

/* ---- keys ---- */

static void expect_key_fault(const blob *text, const snapjar_trust *trust, const char *seal_context,
                             snapjar_diagnostic diagnostic, uint64_t offset)
{
    snapjar_error err;
    size_t count;
    snapjar_status status = check_by(context, &file, text, trust, seal_context, &count, &err);

    assert_fault(status, &err, SNAPJAR_BAD_SEAL, diagnostic, SNAPJAR_SPACE_FILE, offset);
    assert_int_equal(count, 0);
}

static void test_keys(void **state)
{
    static const char *const types[] = {"app:Other"};
    snapjar_trust_options options = SNAPJAR_TRUST_OPTIONS_INIT;

    (void)state;
    blob text = detach(&file, key, "queue");
    size_t at = text.size - strlen("signature ed25519 " ID " " ID " " DIGEST DIGEST "\n");
    snapjar_trust *trust = trust_in(context, other_key, NULL);
    expect_key_fault(&text, trust, "queue", SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, at);
    snapjar_trust_free(trust);
    trust = trust_in(context, key, NULL);
    expect_key_fault(&text, trust, NULL, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at);
    expect_key_fault(&text, trust, "other", SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at);
    /* The signature says that it is another algorithm's. */
    blob mac = blob_copy(text.bytes, text.size);
    mac.size = at + (size_t)sprintf((char *)mac.bytes + at, "signature mac %s %.32s " DIGEST "\n", snapjar_key_id(key),
                                    (const char *)text.bytes + at + 51);
    expect_key_fault(&mac, trust, "queue", SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at);
    free(mac.bytes);
    text.bytes[text.size - 2] ^= text.bytes[text.size - 2] == '0' ? '0' ^ '1' : text.bytes[text.size - 2] ^ '0';
    expect_key_fault(&text, trust, "queue", SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at);
    snapjar_trust_free(trust);
    free(text.bytes);
    text = detach(&file, key, "queue");
    options.not_after = "2020-01-01T00:00:00Z";
    trust = trust_in(context, key, &options);
    expect_key_fault(&text, trust, "queue", SNAPJAR_DIAG_SEAL_KEY_EXPIRED, at);
    snapjar_trust_free(trust);
    options.not_after = NULL;
    options.not_before = "9000-01-01T00:00:00Z";
    trust = trust_in(context, key, &options);
    expect_key_fault(&text, trust, "queue", SNAPJAR_DIAG_SEAL_KEY_NOT_YET_VALID, at);
    snapjar_trust_free(trust);
    options = (snapjar_trust_options)SNAPJAR_TRUST_OPTIONS_INIT;
    options.types = types;
    options.type_count = 1;
    trust = trust_in(context, key, &options);
    const char *type = strstr((const char *)file.bytes + SJ_PREFIX_SIZE, "\"app:T\"");
    assert_non_null(type);
    expect_key_fault(&text, trust, "queue", SNAPJAR_DIAG_SEAL_TYPE_DENIED,
                     (uint64_t)((const uint8_t *)type - file.bytes));
    snapjar_trust_free(trust);
    free(text.bytes);
}

/* The signatures' lines are gone. */
static void test_stripped(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);

    text.size -= strlen("signature ed25519 " ID " " ID " " DIGEST DIGEST "\n");
    expect_fault(&file, &text, 0, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_STRIPPED, text.size);
    free(text.bytes);
}

/* ---- adding and removing ---- */

static void test_kept(void **state)
{
    const size_t fewer[] = {0, 1, 9};

    (void)state;
    blob text = detach(&file, key, NULL);
    snapjar_detached *kept = read_detached(&text);
    blob both;
    blob one;
    snapjar_error err;
    snapjar_sink *sink = NULL;
    size_t left = 9;

    assert_ok(try_detach(context, &file, other_key, NULL, kept, &both, err));
    assert_memory_equal(both.bytes, text.bytes, text.size);
    expect_good(&file, &both, key, RECORDS);
    expect_good(&file, &both, other_key, RECORDS);
    /* The same key again takes the place of its own. */
    assert_ok(try_detach(context, &file, key, NULL, kept, &one, err));
    assert_int_equal(one.size, text.size);
    free(one.bytes);
    blob changed = file_of(fewer);
    snapjar_status status = try_detach(context, &changed, other_key, NULL, kept, &one, &err);
    assert_fault(status, &err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_SEAL_NEEDS_REPLACE, SNAPJAR_SPACE_NONE,
                 SNAPJAR_OFFSET_NONE);
    snapjar_detached_free(kept);
    kept = read_detached(&both);
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_unseal_detached(kept, sink, snapjar_key_id(other_key), &left, err));
    assert_int_equal(left, 1);
    one.bytes = (uint8_t *)(uintptr_t)snapjar_sink_memory(sink, &one.size);
    assert_int_equal(one.size, text.size);
    assert_memory_equal(one.bytes, text.bytes, text.size);
    assert_int_equal(snapjar_unseal_detached(kept, sink, "12", &left, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(left, 0);
    snapjar_sink_free(sink);
    snapjar_detached_free(kept);
    free(changed.bytes);
    free(both.bytes);
    free(text.bytes);
}

/* What would become too many signatures is not written. */
static void test_too_many_signatures(void **state)
{
    (void)state;
    blob record = record_called("first");
    blob text = detach(&record, key, NULL);
    blob more = {must_alloc(16384), text.size};
    blob again;
    snapjar_error err;

    memcpy(more.bytes, text.bytes, text.size);
    for (size_t i = 0; i < 63; i++)
        more.size += (size_t)sprintf((char *)more.bytes + more.size, "signature new %032zx " ID " aa\n", i);
    snapjar_detached *kept = read_detached(&more);
    assert_ok(try_detach(context, &record, key, NULL, kept, &again, err));
    free(again.bytes);
    snapjar_status status = try_detach(context, &record, other_key, NULL, kept, &again, &err);
    assert_fault(status, &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    snapjar_detached_free(kept);
    free(more.bytes);
    free(text.bytes);
    free(record.bytes);
}

/* What is damaged is not sealed. */
static void test_damage_is_not_sealed(void **state)
{
    (void)state;
    blob damaged = blob_copy(file.bytes, file.size);
    size_t at = starts[1] + area_at(file.bytes + starts[1]);
    snapjar_error err;
    blob text;

    damaged.bytes[at] ^= 1;
    snapjar_status status = try_detach(context, &damaged, key, NULL, NULL, &text, &err);
    assert_fault(status, &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, at);
    assert_int_equal(err.record_index, 1);
    damaged.bytes[at] ^= 1;
    damaged.size--;
    status = try_detach(context, &damaged, key, NULL, NULL, &text, &err);
    assert_fault(status, &err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_RECORD_CUT_SHORT, SNAPJAR_SPACE_FILE, damaged.size);
    free(damaged.bytes);
}

/* Goes on until so many records are done. */
static bool go_on(void *state, uint64_t done, uint64_t total)
{
    size_t *left = state;

    assert_true(done <= total && total == file.size);
    return --*left > 0;
}

static void test_cancelled(void **state)
{
    (void)state;
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    snapjar_sealer *sealer = fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL);
    uint64_t count = 7;
    snapjar_error err;

    options.progress = go_on;
    for (size_t granted = 1; granted <= RECORDS + 1; granted++) {
        snapjar_source *source = NULL;
        snapjar_sink *sink = NULL;
        size_t left = granted;
        size_t size;
        options.progress_state = &left;
        assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
        assert_ok(snapjar_sink_to_memory(&sink, context, err));
        snapjar_status status = snapjar_seal_detached(sealer, source, sink, NULL, &options, &count, &err);
        assert_int_equal(status, granted > RECORDS ? SNAPJAR_OK : SNAPJAR_CANCELLED);
        assert_int_equal(count, granted > RECORDS ? RECORDS : 0);
        (void)snapjar_sink_memory(sink, &size);
        assert_int_equal(size > 0, granted > RECORDS);
        snapjar_sink_free(sink);
        snapjar_source_free(source);
    }
    snapjar_sealer_free(sealer);
}

/* ---- demanding ---- */

static snapjar_status demand_beside(snapjar_source *source, size_t *count, snapjar_error *err)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_trust *trust = trust_in(context, key, NULL);

    demand.trust = trust;
    demand.is_beside = true;
    snapjar_status status = verify_sealed(context, source, &demand, count, err);
    snapjar_trust_free(trust);
    return status;
}

static void test_beside(void **state)
{
    (void)state;
    snapjar_source *source = NULL;
    snapjar_error err;
    size_t count;
    blob text = detach(&file, key, NULL);

    write_blob("a.snapjar", &file);
    assert_ok(snapjar_source_open_path(&source, context, "a.snapjar", 0, err));
    snapjar_status status = demand_beside(source, &count, &err);
    assert_fault(status, &err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_string_equal(err.message, "a.snapjar.seal: a detached seal is demanded and there is none");
    assert_string_equal(err.place, "a.snapjar.seal");
    write_blob("a.snapjar.seal", &text);
    assert_ok(demand_beside(source, &count, err));
    assert_int_equal(count, RECORDS);
    text.bytes[31] = 'X';
    write_blob("a.snapjar.seal", &text);
    status = demand_beside(source, &count, &err);
    assert_fault(status, &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, SNAPJAR_SPACE_FILE, 31);
    /* A pipe that nobody writes to keeps nobody waiting. */
    assert_int_equal(unlink("a.snapjar.seal"), 0);
    assert_int_equal(mkfifo("a.snapjar.seal", 0600), 0);
    status = demand_beside(source, &count, &err);
    assert_fault(status, &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEAL_FILE_INVALID, SNAPJAR_SPACE_FILE, 0);
    snapjar_source_free(source);
    free(text.bytes);
}

/* Bytes of no known file have nothing beside them, until it is said whose they are. */
static void test_path_of_source(void **state)
{
    (void)state;
    snapjar_source *source = NULL;
    snapjar_error err;
    size_t count;
    blob text = detach(&file, key, NULL);

    write_blob("b.seal", &text);
    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    snapjar_status status = demand_beside(source, &count, &err);
    assert_fault(status, &err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SNAPJAR_SPACE_NONE, SNAPJAR_OFFSET_NONE);
    assert_ok(snapjar_source_set_path(source, "a", err));
    assert_int_equal(demand_beside(source, &count, &err), SNAPJAR_BAD_SEAL);
    assert_ok(snapjar_source_set_path(source, "b", err));
    assert_ok(demand_beside(source, &count, err));
    assert_int_equal(count, RECORDS);
    snapjar_source_free(source);
    free(text.bytes);
}

/* Who goes on after a failure gets nothing, though the records have good seals of their own. */
static void test_failure_stays(void **state)
{
    (void)state;
    blob sealed = sealed_file(context, key, 1, NULL);
    demanding d = demanding_begin(&sealed);
    const snapjar_record *record = NULL;
    snapjar_error err;

    d.demand.is_beside = true;
    assert_int_equal(snapjar_reader_demand_seal(d.reader, &d.demand, &err), SNAPJAR_BAD_SEAL);
    snapjar_status status = snapjar_reader_next(d.reader, &record, &err);
    assert_fault(status, &err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORDS_ADDED, SNAPJAR_SPACE_FILE, 0);
    assert_null(record);
    d.demand.is_beside = false;
    assert_ok(snapjar_reader_demand_seal(d.reader, &d.demand, err));
    assert_ok(snapjar_reader_next(d.reader, &record, err));
    assert_string_equal(snapjar_record_sealed_by(record), snapjar_key_id(key));
    demanding_end(&d);
    free(sealed.bytes);
}

static void test_arguments(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);
    snapjar_detached *detached = read_detached(&text);
    demanding d = demanding_begin(&file);
    snapjar_error err;

    d.demand.detached = detached;
    d.demand.is_beside = true;
    assert_int_equal(snapjar_reader_demand_seal(d.reader, &d.demand, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_detached_read(NULL, context, "", 0, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_detached_open_path(NULL, context, "x", &err), SNAPJAR_INVALID_ARGUMENT);
    snapjar_detached *none = detached;
    assert_int_equal(snapjar_detached_read(&none, NULL, "", 0, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_null(none);
    none = detached;
    assert_int_equal(snapjar_detached_open_path(&none, context, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_null(none);
    assert_int_equal(snapjar_seal_detached(NULL, d.source, NULL, NULL, NULL, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_unseal_detached(NULL, NULL, NULL, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_source_set_path(d.source, NULL, &err), SNAPJAR_INVALID_ARGUMENT);
    snapjar_detached_free(NULL);
    demanding_end(&d);
    snapjar_detached_free(detached);
    free(text.bytes);
}

/* Records are known by their number, also after a seek. */
static void test_seek(void **state)
{
    (void)state;
    blob text = detach(&file, key, NULL);
    snapjar_detached *detached = read_detached(&text);
    demanding d = demanding_begin(&file);
    const snapjar_record *record = NULL;
    snapjar_error err;

    d.demand.detached = detached;
    assert_ok(snapjar_reader_demand_seal(d.reader, &d.demand, err));
    snapjar_reader_seek(d.reader, starts[1], 1);
    assert_ok(snapjar_reader_next(d.reader, &record, err));
    assert_int_equal(snapjar_record_offset(record), starts[1]);
    snapjar_reader_seek(d.reader, starts[1], 2);
    snapjar_status status = snapjar_reader_next(d.reader, &record, &err);
    assert_fault(status, &err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, SNAPJAR_SPACE_FILE, starts[1]);
    assert_ok(snapjar_reader_seek_last(d.reader, err));
    assert_ok(snapjar_reader_next(d.reader, &record, err));
    assert_int_equal(snapjar_record_offset(record), starts[2]);
    assert_ok(snapjar_reader_next(d.reader, &record, err));
    assert_null(record);
    demanding_end(&d);
    snapjar_detached_free(detached);
    free(text.bytes);
}

/* ---- without memory ---- */

static snapjar_status make_and_check(snapjar_context *own, void *state, snapjar_error *err)
{
    blob text;
    size_t count;
    snapjar_status status = try_detach(own, &file, key, "queue", NULL, &text, err);

    (void)state;
    if (status == SNAPJAR_OK) {
        snapjar_trust *trust = trust_in(context, key, NULL);
        status = check_by(own, &file, &text, trust, "queue", &count, err);
        assert_true(status != SNAPJAR_OK || count == RECORDS);
        snapjar_trust_free(trust);
    }
    free(text.bytes);
    return status;
}

static snapjar_status check_beside(snapjar_context *own, void *state, snapjar_error *err)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_source *source = NULL;
    size_t count;

    demand.trust = state;
    demand.is_beside = true;
    demand.context = "queue";
    snapjar_status status = snapjar_source_from_memory(&source, own, file.bytes, file.size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_set_path(source, "c", err);
    if (status == SNAPJAR_OK)
        status = verify_sealed(own, source, &demand, &count, err);
    snapjar_source_free(source);
    return status;
}

/* Without memory to demand with, the reader gives out nothing, however much memory there is later. */
static snapjar_status demand_and_go_on(snapjar_context *own, void *state, snapjar_error *err)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    demand.trust = state;
    demand.context = "queue";
    snapjar_status status = snapjar_source_from_memory(&source, own, file.bytes, file.size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, own, source, NULL, err);
    if (status == SNAPJAR_OK) {
        status = snapjar_reader_demand_seal(reader, &demand, err);
        assert_int_equal(snapjar_reader_next(reader, &record, NULL), SNAPJAR_BAD_SEAL);
        assert_null(record);
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

static void test_refused_allocations(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(make_and_check, NULL) > 10);
    blob text = detach(&file, key, "queue");
    snapjar_trust *trust = trust_in(context, key, NULL);
    write_blob("c.seal", &text);
    assert_true(fail_alloc_run(check_beside, trust) > 10);
    /* The source, the reader, its context's copy. */
    assert_true(fail_alloc_run(demand_and_go_on, trust) > 3);
    snapjar_trust_free(trust);
    free(text.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_seals_inside),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_lists_that_lie),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_too_many_signatures),
        cmocka_unit_test(test_damage_is_not_sealed),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test_setup_teardown(test_beside, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_path_of_source, folder_begin, folder_end),
        cmocka_unit_test(test_failure_stays),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_seek),
        cmocka_unit_test_setup_teardown(test_refused_allocations, folder_begin, folder_end),
    };

    return cmocka_run_group_tests_name("detached", tests, set_up, tear_down);
}
