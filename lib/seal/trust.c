/* SPDX-License-Identifier: MIT
 *
 * Trust sets in memory.
 */
#include "seal/trust.h"

#include <string.h>
#include <time.h>

#include "util/options.h"

bool sj_time_read(int64_t *seconds, const char *text)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    struct tm parts = {.tm_isdst = 0};
    struct tm again;
    int numbers[6] = {0};
    size_t number = 0;

    if (strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == '0' ? !is_digit : text[i] != shape[i])
            return false;
        if (is_digit)
            numbers[number] = numbers[number] * 10 + (text[i] - '0');
        else
            number++;
    }
    parts.tm_year = numbers[0] - 1900;
    parts.tm_mon = numbers[1] - 1;
    parts.tm_mday = numbers[2];
    parts.tm_hour = numbers[3];
    parts.tm_min = numbers[4];
    parts.tm_sec = numbers[5];
    struct tm given = parts;
    time_t value = timegm(&parts);
    /* A date that does not exist comes back as another one. */
    if (!gmtime_r(&value, &again) || again.tm_year != given.tm_year || again.tm_mon != given.tm_mon ||
        again.tm_mday != given.tm_mday || again.tm_hour != given.tm_hour || again.tm_min != given.tm_min ||
        again.tm_sec != given.tm_sec)
        return false;
    *seconds = (int64_t)value;
    return true;
}

snapjar_status snapjar_trust_new(snapjar_trust **trust, snapjar_context *context, snapjar_error *err)
{
    if (trust)
        *trust = NULL;
    if (!trust || !context)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "trust or context is NULL");
    SJ_TRY(sj_crypto_begin(err));
    *trust = sj_alloc_zero(context, sizeof(**trust));
    if (!*trust)
        return sj_raise_no_memory(err, sizeof(**trust));
    (*trust)->context = context;
    return SNAPJAR_OK;
}

static void clear(snapjar_context *context, sj_trusted *trusted)
{
    for (size_t i = 0; i < trusted->type_count; i++)
        sj_free(context, trusted->types[i]);
    sj_free(context, trusted->types);
    sj_free(context, trusted->context);
    snapjar_key_free(trusted->key);
}

void snapjar_trust_free(snapjar_trust *trust)
{
    if (!trust)
        return;
    for (size_t i = 0; i < trust->count; i++)
        clear(trust->context, &trust->keys[i]);
    sj_free(trust->context, trust->keys);
    sj_free(trust->context, trust);
}

const sj_trusted *sj_trust_find(const snapjar_trust *trust, const uint8_t id[SJ_ID_SIZE])
{
    for (size_t i = 0; i < trust->count; i++) {
        if (!memcmp(trust->keys[i].id, id, SJ_ID_SIZE))
            return &trust->keys[i];
    }
    return NULL;
}

static snapjar_status check_options(const snapjar_trust_options *options, sj_trusted *trusted, snapjar_error *err)
{
    const char *wrong = NULL;

    trusted->not_before = INT64_MIN;
    trusted->not_after = INT64_MAX;
    if (options->type_count && !options->types)
        wrong = "type_count is set and types is NULL";
    else if (options->not_before && !sj_time_read(&trusted->not_before, options->not_before))
        wrong = "not_before must be a time as 2026-01-31T23:59:59Z";
    else if (options->not_after && !sj_time_read(&trusted->not_after, options->not_after))
        wrong = "not_after must be a time as 2026-01-31T23:59:59Z";
    else if (trusted->not_before > trusted->not_after)
        wrong = "not_before is later than not_after";
    else if (options->context && strlen(options->context) > SNAPJAR_SEAL_CONTEXT_SIZE_MAX)
        wrong = "context is longer than 1024 bytes";
    for (size_t i = 0; !wrong && i < options->type_count; i++) {
        if (!options->types[i] || !options->types[i][0])
            wrong = "a type is empty";
    }
    if (!wrong)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", wrong);
}

static snapjar_status copy_texts(snapjar_context *context, const snapjar_trust_options *options, sj_trusted *trusted,
                                 snapjar_error *err)
{
    if (options->context && options->context[0]) {
        trusted->context = sj_dup_text(context, options->context, strlen(options->context));
        if (!trusted->context)
            return sj_raise_no_memory(err, strlen(options->context));
    }
    if (!options->type_count)
        return SNAPJAR_OK;
    trusted->types = sj_alloc_zero(context, options->type_count * sizeof(*trusted->types));
    if (!trusted->types)
        return sj_raise_no_memory(err, options->type_count * sizeof(*trusted->types));
    for (size_t i = 0; i < options->type_count; i++) {
        trusted->types[i] = sj_dup_text(context, options->types[i], strlen(options->types[i]));
        if (!trusted->types[i])
            return sj_raise_no_memory(err, strlen(options->types[i]));
        trusted->type_count = i + 1;
    }
    return SNAPJAR_OK;
}

static snapjar_status reserve(snapjar_trust *trust, snapjar_error *err)
{
    if (trust->count >= SNAPJAR_TRUST_KEYS_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_TRUST_INVALID, SJ_NOWHERE, "a trust set has at most %d keys",
                        SNAPJAR_TRUST_KEYS_MAX);
    if (trust->count < trust->capacity)
        return SNAPJAR_OK;
    size_t capacity = 2 * trust->capacity + 4;
    sj_trusted *keys = sj_realloc(trust->context, trust->keys, capacity * sizeof(*keys));
    if (!keys)
        return sj_raise_no_memory(err, capacity * sizeof(*keys));
    trust->keys = keys;
    trust->capacity = capacity;
    return SNAPJAR_OK;
}

static snapjar_status fill(snapjar_trust *trust, sj_trusted *trusted, const snapjar_key *key,
                           const snapjar_trust_options *options, snapjar_error *err)
{
    SJ_TRY(copy_texts(trust->context, options, trusted, err));
    if (key && (key->algorithm != SNAPJAR_SEAL_MAC || key->secret))
        SJ_TRY(sj_key_copy_checking(&trusted->key, trust->context, key, err));
    return SNAPJAR_OK;
}

snapjar_status sj_trust_add(snapjar_trust *trust, const snapjar_key *key, const uint8_t id[SJ_ID_SIZE],
                            const snapjar_trust_options *options, snapjar_error *err)
{
    sj_trusted trusted = {.algorithm = key ? key->algorithm : SNAPJAR_SEAL_MAC};

    memcpy(trusted.id, key ? key->id : id, SJ_ID_SIZE);
    sj_hex_write(trusted.id_text, trusted.id, SJ_ID_SIZE);
    SJ_TRY(check_options(options, &trusted, err));
    if (sj_trust_find(trust, trusted.id))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_TRUST_INVALID, SJ_NOWHERE,
                        "the key %s is in the trust set already", trusted.id_text);
    SJ_TRY(reserve(trust, err));
    snapjar_status status = fill(trust, &trusted, key, options, err);
    if (status != SNAPJAR_OK) {
        clear(trust->context, &trusted);
        return status;
    }
    trust->keys[trust->count++] = trusted;
    return SNAPJAR_OK;
}

snapjar_status snapjar_trust_add(snapjar_trust *trust, const snapjar_key *key, const snapjar_trust_options *options,
                                 snapjar_error *err)
{
    snapjar_trust_options resolved;

    if (!trust || !key)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        trust ? "key" : "trust");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_trust_options", err));
    return sj_trust_add(trust, key, NULL, &resolved, err);
}

snapjar_status snapjar_trust_supply(snapjar_trust *trust, const snapjar_key *key, snapjar_error *err)
{
    if (!trust || !key || key->algorithm != SNAPJAR_SEAL_MAC || !key->secret)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "trust or key is NULL, or the key is no MAC key: others have no secret to supply");
    for (size_t i = 0; i < trust->count; i++) {
        sj_trusted *trusted = &trust->keys[i];
        if (memcmp(trusted->id, key->id, SJ_ID_SIZE) != 0)
            continue;
        return trusted->key ? SNAPJAR_OK : sj_key_copy_checking(&trusted->key, trust->context, key, err);
    }
    return sj_raise(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, SJ_NOWHERE,
                    "the trust set does not name the key %s", key->id_text);
}

size_t snapjar_trust_key_count(const snapjar_trust *trust)
{
    return trust->count;
}

const char *snapjar_trust_key_id(const snapjar_trust *trust, size_t index)
{
    return index < trust->count ? trust->keys[index].id_text : NULL;
}
