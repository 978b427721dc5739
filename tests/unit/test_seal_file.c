/* SPDX-License-Identifier: MIT
 *
 * Sealing and unsealing files that exist: payloads stay byte for byte, signatures are added and taken off one by one,
 * several records get a stream, appended records go on with it, and every refused allocation leaves nothing behind.
 */
#include "support.h"

#include <unistd.h>

#include "craft.h"
#include "fail_alloc.h"
#include "sealing.h"

static snapjar_context *context;
static snapjar_key *key;
static snapjar_key *other_key;

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1);
    other_key = fixed_key(context, SNAPJAR_SEAL_MAC, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_key_free(key);
    snapjar_key_free(other_key);
    snapjar_context_free(context);
    return 0;
}

static snapjar_status try_seal(const blob *file, const snapjar_key *by, const snapjar_seal_options *options, blob *out,
                               uint64_t *count, snapjar_error *err)
{
    snapjar_sealer *sealer = fixed_sealer(context, &by, 1, NULL);
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    size_t size;

    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    snapjar_status status = snapjar_seal(sealer, source, sink, options, count, err);
    const void *bytes = snapjar_sink_memory(sink, &size);
    *out = status == SNAPJAR_OK ? blob_copy(bytes, size) : (blob){NULL, 0};
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_sealer_free(sealer);
    return status;
}

/* Seals `file`, which is freed. */
static blob seal(blob file, const snapjar_key *by, const snapjar_seal_options *options, uint64_t records)
{
    blob out;
    uint64_t count = 0;

    assert_ok(try_seal(&file, by, options, &out, &count, err));
    assert_int_equal(count, records);
    free(file.bytes);
    return out;
}

static blob unseal(const blob *file, const char *key_id, uint64_t wanted)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    uint64_t removed = 0;
    size_t size;

    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_unseal(context, source, sink, key_id, NULL, &removed, err));
    assert_int_equal(removed, wanted);
    const void *bytes = snapjar_sink_memory(sink, &size);
    blob out = blob_copy(bytes, size);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return out;
}

static snapjar_status check(const blob *file, const snapjar_key *by, size_t *count, snapjar_error *err)
{
    snapjar_trust *trust = trust_in(context, by, NULL);
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_source *source = NULL;

    demand.trust = trust;
    assert_ok(snapjar_source_from_memory(&source, context, file->bytes, file->size, err));
    snapjar_status status = verify_sealed(context, source, &demand, count, err);
    snapjar_source_free(source);
    snapjar_trust_free(trust);
    return status;
}

static void expect_sealed(const blob *file, const snapjar_key *by, size_t records)
{
    size_t count = 0;

    assert_ok(check(file, by, &count, err));
    assert_int_equal(count, records);
}

static void assert_same(const blob *a, const blob *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* One record is sealed as it stands, by one key after another, and unsealed to what it was. */
static void test_one_record(void **state)
{
    (void)state;
    blob plain = plain_file(context, 1);
    blob sealed = seal(blob_copy(plain.bytes, plain.size), key, NULL, 1);

    expect_sealed(&sealed, key, 1);
    /* Between prefix and seal, and behind it, all is as it was. */
    size_t at = area_at(sealed.bytes);
    assert_memory_equal(sealed.bytes + SJ_PREFIX_SIZE, plain.bytes + SJ_PREFIX_SIZE, at - SJ_PREFIX_SIZE);
    assert_memory_equal(sealed.bytes + at + area_size(sealed.bytes), plain.bytes + at,
                        plain.size - at - SJ_TRAILER_SIZE);
    blob both = seal(blob_copy(sealed.bytes, sealed.size), other_key, NULL, 1);
    expect_sealed(&both, key, 1);
    expect_sealed(&both, other_key, 1);
    assert_int_equal(area_size(both.bytes), area_size(sealed.bytes) + SJ_SEAL_ENTRY_SIZE + SJ_MAC_SIZE);
    /* The same key again adds nothing. */
    blob again = seal(blob_copy(both.bytes, both.size), other_key, NULL, 1);
    assert_same(&again, &both);
    blob one = unseal(&both, snapjar_key_id(other_key), 1);
    assert_same(&one, &sealed);
    blob none = unseal(&both, NULL, 2);
    assert_same(&none, &plain);
    free(none.bytes);
    free(one.bytes);
    free(again.bytes);
    free(both.bytes);
    free(sealed.bytes);
    free(plain.bytes);
}

static void test_several_records(void **state)
{
    (void)state;
    snapjar_error err;
    size_t count = 0;
    blob sealed = seal(plain_file(context, 3), key, NULL, 3);

    expect_sealed(&sealed, key, 3);
    /* The second signature changes no header: the first still holds, and so does the stream. */
    blob both = seal(blob_copy(sealed.bytes, sealed.size), other_key, NULL, 3);
    expect_sealed(&both, key, 3);
    expect_sealed(&both, other_key, 3);
    assert_ok(verify_all(context, both.bytes, both.size, NULL, NULL, &count, err));
    blob one = unseal(&both, snapjar_key_id(other_key), 3);
    assert_same(&one, &sealed);
    /* Without seals the records stay tied together, and can be sealed again as they are. */
    blob none = unseal(&both, NULL, 6);
    assert_ok(verify_all(context, none.bytes, none.size, NULL, NULL, &count, err));
    assert_int_equal(count, 3);
    assert_int_equal(check(&none, key, &count, &err), SNAPJAR_BAD_SEAL);
    blob again = seal(none, key, NULL, 3);
    assert_same(&again, &sealed);
    free(again.bytes);
    free(one.bytes);
    free(both.bytes);
    free(sealed.bytes);
}

/* Each of them was sealed alone: tying them together means other headers. */
static void test_needs_replace(void **state)
{
    (void)state;
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    snapjar_error err;
    blob one = seal(plain_file(context, 1), key, NULL, 1), out;
    blob both = {must_alloc(2 * one.size), 2 * one.size};

    memcpy(both.bytes, one.bytes, one.size);
    memcpy(both.bytes + one.size, one.bytes, one.size);
    assert_fault(try_seal(&both, other_key, NULL, &out, NULL, &err), &err, SNAPJAR_INVALID_ARGUMENT,
                 SNAPJAR_DIAG_SEAL_NEEDS_REPLACE, SNAPJAR_SPACE_FILE, 0);
    assert_int_equal(err.record_index, 0);
    options.replace = true;
    blob sealed = seal(both, other_key, &options, 2);
    expect_sealed(&sealed, other_key, 2);
    free(sealed.bytes);
    free(one.bytes);
}

/* Two sealed files behind one another stay two: nobody's seal makes them one. */
static void test_foreign_streams(void **state)
{
    (void)state;
    snapjar_error err;
    blob first = sealed_file(context, key, 2, NULL), second = sealed_file(context, key, 2, NULL), out;
    blob both = {must_alloc(first.size + second.size), first.size + second.size};

    memcpy(both.bytes, first.bytes, first.size);
    memcpy(both.bytes + first.size, second.bytes, second.size);
    uint64_t at = (uint64_t)(strstr((const char *)both.bytes + first.size + SJ_PREFIX_SIZE, "{\"id\"") -
                             (const char *)both.bytes);
    assert_fault(try_seal(&both, other_key, NULL, &out, NULL, &err), &err, SNAPJAR_BAD_SEAL,
                 SNAPJAR_DIAG_SEAL_RECORD_FOREIGN, SNAPJAR_SPACE_FILE, at);
    assert_int_equal(err.record_index, 2);
    free(both.bytes);
    free(second.bytes);
    free(first.bytes);
}

/* Records that are tied together by checksums, or belong to two streams, and are not sealed: all of them get a new one.
 */
static void test_other_streams(void **state)
{
    (void)state;
    static const char *const streams[][2] = {
        {",\"stream\":{\"id\":\"00112233445566778899aabbccddeeff\",\"index\":0,\"previous\":null}",
         ",\"stream\":{\"id\":\"00112233445566778899aabbccddeeff\",\"index\":1,\"previous\":\"xxh3-128:%s\"}"},
        {",\"requires\":[] , \"stream\" : {\"id\":\"00112233445566778899aabbccddeeff\",\"index\":0,\"previous\":null, "
         "\"a]}\\\"\":[{}]}",
         ",\"requires\":[\"sealed-stream\"],\"stream\":{\"id\":\"ffeeddccbbaa99887766554433221100\",\"index\":7,"
         "\"previous\":\"blake2b-256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"},
    };
    blob payload = craft_payload(pickle_small, sizeof(pickle_small), SNAPJAR_FRAME_SIZE_MIN);
    sj_header_plan plan = craft_plan(pickle_small, sizeof(pickle_small), payload.bytes, payload.size);
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
    char *json = must_alloc(frame_size);
    memcpy(json, frame + SJ_PREFIX_SIZE, frame_size - SJ_PREFIX_SIZE);
    for (size_t i = 0; i < 4; i++) {
        blob file = {must_alloc(8192), 0};
        char checksum[33] = "";
        for (size_t k = 0; k < 2; k++) {
            char text[512];
            (void)snprintf(text, sizeof(text), streams[i / 2][k], checksum);
            /* Where writers put it, or behind all else. */
            char *made = i % 2 ? strdup(json) : edit(json, ",\"created\"", text);
            if (i % 2) {
                made[strlen(made) - 1] = '\0';
                made = realloc(made, strlen(made) + strlen(text) + 2);
                strcat(made, text);
                strcat(made, "}");
            } else {
                made = realloc(made, strlen(made) + strlen(",\"created\"") + 1);
                char *at = strstr(made, text) + strlen(text);
                memmove(at + strlen(",\"created\""), at, strlen(at) + 1);
                memcpy(at, ",\"created\"", strlen(",\"created\""));
            }
            blob header = craft_header(made, strlen(made), 0);
            sj_hex16(checksum, header.bytes + 28);
            blob record = craft_record(header.bytes, header.size, payload.bytes, payload.size);
            memcpy(file.bytes + file.size, record.bytes, record.size);
            file.size += record.size;
            free(record.bytes);
            free(header.bytes);
            free(made);
        }
        blob sealed = seal(file, key, NULL, 2);
        expect_sealed(&sealed, key, 2);
        free(sealed.bytes);
    }
    free(json);
    free(payload.bytes);
}

/* A damaged record, or one that does not fit the seal it has, is not sealed. */
static void test_never_seals_damage(void **state)
{
    (void)state;
    snapjar_error err;
    blob file = plain_file(context, 2), out;
    size_t record_size = file.size / 2;
    size_t payload_at = record_size + area_at(file.bytes + record_size);

    file.bytes[payload_at + 9] ^= 1;
    assert_fault(try_seal(&file, key, NULL, &out, NULL, &err), &err, SNAPJAR_DAMAGED,
                 SNAPJAR_DIAG_PAYLOAD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE, payload_at);
    free(file.bytes);
    file = seal(plain_file(context, 1), key, NULL, 1);
    file.bytes[area_at(file.bytes) + 12] ^= 1;
    mend(&file);
    payload_at = area_at(file.bytes) + area_size(file.bytes);
    assert_fault(try_seal(&file, other_key, NULL, &out, NULL, &err), &err, SNAPJAR_BAD_SEAL,
                 SNAPJAR_DIAG_SEAL_PAYLOAD_ALTERED, SNAPJAR_SPACE_FILE, payload_at);
    file.bytes[area_at(file.bytes) + 12] ^= 1;
    char *label = strstr((char *)file.bytes + SJ_PREFIX_SIZE, "app:T");
    label[0] = 'b';
    mend(&file);
    assert_fault(try_seal(&file, other_key, NULL, &out, NULL, &err), &err, SNAPJAR_BAD_SEAL,
                 SNAPJAR_DIAG_SEAL_HEADER_ALTERED, SNAPJAR_SPACE_FILE, SJ_PREFIX_SIZE);
    free(file.bytes);
}

/* Headers that others wrote: keys in another order, spaces, flags that may be ignored. */
static void test_headers_of_others(void **state)
{
    (void)state;
    blob payload = craft_payload(pickle_small, sizeof(pickle_small), SNAPJAR_FRAME_SIZE_MIN);
    sj_header_plan plan = craft_plan(pickle_small, sizeof(pickle_small), payload.bytes, payload.size);
    const uint8_t *frame = NULL;
    size_t frame_size = 0;

    assert_ok(sj_header_build(&frame, &frame_size, context, &plan, err));
    char *json = must_alloc(frame_size + 64);
    char *at = json + sprintf(json, " { \"created\" : \"2026-01-31T12:00:00Z\",");
    memcpy(at, frame + SJ_PREFIX_SIZE + 1, frame_size - SJ_PREFIX_SIZE - 1);
    char *created = strstr(at, ",\"created\":\"2026-01-31T12:00:00Z\"");
    memmove(created, created + 33, strlen(created + 33) + 1);
    blob header = craft_header(json, strlen(json), 0);
    header.bytes[19] = 0x80;
    craft_checksum(header.bytes, header.size);
    blob record = craft_record(header.bytes, header.size, payload.bytes, payload.size);
    blob both = {must_alloc(2 * record.size), 2 * record.size};
    memcpy(both.bytes, record.bytes, record.size);
    memcpy(both.bytes + record.size, record.bytes, record.size);
    blob sealed = seal(both, key, NULL, 2);
    expect_sealed(&sealed, key, 2);
    assert_int_equal(sealed.bytes[19], 0x80);
    assert_memory_equal(sealed.bytes + SJ_PREFIX_SIZE, " {\"stream\":{\"id\":\"", 18);
    free(sealed.bytes);
    free(record.bytes);
    free(header.bytes);
    free(json);
    free(payload.bytes);
}

/* ---- appending ---- */

static void append(const char *path, const snapjar_key *by, snapjar_status wanted, snapjar_diagnostic diagnostic)
{
    snapjar_append_options append_options = SNAPJAR_APPEND_OPTIONS_INIT;
    snapjar_pack_options options = test_options();
    snapjar_sealer *sealer = by ? fixed_sealer(context, &by, 1, NULL) : NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_error err;

    append_options.create = true;
    options.sealer = sealer;
    assert_ok(snapjar_source_from_memory(&source, context, pickle_small, sizeof(pickle_small), err));
    assert_ok(snapjar_sink_open_append(&sink, context, path, &append_options, NULL, err));
    snapjar_status status = sealer ? snapjar_sealer_follow(sealer, sink, &err) : SNAPJAR_OK;
    assert_int_equal(status, wanted);
    if (status == SNAPJAR_OK) {
        assert_ok(snapjar_pack(context, source, 0, sink, &options, NULL, err));
        assert_ok(snapjar_sink_finish(sink, err));
    } else {
        assert_int_equal(err.diagnostic, diagnostic);
    }
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_sealer_free(sealer);
}

static blob read_file(const char *path)
{
    snapjar_source *source = NULL;
    uint64_t size = 0;
    size_t got = 0;

    assert_ok(snapjar_source_open_path(&source, context, path, 0, err));
    assert_ok(snapjar_source_size(source, &size, err));
    blob file = {must_alloc(size), size};
    assert_ok(snapjar_source_read_at(source, file.bytes, size, 0, &got, err));
    snapjar_source_free(source);
    return file;
}

static void test_append(void **state)
{
    (void)state;
    char path[] = "/tmp/snapjar-append-XXXXXX";
    snapjar_error err;
    size_t count = 0;

    assert_int_equal(close(mkstemp(path)), 0);
    unlink(path);
    append(path, key, SNAPJAR_OK, SNAPJAR_DIAG_NONE);
    append(path, key, SNAPJAR_OK, SNAPJAR_DIAG_NONE);
    append(path, other_key, SNAPJAR_OK, SNAPJAR_DIAG_NONE);
    blob file = read_file(path);
    assert_int_equal(check(&file, key, &count, &err), SNAPJAR_BAD_SEAL);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY);
    assert_int_equal(count, 2);
    /* Sealing the whole mends it: the records are in one stream. */
    file = seal(file, key, NULL, 3);
    expect_sealed(&file, key, 3);
    free(file.bytes);
    /* Behind a record that is not sealed a seal would prove nothing. */
    append(path, NULL, SNAPJAR_OK, SNAPJAR_DIAG_NONE);
    append(path, key, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_STREAM_MISSING);
    /* Sealed again, the unsealed record goes on with the stream of those before it. */
    file = seal(read_file(path), key, NULL, 4);
    expect_sealed(&file, key, 4);
    free(file.bytes);
    unlink(path);
}

/* A record sealed alone can be followed by none, unless it was given a stream. */
static void test_append_to_lone_record(void **state)
{
    (void)state;
    snapjar_seal_options options = SNAPJAR_SEAL_OPTIONS_INIT;
    char path[] = "/tmp/snapjar-append-XXXXXX";

    for (int has_stream = 0; has_stream < 2; has_stream++) {
        options.stream = has_stream;
        blob file = seal(plain_file(context, 1), key, &options, 1);
        strcpy(path + sizeof(path) - 7, "XXXXXX");
        int fd = mkstemp(path);
        assert_int_equal(write(fd, file.bytes, file.size), (ssize_t)file.size);
        close(fd);
        append(path, key, has_stream ? SNAPJAR_OK : SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_STREAM_MISSING);
        free(file.bytes);
        file = read_file(path);
        expect_sealed(&file, key, has_stream ? 2 : 1);
        free(file.bytes);
        unlink(path);
    }
}

/* ---- arguments and memory ---- */

static void test_arguments(void **state)
{
    (void)state;
    snapjar_key *public_only = NULL;
    snapjar_sealer_options options = SNAPJAR_SEALER_OPTIONS_INIT;
    const snapjar_key *keys[] = {key, key};
    char long_context[SNAPJAR_SEAL_CONTEXT_SIZE_MAX + 2];
    snapjar_sealer *sealer = NULL;
    snapjar_error err;

    assert_int_equal(snapjar_sealer_new(&sealer, context, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.keys = keys;
    options.key_count = 2;
    assert_int_equal(snapjar_sealer_new(&sealer, context, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_ok(sj_key_from_public(&public_only, context, key->public_key, err));
    keys[0] = public_only;
    options.key_count = 1;
    assert_int_equal(snapjar_sealer_new(&sealer, context, &options, &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_KEY_NO_SECRET);
    keys[0] = key;
    memset(long_context, 'c', sizeof(long_context));
    long_context[sizeof(long_context) - 1] = '\0';
    options.context = long_context;
    assert_int_equal(snapjar_sealer_new(&sealer, context, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_null(sealer);
    long_context[sizeof(long_context) - 2] = '\0';
    assert_ok(snapjar_sealer_new(&sealer, context, &options, err));
    assert_int_equal(snapjar_sealer_follow(sealer, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_seal(sealer, NULL, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_unseal(context, NULL, NULL, NULL, NULL, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_sealer_free(sealer);
    snapjar_key_free(public_only);
}

/* The whole life of a seal, on a context whose allocations are refused one by one. */
static snapjar_status live(snapjar_context *own, const blob *plain, snapjar_error *err)
{
    static const char trust_text[] = "{\"snapjar_trust\":1,\"keys\":[{\"mac\":\"00112233445566778899aabbccddeeff\","
                                     "\"types\":[\"a\",\"b\"],\"context\":\"c\"}]}";
    static const char *const types[] = {"app:T"};
    uint8_t secret[SJ_SECRET_SIZE] = {7};
    snapjar_key *made = NULL;
    const snapjar_key *keys[1];
    snapjar_trust *trust = NULL;
    snapjar_sealer *sealer = NULL;
    snapjar_source *source = NULL, *sealed = NULL;
    snapjar_sink *sink = NULL, *bare = NULL;
    snapjar_sealer_options sealer_options = SNAPJAR_SEALER_OPTIONS_INIT;
    snapjar_trust_options trust_options = SNAPJAR_TRUST_OPTIONS_INIT;
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    size_t size, count;

    trust_options.types = types;
    trust_options.type_count = 1;
    trust_options.context = "ctx";
    sealer_options.keys = keys;
    sealer_options.key_count = 1;
    sealer_options.context = "ctx";
    snapjar_status status = sj_key_from_secret(&made, own, SNAPJAR_SEAL_ED25519, secret, err);
    keys[0] = made;
    if (status == SNAPJAR_OK)
        status = snapjar_trust_new(&trust, own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_trust_add(trust, made, &trust_options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_trust_read(trust, trust_text, strlen(trust_text), err);
    if (status == SNAPJAR_OK)
        status = snapjar_sealer_new(&sealer, own, &sealer_options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_memory(&source, own, plain->bytes, plain->size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_seal(sealer, source, sink, NULL, NULL, err);
    if (status == SNAPJAR_OK) {
        const void *bytes = snapjar_sink_memory(sink, &size);
        status = snapjar_source_from_memory(&sealed, own, bytes, size, err);
    }
    demand.trust = trust;
    demand.context = "ctx";
    if (status == SNAPJAR_OK)
        status = verify_sealed(own, sealed, &demand, &count, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&bare, own, err);
    if (status == SNAPJAR_OK)
        status = snapjar_unseal(own, sealed, bare, NULL, NULL, NULL, err);
    snapjar_sink_free(bare);
    snapjar_source_free(sealed);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_sealer_free(sealer);
    snapjar_trust_free(trust);
    snapjar_key_free(made);
    return status;
}

static void test_refused_allocations(void **state)
{
    (void)state;
    blob plain = plain_file(context, 2);
    size_t refused = 1;

    for (;; refused++) {
        fail_alloc memory = {.refused = refused};
        snapjar_context *own = fail_alloc_context(&memory);
        snapjar_error err;
        if (!own)
            continue;
        snapjar_status status = live(own, &plain, &err);
        snapjar_context_free(own);
        assert_int_equal(memory.live, 0);
        if (status == SNAPJAR_OK && memory.count < refused)
            break;
        /* What is only kept for later may be refused without harm. */
        if (status != SNAPJAR_OK) {
            assert_int_equal(status, SNAPJAR_NO_MEMORY);
            assert_int_equal(err.diagnostic, SNAPJAR_DIAG_OUT_OF_MEMORY);
        }
    }
    assert_true(refused > 30);
    free(plain.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_several_records),
        cmocka_unit_test(test_needs_replace),
        cmocka_unit_test(test_foreign_streams),
        cmocka_unit_test(test_other_streams),
        cmocka_unit_test(test_never_seals_damage),
        cmocka_unit_test(test_headers_of_others),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_to_lone_record),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_refused_allocations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
