/* SPDX-License-Identifier: MIT
 *
 * Key files and trust files: what is written is read again, what is not exactly one is refused at its byte, secrets are
 * for their owner only, and every limit has a case on both sides.
 */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "craft.h"
#include "sealing.h"

static snapjar_context *context;
static char folder[] = "/tmp/snapjar-keys-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    assert_ok(snapjar_context_new(&context, NULL, err));
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapjar_context_free(context);
    return rmdir(folder);
}

static const char *in_folder(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
    return out;
}

/* A sealed message proves that two keys have the same secret. */
static void assert_same_secret(const snapjar_key *a, const snapjar_key *b)
{
    uint8_t signature[SJ_SIGNATURE_SIZE];

    sj_key_sign(a, signature, (const uint8_t *)"message", 7);
    assert_true(sj_key_holds(b, signature, (const uint8_t *)"message", 7));
    signature[5] ^= 1;
    assert_false(sj_key_holds(b, signature, (const uint8_t *)"message", 7));
    assert_string_equal(snapjar_key_id(a), snapjar_key_id(b));
    assert_string_equal(snapjar_key_comment(a), snapjar_key_comment(b));
}

/* ---- key files ---- */

static void test_write_and_read(void **state)
{
    (void)state;
    for (int algorithm = SNAPJAR_SEAL_ED25519; algorithm <= SNAPJAR_SEAL_MAC; algorithm++) {
        snapjar_key *key = NULL, *again = NULL;
        snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
        char path[128];
        struct stat info;
        snapjar_error err;

        assert_ok(snapjar_key_generate(&key, context, (snapjar_seal_algorithm)algorithm, "build \xc3\xa9", err));
        assert_true(snapjar_key_has_secret(key));
        assert_int_equal(snapjar_key_algorithm(key), algorithm);
        assert_ok(snapjar_key_write_secret(key, in_folder(path, "plain"), NULL, err));
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0600);
        assert_ok(snapjar_key_open_path(&again, context, path, NULL, err));
        assert_same_secret(key, again);
        snapjar_key_free(again);
        /* Never over a file that is there. */
        assert_int_equal(snapjar_key_write_secret(key, path, NULL, &err), SNAPJAR_IO);
        assert_int_equal(err.diagnostic, SNAPJAR_DIAG_TARGET_EXISTS);
        unlink(path);

        assert_ok(snapjar_key_write_secret(key, in_folder(path, "locked"), "open sesame", err));
        assert_int_equal(snapjar_key_open_path(&again, context, path, NULL, &err), SNAPJAR_REFUSED);
        assert_int_equal(err.diagnostic, SNAPJAR_DIAG_KEY_PASSPHRASE_NEEDED);
        assert_null(again);
        options.passphrase = "open sesam";
        assert_int_equal(snapjar_key_open_path(&again, context, path, &options, &err), SNAPJAR_REFUSED);
        assert_int_equal(err.diagnostic, SNAPJAR_DIAG_KEY_PASSPHRASE_WRONG);
        options.passphrase = "open sesame";
        assert_ok(snapjar_key_open_path(&again, context, path, &options, err));
        assert_same_secret(key, again);
        snapjar_key_free(again);
        unlink(path);
        snapjar_key_free(key);
    }
}

/* What is protected is bound to the lines before it. */
static void test_changed_key_file(void **state)
{
    (void)state;
    snapjar_key *key = fixed_key(context, SNAPJAR_SEAL_MAC, 9), *again = NULL;
    snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
    char path[128];
    char text[SNAPJAR_KEY_FILE_SIZE_MAX] = {0};
    snapjar_error err;

    strcpy(key->comment, "one");
    assert_ok(snapjar_key_write_secret(key, in_folder(path, "locked"), "secret", err));
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, text, sizeof(text));
    close(fd);
    unlink(path);
    assert_true(size > 0);
    options.passphrase = "secret";
    strstr(text, "one")[0] = 'a';
    assert_fault(snapjar_key_read(&again, context, text, (size_t)size, &options, &err), &err, SNAPJAR_REFUSED,
                 SNAPJAR_DIAG_KEY_PASSPHRASE_WRONG, SNAPJAR_SPACE_FILE,
                 (uint64_t)(strstr(text, "\nsecret ") + 1 - text));
    snapjar_key_free(key);
}

static void test_mode(void **state)
{
    (void)state;
    static const unsigned bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    snapjar_key *key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1), *again = NULL;
    char path[128];
    snapjar_error err;

    assert_ok(snapjar_key_write_secret(key, in_folder(path, "key"), NULL, err));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        chmod(path, bad[i]);
        assert_int_equal(snapjar_key_open_path(&again, context, path, NULL, &err), SNAPJAR_REFUSED);
        assert_int_equal(err.diagnostic, SNAPJAR_DIAG_KEY_FILE_MODE);
        assert_string_equal(err.place, path);
        assert_null(again);
    }
    chmod(path, 0400);
    assert_ok(snapjar_key_open_path(&again, context, path, NULL, err));
    snapjar_key_free(again);
    unlink(path);
    assert_int_equal(snapjar_key_open_path(&again, context, path, NULL, NULL), SNAPJAR_IO);
    snapjar_key_free(key);
}

/* The text of a public key file; free it with free. */
static char *public_text(const snapjar_key *key)
{
    snapjar_sink *sink = NULL;
    size_t size;

    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_ok(snapjar_key_write_public(key, sink, err));
    const void *bytes = snapjar_sink_memory(sink, &size);
    char *text = must_alloc(size + 1);
    memcpy(text, bytes, size);
    snapjar_sink_free(sink);
    return text;
}

static void test_public(void **state)
{
    (void)state;
    snapjar_key *key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1), *again = NULL;
    snapjar_key *mac = fixed_key(context, SNAPJAR_SEAL_MAC, 1);
    snapjar_sink *sink = NULL;
    uint8_t signature[SJ_SIGNATURE_SIZE];
    char *text = public_text(key);
    char path[128];

    assert_ok(snapjar_key_read(&again, context, text, strlen(text), NULL, err));
    assert_false(snapjar_key_has_secret(again));
    assert_string_equal(snapjar_key_id(key), snapjar_key_id(again));
    sj_key_sign(key, signature, (const uint8_t *)"m", 1);
    assert_true(sj_key_holds(again, signature, (const uint8_t *)"m", 1));
    assert_int_equal(snapjar_key_write_secret(again, in_folder(path, "none"), NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_ok(snapjar_sink_to_memory(&sink, context, err));
    assert_int_equal(snapjar_key_write_public(mac, sink, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_sink_free(sink);
    snapjar_key_free(again);
    snapjar_key_free(mac);
    snapjar_key_free(key);
    free(text);
}

#define ID "00112233445566778899aabbccddeeff"
#define HEX64 "0101010101010101010101010101010101010101010101010101010101010101"

/* `^` stands where the error is. */
static void test_key_file_errors(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "^",
        "^snapjar public key 2\n",
        "^snapjar public key 1\r\nalgorithm ed25519\n",
        "snapjar public key 1\n^",
        "snapjar public key 1\n^algorithm\n",
        "snapjar public key 1\nalgorithm ^mac\n",
        "snapjar public key 1\nalgorithm ^\n",
        "snapjar secret key 1\nalgorithm ^Ed25519\n",
        "snapjar secret key 1\nalgorithm mac\n^id",
        "snapjar secret key 1\nalgorithm mac\nid ^" ID "0\n",
        "snapjar secret key 1\nalgorithm mac\nid ^00112233445566778899AABBCCDDEEFF\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\n^public " HEX64 "\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\ncomment ^a\tb\nprotection none\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\ncomment ^\xff\nprotection none\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^None\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 3\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 0 8192\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 3 8191\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 03 8192\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 3 8192 \n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection ^argon2id 3 1111111111111111111\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection argon2id 3 8192\n^secret " HEX64 "\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection none\nsecret ^" HEX64 "00\n",
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection none\n^secret " HEX64,
        "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection none\nsecret " HEX64 "\n^\n",
        "snapjar secret key 1\nalgorithm mac\nid ^" ID "\nprotection none\nsecret " HEX64 "\n",
        "snapjar public key 1\nalgorithm ed25519\nid ^" ID "\npublic " HEX64 "\n",
        "snapjar secret key 1\nalgorithm ed25519\nid " ID "\npublic " HEX64 "\nprotection none\n^secret " HEX64 "\n",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snapjar_key *key = (snapjar_key *)(uintptr_t)1;
        snapjar_error err;
        strcpy(text, cases[i]);
        size_t at = take_mark(text);
        snapjar_status status = snapjar_key_read(&key, context, text, strlen(text), NULL, &err);
        assert_fault(status, &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_KEY_INVALID, SNAPJAR_SPACE_FILE, at);
        assert_null(key);
    }
}

static void test_key_limits(void **state)
{
    (void)state;
    snapjar_key *key = NULL;
    snapjar_key_options options = SNAPJAR_KEY_OPTIONS_INIT;
    char long_text[SNAPJAR_KEY_FILE_SIZE_MAX + 2];
    char comment[SNAPJAR_KEY_COMMENT_SIZE_MAX + 2];
    char passphrase[SNAPJAR_KEY_PASSPHRASE_SIZE_MAX + 2];
    char text[1024];
    static const char format[] = "snapjar secret key 1\nalgorithm mac\nid " ID "\nprotection argon2id %d %d\nsalt " ID
                                 "\nnonce 001122334455667788990011223344556677889900112233\nsecret " HEX64 ID "\n";
    snapjar_error err;

    /* The comment. */
    memset(comment, 'c', sizeof(comment));
    comment[sizeof(comment) - 1] = '\0';
    assert_int_equal(snapjar_key_generate(&key, context, SNAPJAR_SEAL_MAC, comment, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_key_generate(&key, context, (snapjar_seal_algorithm)3, NULL, NULL),
                     SNAPJAR_INVALID_ARGUMENT);
    assert_null(key);
    comment[sizeof(comment) - 2] = '\0';
    assert_ok(snapjar_key_generate(&key, context, SNAPJAR_SEAL_MAC, comment, err));
    snapjar_key_free(key);
    /* The file. */
    memset(long_text, 'x', sizeof(long_text));
    assert_fault(snapjar_key_read(&key, context, long_text, SNAPJAR_KEY_FILE_SIZE_MAX, NULL, &err), &err,
                 SNAPJAR_DAMAGED, SNAPJAR_DIAG_KEY_INVALID, SNAPJAR_SPACE_FILE, 0);
    assert_fault(snapjar_key_read(&key, context, long_text, SNAPJAR_KEY_FILE_SIZE_MAX + 1, NULL, &err), &err,
                 SNAPJAR_LIMIT, SNAPJAR_DIAG_KEY_INVALID, SNAPJAR_SPACE_FILE, SNAPJAR_KEY_FILE_SIZE_MAX);
    /* What a passphrase may cost: at the limit it is tried, and is wrong. */
    options.passphrase = "p";
    options.memory_max = 16384;
    options.passes_max = 2;
    static const struct {
        int passes, memory;
        snapjar_status status;
        snapjar_diagnostic diagnostic;
    } costs[] = {
        {2, 16384, SNAPJAR_REFUSED, SNAPJAR_DIAG_KEY_PASSPHRASE_WRONG},
        {3, 16384, SNAPJAR_LIMIT, SNAPJAR_DIAG_KEY_COST_LIMIT},
        {2, 16385, SNAPJAR_LIMIT, SNAPJAR_DIAG_KEY_COST_LIMIT},
    };
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof(text), format, costs[i].passes, costs[i].memory);
        assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, &err), costs[i].status);
        assert_int_equal(err.diagnostic, costs[i].diagnostic);
    }
    /* The defaults, without waiting for what is allowed. */
    options.memory_max = options.passes_max = 0;
    (void)snprintf(text, sizeof(text), format, 17, 16384);
    assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, NULL), SNAPJAR_LIMIT);
    (void)snprintf(text, sizeof(text), format, 16, 16384);
    assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, NULL), SNAPJAR_REFUSED);
    (void)snprintf(text, sizeof(text), format, 1, (1 << 30) + 1);
    assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, NULL), SNAPJAR_LIMIT);
    /* The passphrase. */
    memset(passphrase, 'p', sizeof(passphrase));
    passphrase[sizeof(passphrase) - 1] = '\0';
    options.passphrase = passphrase;
    (void)snprintf(text, sizeof(text), format, 1, 8192);
    assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    passphrase[sizeof(passphrase) - 2] = '\0';
    assert_int_equal(snapjar_key_read(&key, context, text, strlen(text), &options, NULL), SNAPJAR_REFUSED);
    assert_int_equal(snapjar_key_read(NULL, context, text, strlen(text), &options, NULL), SNAPJAR_INVALID_ARGUMENT);
}

/* ---- trust files ---- */

#define KEY "\"ed25519\":\"" HEX64 "\""

static snapjar_status read_trust(const char *text, snapjar_error *err)
{
    snapjar_trust *trust = NULL;

    assert_ok(snapjar_trust_new(&trust, context, err));
    snapjar_status status = snapjar_trust_read(trust, text, strlen(text), err);
    snapjar_trust_free(trust);
    return status;
}

static void test_trust_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        snapjar_diagnostic diagnostic;
    } cases[] = {
        {"^", SNAPJAR_DIAG_JSON_SYNTAX},
        {"^[]", SNAPJAR_DIAG_JSON_NOT_OBJECT},
        {"{\"keys\":[],^\"keys\":[]}", SNAPJAR_DIAG_JSON_DUPLICATE_KEY},
        {"^{\"keys\":[]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":^\"1\",\"keys\":[]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"^{\"snapjar_trust\":1}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":^{}}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[],\"key\":^[]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[^1]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[^{}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[^{" KEY "}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[^{\"types\":\"any\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{\"ed25519\":^\"01\",\"types\":\"any\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{\"ed25519\":^1,\"types\":\"any\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{\"mac\":^\"" HEX64 "\",\"types\":\"any\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"mac\":^\"" ID "\",\"types\":\"any\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{\"mac\":\"" ID "\",\"ed25519\":^\"" HEX64 "\",\"types\":\"any\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":^\"all\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":^[]}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":[\"a\",^1]}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":[\"a\",^\"\"]}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\",\"not_after\":^\"2026-02-30T00:00:00Z\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\",\"not_after\":^\"2026-02-03\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\",\"not_before\":^null}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[^{" KEY
         ",\"types\":\"any\",\"not_before\":\"2026-01-02T00:00:00Z\",\"not_after\":\"2026-01-01T23:59:59Z\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\",\"context\":^1}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\",\"type\":^\"a\"}]}", SNAPJAR_DIAG_TRUST_INVALID},
        {"{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"types\":\"any\"},^{" KEY ",\"types\":\"any\"}]}",
         SNAPJAR_DIAG_TRUST_INVALID},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snapjar_error err;
        strcpy(text, cases[i].text);
        size_t at = take_mark(text);
        assert_fault(read_trust(text, &err), &err, SNAPJAR_DAMAGED, cases[i].diagnostic, SNAPJAR_SPACE_FILE, at);
    }
}

static void test_trust_good(void **state)
{
    (void)state;
    static const char text[] =
        "{\"snapjar_trust\":1,\"keys\":[{" KEY ",\"comment\":\"x\",\"types\":[\"app:T\",\"b\"],\"context\":\"c\","
        "\"not_before\":\"2026-01-01T00:00:00Z\",\"not_after\":\"2026-01-01T00:00:00Z\"},{\"mac\":\"" ID
        "\",\"types\":\"any\"}]}";
    snapjar_trust *trust = NULL;
    snapjar_key *mac = fixed_key(context, SNAPJAR_SEAL_MAC, 5), *ed = fixed_key(context, SNAPJAR_SEAL_ED25519, 5);
    snapjar_error err;
    char own[256];

    assert_ok(snapjar_trust_new(&trust, context, err));
    assert_ok(snapjar_trust_read(trust, text, strlen(text), err));
    assert_int_equal(snapjar_trust_key_count(trust), 2);
    assert_string_equal(snapjar_trust_key_id(trust, 1), ID);
    assert_null(snapjar_trust_key_id(trust, 2));
    assert_int_equal(trust->keys[0].type_count, 2);
    assert_int_equal(trust->keys[0].not_before, 1767225600);
    assert_string_equal(trust->keys[0].context, "c");
    assert_null(trust->keys[1].key);
    /* A secret is taken if the set names it, and from MAC keys only. */
    assert_int_equal(snapjar_trust_supply(trust, mac, &err), SNAPJAR_NOT_FOUND);
    assert_int_equal(err.diagnostic, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY);
    assert_int_equal(snapjar_trust_supply(trust, ed, NULL), SNAPJAR_INVALID_ARGUMENT);
    (void)snprintf(own, sizeof(own), "{\"snapjar_trust\":1,\"keys\":[{\"mac\":\"%s\",\"types\":\"any\"}]}",
                   snapjar_key_id(mac));
    assert_ok(snapjar_trust_read(trust, own, strlen(own), err));
    blob file = sealed_file(context, mac, 1, NULL);
    snapjar_seal_demand demand = SNAPJAR_SEAL_DEMAND_INIT;
    snapjar_source *source = NULL;
    size_t count;
    demand.trust = trust;
    assert_ok(snapjar_source_from_memory(&source, context, file.bytes, file.size, err));
    assert_fault(verify_sealed(context, source, &demand, &count, &err), &err, SNAPJAR_BAD_SEAL,
                 SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, SNAPJAR_SPACE_FILE, area_at(file.bytes) + SJ_SEAL_FIXED_SIZE);
    assert_ok(snapjar_trust_supply(trust, mac, err));
    assert_ok(snapjar_trust_supply(trust, mac, err));
    assert_ok(verify_sealed(context, source, &demand, &count, err));
    snapjar_source_free(source);
    free(file.bytes);
    assert_int_equal(snapjar_trust_add(trust, mac, NULL, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_trust_read(NULL, own, 1, NULL), SNAPJAR_INVALID_ARGUMENT);
    snapjar_trust_free(trust);
    snapjar_key_free(mac);
    snapjar_key_free(ed);
}

static void test_trust_limits(void **state)
{
    (void)state;
    snapjar_error err;
    snapjar_trust *trust = NULL;
    char *text = must_alloc(SNAPJAR_TRUST_FILE_SIZE_MAX + 2);

    /* Another version is newer, not wrong. */
    assert_fault(read_trust("{\"snapjar_trust\":2,\"keys\":[]}", &err), &err, SNAPJAR_UNSUPPORTED,
                 SNAPJAR_DIAG_TRUST_INVALID, SNAPJAR_SPACE_FILE, 17);
    memset(text, ' ', SNAPJAR_TRUST_FILE_SIZE_MAX + 1);
    memcpy(text, "{\"snapjar_trust\":1,\"keys\":[]}", 29);
    text[SNAPJAR_TRUST_FILE_SIZE_MAX + 1] = '\0';
    assert_fault(read_trust(text, &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_TRUST_INVALID, SNAPJAR_SPACE_FILE,
                 SNAPJAR_TRUST_FILE_SIZE_MAX);
    text[SNAPJAR_TRUST_FILE_SIZE_MAX] = '\0';
    assert_int_equal(read_trust(text, &err), SNAPJAR_OK);
    /* 1,024 keys, and one more. */
    int size = sprintf(text, "{\"snapjar_trust\":1,\"keys\":[");
    size_t last = 0;
    for (int i = 0; i <= SNAPJAR_TRUST_KEYS_MAX; i++) {
        last = (size_t)size + (i > 0);
        size += sprintf(text + size, "%s{\"mac\":\"%032x\",\"types\":\"any\"}", i ? "," : "", (unsigned)i);
    }
    strcpy(text + size, "]}");
    assert_fault(read_trust(text, &err), &err, SNAPJAR_LIMIT, SNAPJAR_DIAG_TRUST_INVALID, SNAPJAR_SPACE_FILE, last);
    strcpy(text + last - 1, "]}");
    assert_int_equal(read_trust(text, &err), SNAPJAR_OK);
    /* The context. */
    size = sprintf(text, "{\"snapjar_trust\":1,\"keys\":[{\"mac\":\"" ID "\",\"types\":\"any\",\"context\":\"");
    memset(text + size, 'c', SNAPJAR_SEAL_CONTEXT_SIZE_MAX + 1);
    strcpy(text + size + SNAPJAR_SEAL_CONTEXT_SIZE_MAX + 1, "\"}]}");
    assert_fault(read_trust(text, &err), &err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRUST_INVALID, SNAPJAR_SPACE_FILE,
                 (uint64_t)size - 1);
    strcpy(text + size + SNAPJAR_SEAL_CONTEXT_SIZE_MAX, "\"}]}");
    assert_int_equal(read_trust(text, &err), SNAPJAR_OK);
    free(text);
    /* By the functions as well. */
    snapjar_key *key = fixed_key(context, SNAPJAR_SEAL_ED25519, 1);
    snapjar_trust_options options = SNAPJAR_TRUST_OPTIONS_INIT;
    static const char *const empty[] = {""};
    assert_ok(snapjar_trust_new(&trust, context, err));
    options.types = empty;
    options.type_count = 1;
    assert_int_equal(snapjar_trust_add(trust, key, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.types = NULL;
    assert_int_equal(snapjar_trust_add(trust, key, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    options.type_count = 0;
    options.not_before = "yesterday";
    assert_int_equal(snapjar_trust_add(trust, key, &options, NULL), SNAPJAR_INVALID_ARGUMENT);
    assert_int_equal(snapjar_trust_key_count(trust), 0);
    snapjar_trust_free(trust);
    snapjar_key_free(key);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2024-02-29T23:59:59Z", 1709251199},
                {"0001-01-01T00:00:00Z", -62135596800},
                {"9999-12-31T23:59:59Z", 253402300799}};
    static const char *const bad[] = {"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z",
                                      "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
                                      "2024-01-01T00:00:60Z", "2024-01-01T00:00:00",  "2024-01-01 00:00:00Z",
                                      "2024-01-01T00:00:00z", "+024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z"};
    int64_t seconds;

    for (size_t i = 0; i < 4; i++) {
        assert_true(sj_time_read(&seconds, good[i].text));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(sj_time_read(&seconds, bad[i]));
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(snapjar_seal_algorithm_name(SNAPJAR_SEAL_ED25519), "ed25519");
    assert_string_equal(snapjar_seal_algorithm_name(SNAPJAR_SEAL_MAC), "mac");
    assert_string_equal(snapjar_seal_algorithm_name((snapjar_seal_algorithm)99), "unknown");
    snapjar_key_free(NULL);
    snapjar_trust_free(NULL);
    snapjar_sealer_free(NULL);
}

/* RFC 8032, section 7.1, test 1: the arithmetic is the one that others have. */
static void test_ed25519_of_the_rfc(void **state)
{
    (void)state;
    static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    static const char public_hex[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    static const char signature_hex[] =
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    uint8_t seed[SJ_SECRET_SIZE], signature[SJ_SIGNATURE_SIZE];
    char hex[2 * SJ_SIGNATURE_SIZE + 1];
    snapjar_key *key = NULL;

    assert_true(sj_hex_read(seed, sizeof(seed), seed_hex, strlen(seed_hex)));
    assert_ok(sj_key_from_secret(&key, context, SNAPJAR_SEAL_ED25519, seed, err));
    sj_hex_write(hex, key->public_key, SJ_PUBLIC_SIZE);
    assert_string_equal(hex, public_hex);
    sj_key_sign(key, signature, (const uint8_t *)"", 0);
    sj_hex_write(hex, signature, sizeof(signature));
    assert_string_equal(hex, signature_hex);
    snapjar_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_changed_key_file),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_key_file_errors),
        cmocka_unit_test(test_key_limits),
        cmocka_unit_test(test_trust_errors),
        cmocka_unit_test(test_trust_good),
        cmocka_unit_test(test_trust_limits),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_ed25519_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
