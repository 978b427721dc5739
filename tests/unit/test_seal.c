/* SPDX-License-Identifier: MIT
 *
 * Records under a demand for a seal: whatever somebody does to a sealed file gets an answer of its own, at its byte,
 * and nothing is parsed or decompressed before the seal holds.
 */
#include "support.h"

#include "craft.h"
#include "hooked.h"
#include "sealing.h"

static snapjar_context *context;
/* Two Ed25519 keys and a MAC key, and trust in the first. */
static snapjar_key *key;
static snapjar_key *other_key;
static snapjar_key *mac_key;
static snapjar_trust *trust;

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1);
    other_key = fixed_key(context, SNAPJAR_SEAL_ED25519, 2);
    mac_key = fixed_key(context, SNAPJAR_SEAL_MAC, 3);
    trust = trust_in(context, key, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_trust_free(trust);
    snapjar_key_free(key);
    snapjar_key_free(other_key);
    snapjar_key_free(mac_key);
    snapjar_context_free(context);
    return 0;
}

/* ---- one answer, from memory and through functions ---- */

static snapjar_status ask(const blob *file, const snapjar_seal_demand *demand, size_t *count, snapjar_error *err)
{
    snapjar_source *source = NULL;

    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    memset(err, 0, sizeof(*err));
    snapjar_status status = verify_sealed(context, source, demand, count, err);
    snapjar_source_free(source);
    return status;
}

static snapjar_seal_demand demand_of(const snapjar_trust *wanted, const char *seal_context)
{
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;

    demand.trust = wanted;
    demand.context = seal_context;
    return demand;
}

static void expect_good(const blob *file, const snapjar_seal_demand *demand, size_t records)
{
    size_t count = 0;

    assert_ok(ask(file, demand, &count, err));
    assert_int_equal(count, records);
}

static void expect_status(const blob *file, const snapjar_seal_demand *demand, snapjar_status status,
                          snapjar_diagnostic diagnostic, uint64_t offset, size_t record)
{
    snapjar_error err;
    size_t count = 0;

    snapjar_status got = ask(file, demand, &count, &err);
    assert_fault(got, &err, status, diagnostic, SNAPJAR_SPACE_FILE, offset);
    assert_int_equal(count, record);
    assert_int_equal(err.record_index, record);
}

static void expect_bad(const blob *file, const snapjar_seal_demand *demand, snapjar_diagnostic diagnostic,
                       uint64_t offset, size_t record)
{
    expect_status(file, demand, SNAPJAR_BAD_SEAL, diagnostic, offset, record);
}

/* ---- what holds ---- */

static void test_good(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 3, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t count = 0;

    expect_good(&file, &demand, 3);
    /* Who demands no seal skips it. */
    assert_ok(verify_all(context, file.bytes, file.size, NULL, NULL, &count, err));
    assert_int_equal(count, 3);
    free(file.bytes);
}

static void test_sealed_by(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_signature signature;
    snapjar_error err;

    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_ok(snapjar_reader_demand_seal(reader, &demand, err));
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_string_equal(snapjar_record_sealed_by(record), snapjar_key_id(key));
    const snapjar_header *header = snapjar_record_header(record);
    assert_int_equal(snapjar_header_signature_count(header), 1);
    assert_ok(snapjar_header_signature(header, 0, &signature, err));
    assert_string_equal(signature.key_id, snapjar_key_id(key));
    assert_int_equal(signature.algorithm, SNAPJAR_SEAL_ED25519);
    assert_false(signature.has_context);
    assert_int_equal(snapjar_header_signature(header, 1, &signature, NULL), SNAPJAR_NOT_FOUND);
    assert_int_equal(signature.algorithm, 0);
    /* Too late for a demand. */
    assert_int_equal(snapjar_reader_demand_seal(reader, &demand, &err), SNAPJAR_INVALID_ARGUMENT);
    snapjar_reader_free(reader);
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    assert_int_equal(snapjar_reader_demand_seal(reader, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_ok(snapjar_reader_next(reader, &record, err));
    assert_null(snapjar_record_sealed_by(record));
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    free(file.bytes);
}

static void test_mac(void **state)
{
    (void)state;
    blob file = sealed_file(context, mac_key, 2, NULL);
    snapjar_trust *own = trust_in(context, mac_key, NULL);
    snapjar_seal_demand demand = demand_of(own, NULL);

    expect_good(&file, &demand, 2);
    blob bad = blob_copy(file.bytes, file.size);
    free(file.bytes);
    /* Another secret under the same id does not exist; a changed MAC does. */
    size_t at = area_at(bad.bytes) + SJ_SEAL_FIXED_SIZE;
    bad.bytes[at + SJ_SEAL_ENTRY_SIZE + 31] ^= 1;
    size_t record_size = (size_t)sj_read_le32(bad.bytes + 4) + 8;
    craft_checksum(bad.bytes, record_size);
    expect_bad(&bad, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at, 0);
    snapjar_trust_free(own);
    free(bad.bytes);
}

static void test_several_keys(void **state)
{
    (void)state;
    const snapjar_key *keys[] = {other_key, key, mac_key};
    snapjar_pack_options options = test_options();
    snapjar_trust_options expired = SNAPJAR_TRUST_OPTIONS_INIT;
    options.sealer = fixed_sealer(context, keys, 3, NULL);
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    snapjar_trust *both = NULL;

    /* Rotation: the old key is trusted no more, the new one is, and one of them is enough. */
    expired.not_after = "2020-01-01T00:00:00Z";
    both = trust_in(context, other_key, &expired);
    assert_ok(snapjar_trust_add(both, key, NULL, err));
    snapjar_seal_demand demand = demand_of(both, NULL);
    expect_good(&file, &demand, 1);
    demand.trust = trust;
    expect_good(&file, &demand, 1);
    snapjar_trust_free(both);
    snapjar_sealer_free(options.sealer);
    free(file.bytes);
}

/* ---- what is refused, record by record ---- */

static void test_missing(void **state)
{
    (void)state;
    snapjar_pack_options options = test_options();
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    snapjar_seal_demand demand = demand_of(trust, NULL);

    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_MISSING, 24, 0);
    free(file.bytes);
    /* The whole seal was taken off. */
    file = sealed_file(context, key, 1, NULL);
    blob bare = with_area(&file, NULL, 0);
    expect_bad(&bare, &demand, SNAPJAR_DIAG_SEAL_MISSING, 24, 0);
    free(bare.bytes);
    free(file.bytes);
}

static void test_stripped(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes);
    uint8_t area[SJ_SEAL_FIXED_SIZE];

    memcpy(area, file.bytes + at, sizeof(area));
    sj_write_le16(area + 2, 0);
    blob stripped = with_area(&file, area, sizeof(area));
    expect_bad(&stripped, &demand, SNAPJAR_DIAG_SEAL_STRIPPED, at + 2, 0);
    free(stripped.bytes);
    free(file.bytes);
}

static void test_unknown_key(void **state)
{
    (void)state;
    blob file = sealed_file(context, other_key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes) + SJ_SEAL_FIXED_SIZE;

    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, at, 0);
    snapjar_trust *nobody = trust_in(context, NULL, NULL);
    demand.trust = nobody;
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, at, 0);
    snapjar_trust_free(nobody);
    free(file.bytes);
}

static void test_bad_signature(void **state)
{
    (void)state;
    blob file = sealed_file(context, other_key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes) + SJ_SEAL_FIXED_SIZE;

    /* Another key's genuine signature under the id of the trusted one. */
    memcpy(file.bytes + at + 4, key->id, SJ_ID_SIZE);
    mend(&file);
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at, 0);
    free(file.bytes);
    /* Each bit of a genuine signature. */
    file = sealed_file(context, key, 1, NULL);
    for (size_t bit = 0; bit < 8 * SJ_SIGNATURE_SIZE; bit++) {
        uint8_t *byte = file.bytes + at + SJ_SEAL_ENTRY_SIZE + bit / 8;
        *byte ^= (uint8_t)(1 << bit % 8);
        mend(&file);
        expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at, 0);
        *byte ^= (uint8_t)(1 << bit % 8);
    }
    free(file.bytes);
}

/* The old trick: what is public of a key, used as a shared secret. The file says "mac"; the key says what it is. */
static void test_algorithm_is_the_keys(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes);
    uint8_t area[SJ_SEAL_FIXED_SIZE + SJ_SEAL_ENTRY_SIZE + SJ_MAC_SIZE];
    const sj_signed_header header = {file.bytes + 8, file.bytes + SJ_PREFIX_SIZE, at - SJ_PREFIX_SIZE};
    size_t size;

    memcpy(area, file.bytes + at, sizeof(area));
    uint8_t *message = sj_seal_message(&size, context, &header, sj_read_le64(area + 4), area + 12, NULL);
    sj_write_le16(area + SJ_SEAL_FIXED_SIZE, SNAPJAR_SEAL_MAC);
    sj_write_le16(area + SJ_SEAL_FIXED_SIZE + 2, SJ_MAC_SIZE);
    sj_mac(area + SJ_SEAL_FIXED_SIZE + SJ_SEAL_ENTRY_SIZE, message, size, key->public_key);
    sj_free(context, message);
    blob forged = with_area(&file, area, sizeof(area));
    expect_bad(&forged, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at + SJ_SEAL_FIXED_SIZE, 0);
    free(forged.bytes);
    free(file.bytes);
}

static void test_altered_header(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);

    /* Each byte of the JSON, and the flags that may be ignored. */
    for (size_t at = SJ_PREFIX_SIZE; at < area_at(file.bytes); at++) {
        file.bytes[at] ^= 1;
        mend(&file);
        expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_PREFIX_SIZE, 0);
        file.bytes[at] ^= 1;
    }
    file.bytes[19] = 1;
    mend(&file);
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SJ_PREFIX_SIZE, 0);
    free(file.bytes);
}

static void test_transplanted(void **state)
{
    (void)state;
    snapjar_pack_options options = test_options();
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    uint8_t pickle[sizeof(pickle_small)];

    /* Into a record of another size, of the same size, and one that was never sealed. */
    for (int turn = 0; turn < 3; turn++) {
        memcpy(pickle, pickle_small, sizeof(pickle));
        pickle[sizeof(pickle) - 3] = 7;
        options.created = "2026-01-31T12:00:01Z";
        options.sealer = turn < 2 ? fixed_sealer(context, (const snapjar_key *const *)&key, 1, NULL) : NULL;
        blob target = turn == 1 ? pack_all(context, pickle, sizeof(pickle), 1, &options)
                                : pack_all(context, "N.", 2, 1, &options);
        blob moved = with_area(&target, file.bytes + area_at(file.bytes), area_size(file.bytes));
        expect_bad(&moved, &demand, SNAPJAR_DIAG_SEAL_TRANSPLANTED, area_at(moved.bytes), 0);
        snapjar_sealer_free(options.sealer);
        free(moved.bytes);
        free(target.bytes);
    }
    free(file.bytes);
}

static void test_context(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, "production");
    snapjar_seal_demand demand = demand_of(trust, "production");
    size_t at = area_at(file.bytes) + SJ_SEAL_FIXED_SIZE;
    snapjar_trust_options conditions = SNAPJAR_TRUST_OPTIONS_INIT;

    expect_good(&file, &demand, 1);
    demand.context = "staging";
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at, 0);
    demand.context = "";
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at, 0);
    demand.context = NULL;
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at, 0);
    /* The trust set can say it, too; the caller's word counts more. */
    conditions.context = "production";
    snapjar_trust *own = trust_in(context, key, &conditions);
    demand.trust = own;
    expect_good(&file, &demand, 1);
    demand.context = "staging";
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, at, 0);
    /* Writing another context's id into the file does not make it so. */
    sj_seal_context_id(file.bytes + at + 20, "staging");
    mend(&file);
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at, 0);
    snapjar_trust_free(own);
    free(file.bytes);
}

static void test_type(void **state)
{
    (void)state;
    static const char *const types[] = {"app:T", "app:U"};
    static const char *const near[] = {"app:", "app:T2", "app:t"};
    snapjar_trust_options conditions = SNAPJAR_TRUST_OPTIONS_INIT;
    blob file = sealed_file(context, key, 1, NULL);
    const char *json = (const char *)file.bytes + SJ_PREFIX_SIZE;
    uint64_t at = (uint64_t)(strstr(json, "\"app:T\"") - (const char *)file.bytes);

    conditions.types = types;
    conditions.type_count = 2;
    snapjar_trust *own = trust_in(context, key, &conditions);
    snapjar_seal_demand demand = demand_of(own, NULL);
    expect_good(&file, &demand, 1);
    snapjar_trust_free(own);
    conditions.types = near;
    conditions.type_count = 3;
    own = trust_in(context, key, &conditions);
    demand.trust = own;
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_TYPE_DENIED, at, 0);
    snapjar_trust_free(own);
    free(file.bytes);
}

static void test_time(void **state)
{
    (void)state;
    snapjar_trust_options conditions = SNAPJAR_TRUST_OPTIONS_INIT;
    blob file = sealed_file(context, key, 1, NULL);
    size_t at = area_at(file.bytes) + SJ_SEAL_FIXED_SIZE;

    conditions.not_before = "2026-01-01T00:00:00Z"; /* 1767225600 */
    conditions.not_after = "2026-12-31T23:59:59Z";  /* 1798761599 */
    snapjar_trust *own = trust_in(context, key, &conditions);
    snapjar_seal_demand demand = demand_of(own, NULL);
    demand.now = 1767225600 - 1;
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_KEY_NOT_YET_VALID, at, 0);
    demand.now++;
    expect_good(&file, &demand, 1);
    demand.now = 1798761599;
    expect_good(&file, &demand, 1);
    demand.now++;
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_KEY_EXPIRED, at, 0);
    snapjar_trust_free(own);
    free(file.bytes);
}

/* Of several reasons the one that says most is told: a signature that does not hold before one that is too old. */
static void test_worst_is_told(void **state)
{
    (void)state;
    const snapjar_key *keys[] = {mac_key, other_key, key};
    snapjar_trust_options expired = SNAPJAR_TRUST_OPTIONS_INIT;
    snapjar_pack_options options = test_options();
    options.sealer = fixed_sealer(context, keys, 3, NULL);
    blob file = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    size_t at = area_at(file.bytes) + SJ_SEAL_FIXED_SIZE + SJ_SEAL_ENTRY_SIZE + SJ_MAC_SIZE;

    expired.not_after = "2020-01-01T00:00:00Z";
    snapjar_trust *own = trust_in(context, other_key, &expired);
    snapjar_seal_demand demand = demand_of(own, NULL);
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_KEY_EXPIRED, at, 0);
    assert_ok(snapjar_trust_add(own, key, NULL, err));
    file.bytes[at + 2 * SJ_SEAL_ENTRY_SIZE + SJ_SIGNATURE_SIZE] ^= 1;
    mend(&file);
    expect_bad(&file, &demand, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, at + SJ_SEAL_ENTRY_SIZE + SJ_SIGNATURE_SIZE, 0);
    snapjar_trust_free(own);
    snapjar_sealer_free(options.sealer);
    free(file.bytes);
}

/* ---- the order of the gate ---- */

/* A record of this JSON and payload, sealed for a payload of this digest. */
static blob seal_by_hand(const char *json, const void *payload, size_t payload_size, const uint8_t *digest)
{
    const snapjar_key *keys[] = {key};
    snapjar_sealer *sealer = fixed_sealer(context, keys, 1, NULL);
    blob header = craft_header(json, strlen(json), 0);
    const uint8_t *frame = header.bytes;
    size_t frame_size = header.size;

    assert_ok(sj_sealer_seal(sealer, &frame, &frame_size, payload_size, digest, err));
    blob record = craft_record(frame, frame_size, payload, payload_size);
    snapjar_sealer_free(sealer);
    free(header.bytes);
    return record;
}

static char *json_for(const void *payload, size_t payload_size)
{
    sj_header_plan plan = craft_plan(pickle_small, sizeof(pickle_small), payload, payload_size);
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
    char *json = must_alloc(frame_size);
    memcpy(json, frame + SJ_PREFIX_SIZE, frame_size - SJ_PREFIX_SIZE);
    return json;
}

static void digest_of(uint8_t out[SJ_BLAKE_SIZE], const void *bytes, size_t size)
{
    sj_blake_state state;

    sj_blake_begin(&state);
    sj_blake_add(&state, bytes, size);
    sj_blake_end(&state, out);
}

/* The payload is no zstd at all, and its checksum, which anyone can make, holds. */
static void test_payload_before_decompression(void **state)
{
    (void)state;
    static const char payload[] = "this is no zstd frame, and no byte of it may be decompressed";
    char *json = json_for(payload, sizeof(payload));
    snapjar_seal_demand demand = demand_of(trust, NULL);
    uint8_t digest[SJ_BLAKE_SIZE] = {0};

    blob record = seal_by_hand(json, payload, sizeof(payload), digest);
    size_t payload_at = area_at(record.bytes) + area_size(record.bytes);
    expect_bad(&record, &demand, SNAPJAR_DIAG_SEAL_PAYLOAD_ALTERED, payload_at, 0);
    free(record.bytes);
    /* Sealed as it is, the seal holds, and only then it is looked at. */
    digest_of(digest, payload, sizeof(payload));
    record = seal_by_hand(json, payload, sizeof(payload), digest);
    expect_status(&record, &demand, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_INVALID, payload_at, 0);
    free(record.bytes);
    free(json);
}

static bool remember_most(void *state, uint64_t done, uint64_t total)
{
    uint64_t *most = state;

    (void)total;
    *most = done > *most ? done : *most;
    return true;
}

/* A payload of many good frames, from memory and from elsewhere, with and without threads: not one is decompressed. */
static void test_no_frame_is_decompressed(void **state)
{
    (void)state;
    size_t size = 40 * (size_t)SNAPJAR_FRAME_SIZE_MIN;
    uint8_t *pickle = must_alloc(size);
    uint8_t digest[SJ_BLAKE_SIZE] = {0};
    snapjar_seal_demand demand = demand_of(trust, NULL);
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    memcpy(pickle,
           "\x80\x04"
           "B",
           3);
    sj_write_le32(pickle + 3, (uint32_t)(size - 8));
    pickle[size - 1] = '.';
    blob payload = craft_payload(pickle, size, SNAPJAR_FRAME_SIZE_MIN);
    sj_header_plan plan = craft_plan(pickle, size, payload.bytes, payload.size);
    assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
    char *json = must_alloc(frame_size);
    memcpy(json, frame + SJ_PREFIX_SIZE, frame_size - SJ_PREFIX_SIZE);
    for (unsigned turn = 0; turn < 8; turn++) {
        bool is_good = turn >= 4;
        if (is_good)
            digest_of(digest, payload.bytes, payload.size);
        blob record = seal_by_hand(json, payload.bytes, payload.size, digest);
        hooked_source hooked = {.bytes = record.bytes, .size = record.size};
        snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
        snapjar_source *source = NULL;
        snapjar_reader *reader = NULL;
        const snapjar_record *read = NULL;
        uint64_t most = 0;
        snapjar_error err;
        if (turn % 2)
            assert_ok(snapjar_source_from_memory(&source, context, record.bytes, record.size, err));
        else
            source = hooked_source_open(context, &hooked);
        assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
        assert_ok(snapjar_reader_demand_seal(reader, &demand, err));
        assert_ok(snapjar_reader_next(reader, &read, err));
        options.threads = turn / 2 % 2 * 2;
        options.progress = remember_most;
        options.progress_state = &most;
        snapjar_status status = snapjar_record_verify(reader, &options, NULL, &err);
        assert_int_equal(status, is_good ? SNAPJAR_OK : SNAPJAR_BAD_SEAL);
        assert_int_equal(most, is_good ? size : 0);
        snapjar_reader_free(reader);
        snapjar_source_free(source);
        free(record.bytes);
    }
    free(json);
    free(payload.bytes);
    free(pickle);
}

/* Damage is told as damage, not as forgery: the checksum comes first. */
static void test_damage_is_no_forgery(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t payload_at = area_at(file.bytes) + area_size(file.bytes);

    file.bytes[payload_at + 8] ^= 1;
    expect_status(&file, &demand, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, payload_at, 0);
    file.bytes[payload_at + 8] ^= 1;
    file.bytes[SJ_PREFIX_SIZE + 3] ^= 1;
    expect_status(&file, &demand, SNAPJAR_DAMAGED, SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH, 28, 0);
    free(file.bytes);
}

/* JSON that would be refused is not looked at before its signature holds. */
static void test_json_after_signature(void **state)
{
    (void)state;
    static const uint8_t digest[SJ_BLAKE_SIZE];
    snapjar_seal_demand demand = demand_of(trust, NULL);
    blob header = craft_header("{]", 2, 0);
    blob record = craft_record(header.bytes, header.size, "", 0);

    expect_bad(&record, &demand, SNAPJAR_DIAG_SEAL_MISSING, 24, 0);
    free(record.bytes);
    free(header.bytes);
    record = seal_by_hand("{]", "", 0, digest);
    expect_status(&record, &demand, SNAPJAR_DAMAGED, SNAPJAR_DIAG_JSON_SYNTAX, SJ_PREFIX_SIZE + 1, 0);
    record.bytes[SJ_PREFIX_SIZE] = '[';
    mend(&record);
    /* No payload was sealed: the digest of nothing is another. */
    expect_bad(&record, &demand, SNAPJAR_DIAG_SEAL_TRANSPLANTED, area_at(record.bytes), 0);
    free(record.bytes);
}

/* A seal that speaks of another size than the header it signs. */
static void test_size_contradiction(void **state)
{
    (void)state;
    blob payload = craft_payload(pickle_small, sizeof(pickle_small), SNAPJAR_FRAME_SIZE_MIN);
    char *json = json_for(payload.bytes, payload.size);
    const snapjar_key *keys[] = {key};
    snapjar_sealer *sealer = fixed_sealer(context, keys, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    blob header = craft_header(json, strlen(json), 0);
    const uint8_t *frame = header.bytes;
    size_t frame_size = header.size;
    uint8_t digest[SJ_BLAKE_SIZE];

    digest_of(digest, payload.bytes, payload.size);
    assert_ok(sj_sealer_seal(sealer, &frame, &frame_size, payload.size + 1, digest, err));
    blob record = craft_record(frame, frame_size, payload.bytes, payload.size);
    expect_bad(&record, &demand, SNAPJAR_DIAG_SEAL_MALFORMED, area_at(record.bytes) + 4, 0);
    snapjar_sealer_free(sealer);
    free(record.bytes);
    free(header.bytes);
    free(json);
    free(payload.bytes);
}

/* ---- seal areas ---- */

static void test_malformed(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes);
    size_t size = area_size(file.bytes);
    uint8_t area[512];

    memcpy(area, file.bytes + at, size);
    for (size_t cut = 1; cut < size; cut++) {
        blob bad = with_area(&file, area, cut);
        expect_bad(&bad, &demand, SNAPJAR_DIAG_SEAL_MALFORMED, at + cut, 0);
        free(bad.bytes);
    }
    area[size] = 0;
    blob bad = with_area(&file, area, size + 1);
    expect_bad(&bad, &demand, SNAPJAR_DIAG_SEAL_MALFORMED, at + size, 0);
    free(bad.bytes);
    /* The size of a known algorithm is fixed. */
    sj_write_le16(area + SJ_SEAL_FIXED_SIZE + 2, 63);
    bad = with_area(&file, area, size - 1);
    expect_bad(&bad, &demand, SNAPJAR_DIAG_SEAL_MALFORMED, at + SJ_SEAL_FIXED_SIZE + 2, 0);
    free(bad.bytes);
    sj_write_le16(area + SJ_SEAL_FIXED_SIZE + 2, 64);
    /* The same key twice. */
    sj_write_le16(area + 2, 2);
    memcpy(area + size, area + SJ_SEAL_FIXED_SIZE, size - SJ_SEAL_FIXED_SIZE);
    bad = with_area(&file, area, 2 * size - SJ_SEAL_FIXED_SIZE);
    expect_bad(&bad, &demand, SNAPJAR_DIAG_SEAL_MALFORMED, at + size, 0);
    free(bad.bytes);
    /* A newer area. */
    sj_write_le16(area, 2);
    bad = with_area(&file, area, size);
    expect_status(&bad, &demand, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_SEAL_UNSUPPORTED, at, 0);
    free(bad.bytes);
    free(file.bytes);
}

/* Entries of algorithms to come are passed over by their sizes, before or behind one that holds. */
static void test_unknown_algorithm(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes);
    size_t size = area_size(file.bytes);
    uint8_t area[1024];
    const uint8_t *own = file.bytes + at + SJ_SEAL_FIXED_SIZE;
    size_t own_size = size - SJ_SEAL_FIXED_SIZE;
    uint8_t foreign[SJ_SEAL_ENTRY_SIZE + 100] = {0};

    sj_write_le16(foreign, 999);
    sj_write_le16(foreign + 2, 100);
    memset(foreign + 4, 0xee, SJ_ID_SIZE);
    for (int is_first = 0; is_first < 2; is_first++) {
        memcpy(area, file.bytes + at, SJ_SEAL_FIXED_SIZE);
        sj_write_le16(area + 2, 2);
        memcpy(area + SJ_SEAL_FIXED_SIZE + (is_first ? sizeof(foreign) : 0), own, own_size);
        memcpy(area + SJ_SEAL_FIXED_SIZE + (is_first ? 0 : own_size), foreign, sizeof(foreign));
        blob both = with_area(&file, area, size + sizeof(foreign));
        expect_good(&both, &demand, 1);
        free(both.bytes);
    }
    free(file.bytes);
}

static void test_signature_limit(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 1, NULL);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    size_t at = area_at(file.bytes);
    size_t size = area_size(file.bytes);
    size_t room = size + SJ_SEAL_ENTRY_SIZE * SNAPJAR_SEAL_SIGNATURES_MAX;
    uint8_t *area = must_alloc(room);

    memcpy(area, file.bytes + at, size);
    for (size_t i = 0; i < SNAPJAR_SEAL_SIGNATURES_MAX; i++) {
        uint8_t *entry = area + size + i * SJ_SEAL_ENTRY_SIZE;
        sj_write_le16(entry, 999);
        entry[4] = (uint8_t)(i + 1);
    }
    sj_write_le16(area + 2, SNAPJAR_SEAL_SIGNATURES_MAX);
    blob full = with_area(&file, area, room - SJ_SEAL_ENTRY_SIZE);
    expect_good(&full, &demand, 1);
    free(full.bytes);
    sj_write_le16(area + 2, SNAPJAR_SEAL_SIGNATURES_MAX + 1);
    full = with_area(&file, area, room);
    expect_status(&full, &demand, SNAPJAR_LIMIT, SNAPJAR_DIAG_SEAL_LIMIT, at + 2, 0);
    free(full.bytes);
    free(area);
    free(file.bytes);
}

/* ---- files of several records ---- */

/* The records `order` of a file of three, as a file of `count`. */
static blob arrange(const blob *file, const size_t *order, size_t count)
{
    size_t starts[4] = {0};
    blob out = {must_alloc(count * file->size), 0};

    for (size_t i = 0; i < 3; i++) {
        const uint8_t *record = file->bytes + starts[i];
        size_t frame = 8 + (size_t)sj_read_le32(record + 4);
        const char *stored = strstr((const char *)record + SJ_PREFIX_SIZE, "\"stored_size\":");
        starts[i + 1] = starts[i] + frame + (size_t)atoi(stored + strlen("\"stored_size\":")) + SJ_TRAILER_SIZE;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = starts[order[i] + 1] - starts[order[i]];
        memcpy(out.bytes + out.size, file->bytes + starts[order[i]], size);
        out.size += size;
    }
    return out;
}

/* Where the value behind `key` stands in the record that begins at `from`. */
static uint64_t value_at(const blob *file, size_t from, const char *name)
{
    const char *found = strstr((const char *)file->bytes + from + SJ_PREFIX_SIZE, name);

    assert_non_null(found);
    return (uint64_t)(found + strlen(name) - (const char *)file->bytes);
}

/* Of three records these, in this order, and what is wrong with the one at place `at`. */
static void expect_order(const size_t *order, size_t count, snapjar_diagnostic diagnostic, size_t at)
{
    blob file = sealed_file(context, key, 3, NULL);
    blob changed = arrange(&file, order, count);
    blob before = arrange(&file, order, at);
    snapjar_seal_demand demand = demand_of(trust, NULL);

    expect_bad(&changed, &demand, diagnostic, value_at(&changed, before.size, "\"index\":"), at);
    free(before.bytes);
    free(changed.bytes);
    free(file.bytes);
}

static void test_order(void **state)
{
    (void)state;
    expect_order((const size_t[]){1, 2}, 2, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 0);
    expect_order((const size_t[]){2}, 1, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 0);
    expect_order((const size_t[]){0, 2}, 2, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 1);
    expect_order((const size_t[]){0, 2, 1}, 3, SNAPJAR_DIAG_SEAL_RECORDS_MISSING, 1);
    expect_order((const size_t[]){0, 1, 1, 2}, 4, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, 2);
    expect_order((const size_t[]){0, 1, 0, 2}, 4, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, 2);
    expect_order((const size_t[]){0, 0}, 2, SNAPJAR_DIAG_SEAL_RECORDS_REPEATED, 1);
}

/* What the format cannot tell, and says so: the last records are gone. */
static void test_last_records_gone(void **state)
{
    (void)state;
    blob file = sealed_file(context, key, 3, NULL);
    blob shorter = arrange(&file, (const size_t[]){0, 1}, 2);
    snapjar_seal_demand demand = demand_of(trust, NULL);

    expect_good(&shorter, &demand, 2);
    free(shorter.bytes);
    free(file.bytes);
}

/* Two files, each genuine, put together. */
static void test_foreign_records(void **state)
{
    (void)state;
    blob first = sealed_file(context, key, 3, NULL);
    blob second = sealed_file(context, key, 3, NULL);
    blob head = arrange(&first, (const size_t[]){0}, 1);
    blob tail = arrange(&second, (const size_t[]){1, 2}, 2);
    blob both = {must_alloc(head.size + tail.size), head.size + tail.size};
    snapjar_seal_demand demand = demand_of(trust, NULL);

    memcpy(both.bytes, head.bytes, head.size);
    memcpy(both.bytes + head.size, tail.bytes, tail.size);
    expect_bad(&both, &demand, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN, value_at(&both, head.size, "\"id\":"), 1);
    /* Without a demand they are two streams, and nobody minds. */
    size_t count = 0;
    assert_ok(verify_all(context, both.bytes, both.size, NULL, NULL, &count, err));
    assert_int_equal(count, 3);
    free(both.bytes);
    free(tail.bytes);
    free(head.bytes);
    free(second.bytes);
    free(first.bytes);
}

/* A record of the same stream and number was replaced by another that the key sealed as well. */
static void test_replaced_record(void **state)
{
    (void)state;
    const snapjar_key *keys[] = {key};
    snapjar_seal_demand demand = demand_of(trust, NULL);
    snapjar_pack_options options = test_options();
    snapjar_error err;
    size_t count = 0;

    options.sealer = fixed_sealer(context, keys, 1, NULL);
    blob first = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    options.created = "2026-01-31T12:00:01Z";
    blob second = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    /* Again from the start, in the same stream. */
    options.sealer->stream_index = 0;
    options.created = "2026-01-31T13:00:00Z";
    blob replaced = pack_all(context, pickle_small, sizeof(pickle_small), 1, &options);
    blob both = {must_alloc(replaced.size + second.size), replaced.size + second.size};
    memcpy(both.bytes, first.bytes, first.size);
    memcpy(both.bytes + first.size, second.bytes, second.size);
    expect_good(&both, &demand, 2);
    memcpy(both.bytes, replaced.bytes, replaced.size);
    expect_bad(&both, &demand, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN, value_at(&both, replaced.size, "\"previous\":"), 1);
    /* Who demands no seal is told as well: the stream does not go on. */
    assert_fault(verify_all(context, both.bytes, both.size, NULL, NULL, &count, &err), &err, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_STREAM_BROKEN, SNAPJAR_SPACE_FILE, value_at(&both, replaced.size, "\"previous\":"));
    free(both.bytes);
    free(replaced.bytes);
    free(second.bytes);
    free(first.bytes);
    snapjar_sealer_free(options.sealer);
}

/* Records that were sealed alone, and put behind one another. */
static void test_records_without_stream(void **state)
{
    (void)state;
    blob payload = craft_payload(pickle_small, sizeof(pickle_small), SNAPJAR_FRAME_SIZE_MIN);
    char *json = json_for(payload.bytes, payload.size);
    snapjar_seal_demand demand = demand_of(trust, NULL);
    uint8_t digest[SJ_BLAKE_SIZE];

    digest_of(digest, payload.bytes, payload.size);
    blob record = seal_by_hand(json, payload.bytes, payload.size, digest);
    expect_good(&record, &demand, 1);
    blob both = {must_alloc(2 * record.size), 2 * record.size};
    memcpy(both.bytes, record.bytes, record.size);
    memcpy(both.bytes + record.size, record.bytes, record.size);
    expect_bad(&both, &demand, SNAPJAR_DIAG_SEAL_RECORD_FOREIGN, record.size, 1);
    free(both.bytes);
    free(record.bytes);
    free(json);
    free(payload.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_sealed_by),
        cmocka_unit_test(test_mac),
        cmocka_unit_test(test_several_keys),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_bad_signature),
        cmocka_unit_test(test_algorithm_is_the_keys),
        cmocka_unit_test(test_altered_header),
        cmocka_unit_test(test_transplanted),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_worst_is_told),
        cmocka_unit_test(test_payload_before_decompression),
        cmocka_unit_test(test_no_frame_is_decompressed),
        cmocka_unit_test(test_damage_is_no_forgery),
        cmocka_unit_test(test_json_after_signature),
        cmocka_unit_test(test_size_contradiction),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_unknown_algorithm),
        cmocka_unit_test(test_signature_limit),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_last_records_gone),
        cmocka_unit_test(test_foreign_records),
        cmocka_unit_test(test_replaced_record),
        cmocka_unit_test(test_records_without_stream),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
