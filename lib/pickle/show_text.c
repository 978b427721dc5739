/* SPDX-License-Identifier: MIT
 *
 * The tree. What is on the way down is on a stack of its own, so depth costs memory and nothing else; from some depth
 * on lines are not indented further.
 */
#include "pickle/show.h"

#include <string.h>

/** Levels that are indented, two columns each. */
#define INDENT_MAX 30
/** A value without anything but leaves in it stands on one line, if it takes no more than so many bytes there. */
#define INLINE_SIZE 64
#define INLINE_PARTS_MAX 24
/** Characters of keys in labels. */
#define KEY_TEXT_MAX 60

typedef struct frame {
    sj_view view;
    uint64_t shown;
} frame;

typedef struct tree {
    sj_show *show;
    frame *frames;
    size_t depth;
    size_t capacity;
} tree;

static void put_line_start(tree *t)
{
    sj_out *out = &t->show->out;
    t->show->summary.line_count++;
    if (t->depth > INDENT_MAX)
        sj_out_format(out, "%*s(%zu) ", 2 * INDENT_MAX, "", t->depth);
    else
        sj_out_repeat(out, ' ', 2 * t->depth);
}

static void put_denied(sj_show *show, unsigned denied)
{
    if (denied == 0)
        return;
    show->summary.denied_count++;
    sj_out_text(&show->out, show->options.has_colour ? "  \033[1;31m[denied" : "  [denied");
    /* Where nothing of it is allowed, the line says all there is to say. */
    if ((denied & SJ_DENIED_ALL) == 0) {
        sj_out_text(&show->out, ": ");
        sj_show_put_denied(&show->out, denied, "", ", ");
    }
    sj_out_text(&show->out, show->options.has_colour ? "]\033[0m" : "]");
}

/* ---- values on one line ---- */

/** The part of a line that a step of an inline value is; false if it cannot be on one. */
static bool put_inline_step(sj_out *out, const sj_show *show, const sj_step *step)
{
    const uint64_t text_max = show->options.text_max;
    if (!sj_form_is_leaf(sj_picture_form(show->graph, step->value)) || sj_show_is_numbered(show, step->value) ||
        sj_show_denied(show, step->value, false) != 0)
        return false;
    switch (step->kind) {
    case SJ_STEP_KEY:
        if (!sj_form_is_leaf(sj_picture_form(show->graph, step->key)))
            return false;
        sj_picture_leaf(out, show->graph, step->key, text_max);
        sj_out_text(out, ": ");
        break;
    case SJ_STEP_INDEX:
    case SJ_STEP_ELEMENT:
    case SJ_STEP_ARGUMENT:
        break;
    default:
        return false;
    }
    sj_picture_leaf(out, show->graph, step->value, text_max);
    return true;
}

/** What stands around the parts of a value on one line. */
static bool brackets_of(sj_form form, const char **open, const char **close)
{
    static const char *const pairs[][2] = {{"(", ")"}, {"[", "]"}, {"{", "}"}, {"{", "}"}, {"frozenset({", "})"}};
    *open = *close = "";
    if (form == SJ_SEEN_OBJECT) {
        *open = "(";
        *close = ")";
        return true;
    }
    if (form < SJ_SEEN_TUPLE || form > SJ_SEEN_FROZENSET)
        return false;
    *open = pairs[form - SJ_SEEN_TUPLE][0];
    *close = pairs[form - SJ_SEEN_TUPLE][1];
    return true;
}

/** Writes a value with all its parts into `text`, if it is one of few leaves. */
static bool put_inline(const sj_show *show, sj_ref ref, char text[INLINE_SIZE + 1])
{
    const sj_form form = sj_picture_form(show->graph, ref);
    const char *open;
    const char *close;
    sj_view view;
    sj_step step;
    sj_out out;
    size_t count = 0;
    if (!brackets_of(form, &open, &close))
        return false;
    sj_out_to_text(&out, text, INLINE_SIZE + 1, show->options.is_unicode);
    if (form == SJ_SEEN_OBJECT)
        sj_picture_short(&out, show->graph, ref, 0);
    sj_view_begin(&view, show->graph, ref);
    while (sj_view_next(&view, &step)) {
        /* An object is only its class and arguments, or it gets lines of its own. */
        const bool is_part = form != SJ_SEEN_OBJECT ? step.kind != SJ_STEP_ARGUMENT : step.kind == SJ_STEP_ARGUMENT;
        if (!is_part || count == INLINE_PARTS_MAX || count == show->options.length_max || out.is_cut)
            return false;
        sj_out_text(&out, count++ == 0 ? open : ", ");
        if (!put_inline_step(&out, show, &step))
            return false;
    }
    if (count == 0) {
        /* Empty ones have words of their own: "set()". */
        if (form != SJ_SEEN_OBJECT)
            sj_picture_short(&out, show->graph, ref, 0);
        else
            sj_out_text(&out, "()");
    } else {
        sj_out_text(&out, form == SJ_SEEN_TUPLE && count == 1 ? ",)" : close);
    }
    const bool fits = !out.is_cut;
    (void)sj_out_end(&out);
    return fits;
}

/* ---- the tree ---- */

static snapjar_status push(tree *t, sj_ref ref, snapjar_error *err)
{
    if (t->depth == t->capacity) {
        const size_t capacity = t->capacity == 0 ? 16 : 2 * t->capacity;
        frame *frames = sj_realloc(t->show->graph->context, t->frames, capacity * sizeof *frames);
        if (frames == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *frames);
        t->frames = frames;
        t->capacity = capacity;
    }
    sj_view_begin(&t->frames[t->depth].view, t->show->graph, ref);
    t->frames[t->depth].shown = 0;
    t->depth++;
    return SNAPJAR_OK;
}

/** Whether there is anything below its own line. */
static bool has_parts(const sj_show *show, sj_ref ref)
{
    sj_view view;
    sj_step step;
    sj_view_begin(&view, show->graph, ref);
    return sj_view_next(&view, &step);
}

/** The rest of a line, from the value on; what is inside comes on lines below. */
static snapjar_status put_value(tree *t, sj_ref ref, bool is_root, snapjar_error *err)
{
    sj_show *show = t->show;
    sj_out *out = &show->out;
    char text[INLINE_SIZE + 1];
    const sj_form form = sj_picture_form(show->graph, ref);
    const unsigned denied = sj_show_denied(show, ref, is_root);
    if (sj_show_is_numbered(show, ref)) {
        show->numbers[ref] = ++show->number_count;
        sj_out_format(out, "#%lu ", (unsigned long)show->number_count);
    }
    if (sj_form_is_leaf(form) || put_inline(show, ref, text)) {
        if (sj_form_is_leaf(form))
            sj_picture_leaf(out, show->graph, ref, show->options.text_max);
        else
            sj_out_text(out, text);
        put_denied(show, denied);
        sj_out_text(out, "\n");
        return SNAPJAR_OK;
    }
    sj_picture_stub(out, show->graph, ref);
    put_denied(show, denied);
    if (t->depth < show->options.depth_max) {
        sj_out_text(out, "\n");
        return push(t, ref, err);
    }
    if (has_parts(show, ref)) {
        show->summary.hidden_count++;
        sj_out_text(out, " ...");
    }
    sj_out_text(out, "\n");
    return SNAPJAR_OK;
}

/** A line for a part, or a reference. */
static snapjar_status put_step(tree *t, const sj_step *step, snapjar_error *err)
{
    sj_show *show = t->show;
    sj_out *out = &show->out;
    put_line_start(t);
    sj_view_label(out, show->graph, step, KEY_TEXT_MAX);
    if (step->kind == SJ_STEP_EFFECT) {
        sj_out_text(out, " ");
        sj_picture_short(out, show->graph, step->key, show->options.text_max);
    }
    if (show->numbers[step->value] != 0) {
        sj_out_format(out, " => #%lu\n", (unsigned long)show->numbers[step->value]);
        return out->status;
    }
    sj_out_text(out, " = ");
    SJ_TRY(put_value(t, step->value, false, err));
    return out->status;
}

/** The rest of a value's parts are counted only. */
static void put_more(tree *t, frame *last, sj_step step)
{
    sj_show *show = t->show;
    uint64_t count = 0;
    do
        count += step.kind != SJ_STEP_KEY_OBJECT;
    while (sj_view_next(&last->view, &step));
    put_line_start(t);
    show->summary.hidden_count += count;
    sj_out_format(&show->out, "... %llu more\n", (unsigned long long)count);
}

static snapjar_status walk(tree *t, snapjar_error *err)
{
    while (t->depth > 0) {
        frame *last = &t->frames[t->depth - 1];
        sj_step step;
        if (!sj_view_next(&last->view, &step)) {
            t->depth--;
        } else if (last->shown == t->show->options.length_max) {
            put_more(t, last, step);
            t->depth--;
        } else {
            last->shown += step.kind != SJ_STEP_KEY_OBJECT;
            SJ_TRY(put_step(t, &step, err));
        }
    }
    return SNAPJAR_OK;
}

snapjar_status sj_show_text(sj_show *show, sj_ref root, snapjar_error *err)
{
    tree t = {show, NULL, 0, 0};
    show->summary.line_count++;
    snapjar_status status = put_value(&t, root, true, err);
    if (status == SNAPJAR_OK)
        status = walk(&t, err);
    /* What is done before the value is made belongs to no part of it. */
    if (status == SNAPJAR_OK && show->graph->prelude != 0 && root == show->graph->root) {
        sj_out_text(&show->out, "and before that, for its effect or for nothing:\n");
        status = push(&t, show->graph->prelude, err);
        if (status == SNAPJAR_OK)
            status = walk(&t, err);
    }
    sj_free(show->graph->context, t.frames);
    return status;
}
