/* SPDX-License-Identifier: MIT
 *
 * Keys in memory: made, copied, used, wiped.
 */
#include "seal/key.h"

#include <string.h>

#include "json/scan.h"

#define ID_DOMAIN "snapjar key id"

const char *snapjar_seal_algorithm_name(snapjar_seal_algorithm algorithm)
{
    switch (algorithm) {
    case SNAPJAR_SEAL_ED25519:
        return "ed25519";
    case SNAPJAR_SEAL_MAC:
        return "mac";
    }
    return "unknown";
}

size_t sj_signature_size(unsigned algorithm)
{
    switch (algorithm) {
    case SNAPJAR_SEAL_ED25519:
        return SJ_SIGNATURE_SIZE;
    case SNAPJAR_SEAL_MAC:
        return SJ_MAC_SIZE;
    default:
        return 0;
    }
}

void sj_hex_write(char *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

bool sj_hex_read(uint8_t *out, size_t size, const char *text, size_t text_size)
{
    if (text_size != 2 * size)
        return false;
    for (size_t i = 0; i < text_size; i++) {
        char c = text[i];
        uint8_t digit = c >= '0' && c <= '9' ? (uint8_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10) : 16;
        if (digit == 16)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

bool sj_is_comment(const char *text, size_t size)
{
    if (size > SNAPJAR_KEY_COMMENT_SIZE_MAX || sj_json_bad_utf8(text, size) < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return true;
}

static void set_id(snapjar_key *key, const uint8_t *bytes)
{
    sj_short_digest(key->id, ID_DOMAIN, (uint8_t)key->algorithm, bytes, SJ_SECRET_SIZE);
    sj_hex_write(key->id_text, key->id, SJ_ID_SIZE);
}

static snapjar_status make(snapjar_key **key, snapjar_context *context, snapjar_seal_algorithm algorithm,
                           snapjar_error *err)
{
    *key = NULL;
    SJ_TRY(sj_crypto_begin(err));
    *key = sj_alloc_zero(context, sizeof(**key));
    if (!*key)
        return sj_raise_no_memory(err, sizeof(**key));
    (*key)->context = context;
    (*key)->algorithm = algorithm;
    return SNAPJAR_OK;
}

snapjar_status sj_key_from_public(snapjar_key **key, snapjar_context *context, const uint8_t public_key[SJ_PUBLIC_SIZE],
                                  snapjar_error *err)
{
    SJ_TRY(make(key, context, SNAPJAR_SEAL_ED25519, err));
    memcpy((*key)->public_key, public_key, SJ_PUBLIC_SIZE);
    set_id(*key, public_key);
    return SNAPJAR_OK;
}

snapjar_status sj_key_from_secret(snapjar_key **out, snapjar_context *context, snapjar_seal_algorithm algorithm,
                                  const uint8_t secret[SJ_SECRET_SIZE], snapjar_error *err)
{
    snapjar_key *key = NULL;
    bool is_mac = algorithm == SNAPJAR_SEAL_MAC;

    *out = NULL;
    SJ_TRY(make(&key, context, algorithm, err));
    key->secret = sj_secret_new(is_mac ? SJ_SECRET_SIZE : SJ_SIGNING_SIZE);
    if (!key->secret) {
        snapjar_key_free(key);
        return sj_raise_no_memory(err, SJ_SIGNING_SIZE);
    }
    if (is_mac)
        memcpy(key->secret, secret, SJ_SECRET_SIZE);
    else
        sj_sign_expand(key->public_key, key->secret, secret);
    set_id(key, is_mac ? secret : key->public_key);
    *out = key;
    return SNAPJAR_OK;
}

snapjar_status snapjar_key_generate(snapjar_key **key, snapjar_context *context, snapjar_seal_algorithm algorithm,
                                    const char *comment, snapjar_error *err)
{
    if (key)
        *key = NULL;
    if (!key || !context || !sj_signature_size(algorithm))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "key or context is NULL, or algorithm %d is none", (int)algorithm);
    if (comment && !sj_is_comment(comment, strlen(comment)))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "comment must be one line of at most %d bytes", SNAPJAR_KEY_COMMENT_SIZE_MAX);
    SJ_TRY(sj_crypto_begin(err));
    uint8_t *secret = sj_secret_new(SJ_SECRET_SIZE);
    if (!secret)
        return sj_raise_no_memory(err, SJ_SECRET_SIZE);
    sj_random(secret, SJ_SECRET_SIZE);
    snapjar_status status = sj_key_from_secret(key, context, algorithm, secret, err);
    sj_secret_free(secret);
    if (status == SNAPJAR_OK && comment)
        memcpy((*key)->comment, comment, strlen(comment));
    return status;
}

snapjar_status sj_key_copy_checking(snapjar_key **copy, snapjar_context *context, const snapjar_key *key,
                                    snapjar_error *err)
{
    if (key->algorithm == SNAPJAR_SEAL_MAC && key->secret)
        return sj_key_from_secret(copy, context, key->algorithm, key->secret, err);
    return sj_key_from_public(copy, context, key->public_key, err);
}

void snapjar_key_free(snapjar_key *key)
{
    if (!key)
        return;
    sj_secret_free(key->secret);
    sj_free(key->context, key);
}

void sj_key_sign(const snapjar_key *key, uint8_t *signature, const uint8_t *message, size_t size)
{
    if (key->algorithm == SNAPJAR_SEAL_MAC)
        sj_mac(signature, message, size, key->secret);
    else
        sj_sign(signature, message, size, key->secret);
}

bool sj_key_holds(const snapjar_key *key, const uint8_t *signature, const uint8_t *message, size_t size)
{
    uint8_t mac[SJ_MAC_SIZE];

    if (key->algorithm != SNAPJAR_SEAL_MAC)
        return sj_sign_holds(signature, message, size, key->public_key);
    sj_mac(mac, message, size, key->secret);
    bool holds = sj_is_equal(mac, signature, SJ_MAC_SIZE);
    sj_wipe(mac, sizeof(mac));
    return holds;
}

snapjar_seal_algorithm snapjar_key_algorithm(const snapjar_key *key)
{
    return key->algorithm;
}

const char *snapjar_key_id(const snapjar_key *key)
{
    return key->id_text;
}

const char *snapjar_key_comment(const snapjar_key *key)
{
    return key->comment;
}

bool snapjar_key_has_secret(const snapjar_key *key)
{
    return key->secret != NULL;
}
