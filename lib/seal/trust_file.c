/* SPDX-License-Identifier: MIT
 *
 * Trust files: JSON to a trust set. Strict: a member that is not known may be a condition that somebody relies on.
 */
#include <inttypes.h>
#include <string.h>

#include "seal/trust.h"
#include "json/json.h"

#define DEPTH_MAX 8
#define TRUST_VERSION 1

/* The file, and where in it we are. */
typedef struct reading {
    snapjar_trust *trust;
    const char *text;
    size_t size;
    sj_json_path path;
    snapjar_error *err;
} reading;

/* One member of "keys". */
typedef struct entry {
    snapjar_key *key;
    uint8_t id[SJ_ID_SIZE];
    bool is_named;
    bool has_types;
    const char **types;
    snapjar_trust_options options;
} entry;

static sj_where here(const reading *r)
{
    return SJ_AT_FILE(sj_json_locate(r->text, r->size, &r->path));
}

static snapjar_status refuse(const reading *r, const char *name, const char *what)
{
    char escaped[96] = "";

    if (name)
        (void)snapjar_text_escape(escaped, sizeof(escaped), name, strlen(name));
    return sj_raise(r->err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRUST_INVALID, here(r), "\"%s\" %s", escaped, what);
}

static snapjar_status read_text(const reading *r, const char *name, const sj_json *value, const char **text)
{
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return refuse(r, name, "must be a string");
    *text = sj_json_string(value).data;
    return SNAPJAR_OK;
}

static snapjar_status read_public(const reading *r, const sj_json *value, entry *e)
{
    uint8_t public_key[SJ_PUBLIC_SIZE];
    const char *text = "";

    SJ_TRY(read_text(r, "ed25519", value, &text));
    if (!sj_hex_read(public_key, sizeof(public_key), text, strlen(text)))
        return refuse(r, "ed25519", "must be 64 lower-case hex digits: the public key");
    if (e->is_named)
        return refuse(r, "ed25519", "names a second key: an entry is about one");
    e->is_named = true;
    return sj_key_from_public(&e->key, r->trust->context, public_key, r->err);
}

static snapjar_status read_mac(const reading *r, const sj_json *value, entry *e)
{
    const char *text = "";

    SJ_TRY(read_text(r, "mac", value, &text));
    if (!sj_hex_read(e->id, sizeof(e->id), text, strlen(text)))
        return refuse(r, "mac", "must be 32 lower-case hex digits: the key's id, never its secret");
    if (e->is_named)
        return refuse(r, "mac", "names a second key: an entry is about one");
    e->is_named = true;
    return SNAPJAR_OK;
}

static snapjar_status read_types(reading *r, const sj_json *value, entry *e)
{
    e->has_types = true;
    if (sj_json_type_of(value) == SJ_JSON_STRING && !strcmp(sj_json_string(value).data, "any"))
        return SNAPJAR_OK;
    if (sj_json_type_of(value) != SJ_JSON_ARRAY || !sj_json_count(value))
        return refuse(r, "types", "must be an array of exact names that is not empty, or \"any\"");
    size_t count = sj_json_count(value);
    e->types = sj_alloc(r->trust->context, count * sizeof(*e->types));
    if (!e->types)
        return sj_raise_no_memory(r->err, count * sizeof(*e->types));
    r->path.depth = 4;
    for (size_t i = 0; i < count; i++) {
        r->path.steps[3] = (sj_json_step){NULL, i};
        SJ_TRY(read_text(r, "types", sj_json_at(value, i), &e->types[i]));
        if (!e->types[i][0])
            return refuse(r, "types", "has an empty name");
    }
    r->path.depth = 3;
    e->options.types = e->types;
    e->options.type_count = count;
    return SNAPJAR_OK;
}

static snapjar_status read_time(const reading *r, const char *name, const sj_json *value, const char **time)
{
    int64_t seconds;

    SJ_TRY(read_text(r, name, value, time));
    return sj_time_read(&seconds, *time) ? SNAPJAR_OK : refuse(r, name, "must be a time as 2026-01-31T23:59:59Z");
}

static snapjar_status read_context(const reading *r, const sj_json *value, entry *e)
{
    SJ_TRY(read_text(r, "context", value, &e->options.context));
    if (strlen(e->options.context) <= SNAPJAR_SEAL_CONTEXT_SIZE_MAX)
        return SNAPJAR_OK;
    return refuse(r, "context", "is longer than 1024 bytes");
}

static snapjar_status read_member(reading *r, const char *key, const sj_json *value, entry *e)
{
    const char *comment = "";

    r->path.steps[2] = (sj_json_step){key, 0};
    r->path.depth = 3;
    if (!strcmp(key, "ed25519"))
        return read_public(r, value, e);
    if (!strcmp(key, "mac"))
        return read_mac(r, value, e);
    if (!strcmp(key, "types"))
        return read_types(r, value, e);
    if (!strcmp(key, "not_before"))
        return read_time(r, key, value, &e->options.not_before);
    if (!strcmp(key, "not_after"))
        return read_time(r, key, value, &e->options.not_after);
    if (!strcmp(key, "context"))
        return read_context(r, value, e);
    if (!strcmp(key, "comment"))
        return read_text(r, key, value, &comment);
    return refuse(r, key, "is not known: ed25519, mac, types, not_before, not_after, context, comment");
}

static snapjar_status read_entry(reading *r, const sj_json *value, entry *e)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return refuse(r, "keys", "must have objects only");
    for (void *i = sj_json_first(value); i; i = sj_json_next(value, i))
        SJ_TRY(read_member(r, sj_json_key(i), sj_json_member(i), e));
    r->path.depth = 2;
    if (!e->is_named)
        return refuse(r, "keys", "has an entry without \"ed25519\" or \"mac\": which key is it about?");
    if (!e->has_types)
        return refuse(r, "keys", "has an entry without \"types\": exact names, or \"any\"");
    snapjar_status status = sj_trust_add(r->trust, e->key, e->id, &e->options, r->err);
    if ((status == SNAPJAR_INVALID_ARGUMENT || status == SNAPJAR_LIMIT) && r->err) {
        r->err->status = status = status == SNAPJAR_LIMIT ? status : SNAPJAR_DAMAGED;
        r->err->diagnostic = SNAPJAR_DIAG_TRUST_INVALID;
        r->err->space = SNAPJAR_SPACE_FILE;
        r->err->offset = here(r).offset;
    }
    return status == SNAPJAR_INVALID_ARGUMENT ? SNAPJAR_DAMAGED : status;
}

static snapjar_status read_keys(reading *r, const sj_json *value)
{
    if (sj_json_type_of(value) != SJ_JSON_ARRAY)
        return refuse(r, "keys", "must be an array");
    for (size_t i = 0; i < sj_json_count(value); i++) {
        entry e = {.options = SNAPJAR_TRUST_OPTIONS_INIT};
        r->path.steps[1] = (sj_json_step){NULL, i};
        r->path.depth = 2;
        snapjar_status status = read_entry(r, sj_json_at(value, i), &e);
        snapjar_key_free(e.key);
        sj_free(r->trust->context, e.types);
        SJ_TRY(status);
    }
    return SNAPJAR_OK;
}

static snapjar_status read_root(reading *r, const sj_json *root)
{
    const sj_json *version = sj_json_get(root, "snapjar_trust");
    const sj_json *keys = sj_json_get(root, "keys");

    r->path.depth = version ? 1 : 0;
    r->path.steps[0] = (sj_json_step){"snapjar_trust", 0};
    if (!version || sj_json_type_of(version) != SJ_JSON_INTEGER)
        return refuse(r, "snapjar_trust", "must be there and be 1: it says that this is a trust file");
    if (sj_json_integer(version) != TRUST_VERSION)
        return sj_raise(r->err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_TRUST_INVALID, here(r),
                        "\"snapjar_trust\" is %" PRId64 ", not %d", sj_json_integer(version), TRUST_VERSION);
    for (void *i = sj_json_first(root); i; i = sj_json_next(root, i)) {
        const char *key = sj_json_key(i);
        r->path.depth = 1;
        r->path.steps[0] = (sj_json_step){key, 0};
        if (strcmp(key, "snapjar_trust") != 0 && strcmp(key, "keys") != 0)
            return refuse(r, key, "is not known in a trust file: snapjar_trust, keys");
    }
    r->path.depth = 0;
    if (!keys)
        return refuse(r, "keys", "must be there");
    r->path.depth = 1;
    r->path.steps[0] = (sj_json_step){"keys", 0};
    return read_keys(r, keys);
}

snapjar_status snapjar_trust_read(snapjar_trust *trust, const char *text, size_t size, snapjar_error *err)
{
    sj_json *root;

    if (!trust || !text)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        trust ? "text" : "trust");
    if (size > SNAPJAR_TRUST_FILE_SIZE_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_TRUST_INVALID, SJ_AT_FILE(SNAPJAR_TRUST_FILE_SIZE_MAX),
                        "a trust file has at most %zu bytes", SNAPJAR_TRUST_FILE_SIZE_MAX);
    SJ_TRY(sj_json_parse(&root, text, size, DEPTH_MAX, SNAPJAR_SPACE_FILE, 0, err));
    reading r = {.trust = trust, .text = text, .size = size, .err = err};
    const snapjar_status status = read_root(&r, root);
    sj_json_free(root);
    return status;
}
