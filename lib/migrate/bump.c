/* SPDX-License-Identifier: MIT
 *
 * The next version of a contract, from samples of the current one and of the next: what can be told is written, and
 * what is a guess says so in a description.
 */
#include "migrate/bump.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pickle/policy.h"

void sj_bump_json(sj_bumper *b, sj_text *out, const sj_json *value)
{
    size_t size;
    char *text = sj_json_dump(value, &size);
    b->has_failed = b->has_failed || text == NULL;
    if (text == NULL)
        return;
    sj_text_put_bytes(out, text, size);
    sj_json_free_text(text);
}

void sj_bump_member(sj_text *out, const char *name, const char *value)
{
    sj_text_put(out, ",");
    sj_text_put_quoted(out, name);
    sj_text_put(out, ":");
    sj_text_put_quoted(out, value);
}

/** What the contract says of its version now, as one of the older versions. */
static void put_versions(sj_bumper *b, sj_text *out)
{
    const sj_json *versions = sj_json_get(b->root, "versions");
    const sj_json *root = sj_json_get(b->root, "root");
    const sj_json *classes = sj_json_get(b->root, "classes");
    char number[32];
    (void)snprintf(number, sizeof number, "\"%" PRId64 "\":{", b->contract->current.version);
    sj_text_put(out, ",\"versions\":{");
    sj_text_put(out, number);
    if (root != NULL) {
        sj_text_put(out, "\"root\":");
        sj_bump_json(b, out, root);
        sj_text_put(out, classes != NULL ? "," : "");
    }
    if (classes != NULL) {
        sj_text_put(out, "\"classes\":");
        sj_bump_json(b, out, classes);
    }
    sj_text_put(out, "}");
    for (void *i = versions != NULL ? sj_json_first(versions) : NULL; i != NULL; i = sj_json_next(versions, i)) {
        sj_text_put(out, ",");
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        sj_bump_json(b, out, sj_json_member(i));
    }
    sj_text_put(out, "}");
}

static void put_migrations(sj_bumper *b, sj_text *out)
{
    const sj_json *migrations = sj_json_get(b->root, "migrations");
    char ends[96];
    sj_text_put(out, ",\"migrations\":[");
    for (size_t i = 0; migrations != NULL && i < sj_json_count(migrations); i++) {
        sj_bump_json(b, out, sj_json_at(migrations, i));
        sj_text_put(out, ",");
    }
    (void)snprintf(ends, sizeof ends,
                   "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"description\":\"TODO: why\",\"steps\":[",
                   b->contract->current.version, b->contract->current.version + 1);
    sj_text_put(out, ends);
    sj_bump_steps(b);
    sj_text_put_bytes(out, b->steps.data != NULL ? b->steps.data : "", b->steps.size);
    sj_text_put(out, "]}]");
}

/** Whether the contract has a row for a name, or for what has that name now. */
static bool has_allow_row(const sj_bumper *b, const sj_json *allow, const char *name)
{
    for (void *i = allow != NULL ? sj_json_first(allow) : NULL; i != NULL; i = sj_json_next(allow, i)) {
        if (strcmp(sj_bump_name_now(b, sj_json_key(i)), name) == 0)
            return true;
    }
    return false;
}

/** The rows of the contract, and those that the new samples need beside them. */
static void put_allow(sj_bumper *b, sj_text *out)
{
    const sj_json *allow = sj_json_get(b->root, "allow");
    const char *before = ",\"allow\":{";
    for (void *i = allow != NULL ? sj_json_first(allow) : NULL; i != NULL; i = sj_json_next(allow, i)) {
        const char *now = sj_bump_name_now(b, sj_json_key(i));
        sj_text_put(out, before);
        /* It may have a row of its own already. */
        sj_text_put_quoted(out, sj_json_get(allow, now) == NULL ? now : sj_json_key(i));
        sj_text_put(out, ":");
        sj_bump_json(b, out, sj_json_member(i));
        before = ",";
    }
    for (size_t i = 0; i < b->after->global_count; i++) {
        const sj_seen_global *global = &b->after->globals[i];
        const char *name = sj_samples_name(b->after, global->name);
        const char *colon = strchr(name, ':');
        const unsigned allowed = sj_policy_uses(b->contract->policy, (snapjar_text){name, (size_t)(colon - name)},
                                                (snapjar_text){colon + 1, strlen(colon + 1)}) |
                                 sj_samples_class_uses(b->after, name);
        const bool has_row = has_allow_row(b, allow, name);
        if ((global->uses & ~allowed) == 0 || has_row)
            continue;
        sj_text_put(out, before);
        sj_allow_row_write(out, b->after, global, global->uses & ~allowed);
        before = ",";
    }
    sj_text_put(out, before[1] == '\0' ? "}" : "");
}

/** Members that stay: what is made anew is left out. */
static void put_kept(sj_bumper *b, sj_text *out)
{
    static const char *const anew[] = {"snapjar_contract", "type",     "schema_version", "allow",
                                       "classes",          "versions", "migrations"};
    const bool has_new_root = sj_bump_root_entries(b) != NULL;
    for (void *i = sj_json_first(b->root); i != NULL; i = sj_json_next(b->root, i)) {
        bool is_anew = false;
        for (size_t k = 0; k < sizeof anew / sizeof *anew; k++)
            is_anew = is_anew || strcmp(sj_json_key(i), anew[k]) == 0;
        if (is_anew)
            continue;
        sj_text_put(out, ",");
        sj_text_put_quoted(out, sj_json_key(i));
        sj_text_put(out, ":");
        if (has_new_root && strcmp(sj_json_key(i), "root") == 0)
            sj_bump_root(b, out);
        else
            sj_bump_json_now(b, out, sj_json_member(i));
    }
}

static void put_document(sj_bumper *b, sj_text *out)
{
    sj_text_put(out, "{\"snapjar_contract\":1,\"type\":");
    sj_text_put_quoted(out, b->after->type);
    sj_text_put(out, ",\"schema_version\":");
    sj_text_put_number(out, b->contract->current.version + 1);
    put_kept(b, out);
    put_allow(b, out);
    sj_text_put(out, ",\"classes\":{");
    sj_bump_classes(b, out);
    sj_text_put(out, "}");
    put_versions(b, out);
    put_migrations(b, out);
    sj_text_put(out, "}");
}

static SJ_SAMPLES bump(sj_bumper *b, snapjar_sink *sink, snapjar_error *err)
{
    sj_text out = {.context = b->context};
    snapjar_status status = sj_rule_texts_make(&b->rules, b->after, err);
    if (status == SNAPJAR_OK) {
        put_document(b, &out);
        status = sj_text_check(&b->steps, err);
    }
    if (status == SNAPJAR_OK && b->has_failed)
        status = sj_raise_no_memory(err, out.size);
    if (status == SNAPJAR_OK)
        status = sj_text_write_json(&out, sink, err);
    sj_rule_texts_free(&b->rules);
    sj_free(b->context, b->steps.data);
    sj_free(b->context, out.data);
    return status;
}

static snapjar_status check_arguments(const char *text, const snapjar_samples *before, const snapjar_samples *after,
                                      const snapjar_sink *sink, snapjar_error *err)
{
    const char *wrong = text == NULL                              ? "text is NULL"
                        : before == NULL || after == NULL         ? "samples are NULL"
                        : before->count == 0 || after->count == 0 ? "there is no sample"
                        : sink == NULL                            ? "sink is NULL"
                                                                  : NULL;
    if (wrong == NULL)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s", wrong);
}

snapjar_status snapjar_contract_bump(const char *text, size_t size, const snapjar_samples *old_samples,
                                     const snapjar_samples *new_samples, snapjar_sink *sink, snapjar_error *err)
{
    snapjar_contract *contract;
    SJ_TRY(check_arguments(text, old_samples, new_samples, sink, err));
    snapjar_context *context = new_samples->context;
    SJ_TRY(snapjar_contract_read(&contract, context, text, size, NULL, err));
    sj_bumper b = {.contract = contract,
                   .root = contract->root,
                   .before = old_samples,
                   .after = new_samples,
                   .context = context,
                   .steps = {.context = context}};
    snapjar_status status = SNAPJAR_OK;
    if (contract->current.version == INT64_MAX)
        status = sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_CONTRACT_LIMIT, SJ_NOWHERE,
                          "there is no version after %" PRId64, contract->current.version);
    else
        status = bump(&b, sink, err);
    snapjar_contract_free(contract);
    return status;
}
