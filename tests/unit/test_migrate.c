/* SPDX-License-Identifier: MIT
 *
 * Old files into records: what is recognised, what is refused rather than guessed, what goes with a record, and what is
 * left alone.
 */
#include "support.h"

#include "craft.h"
#include "fail_alloc.h"
#include "snapshot/carry.h"
#include "snapshot/digest.h"
#include "snapshot/range.h"
#include "snapshot/time.h"
#include "util/string.h"

static snapjar_context *context;
static snapjar_migrate_options options;
static snapjar_old_options old;
static snapjar_migration migration;
static blob made;
static snapjar_migrated told[8];
static size_t told_count;

static int set_up(void **state)
{
    (void)state;
    options = (snapjar_migrate_options)SNAPJAR_MIGRATE_OPTIONS_INIT;
    old = (snapjar_old_options)SNAPJAR_OLD_OPTIONS_INIT;
    options.old = &old;
    made = (blob){NULL, 0};
    told_count = 0;
    return snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(made.bytes);
    snapjar_context_free(context);
    return 0;
}

static snapjar_status take(void *state, const snapjar_migrated *record, snapjar_error *err)
{
    (void)state;
    (void)err;
    assert_true(told_count < 8);
    told[told_count++] = *record;
    return SNAPJAR_OK;
}

/* ---- files ---- */

/** A length of `length_size` bytes, a header and a pickle. */
static blob join(size_t length_size, bool is_big_endian, const char *json, const void *payload, size_t payload_size)
{
    size_t json_size = strlen(json);
    blob file = {calloc(1, length_size + json_size + payload_size + 1), length_size + json_size + payload_size};
    assert_non_null(file.bytes);
    for (size_t i = 0; i < length_size; i++)
        file.bytes[is_big_endian ? length_size - 1 - i : i] = (uint8_t)((uint64_t)json_size >> 8 * i);
    memcpy(file.bytes + length_size, json, json_size);
    memcpy(file.bytes + length_size + json_size, payload, payload_size);
    return file;
}

static blob old_file(const char *json)
{
    return join(4, true, json, pickle_small, sizeof pickle_small);
}

/** Migrates `file`, which it frees; what was written is `made`. */
static snapjar_status migrate(blob file, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    size_t size = 0;
    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    snapjar_status status = snapjar_migrate(context, source, sink, &options, &migration, err);
    const void *bytes = snapjar_sink_memory(sink, &size);
    free(made.bytes);
    made = blob_copy(bytes, size);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    free(file.bytes);
    return status;
}

static snapjar_status collect(void *state, const char *path, snapjar_text value, int is_string)
{
    char *out = state;
    size_t used = strlen(out);
    if (strncmp(path, "payload", 7) != 0 && strncmp(path, "build.tool", 10) != 0 && strcmp(path, "format_version"))
        snprintf(out + used, 2000 - used, "%s=%s%.*s%s;", path, is_string ? "'" : "", (int)value.size, value.data,
                 is_string ? "'" : "");
    return SNAPJAR_OK;
}

/** What the header of record `index` says, but for the payload. */
static const char *said(size_t index)
{
    static char out[2000];
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    out[0] = '\0';
    assert_ok(snapjar_source_from_memory(&source, context, made.bytes, made.size, err));
    assert_ok(snapjar_reader_new(&reader, context, source, NULL, err));
    for (size_t i = 0; i <= index; i++)
        assert_ok(snapjar_reader_next(reader, &record, err));
    assert_ok(snapjar_header_each(snapjar_record_header(record), collect, out, err));
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return out;
}

static void assert_records(size_t count)
{
    size_t whole;
    snapjar_error err;
    if (verify_all(context, made.bytes, made.size, NULL, NULL, &whole, &err) != SNAPJAR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(whole, count);
    assert_int_equal(migration.record_count, count);
    assert_int_equal(migration.size, made.size);
}

/** Migrating `file` (freed) must fail like this. */
static void assert_refused(blob file, snapjar_status status, snapjar_diagnostic diagnostic, snapjar_space space,
                           uint64_t offset)
{
    snapjar_error err;
    assert_fault(migrate(file, &err), &err, status, diagnostic, space, offset);
    assert_int_equal(made.size, 0);
    assert_int_equal(migration.record_count, 0);
}

/* ---- what is recognised ---- */

static void test_four_lengths(void **state)
{
    (void)state;
    const char *json = "{\"type\": \"app:Job\", \"schema_version\": 3, \"created\": 5}";
    for (int form = 0; form < 4; form++) {
        assert_ok(migrate(join(form / 2 ? 8 : 4, form % 2, json, pickle_small, sizeof pickle_small), err));
        assert_records(1);
        assert_true(migration.has_old_header);
        assert_false(migration.is_current);
        assert_string_equal(said(0), "type='app:Job';schema_version=3;created='1970-01-01T00:00:05Z';");
        old.length = (snapjar_old_length)(form + 1);
        assert_ok(migrate(join(form / 2 ? 8 : 4, form % 2, json, pickle_small, sizeof pickle_small), err));
        old.length = SNAPJAR_OLD_LENGTH_ANY;
    }
}

static void test_bare_and_several(void **state)
{
    (void)state;
    uint8_t two[2 * sizeof pickle_small];
    memcpy(two, pickle_small, sizeof pickle_small);
    memcpy(two + sizeof pickle_small, pickle_small, sizeof pickle_small);
    options.type = "app:T";
    options.has_schema_version = true;
    options.schema_version = 4;
    options.take = take;
    assert_ok(migrate(blob_copy(two, sizeof two), err));
    assert_records(2);
    assert_int_equal(migration.changed_count, 2);
    assert_int_equal(migration.kind, SNAPJAR_INPUT_PICKLE);
    assert_false(migration.has_old_header);
    assert_non_null(strstr(said(1), "type='app:T';schema_version=4;"));
    assert_int_equal(told_count, 2);
    assert_true(told[1].is_converted);
    assert_int_equal(told[1].index, 1);
    assert_int_equal(told[1].from_size, sizeof pickle_small);
}

static void test_compression(void **state)
{
    (void)state;
    char pickle[4 + 5000 + 2];
    memcpy(pickle, "\x80\2V", 3);
    memset(pickle + 3, 'a', sizeof pickle - 5);
    memcpy(pickle + sizeof pickle - 2, "\n.", 2);
    assert_ok(migrate(blob_copy(pickle, sizeof pickle), err));
    assert_records(1);
    assert_in_range(migration.size, 1, 1000);
    options.compression = SNAPJAR_COMPRESSION_RAW;
    assert_ok(migrate(blob_copy(pickle, sizeof pickle), err));
    assert_records(1);
    assert_in_range(migration.size, 5000, 6000);
}

static void test_groups(void **state)
{
    (void)state;
    /* A header with two pickles, and one with one. */
    blob first = old_file("{\"n\": 1}");
    blob second = old_file("{\"n\": 2}");
    blob file = {malloc(first.size + sizeof pickle_small + second.size), 0};
    memcpy(file.bytes, first.bytes, first.size);
    memcpy(file.bytes + first.size, pickle_small, sizeof pickle_small);
    memcpy(file.bytes + first.size + sizeof pickle_small, second.bytes, second.size);
    file.size = first.size + sizeof pickle_small + second.size;
    free(first.bytes);
    free(second.bytes);
    assert_ok(migrate(file, err));
    assert_records(3);
    assert_non_null(strstr(said(0), "labels.n=1;"));
    assert_non_null(strstr(said(1), "labels.n=1;"));
    assert_non_null(strstr(said(2), "labels.n=2;"));
}

static void test_size_field(void **state)
{
    (void)state;
    old.size_field = "meta.size";
    assert_ok(migrate(old_file("{\"meta\": {\"size\": 21}}"), err));
    assert_records(1);
    assert_refused(old_file("{\"meta\": {\"size\": 22}}"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_OLD_HEADER_FIELD,
                   SNAPJAR_SPACE_FILE, 26);
    assert_refused(old_file("{\"meta\": {\"size\": 0}}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD,
                   SNAPJAR_SPACE_FILE, 0);
    assert_refused(old_file("{\"size\": 21}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    /* What stands behind it must be the next header. */
    assert_refused(old_file("{\"meta\": {\"size\": 20}}"), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT,
                   SNAPJAR_SPACE_CONTENT, 20);
}

/* ---- fields ---- */

static void test_fields(void **state)
{
    (void)state;
    const snapjar_old_build build[] = {{"app", "svc"}, {"packages", "deps"}, {"packages.numpy", "np"}};
    old.type_field = "cls";
    old.schema_version_field = "v";
    old.created_field = "at";
    old.labels_field = "tags";
    old.build = build;
    old.build_count = 3;
    assert_ok(
        migrate(old_file("{\"cls\":\"a:B\",\"v\":\"12\",\"at\":\"2026-01-31T12:00:00.25+01:00\",\"tags\":{\"x\":1.50,"
                         "\"y\":\"z\"},\"svc\":\"etl\",\"deps\":{\"torch\":\"2.1\"},\"np\":1,\"type\":\"other\","
                         "\"list\":[1,{\"a\":null}],\"no\":null,\"y\":\"hidden\"}"),
                err));
    assert_string_equal(said(0), "type='a:B';schema_version=12;build.app='etl';build.packages.torch='2.1';"
                                 "build.packages.numpy='1';labels.x=1.5;labels.y='z';labels.type='other';"
                                 "labels.list='[1,{\"a\":null}]';labels.no=null;created='2026-01-31T11:00:00.25Z';");
}

static void test_unusable_fields(void **state)
{
    (void)state;
    const snapjar_old_build build = {"app", "svc"};
    old.type_field = "cls";
    assert_refused(old_file("{\"x\":\"a:B\"}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    assert_refused(old_file("{\"cls\":\"\"}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    old.type_field = NULL;
    old.schema_version_field = "v";
    assert_refused(old_file("{\"v\":-1}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    assert_refused(old_file("{\"v\":\"1.2\"}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    old.schema_version_field = NULL;
    old.created_field = "at";
    assert_refused(old_file("{\"at\":\"2026-01-31T12:00:00\"}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD,
                   SNAPJAR_SPACE_FILE, 0);
    old.created_field = NULL;
    old.labels_field = "tags";
    assert_refused(old_file("{\"tags\":[]}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    old.labels_field = NULL;
    old.build = &build;
    old.build_count = 1;
    assert_refused(old_file("{\"svc\":[]}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    old.build_count = 0;
    /* Not named, only called alike: then they are labels. */
    assert_ok(migrate(old_file("{\"type\":3,\"schema_version\":-1,\"created\":\"yesterday\",\"labels\":4}"), err));
    assert_non_null(strstr(said(0), "type='builtins:dict';schema_version=0;labels.type=3;labels.schema_version=-1;"
                                    "labels.created='yesterday';labels.labels=4;"));
}

static void test_checksums(void **state)
{
    (void)state;
    snapjar_old_checksum checksum = {"crc32", "sum"};
    char json[200], hex[65] = "";
    sj_digest digest;
    uint8_t bytes[SJ_DIGEST_SIZE_MAX];
    old.checksums = &checksum;
    old.checksum_count = 1;
    for (int kind = 0; kind < SJ_DIGEST_COUNT; kind++) {
        const char *const names[] = {"crc32", "adler32", "xxh64", "xxh3-64", "xxh3-128", "md5", "sha256"};
        checksum.algorithm = names[kind];
        sj_digest_begin(&digest, (sj_digest_kind)kind);
        sj_digest_add(&digest, pickle_small, sizeof pickle_small);
        size_t size = sj_digest_end(&digest, bytes);
        for (size_t i = 0; i < size; i++)
            snprintf(hex + 2 * i, 3, "%02X", bytes[i]);
        snprintf(json, sizeof json, "{\"sum\":\"%s:%s\"}", names[kind], hex);
        assert_ok(migrate(old_file(json), err));
        assert_null(strstr(said(0), "labels"));
        /* The last digit is another one. */
        json[strlen(json) - 3] = json[strlen(json) - 3] == '0' ? '1' : '0';
        assert_refused(old_file(json), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE,
                       4 + strlen(json));
    }
    checksum.algorithm = "crc32";
    sj_digest_begin(&digest, SJ_DIGEST_CRC32);
    sj_digest_add(&digest, pickle_small, sizeof pickle_small);
    sj_digest_end(&digest, bytes);
    snprintf(json, sizeof json, "{\"sum\":%u}", sj_read_le32((uint8_t[]){bytes[3], bytes[2], bytes[1], bytes[0]}));
    assert_ok(migrate(old_file(json), err));
    assert_refused(old_file("{\"sum\":7}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_CHECKSUM_MISMATCH, SNAPJAR_SPACE_FILE,
                   13);
    assert_refused(old_file("{\"sum\":null}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
    assert_refused(old_file("{}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_FIELD, SNAPJAR_SPACE_FILE, 0);
}

static void test_digests(void **state)
{
    (void)state;
    /* FIPS 180-4 and RFC 1321 examples, and a million times "a". */
    const struct {
        sj_digest_kind kind;
        const char *text;
        size_t times;
        const char *hex;
    } rows[] = {
        {SJ_DIGEST_SHA256, "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SJ_DIGEST_SHA256, "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {SJ_DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {SJ_DIGEST_SHA256, "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {SJ_DIGEST_MD5, "", 1, "d41d8cd98f00b204e9800998ecf8427e"},
        {SJ_DIGEST_MD5, "message digest", 1, "f96b697d7cb7938d525a2f31aaf161d0"},
        {SJ_DIGEST_MD5, "1234567890", 8, "57edf4a22be3c955ac49da2e2107b67a"},
        {SJ_DIGEST_CRC32, "123456789", 1, "cbf43926"},
        {SJ_DIGEST_ADLER32, "Wikipedia", 1, "11e60398"},
        {SJ_DIGEST_XXH64, "", 1, "ef46db3751d8e999"},
        {SJ_DIGEST_XXH3_64, "", 1, "2d06800538d394c2"},
        {SJ_DIGEST_XXH3_128, "", 1, "99aa06d3014798d86001c324468d497f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sj_digest digest;
        uint8_t bytes[SJ_DIGEST_SIZE_MAX];
        char hex[65] = "";
        sj_digest_begin(&digest, rows[i].kind);
        for (size_t j = 0; j < rows[i].times; j++)
            sj_digest_add(&digest, rows[i].text, strlen(rows[i].text));
        size_t size = sj_digest_end(&digest, bytes);
        for (size_t j = 0; j < size; j++)
            snprintf(hex + 2 * j, 3, "%02x", bytes[j]);
        assert_string_equal(hex, rows[i].hex);
    }
    assert_int_equal(sj_digest_find("sha1"), SJ_DIGEST_COUNT);
}

static void test_times(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"},
        {"2026-01-31 12:00:00+00:00", "2026-01-31T12:00:00Z"},
        {"2026-03-01T00:30:00+0100", "2026-02-28T23:30:00Z"},
        {"2024-02-29T23:59:59.123456789-00:01", "2024-03-01T00:00:59.123456789Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
        {"9999-12-31T23:59:59-23:59", NULL},
        {"1969-12-31T23:59:59Z", NULL},
        {"2026-01-31T12:00:00", NULL},
        {"2026-02-30T12:00:00Z", NULL},
        {"2026-01-31T12:00:00.Z", NULL},
        {"2026-01-31T12:00:00.1234567890Z", NULL},
        {"2026-01-31T12:00:00+24:00", NULL},
        {"2026-01-31T12:00:00+1:000", NULL},
        {"2026-01-31", NULL},
        {"0000-01-01T00:00:00Z", NULL},
    };
    char out[SJ_TIME_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_read = sj_time_from_text((snapjar_text){rows[i][0], strlen(rows[i][0])}, out);
        if (is_read != (rows[i][1] != NULL) || (is_read && strcmp(out, rows[i][1]) != 0))
            fail_msg("%s gives %s", rows[i][0], is_read ? out : "nothing");
    }
    assert_true(sj_time_from_seconds(1700000000.25, out));
    assert_string_equal(out, "2023-11-14T22:13:20.250000Z");
    assert_true(sj_time_from_seconds(0.9999999, out));
    assert_string_equal(out, "1970-01-01T00:00:01Z");
    assert_true(sj_time_from_seconds(253402300799.0, out));
    assert_false(sj_time_from_seconds(253402300800.0, out));
    assert_false(sj_time_from_seconds(-1, out));
    assert_false(sj_time_from_seconds(__builtin_nan(""), out));
}

/* ---- what is refused ---- */

static void test_header_and_pickle_at_once(void **state)
{
    (void)state;
    /* G takes eight bytes, and the full stop behind them is STOP: a float, or a length of 71 and a header. */
    char json[72];
    snprintf(json, sizeof json, "{\"abc.\":\"%-60s\"}", "x");
    assert_int_equal(strlen(json), 71);
    assert_refused(join(4, false, json, pickle_small, sizeof pickle_small), SNAPJAR_WRONG_FORMAT,
                   SNAPJAR_DIAG_OLD_HEADER_AMBIGUOUS, SNAPJAR_SPACE_FILE, 0);
    old.length = SNAPJAR_OLD_LENGTH_LE32;
    assert_ok(migrate(join(4, false, json, pickle_small, sizeof pickle_small), err));
    assert_records(1);
    /* As pickles, what follows the float is none. */
    old.length = SNAPJAR_OLD_LENGTH_NONE;
    snapjar_error err;
    assert_int_equal(migrate(join(4, false, json, pickle_small, sizeof pickle_small), &err), SNAPJAR_DAMAGED);
}

static void test_broken_headers(void **state)
{
    (void)state;
    /* The JSON is wrong at its ninth byte, the file's thirteenth. */
    assert_refused(old_file("{\"a\": 1,,}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_DAMAGED, SNAPJAR_SPACE_FILE, 12);
    assert_refused(old_file("{\"a\": 1, \"a\": 2}"), SNAPJAR_DAMAGED, SNAPJAR_DIAG_OLD_HEADER_DAMAGED,
                   SNAPJAR_SPACE_FILE, 13);
    /* Nothing behind it. */
    assert_refused(join(4, true, "{\"a\": 1}", "", 0), SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, SNAPJAR_SPACE_FILE,
                   12);
    assert_refused(join(4, true, "{\"a\": 1}", "\xff\xff", 2), SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE,
                   SNAPJAR_SPACE_FILE, 0);
    /* A length that leads beyond the end is none. */
    assert_refused(join(4, true, "{\"a\": 1", "", 0), SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE,
                   SNAPJAR_SPACE_FILE, 0);
    char json[1002];
    snapjar_limits limits = SNAPJAR_LIMITS_INIT;
    limits.header_json_size_max = 1000;
    options.limits = &limits;
    snprintf(json, sizeof json, "{\"a\":1%993s}", "");
    assert_int_equal(strlen(json), 1000);
    assert_ok(migrate(old_file(json), err));
    snprintf(json, sizeof json, "{\"a\":1%994s}", "");
    assert_refused(old_file(json), SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SNAPJAR_SPACE_FILE, 0);
}

static void test_refused_options(void **state)
{
    (void)state;
    snapjar_old_checksum checksum = {"sha1", "x"};
    snapjar_old_build build = {"host", "x"};
    snapjar_error err;
    options.has_protocol = true;
    options.protocol = 6;
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_INVALID_ARGUMENT);
    options.protocol = 5;
    assert_int_equal(migrate(old_file("{}"), NULL), SNAPJAR_OK);
    options.has_schema_version = true;
    options.schema_version = -1;
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_INVALID_ARGUMENT);
    options.schema_version = 0;
    options.compression = (snapjar_compression)(SNAPJAR_COMPRESSION_ZSTD + 1);
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_INVALID_ARGUMENT);
    options.compression = SNAPJAR_COMPRESSION_ZSTD;
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_OK);
    options.compression = SNAPJAR_COMPRESSION_AUTO;
    old.checksums = &checksum;
    old.checksum_count = 1;
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_INVALID_ARGUMENT);
    old.checksum_count = 0;
    old.build = &build;
    old.build_count = 1;
    assert_int_equal(migrate(old_file("{}"), &err), SNAPJAR_INVALID_ARGUMENT);
    old.build_count = 0;
    old.length = (snapjar_old_length)6;
    assert_int_equal(migrate(old_file("{}"), NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_migrate(context, NULL, NULL, NULL, &migration, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_migration_check(NULL, context, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
}

/* ---- records ---- */

static blob pack_one(const char *labels, const char *build)
{
    snapjar_pack_options packing = test_options();
    packing.labels_json = labels;
    packing.build_json = build;
    return pack_all(context, pickle_small, sizeof pickle_small, 1, &packing);
}

static void test_current_is_left_alone(void **state)
{
    (void)state;
    options.take = take;
    assert_ok(migrate(pack_one(NULL, NULL), err));
    assert_true(migration.is_current);
    assert_int_equal(migration.record_count, 1);
    assert_int_equal(made.size, 0);
    assert_int_equal(told_count, 0);
    options.has_protocol = true;
    options.protocol = 4;
    assert_ok(migrate(pack_one(NULL, NULL), err));
    assert_true(migration.is_current);
}

static void test_header_goes_along(void **state)
{
    (void)state;
    blob plain = pack_one("{\"big\":123456789012345678,\"r\":1.10e2}", "{\"app\":\"etl\",\"packages\":{\"a\":\"1\"}}");
    options.has_protocol = true;
    options.protocol = 2;
    options.take = take;
    options.needs_graphs = true;
    assert_ok(migrate(plain, err));
    assert_records(1);
    assert_string_equal(said(0), "type='app:T';schema_version=1;build.app='etl';build.packages.a='1';"
                                 "labels.big=123456789012345678;labels.r=110.0;created='2026-01-31T12:00:00Z';");
    assert_int_equal(told[0].from_protocol, 4);
    assert_int_equal(told[0].to_protocol, 2);
    assert_non_null(told[0].before);
    assert_non_null(told[0].after);
    assert_false(told[0].is_converted);
}

/** A record with this JSON behind its build info. */
static blob craft_with(const char *more)
{
    uint8_t payload[200];
    size_t payload_size = sj_frame_store(payload, pickle_small, sizeof pickle_small);
    sj_header_plan plan = craft_plan(pickle_small, sizeof pickle_small, payload, payload_size);
    blob frame = craft_planned(context, &plan, payload, payload_size);
    char *json = calloc(1, sj_read_le32(frame.bytes + SJ_PREFIX_SIZE - 24) + 1);
    memcpy(json, frame.bytes + SJ_PREFIX_SIZE, sj_read_le32(frame.bytes + SJ_PREFIX_SIZE - 24));
    char *changed = edit(json, ",\"created\"", more);
    blob header = craft_header(changed, strlen(changed), 0);
    blob record = craft_record(header.bytes, header.size, payload, payload_size);
    free(frame.bytes);
    free(header.bytes);
    free(json);
    free(changed);
    return record;
}

static void test_history_and_unknown_members(void **state)
{
    (void)state;
    options.has_protocol = true;
    options.protocol = 0;
    assert_ok(migrate(craft_with(",\"history\":[{\"from\":0,\"to\":1,\"when\":\"2025-01-01T00:00:00Z\",\"by\":\"me\"}],"
                                 "\"later\":{\"x\":[1,\"}\"]},\"created\""),
                      err));
    assert_non_null(strstr(said(0), "history[0].from=0;history[0].to=1;history[0].when='2025-01-01T00:00:00Z';"
                                    "history[0].by='me';later.x[0]=1;later.x[1]='}';"));
}

static void test_streams_are_tied_again(void **state)
{
    (void)state;
    const char *id = "0123456789abcdef0123456789abcdef";
    char more[200];
    snprintf(more, sizeof more, ",\"stream\":{\"id\":\"%s\",\"index\":0,\"previous\":null},\"created\"", id);
    blob first = craft_with(more);
    char hex[33];
    sj_hex16(hex, first.bytes + SJ_PREFIX_SIZE - SJ_CHECKSUM_SIZE);
    snprintf(more, sizeof more, ",\"stream\":{\"id\":\"%s\",\"index\":1,\"previous\":\"xxh3-128:%s\"},\"created\"", id,
             hex);
    blob second = craft_with(more);
    blob file = {malloc(first.size + second.size), first.size + second.size};
    memcpy(file.bytes, first.bytes, first.size);
    memcpy(file.bytes + first.size, second.bytes, second.size);
    free(first.bytes);
    free(second.bytes);
    options.has_protocol = true;
    options.protocol = 1;
    assert_ok(migrate(file, err));
    assert_records(2);
    assert_non_null(strstr(said(1), "stream.index=1;"));
}

static void test_copies_beside_changes(void **state)
{
    (void)state;
    uint8_t two[] = {0x80, 2, 'N', '.'};
    snapjar_pack_options packing = test_options();
    blob first = pack_one(NULL, NULL);
    blob second = pack_all(context, two, sizeof two, 1, &packing);
    blob file = {malloc(first.size + second.size), first.size + second.size};
    memcpy(file.bytes, first.bytes, first.size);
    memcpy(file.bytes + first.size, second.bytes, second.size);
    options.has_protocol = true;
    options.protocol = 2;
    options.take = take;
    blob damaged = blob_copy(file.bytes, file.size);
    assert_ok(migrate(file, err));
    assert_records(2);
    assert_int_equal(migration.changed_count, 1);
    assert_memory_equal(made.bytes + made.size - second.size, second.bytes, second.size);
    assert_false(told[0].is_copied);
    assert_true(told[1].is_copied);
    /* A damaged record is not handed on, though it needs nothing. */
    damaged.bytes[damaged.size - 24 - 5] ^= 1;
    snapjar_error err;
    assert_int_equal(migrate(damaged, &err), SNAPJAR_DAMAGED);
    assert_int_equal(err.record_index, 1);
    free(first.bytes);
    free(second.bytes);
}

static void test_sealed(void **state)
{
    (void)state;
    blob plain = pack_one(NULL, NULL);
    uint32_t json_size = sj_read_le32(plain.bytes + SJ_PREFIX_SIZE - 24);
    blob header = craft_header(plain.bytes + SJ_PREFIX_SIZE, json_size, 40);
    size_t at = SJ_PREFIX_SIZE + json_size;
    blob sealed = craft_record(header.bytes, header.size, plain.bytes + at, plain.size - at - 24);
    blob again = blob_copy(sealed.bytes, sealed.size);
    free(plain.bytes);
    free(header.bytes);
    assert_ok(migrate(blob_copy(sealed.bytes, sealed.size), err));
    assert_true(migration.is_current);
    options.has_protocol = true;
    options.protocol = 0;
    assert_refused(sealed, SNAPJAR_REFUSED, SNAPJAR_DIAG_RECORD_SEALED, SNAPJAR_SPACE_FILE, 0);
    options.drop_seal = true;
    assert_ok(migrate(again, err));
    assert_records(1);
}

static void test_newer_is_refused(void **state)
{
    (void)state;
    blob newer = pack_one(NULL, NULL);
    newer.bytes[16] = 2;
    craft_checksum(newer.bytes, SJ_PREFIX_SIZE + sj_read_le32(newer.bytes + SJ_PREFIX_SIZE - 24));
    assert_refused(newer, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNSUPPORTED_VERSION, SNAPJAR_SPACE_FILE, 16);
}

static void test_check_of_what_was_written(void **state)
{
    (void)state;
    snapjar_source *source = NULL;
    snapjar_error err;
    assert_ok(migrate(old_file("{}"), err));
    assert_ok(snapjar_source_from_memory(&source, context, made.bytes, made.size, err));
    assert_ok(snapjar_migration_check(&migration, context, source, err));
    made.bytes[made.size / 2] ^= 1;
    assert_fault(snapjar_migration_check(&migration, context, source, &err), &err, SNAPJAR_BUG,
                 SNAPJAR_DIAG_MIGRATED_DIFFERS, SNAPJAR_SPACE_FILE, 0);
    snapjar_source_free(source);
    assert_ok(snapjar_source_from_memory(&source, context, made.bytes, made.size - 1, err));
    assert_fault(snapjar_migration_check(&migration, context, source, &err), &err, SNAPJAR_BUG,
                 SNAPJAR_DIAG_MIGRATED_DIFFERS, SNAPJAR_SPACE_FILE, made.size - 1);
    snapjar_source_free(source);
}

/* ---- small parts ---- */

static void test_strings(void **state)
{
    (void)state;
    sj_string string = {.context = context};
    char *text = NULL;
    sj_string_puts(&string, "{");
    sj_string_put_quoted(&string, "a\"\\\n\xc3\xa4", 6);
    for (int i = 0; i < 1000; i++)
        sj_string_put(&string, "x", 1);
    assert_ok(sj_string_take(&string, &text, err));
    assert_memory_equal(text, "{\"a\\\"\\\\\\u000a\xc3\xa4\"xxx", 16);
    sj_free(context, text);
    sj_string_put(&string, "y", 1);
    sj_string_clear(&string);
}

static void test_ranges(void **state)
{
    (void)state;
    snapjar_source *whole = NULL, *range = NULL;
    uint8_t bytes[10];
    uint64_t size;
    size_t got;
    assert_ok(snapjar_source_from_memory(&whole, context, "0123456789", 10, err));
    assert_ok(sj_source_from_range(&range, whole, 3, 4, err));
    assert_ok(snapjar_source_size(range, &size, err));
    assert_int_equal(size, 4);
    assert_ok(snapjar_source_read_at(range, bytes, 10, 1, &got, err));
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "456", 3);
    assert_ok(snapjar_source_read_at(range, bytes, 10, 9, &got, err));
    assert_int_equal(got, 0);
    assert_memory_equal(sj_source_borrow(range, 0, 4), "3456", 4);
    assert_null(sj_source_borrow(range, 0, 5));
    snapjar_source_free(range);
    snapjar_source_free(whole);
}

static snapjar_status migrate_with(snapjar_context *refusing, void *state, snapjar_error *err)
{
    const blob *file = state;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_migration result;
    snapjar_status status = snapjar_source_from_memory(&source, refusing, file->bytes, file->size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, refusing, err);
    if (status == SNAPJAR_OK)
        status = snapjar_migrate(refusing, source, sink, &options, &result, err);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    const snapjar_old_build build[] = {{"app", "svc"}, {"packages", "deps"}};
    const snapjar_old_checksum checksum = {"adler32", "sum"};
    blob file = old_file("{\"type\":\"a:B\",\"created\":3,\"svc\":\"etl\",\"deps\":{\"a\":\"1\"},\"labels\":{\"x\":1},"
                         "\"y\":[2],\"sum\":\"3b3503dc\"}");
    sj_digest digest;
    uint8_t sum[SJ_DIGEST_SIZE_MAX];
    sj_digest_begin(&digest, SJ_DIGEST_ADLER32);
    sj_digest_add(&digest, pickle_small, sizeof pickle_small);
    sj_digest_end(&digest, sum);
    char hex[9];
    snprintf(hex, sizeof hex, "%02x%02x%02x%02x", sum[0], sum[1], sum[2], sum[3]);
    memcpy(file.bytes + file.size - sizeof pickle_small - 10, hex, 8);
    old.build = build;
    old.build_count = 2;
    old.checksums = &checksum;
    old.checksum_count = 1;
    options.has_protocol = true;
    options.protocol = 2;
    assert_true(fail_alloc_run(migrate_with, &file) > 20);
    free(file.bytes);
    blob record =
        craft_with(",\"labels\":{\"a\":1},\"history\":[{\"from\":0,\"to\":1,\"when\":\"2025-01-01T00:00:00Z\","
                   "\"by\":\"me\"}],\"later\":1,\"stream\":{\"id\":\"0123456789abcdef0123456789abcdef\","
                   "\"index\":0,\"previous\":null},\"created\"");
    assert_true(fail_alloc_run(migrate_with, &record) > 20);
    free(record.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_four_lengths),
        TEST(test_bare_and_several),
        TEST(test_compression),
        TEST(test_groups),
        TEST(test_size_field),
        TEST(test_fields),
        TEST(test_unusable_fields),
        TEST(test_checksums),
        TEST(test_digests),
        TEST(test_times),
        TEST(test_header_and_pickle_at_once),
        TEST(test_broken_headers),
        TEST(test_refused_options),
        TEST(test_current_is_left_alone),
        TEST(test_header_goes_along),
        TEST(test_history_and_unknown_members),
        TEST(test_streams_are_tied_again),
        TEST(test_copies_beside_changes),
        TEST(test_sealed),
        TEST(test_newer_is_refused),
        TEST(test_check_of_what_was_written),
        TEST(test_strings),
        TEST(test_ranges),
        TEST(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
