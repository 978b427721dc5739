/* SPDX-License-Identifier: MIT
 *
 * JSON to a policy. Strict: a member that is not known may be a rule that somebody relies on.
 */
#include "pickle/policy_json.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define POLICY_VERSION 1

static snapjar_status raise(const sj_json_document *document, sj_json_place place, const char *what, const char *name,
                            snapjar_error *err)
{
    char escaped[96] = "";
    if (name != NULL)
        (void)snapjar_text_escape(escaped, sizeof escaped, name, strlen(name));
    return sj_json_raise(document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_POLICY_INVALID, err, "\"%s\" %s", escaped,
                         what);
}

/** Gives an error that came from a name or a use the place where it stands. */
static snapjar_status forward(snapjar_status status, const sj_json_document *document, sj_json_place place,
                              snapjar_error *err)
{
    if (status != SNAPJAR_INVALID_ARGUMENT)
        return status;
    if (err != NULL)
        err->status = SNAPJAR_DAMAGED;
    return sj_json_raise_place(document, place, SNAPJAR_DAMAGED, err);
}

/** A string that is also one for C: without NUL, which the parser refuses in keys and values alike. */
static snapjar_status read_string(const sj_json_document *document, sj_json_place place, const sj_json *value,
                                  const char *name, const char **text, snapjar_error *err)
{
    *text = "";
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return raise(document, place, "must be a string", name, err);
    *text = sj_json_string(value).data;
    return SNAPJAR_OK;
}

static snapjar_status read_uses(const sj_json_document *document, sj_json_place place, const sj_json *list,
                                const char *name, unsigned *uses, snapjar_error *err)
{
    *uses = 0;
    if (list == NULL || sj_json_type_of(list) != SJ_JSON_ARRAY || sj_json_count(list) == 0)
        return raise(document, place, "must have an array of uses that is not empty", name, err);
    for (size_t i = 0; i < sj_json_count(list); i++) {
        const sj_json_place here = sj_json_element_of(list, i);
        const char *text;
        unsigned use = 0;
        SJ_TRY(read_string(document, here, sj_json_at(list, i), name, &text, err));
        while (use < SNAPJAR_USE_COUNT && strcmp(snapjar_use_name((snapjar_use)use), text) != 0)
            use++;
        if (use == SNAPJAR_USE_COUNT)
            return raise(document, here, "is no use: import, call, new, build, setitem, append, argument", text, err);
        *uses |= SNAPJAR_USES(use);
    }
    return SNAPJAR_OK;
}

/** One member of "allow": an array of uses, or an object with them and a reason. */
static snapjar_status read_rule(snapjar_policy *policy, const sj_json_document *document, const sj_json *allow,
                                const char *global, snapjar_error *err)
{
    const sj_json_place place = sj_json_member_of(allow, global);
    const sj_json *value = sj_json_get(allow, global);
    const sj_json *list = value;
    const char *reason = NULL;
    unsigned uses;
    if (sj_json_type_of(value) == SJ_JSON_OBJECT) {
        list = NULL;
        for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
            const sj_json_place here = sj_json_member_of(value, sj_json_key(i));
            if (strcmp(sj_json_key(i), "uses") == 0)
                list = sj_json_member(i);
            else if (strcmp(sj_json_key(i), "reason") == 0)
                SJ_TRY(read_string(document, here, sj_json_member(i), "reason", &reason, err));
            else
                return raise(document, here, "is not known in a rule: uses, reason", sj_json_key(i), err);
        }
    }
    SJ_TRY(read_uses(document, place, list, global, &uses, err));
    return forward(snapjar_policy_allow(policy, global, uses, reason, err), document, place, err);
}

static snapjar_status read_allow(snapjar_policy *policy, const sj_json_document *document, const sj_json *value,
                                 snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return raise(document, sj_json_member_of(NULL, "allow"), "must be an object", "allow", err);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i))
        SJ_TRY(read_rule(policy, document, value, sj_json_key(i), err));
    return SNAPJAR_OK;
}

static snapjar_status read_presets(snapjar_policy *policy, const sj_json_document *document, const sj_json *value,
                                   snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_ARRAY)
        return raise(document, sj_json_member_of(NULL, "presets"), "must be an array", "presets", err);
    for (size_t i = 0; i < sj_json_count(value); i++) {
        const sj_json_place here = sj_json_element_of(value, i);
        const char *name;
        SJ_TRY(read_string(document, here, sj_json_at(value, i), "presets", &name, err));
        SJ_TRY(forward(snapjar_policy_allow_preset(policy, name, err), document, here, err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_extensions(snapjar_policy *policy, const sj_json_document *document, const sj_json *value,
                                      snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT)
        return raise(document, sj_json_member_of(NULL, "extensions"), "must be an object", "extensions", err);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
        const char *key = sj_json_key(i);
        const sj_json_place here = sj_json_member_of(value, key);
        const char *global;
        if (strspn(key, "0123456789") != strlen(key) || strlen(key) > 10 || key[0] == '0' || key[0] == '\0')
            return raise(document, here, "is no extension code", key, err);
        SJ_TRY(read_string(document, here, sj_json_member(i), key, &global, err));
        const unsigned long long code = strtoull(key, NULL, 10);
        SJ_TRY(forward(snapjar_policy_map_extension(policy, code > UINT32_MAX ? 0 : (uint32_t)code, global, err),
                       document, here, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_policy_read_member(snapjar_policy *policy, const sj_json_document *document, const char *key,
                                     bool *is_known, snapjar_error *err)
{
    const sj_json *value = sj_json_get(document->root, key);
    *is_known = true;
    if (strcmp(key, "allow") == 0)
        return read_allow(policy, document, value, err);
    if (strcmp(key, "presets") == 0)
        return read_presets(policy, document, value, err);
    if (strcmp(key, "extensions") == 0)
        return read_extensions(policy, document, value, err);
    const bool is_ids = strcmp(key, "persistent_ids") == 0;
    *is_known = is_ids || strcmp(key, "buffers") == 0;
    if (!*is_known)
        return SNAPJAR_OK;
    if (sj_json_type_of(value) != SJ_JSON_BOOLEAN)
        return raise(document, sj_json_member_of(NULL, key), "must be true or false", key, err);
    if (is_ids)
        snapjar_policy_allow_persistent_ids(policy, sj_json_is_true(value));
    else
        snapjar_policy_allow_buffers(policy, sj_json_is_true(value));
    return SNAPJAR_OK;
}

static snapjar_status read_root(snapjar_policy *policy, const sj_json_document *document, snapjar_error *err)
{
    const sj_json *version = sj_json_get(document->root, "snapjar_policy");
    const sj_json_place place = sj_json_member_of(NULL, "snapjar_policy");
    if (version == NULL || sj_json_type_of(version) != SJ_JSON_INTEGER)
        return raise(document, place, "must be there and be 1: it says that this is a policy", "snapjar_policy", err);
    if (sj_json_integer(version) != POLICY_VERSION)
        return sj_json_raise(document, place, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_POLICY_INVALID, err,
                             "\"snapjar_policy\" is %lld, not %d", (long long)sj_json_integer(version), POLICY_VERSION);
    for (void *i = sj_json_first(document->root); i != NULL; i = sj_json_next(document->root, i)) {
        const char *key = sj_json_key(i);
        bool is_known = true;
        if (strcmp(key, "snapjar_policy") != 0)
            SJ_TRY(sj_policy_read_member(policy, document, key, &is_known, err));
        if (!is_known)
            return raise(document, sj_json_member_of(NULL, key), "is not known in a policy", key, err);
    }
    return SNAPJAR_OK;
}

snapjar_status snapjar_policy_read(snapjar_policy *policy, const char *text, size_t size, snapjar_error *err)
{
    sj_json *root;
    if (policy == NULL || text == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        policy == NULL ? "policy" : "text");
    SJ_TRY(sj_json_parse(&root, text, size, DEPTH_MAX, SNAPJAR_SPACE_FILE, 0, err));
    const sj_json_document document = {text, size, root};
    const snapjar_status status = read_root(policy, &document, err);
    sj_json_free(root);
    return status;
}
