/* SPDX-License-Identifier: MIT
 *
 * Judges a scan by a policy. One pass over what the scan found decides; the wording comes after and decides nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/policy.h"
#include "pickle/scan.h"

/** A denial before it is put into words. */
typedef struct denial {
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    size_t global_index;
    unsigned uses;
    /** Of the finding, or SIZE_MAX. */
    size_t finding_index;
} denial;

struct snapjar_judgement {
    snapjar_context *context;
    const snapjar_policy *policy;
    snapjar_scan *scan;
    sj_policy_admit *admit;
    void *admit_state;
    snapjar_verdict verdict;
    denial *denials;
    size_t denial_count;
};

typedef struct gadget {
    const char *module;
    const char *name;
    const char *text;
} gadget;

static const gadget gadgets[] = {
#define SJ_GADGET(module, name, text) {module, name, text},
#include "pickle/gadgets.def"
#undef SJ_GADGET
};

const char *snapjar_verdict_name(snapjar_verdict verdict)
{
    static const char *const names[] = {"allowed", "denied", "not-analysed"};
    return (size_t)verdict < sizeof names / sizeof *names ? names[verdict] : "unknown";
}

/* ---- deciding ---- */

/** The uses of a global that the policy does not allow. */
static unsigned denied_uses(const snapjar_policy *policy, const snapjar_scan_global *global)
{
    snapjar_text module = global->mapped_module;
    snapjar_text name = global->mapped_name;
    unsigned used = 0;
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++)
        used |= global->uses[use].count > 0 ? SNAPJAR_USES(use) : 0;
    if (global->extension_code != 0) {
        const sj_extension *extension = sj_policy_extension(policy, global->extension_code);
        if (extension == NULL)
            return used;
        module = (snapjar_text){extension->module, strlen(extension->module)};
        name = (snapjar_text){extension->name, strlen(extension->name)};
    }
    return used & ~sj_policy_uses(policy, module, name);
}

static void deny(snapjar_judgement *judgement, denial denied)
{
    judgement->denials[judgement->denial_count++] = denied;
}

/** Denies what happened. */
static void deny_record(snapjar_judgement *judgement, const snapjar_use_record *record, snapjar_diagnostic diagnostic)
{
    if (record->count > 0)
        deny(judgement, (denial){diagnostic, record->offset, SIZE_MAX, 0, SIZE_MAX});
}

/** By the name that the pickle has, or by that of Python 3. */
static bool is_admitted(const snapjar_judgement *judgement, const snapjar_scan_global *global)
{
    return judgement->admit != NULL && global->extension_code == 0 &&
           (judgement->admit(judgement->admit_state, global->mapped_module, global->mapped_name) ||
            judgement->admit(judgement->admit_state, global->module, global->name));
}

static void deny_global(snapjar_judgement *judgement, size_t index)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(judgement->scan, index);
    const unsigned uses = denied_uses(judgement->policy, global);
    uint64_t offset = SNAPJAR_OFFSET_NONE;
    if (uses == 0 || is_admitted(judgement, global))
        return;
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if ((uses & SNAPJAR_USES(use)) != 0 && global->uses[use].offset < offset)
            offset = global->uses[use].offset;
    }
    const bool is_unknown =
        global->extension_code != 0 && sj_policy_extension(judgement->policy, global->extension_code) == NULL;
    deny(judgement, (denial){is_unknown ? SNAPJAR_DIAG_EXTENSION_DENIED : SNAPJAR_DIAG_GLOBAL_DENIED, offset, index,
                             uses, SIZE_MAX});
}

static int compare_denials(const void *left, const void *right)
{
    const denial *a = left;
    const denial *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->diagnostic > b->diagnostic) - (a->diagnostic < b->diagnostic);
}

static snapjar_status decide(snapjar_judgement *judgement, const snapjar_scan_summary *summary, snapjar_error *err)
{
    snapjar_scan *scan = judgement->scan;
    const snapjar_policy *policy = judgement->policy;
    size_t finding_count = 0;
    while (snapjar_scan_finding_at(scan, finding_count) != NULL)
        finding_count++;
    /* Three kinds of their own, and one for findings of which none was kept. */
    const size_t room = snapjar_scan_global_count(scan) + finding_count + 4;
    judgement->denials = sj_alloc(judgement->context, room * sizeof *judgement->denials);
    if (judgement->denials == NULL)
        return sj_raise_no_memory(err, room * sizeof *judgement->denials);
    for (size_t i = 0; i < finding_count; i++) {
        const snapjar_scan_finding *finding = snapjar_scan_finding_at(scan, i);
        deny(judgement, (denial){finding->diagnostic, finding->offset, SIZE_MAX, 0, i});
    }
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        deny_global(judgement, i);
    deny_record(judgement, &summary->computed_calls, SNAPJAR_DIAG_COMPUTED_CALL_DENIED);
    if (!policy->allows_persistent_ids)
        deny_record(judgement, &summary->persistent_ids, SNAPJAR_DIAG_PERSISTENT_ID_DENIED);
    if (!policy->allows_buffers && !scan->has_buffers)
        deny_record(judgement, &summary->buffers, SNAPJAR_DIAG_BUFFER_DENIED);
    judgement->verdict =
        judgement->denial_count == 0 && summary->finding_count == 0 ? SNAPJAR_VERDICT_ALLOWED : SNAPJAR_VERDICT_DENIED;
    qsort(judgement->denials, judgement->denial_count, sizeof *judgement->denials, compare_denials);
    return SNAPJAR_OK;
}

snapjar_status sj_policy_judge(const snapjar_policy *policy, snapjar_scan *scan, sj_policy_admit *admit, void *state,
                               snapjar_judgement **judgement, snapjar_error *err)
{
    if (judgement != NULL)
        *judgement = NULL;
    if (policy == NULL || scan == NULL || judgement == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        policy == NULL ? "policy"
                        : scan == NULL ? "scan"
                                       : "judgement");
    /* The scan's context and not the policy's, which several threads may be judging by. */
    snapjar_context *context = scan->machine.context;
    snapjar_judgement *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->policy = policy;
    made->scan = scan;
    made->admit = admit;
    made->admit_state = state;
    made->verdict = SNAPJAR_VERDICT_NOT_ANALYSED;
    const snapjar_scan_summary *summary = snapjar_scan_summarize(scan);
    const snapjar_status status =
        snapjar_scan_failure(scan) == NULL && summary->is_complete ? decide(made, summary, err) : SNAPJAR_OK;
    if (status != SNAPJAR_OK) {
        snapjar_judgement_free(made);
        return status;
    }
    *judgement = made;
    return SNAPJAR_OK;
}

snapjar_status snapjar_policy_judge(const snapjar_policy *policy, snapjar_scan *scan, snapjar_judgement **judgement,
                                    snapjar_error *err)
{
    return sj_policy_judge(policy, scan, NULL, NULL, judgement, err);
}

snapjar_verdict snapjar_judgement_verdict(const snapjar_judgement *judgement)
{
    return judgement->verdict;
}

size_t snapjar_judgement_denial_count(const snapjar_judgement *judgement)
{
    return judgement->denial_count;
}

void snapjar_judgement_free(snapjar_judgement *judgement)
{
    if (judgement == NULL)
        return;
    sj_free(judgement->context, judgement->denials);
    sj_free(judgement->context, judgement);
}

/* ---- wording ---- */

/** Text that grows until it is full, and then is empty for good. */
typedef struct writer {
    char *text;
    size_t size;
    size_t used;
    bool is_full;
} writer;

static void put(writer *out, const char *text)
{
    const size_t size = strlen(text);
    if (out->is_full || size >= out->size - out->used) {
        out->is_full = true;
        out->text[0] = '\0';
        return;
    }
    memcpy(out->text + out->used, text, size + 1);
    out->used += size;
}

/** Reads one code point of valid UTF-8, or of a lone surrogate in its form. */
static uint32_t read_utf8(const uint8_t *data, size_t size, size_t *taken)
{
    const uint8_t first = data[0];
    const size_t count = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t value = first < 0x80 ? first : first & (0x7fu >> count);
    *taken = count <= size ? count : size;
    for (size_t i = 1; i < *taken; i++)
        value = value << 6 | (data[i] & 0x3fu);
    return value;
}

/** The text as it stands between the quotes of a JSON string, in ASCII. */
static void put_json(writer *out, snapjar_text text)
{
    char escape[16];
    size_t taken;
    for (size_t i = 0; i < text.size && !out->is_full; i += taken) {
        const uint32_t value = read_utf8((const uint8_t *)text.data + i, text.size - i, &taken);
        if (value >= 0x10000)
            (void)snprintf(escape, sizeof escape, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (value >> 10)),
                           (unsigned)(0xdc00 + (value & 0x3ff)));
        else if (value < ' ' || value >= 0x7f || value == '"' || value == '\\')
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)value);
        else
            (void)snprintf(escape, sizeof escape, "%c", (int)value);
        put(out, escape);
    }
}

/** Names the uses, with `quote` around each. */
static void put_uses(writer *out, unsigned uses, const char *quote)
{
    const char *separator = "";
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if ((uses & SNAPJAR_USES(use)) == 0)
            continue;
        put(out, separator);
        put(out, quote);
        put(out, snapjar_use_name((snapjar_use)use));
        put(out, quote);
        separator = ", ";
    }
}

/** What a known gadget does, or "". */
static const char *gadget_text(snapjar_text module, snapjar_text name)
{
    for (size_t i = 0; i < sizeof gadgets / sizeof *gadgets; i++) {
        const size_t module_size = strlen(gadgets[i].module);
        const size_t name_size = strlen(gadgets[i].name);
        if (module.size == module_size && memcmp(module.data, gadgets[i].module, module_size) == 0 &&
            (name_size == 0 || (name.size == name_size && memcmp(name.data, gadgets[i].name, name_size) == 0)))
            return gadgets[i].text;
    }
    return "";
}

static void describe_global(const snapjar_judgement *judgement, const denial *denied, snapjar_denial *out)
{
    const snapjar_scan_global *global = snapjar_scan_global_at(judgement->scan, denied->global_index);
    snapjar_text module = global->mapped_module;
    snapjar_text name = global->mapped_name;
    const sj_extension *extension = sj_policy_extension(judgement->policy, global->extension_code);
    writer reason = {out->reason, sizeof out->reason, 0, false};
    writer line = {out->line, sizeof out->line, 0, false};
    char code[96];
    if (global->extension_code != 0 && extension == NULL) {
        (void)snprintf(code, sizeof code, "extension code %lu stands for a global that only the loading program knows",
                       (unsigned long)global->extension_code);
        put(&reason, code);
        return;
    }
    if (extension != NULL) {
        module = (snapjar_text){extension->module, strlen(extension->module)};
        name = (snapjar_text){extension->name, strlen(extension->name)};
    }
    size_t used = snapjar_text_escape(out->global, sizeof out->global / 2, module.data, module.size);
    out->global[used++] = ':';
    (void)snapjar_text_escape(out->global + used, sizeof out->global - used, name.data, name.size);
    put(&reason, "the policy does not allow: ");
    put_uses(&reason, denied->uses, "");
    if (gadget_text(module, name)[0] != '\0') {
        put(&reason, "; it ");
        put(&reason, gadget_text(module, name));
    }
    if (!sj_policy_is_name(module) || !sj_policy_is_name(name))
        return;
    /* All uses, so that the line is enough by itself. */
    unsigned uses = sj_policy_uses(judgement->policy, module, name) | denied->uses;
    if (uses != SNAPJAR_USES(SNAPJAR_USE_IMPORT))
        uses &= ~SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    put(&line, "\"");
    put_json(&line, module);
    put(&line, ":");
    put_json(&line, name);
    put(&line, "\": [");
    put_uses(&line, uses, "\"");
    put(&line, "]");
}

/** Of a denial that is neither a finding nor a global. */
static const char *reason_of(snapjar_diagnostic diagnostic)
{
    if (diagnostic == SNAPJAR_DIAG_COMPUTED_CALL_DENIED)
        return "something is called that is itself the result of a call or a persistent id";
    if (diagnostic == SNAPJAR_DIAG_PERSISTENT_ID_DENIED)
        return "the loading program gets a persistent id to make an object of";
    return "the data of an out-of-band buffer is not in the pickle";
}

void snapjar_judgement_describe(const snapjar_judgement *judgement, size_t index, snapjar_denial *denial_out)
{
    memset(denial_out, 0, sizeof *denial_out);
    denial_out->global_index = SIZE_MAX;
    denial_out->offset = SNAPJAR_OFFSET_NONE;
    if (index >= judgement->denial_count)
        return;
    const denial *denied = &judgement->denials[index];
    denial_out->diagnostic = denied->diagnostic;
    denial_out->offset = denied->offset;
    denial_out->global_index = denied->global_index;
    denial_out->uses = denied->uses;
    writer reason = {denial_out->reason, sizeof denial_out->reason, 0, false};
    if (denied->finding_index != SIZE_MAX)
        put(&reason, snapjar_scan_finding_at(judgement->scan, denied->finding_index)->message);
    else if (denied->global_index != SIZE_MAX)
        describe_global(judgement, denied, denial_out);
    else
        put(&reason, reason_of(denied->diagnostic));
}
