/* SPDX-License-Identifier: MIT
 *
 * Policy files: JSON to a policy. Here and not beside the policy itself, because that knows no JSON. Strict: a member
 * that is not known may be a rule that somebody relies on.
 */
#include <snapjar/policy.h>

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

#define DEPTH_MAX 8
#define POLICY_VERSION 1

/** The place of a value in the file. */
typedef struct place {
    const char *text;
    size_t size;
    sj_json_path path;
} place;

static place place_of(const char *text, size_t size, const char *first, const char *second)
{
    place at = {text, size, {.depth = 0}};
    if (first != NULL)
        at.path.steps[at.path.depth++] = (sj_json_step){first, 0};
    if (second != NULL)
        at.path.steps[at.path.depth++] = (sj_json_step){second, 0};
    return at;
}

static snapjar_status raise(const place *at, const char *what, const char *name, snapjar_error *err)
{
    char escaped[96] = "";
    if (name != NULL)
        (void)snapjar_text_escape(escaped, sizeof escaped, name, strlen(name));
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID,
                    SJ_AT_FILE(sj_json_locate(at->text, at->size, &at->path)), "\"%s\" %s", escaped, what);
}

/** Gives an error that came from a name or a use the place where it stands. */
static snapjar_status forward(snapjar_status status, const place *at, snapjar_error *err)
{
    if (status == SNAPJAR_INVALID_ARGUMENT && err != NULL) {
        err->status = SNAPJAR_DAMAGED;
        err->space = SNAPJAR_SPACE_FILE;
        err->offset = sj_json_locate(at->text, at->size, &at->path);
    }
    return status == SNAPJAR_INVALID_ARGUMENT ? SNAPJAR_DAMAGED : status;
}

/** A string that is also one for C: without NUL, which the parser refuses in keys and values alike. */
static snapjar_status read_string(const sj_json *value, const place *at, const char *name, const char **text,
                                  snapjar_error *err)
{
    *text = "";
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return raise(at, "must be a string", name, err);
    *text = sj_json_string(value).data;
    return SNAPJAR_OK;
}

static snapjar_status read_uses(const sj_json *list, const place *at, const char *name, unsigned *uses,
                                snapjar_error *err)
{
    *uses = 0;
    if (list == NULL || sj_json_type_of(list) != SJ_JSON_ARRAY || sj_json_count(list) == 0)
        return raise(at, "must have an array of uses that is not empty", name, err);
    for (size_t i = 0; i < sj_json_count(list); i++) {
        const char *text;
        unsigned use = 0;
        SJ_TRY(read_string(sj_json_at(list, i), at, name, &text, err));
        while (use < SNAPJAR_USE_COUNT && strcmp(snapjar_use_name((snapjar_use)use), text) != 0)
            use++;
        if (use == SNAPJAR_USE_COUNT)
            return raise(at, "is no use: import, call, new, build, setitem, append, argument", text, err);
        *uses |= SNAPJAR_USES(use);
    }
    return SNAPJAR_OK;
}

/** One member of "allow": an array of uses, or an object with them and a reason. */
static snapjar_status read_rule(snapjar_policy *policy, const char *global, const sj_json *value, const place *at,
                                snapjar_error *err)
{
    const sj_json *list = value;
    const char *reason = NULL;
    unsigned uses;
    if (sj_json_type_of(value) == SJ_JSON_OBJECT) {
        list = NULL;
        for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
            if (strcmp(sj_json_key(i), "uses") == 0)
                list = sj_json_member(i);
            else if (strcmp(sj_json_key(i), "reason") == 0)
                SJ_TRY(read_string(sj_json_member(i), at, "reason", &reason, err));
            else
                return raise(at, "is not known in a rule: uses, reason", sj_json_key(i), err);
        }
    }
    SJ_TRY(read_uses(list, at, global, &uses, err));
    return forward(snapjar_policy_allow(policy, global, uses, reason, err), at, err);
}

static snapjar_status read_allow(snapjar_policy *policy, const sj_json *value, const char *text, size_t size,
                                 snapjar_error *err)
{
    place at = place_of(text, size, "allow", NULL);
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return raise(&at, "must be an object", "allow", err);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
        at = place_of(text, size, "allow", sj_json_key(i));
        SJ_TRY(read_rule(policy, sj_json_key(i), sj_json_member(i), &at, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_presets(snapjar_policy *policy, const sj_json *value, const char *text, size_t size,
                                   snapjar_error *err)
{
    place at = place_of(text, size, "presets", NULL);
    if (sj_json_type_of(value) != SJ_JSON_ARRAY)
        return raise(&at, "must be an array", "presets", err);
    at.path.depth = 2;
    for (size_t i = 0; i < sj_json_count(value); i++) {
        const char *name;
        at.path.steps[1] = (sj_json_step){NULL, i};
        SJ_TRY(read_string(sj_json_at(value, i), &at, "presets", &name, err));
        SJ_TRY(forward(snapjar_policy_allow_preset(policy, name, err), &at, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_extensions(snapjar_policy *policy, const sj_json *value, const char *text, size_t size,
                                      snapjar_error *err)
{
    place at = place_of(text, size, "extensions", NULL);
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return raise(&at, "must be an object", "extensions", err);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
        const char *key = sj_json_key(i);
        const char *global;
        at = place_of(text, size, "extensions", key);
        if (strspn(key, "0123456789") != strlen(key) || strlen(key) > 10 || key[0] == '0' || key[0] == '\0')
            return raise(&at, "is no extension code", key, err);
        SJ_TRY(read_string(sj_json_member(i), &at, key, &global, err));
        const unsigned long long code = strtoull(key, NULL, 10);
        SJ_TRY(forward(snapjar_policy_map_extension(policy, code > UINT32_MAX ? 0 : (uint32_t)code, global, err), &at,
                       err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_member(snapjar_policy *policy, const char *key, const sj_json *value, const char *text,
                                  size_t size, snapjar_error *err)
{
    const place at = place_of(text, size, key, NULL);
    if (strcmp(key, "allow") == 0)
        return read_allow(policy, value, text, size, err);
    if (strcmp(key, "presets") == 0)
        return read_presets(policy, value, text, size, err);
    if (strcmp(key, "extensions") == 0)
        return read_extensions(policy, value, text, size, err);
    if (strcmp(key, "snapjar_policy") == 0)
        return SNAPJAR_OK;
    const bool is_ids = strcmp(key, "persistent_ids") == 0;
    if (!is_ids && strcmp(key, "buffers") != 0)
        return raise(&at, "is not known in a policy", key, err);
    if (sj_json_type_of(value) != SJ_JSON_BOOLEAN)
        return raise(&at, "must be true or false", key, err);
    size_t dump_size;
    char *dump = sj_json_dump(value, &dump_size);
    if (dump == NULL)
        return sj_raise_no_memory(err, sizeof "false");
    if (is_ids)
        snapjar_policy_allow_persistent_ids(policy, strcmp(dump, "true") == 0);
    else
        snapjar_policy_allow_buffers(policy, strcmp(dump, "true") == 0);
    sj_json_free_text(dump);
    return SNAPJAR_OK;
}

static snapjar_status read_root(snapjar_policy *policy, const sj_json *root, const char *text, size_t size,
                                snapjar_error *err)
{
    const sj_json *version = sj_json_get(root, "snapjar_policy");
    const place at = place_of(text, size, version != NULL ? "snapjar_policy" : NULL, NULL);
    if (version == NULL || sj_json_type_of(version) != SJ_JSON_INTEGER)
        return raise(&at, "must be there and be 1: it says that this is a policy", "snapjar_policy", err);
    if (sj_json_integer(version) != POLICY_VERSION)
        return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_POLICY_INVALID,
                        SJ_AT_FILE(sj_json_locate(text, size, &at.path)), "\"snapjar_policy\" is %lld, not %d",
                        (long long)sj_json_integer(version), POLICY_VERSION);
    for (void *i = sj_json_first(root); i != NULL; i = sj_json_next(root, i))
        SJ_TRY(read_member(policy, sj_json_key(i), sj_json_member(i), text, size, err));
    return SNAPJAR_OK;
}

snapjar_status snapjar_policy_read(snapjar_policy *policy, const char *text, size_t size, snapjar_error *err)
{
    sj_json *root;
    if (policy == NULL || text == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        policy == NULL ? "policy" : "text");
    SJ_TRY(sj_json_parse(&root, text, size, DEPTH_MAX, SNAPJAR_SPACE_FILE, 0, err));
    const snapjar_status status = read_root(policy, root, text, size, err);
    sj_json_free(root);
    return status;
}
