/* SPDX-License-Identifier: MIT
 *
 * From options to a policy.
 */
#include "judging.h"

#include <stdlib.h>
#include <string.h>

/* A policy file larger than this is none. */
#define POLICY_SIZE_MAX ((uint64_t)16 << 20)

bool judging_is_wanted(const struct judging_values *values)
{
    return values->policies.count || values->allowed.count || values->presets.count;
}

void judging_free(struct judging_values *values)
{
    string_list_free(&values->policies);
    string_list_free(&values->allowed);
    string_list_free(&values->presets);
}

static snapjar_status read_policy(snapjar_context *context, snapjar_policy *policy, const char *path,
                                  snapjar_error *err)
{
    snapjar_source *source = NULL;
    char *text = NULL;
    uint64_t size = 0;
    size_t got = 0;
    snapjar_status status = snapjar_source_open_path(&source, context, path, POLICY_SIZE_MAX, err);

    if (status == SNAPJAR_OK)
        status = snapjar_source_size(source, &size, err);
    if (status == SNAPJAR_OK && size > POLICY_SIZE_MAX) {
        report_make(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_INPUT_TOO_LARGE, "a policy has at most %llu bytes",
                    (unsigned long long)POLICY_SIZE_MAX);
        status = err->status;
    }
    if (status == SNAPJAR_OK) {
        text = memory_get((size_t)size + 1);
        status = snapjar_source_read_at(source, text, (size_t)size, 0, &got, err);
    }
    if (status == SNAPJAR_OK)
        status = snapjar_policy_read(policy, text, got, err);
    /* The hints about JSON speak of headers. */
    if (status == SNAPJAR_DAMAGED || status == SNAPJAR_WRONG_FORMAT)
        err->diagnostic = SNAPJAR_DIAG_POLICY_INVALID;
    free(text);
    snapjar_source_free(source);
    return status;
}

/* "import,call" as a set; 0 if one of the words is no use. */
static unsigned read_uses(const char *text)
{
    unsigned uses = 0;

    for (;;) {
        size_t size = strcspn(text, ",");
        unsigned use = 0;
        while (use < SNAPJAR_USE_COUNT && (strlen(snapjar_use_name((snapjar_use)use)) != size ||
                                           strncmp(snapjar_use_name((snapjar_use)use), text, size) != 0))
            use++;
        if (use == SNAPJAR_USE_COUNT)
            return 0;
        uses |= SNAPJAR_USES(use);
        if (!text[size])
            return uses;
        text += size + 1;
    }
}

static int allow(struct cli *cli, snapjar_policy *policy, const char *argument)
{
    const char *equals = strchr(argument, '=');
    unsigned uses = equals ? read_uses(equals + 1) : SNAPJAR_USES_CLASS;
    char *global = memory_string(argument);
    snapjar_error err;
    int code = -1;

    if (equals)
        global[equals - argument] = '\0';
    if (!uses)
        code =
            report_usage(cli, "--allow %s: uses are import, call, new, build, setitem, append and argument", argument);
    else if (snapjar_policy_allow(policy, global, uses, "allowed on the command line", &err) != SNAPJAR_OK)
        code = report_usage(cli, "--allow %s: %s", argument, err.message);
    free(global);
    return code;
}

static int fill(struct cli *cli, const struct judging_values *values, snapjar_context *context, snapjar_policy *policy)
{
    snapjar_error err;
    int code = -1;

    for (size_t i = 0; i < values->presets.count && code < 0; i++) {
        if (snapjar_policy_allow_preset(policy, values->presets.items[i], &err) != SNAPJAR_OK)
            code = report_usage(cli, "--preset: %s", err.message);
    }
    for (size_t i = 0; i < values->allowed.count && code < 0; i++)
        code = allow(cli, policy, values->allowed.items[i]);
    for (size_t i = 0; i < values->policies.count && code < 0; i++) {
        const char *path = values->policies.items[i];
        if (read_policy(context, policy, path, &err) == SNAPJAR_OK)
            continue;
        report_failure(cli, path, &err, NULL);
        /* Without its policy a command has not answered anything. */
        code = report_raise(&cli->report, EXIT_TROUBLE);
    }
    return code;
}

int judging_make(struct cli *cli, const struct judging_values *values, bool with_defaults, snapjar_context *context,
                 snapjar_policy **policy)
{
    snapjar_error err;
    int code;

    *policy = NULL;
    if (snapjar_policy_new(policy, context, &err) != SNAPJAR_OK ||
        (with_defaults && snapjar_policy_allow_defaults(*policy, &err) != SNAPJAR_OK))
        code = report_failure(cli, NULL, &err, NULL);
    else
        code = fill(cli, values, context, *policy);
    if (code >= 0) {
        snapjar_policy_free(*policy);
        *policy = NULL;
    }
    return code;
}
