/* SPDX-License-Identifier: MIT
 *
 * From known-good pickles to a policy for review: what they use and no preset that is on allows, sorted, each with the
 * number of files it was seen in where a person has to put the reason.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "scan.h"

struct learned_entry {
    /** "module:name". */
    char *global;
    unsigned uses;
    /** Number of the file, from 1. */
    size_t file;
};

static bool is_name(snapjar_text text)
{
    return text.size && !memchr(text.data, '\0', text.size);
}

void learned_pack(struct text *out, snapjar_scan *scan)
{
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++) {
        const snapjar_scan_global *global = snapjar_scan_global_at(scan, i);
        unsigned uses = 0;
        for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++)
            uses |= global->uses[use].count ? SNAPJAR_USES(use) : 0;
        if (!is_name(global->mapped_module) || !is_name(global->mapped_name))
            continue;
        text_printf(out, "%u ", uses);
        text_add(out, global->mapped_module.data, global->mapped_module.size);
        text_putc(out, ':');
        text_add(out, global->mapped_name.data, global->mapped_name.size);
        text_putc(out, '\0');
    }
}

void learned_take(struct learned *learned, const struct text *packed)
{
    learned->file_count++;
    for (size_t at = 0; at < packed->size;) {
        char *global;
        unsigned uses = (unsigned)strtoul(packed->data + at, &global, 10);
        if (!(learned->count & (learned->count - 1)))
            learned->entries =
                memory_resize(learned->entries, (learned->count ? learned->count * 2 : 1) * sizeof(*learned->entries));
        learned->entries[learned->count++] =
            (struct learned_entry){memory_string(global + 1), uses, learned->file_count};
        at += strlen(packed->data + at) + 1;
    }
}

static int compare_entries(const void *left, const void *right)
{
    const struct learned_entry *a = left;
    const struct learned_entry *b = right;
    int order = strcmp(a->global, b->global);

    return order ? order : (a->file > b->file) - (a->file < b->file);
}

static bool is_on(const snapjar_preset *preset, const struct scan_values *values)
{
    if (preset->is_default && !values->no_default_presets)
        return true;
    for (size_t i = 0; i < values->judging.presets.count; i++) {
        if (!strcmp(values->judging.presets.items[i], preset->name))
            return true;
    }
    return false;
}

/* What the presets that are on allow of a global; notes in `used` which have a part in it. */
static unsigned preset_uses(const char *global, const struct scan_values *values, bool *used)
{
    const snapjar_policy_rule *rule;
    const snapjar_preset *preset;
    unsigned uses = 0;

    for (size_t i = 0; (rule = snapjar_preset_rule_at(i)); i++) {
        size_t size = strlen(rule->module);
        if (strncmp(global, rule->module, size) != 0 || global[size] != ':' ||
            strcmp(global + size + 1, rule->name) != 0)
            continue;
        for (size_t k = 0; (preset = snapjar_preset_at(k)); k++) {
            if (strcmp(preset->name, rule->preset) != 0 || !is_on(preset, values))
                continue;
            uses |= rule->uses;
            used[k] = true;
        }
    }
    return uses;
}

static void add_rule(struct text *out, const struct learned_entry *entry, size_t seen, size_t file_count)
{
    unsigned uses = entry->uses;
    const char *comma = "";

    if (uses != SNAPJAR_USES(SNAPJAR_USE_IMPORT))
        uses &= ~SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    text_puts(out, "    ");
    json_quoted(out, entry->global, strlen(entry->global));
    text_puts(out, ": {\"uses\": [");
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if (!(uses & SNAPJAR_USES(use)))
            continue;
        text_printf(out, "%s\"%s\"", comma, snapjar_use_name((snapjar_use)use));
        comma = ", ";
    }
    text_printf(out, "], \"reason\": \"TODO: say why this is harmless. Seen in %zu of %zu file%s\"}", seen, file_count,
                file_count == 1 ? "" : "s");
}

/* Adds the members of "allow", and notes which presets had a part. */
static void add_rules(struct text *out, struct learned *learned, const struct scan_values *values, bool *used)
{
    const char *comma = "";

    qsort(learned->entries, learned->count, sizeof(*learned->entries), compare_entries);
    for (size_t i = 0; i < learned->count;) {
        struct learned_entry whole = learned->entries[i];
        size_t seen = 0;
        size_t last = 0;
        for (; i < learned->count && !strcmp(learned->entries[i].global, whole.global); i++) {
            whole.uses |= learned->entries[i].uses;
            seen += learned->entries[i].file != last;
            last = learned->entries[i].file;
        }
        if (!(whole.uses & ~preset_uses(whole.global, values, used)))
            continue;
        text_puts(out, comma);
        add_rule(out, &whole, seen, learned->file_count);
        comma = ",\n";
    }
}

void learned_write(struct text *out, struct learned *learned, const struct scan_values *values)
{
    const snapjar_preset *preset;
    struct text rules = {0};
    size_t preset_count = 0;
    const char *comma = "";

    while (snapjar_preset_at(preset_count))
        preset_count++;
    bool *used = memory_get(preset_count * sizeof(*used));
    memset(used, 0, preset_count * sizeof(*used));
    if (learned->count)
        add_rules(&rules, learned, values, used);
    text_puts(out, "{\n  \"snapjar_policy\": 1,\n  \"presets\": [");
    for (size_t i = 0; (preset = snapjar_preset_at(i)); i++) {
        if (!used[i])
            continue;
        text_printf(out, "%s\"%s\"", comma, preset->name);
        comma = ", ";
    }
    text_puts(out, rules.size ? "],\n  \"allow\": {\n" : "],\n  \"allow\": {");
    text_puts(out, text_string(&rules));
    text_puts(out, rules.size ? "\n  }\n}\n" : "}\n}\n");
    text_free(&rules);
    free(used);
}

void learned_free(struct learned *learned)
{
    for (size_t i = 0; i < learned->count; i++)
        free(learned->entries[i].global);
    free(learned->entries);
    *learned = (struct learned){0};
}
