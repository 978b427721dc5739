/* SPDX-License-Identifier: MIT
 *
 * Changes as text and as JSON.
 */
#include "changes.h"

#include <inttypes.h>

#include "json_out.h"
#include "terminal.h"

/* ---- changes of values ---- */

/* A sign in the colour of its meaning, and the place. */
static void add_sign(struct text *out, bool has_colour, char sign, enum terminal_style style, const char *path)
{
    terminal_begin(out, has_colour, style);
    text_printf(out, "  %c ", sign);
    text_puts(out, *path ? path : "(the whole)");
    terminal_end(out, has_colour, style);
}

void changes_add(struct text *out, bool has_colour, const snapjar_change *change)
{
    switch (change->kind) {
    case SNAPJAR_CHANGE_VALUE:
    case SNAPJAR_CHANGE_TYPE:
        add_sign(out, has_colour, '~', STYLE_CHANGED, change->path);
        text_printf(out, ": %s -> %s%s\n", change->before, change->after,
                    change->kind == SNAPJAR_CHANGE_TYPE ? "  (another type)" : "");
        return;
    case SNAPJAR_CHANGE_ADDED:
        add_sign(out, has_colour, '+', STYLE_GOOD, change->path);
        text_printf(out, " = %s\n", change->after);
        return;
    case SNAPJAR_CHANGE_REMOVED:
        add_sign(out, has_colour, '-', STYLE_BAD, change->path);
        text_printf(out, " = %s\n", change->before);
        return;
    case SNAPJAR_CHANGE_COPIED:
        add_sign(out, has_colour, '&', STYLE_CHANGED, change->path);
        text_printf(out, " = %s: was the same object as another part, is one of its own\n", change->after);
        return;
    case SNAPJAR_CHANGE_SHARED:
        add_sign(out, has_colour, '&', STYLE_CHANGED, change->path);
        text_printf(out, " = %s: was an object of its own, is the same as another part\n", change->after);
        return;
    }
}

static void add_offset(struct text *out, const char *key, uint64_t offset)
{
    if (offset != SNAPJAR_OFFSET_NONE)
        json_number(out, key, offset);
}

void changes_add_json(struct text *out, const snapjar_change *change)
{
    json_string(out, "change", snapjar_change_name(change->kind));
    json_string(out, "path", change->path);
    if (change->kind != SNAPJAR_CHANGE_ADDED)
        json_string(out, "before", change->before);
    if (change->kind != SNAPJAR_CHANGE_REMOVED)
        json_string(out, "after", change->after);
    add_offset(out, "before_offset", change->before_offset);
    add_offset(out, "after_offset", change->after_offset);
}

/* ---- changes of classes ---- */

static void add_count(struct text *out, const snapjar_layout_change *change)
{
    if (change->object_count == 1)
        text_puts(out, " in its one object");
    else if (change->count == change->object_count)
        text_printf(out, " in all %" PRIu64 " objects", change->count);
    else
        text_printf(out, " in %" PRIu64 " of %" PRIu64 " objects", change->count, change->object_count);
    text_printf(out, "; first at %s", *change->path ? change->path : "the whole");
}

void changes_add_layout(struct text *out, bool has_colour, const snapjar_layout_change *change)
{
    enum terminal_style style = !change->field ? STYLE_CHANGED : change->is_added ? STYLE_GOOD : STYLE_BAD;
    terminal_begin(out, has_colour, style);
    if (!change->field)
        text_printf(out, "  ~ class %s: %s now,", change->class_name, change->value);
    else
        text_printf(out, "  %c class %s: field %s %s", change->is_added ? '+' : '-', change->class_name, change->field,
                    change->is_added ? "added" : "removed");
    terminal_end(out, has_colour, style);
    add_count(out, change);
    if (!change->field)
        text_putc(out, '\n');
    else
        text_printf(out, " = %s\n", change->value);
}

void changes_add_layout_json(struct text *out, const snapjar_layout_change *change)
{
    json_string(out, "change", !change->field ? "renamed" : change->is_added ? "added" : "removed");
    json_string(out, "class", change->class_name);
    if (!change->field)
        json_string(out, "new_class", change->value);
    else
        json_string(out, "field", change->field);
    json_number(out, "count", change->count);
    json_number(out, "objects", change->object_count);
    json_string(out, "path", change->path);
    if (change->field)
        json_string(out, "value", change->value);
}
