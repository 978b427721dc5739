/* SPDX-License-Identifier: MIT
 *
 * Showing globals, and the presets of the library.
 */
#include <inttypes.h>
#include <string.h>

#include "denials.h"
#include "json_out.h"
#include "scan.h"

static unsigned uses_of(const snapjar_scan_global *global)
{
    unsigned uses = 0;

    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++)
        uses |= global->uses[use].count ? SNAPJAR_USES(use) : 0;
    return uses;
}

static void add_uses(struct text *out, unsigned uses)
{
    const char *comma = "";

    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if (!(uses & SNAPJAR_USES(use)))
            continue;
        text_printf(out, "%s%s", comma, snapjar_use_name((snapjar_use)use));
        comma = ", ";
    }
}

static void add_name(struct text *out, const snapjar_scan_global *global)
{
    if (global->extension_code) {
        text_printf(out, "extension code %" PRIu32, global->extension_code);
        return;
    }
    text_escape(out, global->mapped_module.data, global->mapped_module.size);
    text_putc(out, ':');
    text_escape(out, global->mapped_name.data, global->mapped_name.size);
}

void globals_add_text(struct text *out, snapjar_scan *scan, const char *content)
{
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++) {
        const snapjar_scan_global *global = snapjar_scan_global_at(scan, i);
        text_puts(out, "  ");
        add_name(out, global);
        text_puts(out, ": ");
        add_uses(out, uses_of(global));
        text_printf(out, " at byte %" PRIu64, global->uses[SNAPJAR_USE_IMPORT].offset);
        if (content)
            text_printf(out, " of %s", content);
        text_putc(out, '\n');
    }
}

void globals_add_json(struct text *out, snapjar_scan *scan)
{
    json_key(out, "globals");
    text_putc(out, '[');
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++) {
        const snapjar_scan_global *global = snapjar_scan_global_at(scan, i);
        text_puts(out, i ? ",{" : "{");
        if (global->extension_code) {
            json_number(out, "extension", global->extension_code);
        } else {
            json_text(out, "module", global->mapped_module);
            json_text(out, "name", global->mapped_name);
        }
        uses_add_json(out, "uses", uses_of(global));
        json_number(out, "offset", global->uses[SNAPJAR_USE_IMPORT].offset);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}

static void add_rule(struct text *out, const snapjar_preset *preset, const snapjar_policy_rule *rule, bool is_json)
{
    unsigned uses =
        rule->uses == SNAPJAR_USES(SNAPJAR_USE_IMPORT) ? rule->uses : rule->uses & ~SNAPJAR_USES(SNAPJAR_USE_IMPORT);

    if (is_json) {
        json_begin(out, "preset_rule");
        json_string(out, "preset", preset->name);
        json_bool(out, "default", preset->is_default);
        json_string(out, "module", rule->module);
        json_string(out, "name", rule->name);
        uses_add_json(out, "uses", uses);
        json_string(out, "reason", rule->reason);
        json_end(out);
        return;
    }
    text_printf(out, "  %s:%s: ", rule->module, rule->name);
    add_uses(out, uses);
    text_printf(out, ": %s\n", rule->reason);
}

void presets_print(bool is_json)
{
    struct text out = {0};
    const snapjar_preset *preset;
    const snapjar_policy_rule *rule;

    for (size_t i = 0; (preset = snapjar_preset_at(i)); i++) {
        if (!is_json)
            text_printf(&out, "%s (%s): %s\n", preset->name, preset->is_default ? "on by default" : "ask for it",
                        preset->summary);
        for (size_t k = 0; (rule = snapjar_preset_rule_at(k)); k++) {
            if (!strcmp(rule->preset, preset->name))
                add_rule(&out, preset, rule, is_json);
        }
    }
    report_print(&out);
    text_free(&out);
}
