/* SPDX-License-Identifier: MIT
 *
 * Key files (spec/seals.md): lines of a word and a value, in one order, with nothing else between them. Whatever is not
 * exactly so is refused at its byte.
 */
#include "seal/key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/lines.h"
#include "util/io.h"
#include "util/options.h"
#include "json/scan.h"

#define PUBLIC_TITLE "snapjar public key 1"
#define SECRET_TITLE "snapjar secret key 1"
#define MEMORY_MAX_DEFAULT (UINT64_C(1) << 30)
#define PASSES_MAX_DEFAULT 16
/* Argon2id's own smallest. */
#define MEMORY_MIN UINT64_C(8192)

/* What a file says, but for what it hides. */
typedef struct key_text {
    bool is_secret;
    snapjar_seal_algorithm algorithm;
    uint8_t id[SJ_ID_SIZE];
    size_t id_at;
    uint8_t public_key[SJ_PUBLIC_SIZE];
    sj_line_value comment;
    bool is_protected;
    uint64_t passes;
    uint64_t memory;
    size_t protection_at;
    uint8_t salt[SJ_SALT_SIZE];
    uint8_t nonce[SJ_NONCE_SIZE];
    /** Bytes before the line with the secret: they are bound to it. */
    size_t bound_size;
    /** The secret, plain or locked; in memory of sj_secret_new. */
    uint8_t *hidden;
    size_t hidden_size;
} key_text;

static snapjar_status read_title(sj_lines *l, key_text *key)
{
    static const size_t size = sizeof(PUBLIC_TITLE) - 1;

    if (l->size > size && l->text[size] == '\n') {
        key->is_secret = !memcmp(l->text, SECRET_TITLE, size);
        l->at = size + 1;
        if (key->is_secret || !memcmp(l->text, PUBLIC_TITLE, size))
            return SNAPJAR_OK;
    }
    return sj_lines_refuse(l, 0, "the first line must be \"" PUBLIC_TITLE "\" or \"" SECRET_TITLE "\"");
}

static snapjar_status read_public_part(sj_lines *l, key_text *key)
{
    sj_line_value v = {NULL, 0, 0};

    SJ_TRY(sj_lines_want(l, "algorithm", &v));
    if (sj_line_is(&v, "ed25519"))
        key->algorithm = SNAPJAR_SEAL_ED25519;
    else if (sj_line_is(&v, "mac") && key->is_secret)
        key->algorithm = SNAPJAR_SEAL_MAC;
    else
        return sj_lines_refuse(l, v.at,
                               key->is_secret ? "the algorithm must be ed25519 or mac"
                                              : "the algorithm of a public key must be ed25519");
    key->id_at = l->at + strlen("id ");
    SJ_TRY(sj_lines_want_hex(l, "id", key->id, SJ_ID_SIZE));
    if (key->algorithm == SNAPJAR_SEAL_ED25519)
        SJ_TRY(sj_lines_want_hex(l, "public", key->public_key, SJ_PUBLIC_SIZE));
    if (!sj_lines_next(l, "comment", &key->comment))
        return SNAPJAR_OK;
    if (!sj_is_comment(key->comment.text, key->comment.size))
        return sj_lines_refuse(l, key->comment.at, "the comment must be one line of UTF-8 text of at most 200 bytes");
    return SNAPJAR_OK;
}

static snapjar_status read_protection(sj_lines *l, key_text *key)
{
    sj_line_value v = {NULL, 0, 0};

    SJ_TRY(sj_lines_want(l, "protection", &v));
    if (sj_line_is(&v, "none"))
        return SNAPJAR_OK;
    key->protection_at = v.at;
    sj_line_value method = sj_line_part(&v);
    sj_line_value passes = sj_line_part(&v);
    if (!sj_line_is(&method, "argon2id") || !sj_line_number(&passes, &key->passes) ||
        !sj_line_number(&v, &key->memory) || key->memory < MEMORY_MIN)
        return sj_lines_refuse(l, key->protection_at,
                               "the protection must be \"none\" or \"argon2id PASSES BYTES\", BYTES at least 8192");
    key->is_protected = true;
    SJ_TRY(sj_lines_want_hex(l, "salt", key->salt, SJ_SALT_SIZE));
    return sj_lines_want_hex(l, "nonce", key->nonce, SJ_NONCE_SIZE);
}

static snapjar_status read_secret_part(sj_lines *l, key_text *key)
{
    SJ_TRY(read_protection(l, key));
    key->bound_size = l->at;
    key->hidden_size = SJ_SECRET_SIZE + (key->is_protected ? SJ_TAG_SIZE : 0);
    key->hidden = sj_secret_new(key->hidden_size);
    if (!key->hidden)
        return sj_raise_no_memory(l->err, key->hidden_size);
    return sj_lines_want_hex(l, "secret", key->hidden, key->hidden_size);
}

static snapjar_status read_text(sj_lines *l, key_text *key)
{
    if (l->size > SNAPJAR_KEY_FILE_SIZE_MAX)
        return sj_raise(l->err, SNAPJAR_LIMIT, SNAPJAR_DIAG_KEY_INVALID, SJ_AT_FILE(SNAPJAR_KEY_FILE_SIZE_MAX),
                        "a key file has at most %d bytes", SNAPJAR_KEY_FILE_SIZE_MAX);
    size_t bad = sj_json_bad_utf8(l->text, l->size);
    if (bad < l->size)
        return sj_lines_refuse(l, bad, "a key file is UTF-8 text");
    SJ_TRY(read_title(l, key));
    SJ_TRY(read_public_part(l, key));
    if (key->is_secret)
        SJ_TRY(read_secret_part(l, key));
    return l->at == l->size ? SNAPJAR_OK : sj_lines_refuse(l, l->at, "the key ends here, and nothing may follow");
}

/* ---- secrets ---- */

static snapjar_status check_cost(const key_text *key, const snapjar_key_options *options, snapjar_error *err)
{
    uint64_t memory_max = options->memory_max ? options->memory_max : MEMORY_MAX_DEFAULT;
    uint64_t passes_max = options->passes_max ? options->passes_max : PASSES_MAX_DEFAULT;

    if (key->memory <= memory_max && key->passes <= passes_max)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_KEY_COST_LIMIT, SJ_AT_FILE(key->protection_at),
                    "the file demands %" PRIu64 " passes over %" PRIu64 " bytes of memory, limits are %" PRIu64
                    " and %" PRIu64,
                    key->passes, key->memory, passes_max, memory_max);
}

static snapjar_status unlock(const sj_lines *l, const key_text *key, const snapjar_key_options *options,
                             uint8_t *secret)
{
    uint8_t *wrapping;

    if (!options->passphrase)
        return sj_raise(l->err, SNAPJAR_REFUSED, SNAPJAR_DIAG_KEY_PASSPHRASE_NEEDED, SJ_AT_FILE(key->protection_at),
                        "the secret key is protected by a passphrase, and none was given");
    if (strlen(options->passphrase) > SNAPJAR_KEY_PASSPHRASE_SIZE_MAX)
        return sj_raise(l->err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "a passphrase has at most %d bytes", SNAPJAR_KEY_PASSPHRASE_SIZE_MAX);
    SJ_TRY(check_cost(key, options, l->err));
    wrapping = sj_secret_new(SJ_SECRET_SIZE);
    if (!wrapping || !sj_password_key(wrapping, options->passphrase, key->salt, key->passes, key->memory)) {
        sj_secret_free(wrapping);
        return sj_raise_no_memory(l->err, key->memory);
    }
    bool is_right = sj_unlock(secret, key->hidden, key->hidden_size, l->text, key->bound_size, key->nonce, wrapping);
    sj_secret_free(wrapping);
    if (is_right)
        return SNAPJAR_OK;
    return sj_raise(l->err, SNAPJAR_REFUSED, SNAPJAR_DIAG_KEY_PASSPHRASE_WRONG, SJ_AT_FILE(key->bound_size),
                    "the passphrase is wrong, or the key file was changed");
}

static snapjar_status make_secret(const sj_lines *l, snapjar_context *context, const key_text *text,
                                  const snapjar_key_options *options, snapjar_key **key)
{
    uint8_t *secret = sj_secret_new(SJ_SECRET_SIZE);
    snapjar_status status = secret ? SNAPJAR_OK : sj_raise_no_memory(l->err, SJ_SECRET_SIZE);

    if (status == SNAPJAR_OK && text->is_protected)
        status = unlock(l, text, options, secret);
    else if (status == SNAPJAR_OK)
        memcpy(secret, text->hidden, SJ_SECRET_SIZE);
    if (status == SNAPJAR_OK)
        status = sj_key_from_secret(key, context, text->algorithm, secret, l->err);
    sj_secret_free(secret);
    if (status == SNAPJAR_OK && text->algorithm == SNAPJAR_SEAL_ED25519 &&
        memcmp((*key)->public_key, text->public_key, SJ_PUBLIC_SIZE) != 0)
        status = sj_lines_refuse(l, text->bound_size, "the secret is not that of the public key");
    return status;
}

static snapjar_status make_key(const sj_lines *l, snapjar_context *context, const key_text *text,
                               const snapjar_key_options *options, snapjar_key **key)
{
    if (text->is_secret)
        SJ_TRY(make_secret(l, context, text, options, key));
    else
        SJ_TRY(sj_key_from_public(key, context, text->public_key, l->err));
    if (memcmp((*key)->id, text->id, SJ_ID_SIZE) != 0)
        return sj_lines_refuse(l, text->id_at, "the id is not that of the key");
    if (text->comment.size)
        memcpy((*key)->comment, text->comment.text, text->comment.size);
    return SNAPJAR_OK;
}

snapjar_status snapjar_key_read(snapjar_key **key, snapjar_context *context, const char *text, size_t size,
                                const snapjar_key_options *options, snapjar_error *err)
{
    snapjar_key_options resolved;
    sj_lines l = {text, size, 0, SNAPJAR_DIAG_KEY_INVALID, err};
    key_text said = {.is_secret = false};

    if (key)
        *key = NULL;
    if (!key || !context || !text)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "key, context or text is NULL");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_key_options", err));
    SJ_TRY(sj_crypto_begin(err));
    snapjar_status status = read_text(&l, &said);
    if (status == SNAPJAR_OK)
        status = make_key(&l, context, &said, &resolved, key);
    sj_secret_free(said.hidden);
    if (status != SNAPJAR_OK) {
        snapjar_key_free(*key);
        *key = NULL;
    }
    return status;
}

/* ---- files ---- */

static snapjar_status check_mode(int fd, const char *path, const char *text, size_t size, snapjar_error *err)
{
    struct stat info;
    static const size_t title_size = sizeof(SECRET_TITLE) - 1;

    if (size < title_size || memcmp(text, SECRET_TITLE, title_size) != 0)
        return SNAPJAR_OK;
    if (fstat(fd, &info) != 0)
        return sj_raise_errno(err, SNAPJAR_DIAG_READ_FAILED, errno, path, "cannot look at the file");
    if (!(info.st_mode & 077))
        return SNAPJAR_OK;
    (void)sj_raise(err, SNAPJAR_REFUSED, SNAPJAR_DIAG_KEY_FILE_MODE, SJ_NOWHERE,
                   "others than its owner may use the secret key file: its mode is %03o", info.st_mode & 0777u);
    return sj_raise_place(err, SNAPJAR_REFUSED, path);
}

snapjar_status snapjar_key_open_path(snapjar_key **key, snapjar_context *context, const char *path,
                                     const snapjar_key_options *options, snapjar_error *err)
{
    static const size_t room = SNAPJAR_KEY_FILE_SIZE_MAX + 1;
    int fd = -1;
    size_t size = 0;

    if (key)
        *key = NULL;
    if (!key || !context || !path)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "key, context or path is NULL");
    SJ_TRY(sj_crypto_begin(err));
    SJ_TRY(sj_fd_open(&fd, path, O_RDONLY, 0, err));
    char *text = (char *)sj_secret_new(room);
    snapjar_status status = text ? SNAPJAR_OK : sj_raise_no_memory(err, room);
    if (status == SNAPJAR_OK)
        status = sj_fd_read(fd, path, text, room, &size, err);
    if (status == SNAPJAR_OK)
        status = check_mode(fd, path, text, size, err);
    if (status == SNAPJAR_OK)
        status = snapjar_key_read(key, context, text, size, options, err);
    sj_secret_free((uint8_t *)text);
    (void)close(fd);
    return status == SNAPJAR_OK ? status : sj_raise_place(err, status, path);
}

/* The lines that both kinds of file have. Returns their size. */
static size_t write_public_part(char *out, size_t room, const snapjar_key *key, const char *title)
{
    char hex[2 * SJ_PUBLIC_SIZE + 1];
    int size = snprintf(out, room, "%s\nalgorithm %s\nid %s\n", title, snapjar_seal_algorithm_name(key->algorithm),
                        key->id_text);
    size_t used = (size_t)size;

    sj_hex_write(hex, key->public_key, SJ_PUBLIC_SIZE);
    if (key->algorithm == SNAPJAR_SEAL_ED25519)
        used += (size_t)snprintf(out + used, room - used, "public %s\n", hex);
    if (key->comment[0])
        used += (size_t)snprintf(out + used, room - used, "comment %s\n", key->comment);
    return used;
}

/* The last line: the seed, or what it is locked into. `out` is memory for secrets. */
static snapjar_status write_secret_line(char *out, size_t room, size_t used, const snapjar_key *key,
                                        const char *passphrase, const uint8_t *salt, const uint8_t *nonce,
                                        snapjar_error *err)
{
    uint8_t locked[SJ_SECRET_SIZE + SJ_TAG_SIZE];

    (void)snprintf(out + used, room - used, "secret ");
    char *hex = out + used + strlen("secret ");
    if (!passphrase) {
        /* The first half of what Ed25519 signs with is the seed. */
        sj_hex_write(hex, key->secret, SJ_SECRET_SIZE);
    } else {
        uint8_t *wrapping = sj_secret_new(SJ_SECRET_SIZE);
        if (!wrapping || !sj_password_key(wrapping, passphrase, salt, SJ_PASSES_DEFAULT, SJ_MEMORY_DEFAULT)) {
            sj_secret_free(wrapping);
            return sj_raise_no_memory(err, SJ_MEMORY_DEFAULT);
        }
        sj_lock(locked, key->secret, SJ_SECRET_SIZE, out, used, nonce, wrapping);
        sj_secret_free(wrapping);
        sj_hex_write(hex, locked, sizeof(locked));
    }
    (void)snprintf(out + strlen(out), room - strlen(out), "\n");
    return SNAPJAR_OK;
}

static snapjar_status write_secret_text(char *out, size_t room, const snapjar_key *key, const char *passphrase,
                                        snapjar_error *err)
{
    uint8_t salt[SJ_SALT_SIZE];
    uint8_t nonce[SJ_NONCE_SIZE];
    char salt_hex[2 * SJ_SALT_SIZE + 1];
    char nonce_hex[2 * SJ_NONCE_SIZE + 1];
    size_t used = write_public_part(out, room, key, SECRET_TITLE);

    if (!passphrase) {
        used += (size_t)snprintf(out + used, room - used, "protection none\n");
    } else {
        sj_random(salt, sizeof(salt));
        sj_random(nonce, sizeof(nonce));
        sj_hex_write(salt_hex, salt, sizeof(salt));
        sj_hex_write(nonce_hex, nonce, sizeof(nonce));
        used += (size_t)snprintf(out + used, room - used, "protection argon2id %d %" PRIu64 "\nsalt %s\nnonce %s\n",
                                 SJ_PASSES_DEFAULT, SJ_MEMORY_DEFAULT, salt_hex, nonce_hex);
    }
    return write_secret_line(out, room, used, key, passphrase, salt, nonce, err);
}

snapjar_status snapjar_key_write_secret(const snapjar_key *key, const char *path, const char *passphrase,
                                        snapjar_error *err)
{
    snapjar_path_sink_options options = SNAPJAR_PATH_SINK_OPTIONS_INIT;
    snapjar_sink *sink = NULL;

    if (!key || !path || !key->secret || (passphrase && strlen(passphrase) > SNAPJAR_KEY_PASSPHRASE_SIZE_MAX))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "key or path is NULL, the key has no secret, or the passphrase is longer than %d bytes",
                        SNAPJAR_KEY_PASSPHRASE_SIZE_MAX);
    char *text = (char *)sj_secret_new(SNAPJAR_KEY_FILE_SIZE_MAX);
    if (!text)
        return sj_raise_no_memory(err, SNAPJAR_KEY_FILE_SIZE_MAX);
    options.must_not_exist = true;
    options.mode = 0600;
    snapjar_status status = write_secret_text(text, SNAPJAR_KEY_FILE_SIZE_MAX, key, passphrase, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_open_path(&sink, key->context, path, &options, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_write(sink, text, strlen(text), err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err);
    snapjar_sink_free(sink);
    sj_secret_free((uint8_t *)text);
    return status;
}

snapjar_status snapjar_key_write_public(const snapjar_key *key, snapjar_sink *sink, snapjar_error *err)
{
    char text[1024];

    if (!key || !sink || key->algorithm == SNAPJAR_SEAL_MAC)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s",
                        key && sink ? "a shared secret has no public part" : "key or sink is NULL");
    return snapjar_sink_write(sink, text, write_public_part(text, sizeof(text), key, PUBLIC_TITLE), err);
}
