/* SPDX-License-Identifier: MIT
 *
 * The walk over a value's parts. State dicts, argument tuples and keyword dicts are looked into here and not shown
 * themselves, unless something else refers to them too.
 */
#include "pickle/view.h"

#include <string.h>

/** A label that is longer than this cannot be followed. */
#define LABEL_SIZE 4096

#define PART_CALLABLE 0u
#define PART_ARGUMENTS 1u
#define PART_KEYWORDS 2u
#define PART_END 3u

static bool is_shared(const snapjar_graph *graph, sj_ref ref)
{
    return (sj_graph_node(graph, ref)->flags & SJ_NODE_IS_SHARED) != 0;
}

void sj_view_begin(sj_view *view, const snapjar_graph *graph, sj_ref ref)
{
    memset(view, 0, sizeof *view);
    view->graph = graph;
    view->node = sj_graph_node(graph, ref);
    view->call_part = PART_END;
    if (view->node->kind < SJ_NODE_CALL || view->node->kind > SJ_NODE_INSTANCE)
        return;
    const sj_seen seen = sj_picture_see(graph, ref);
    if (seen.items != 0)
        view->items = sj_graph_node(graph, seen.items);
    /* The class is told by the object's own line. */
    const sj_ref class = sj_picture_class(graph, view->node, &view->argument);
    view->call_part = class != 0 ? PART_ARGUMENTS : PART_CALLABLE;
    if (view->node->kind == SJ_NODE_INSTANCE)
        return;
    const sj_ref arguments = sj_picture_arguments(graph, view->node);
    /* What is shared is looked into only if nothing of it is left to be shown. */
    const bool may_look =
        arguments != 0 && (!is_shared(graph, arguments) || view->argument == sj_graph_node(graph, arguments)->count);
    view->arguments = may_look ? arguments : 0;
    if (view->items != NULL || sj_form_is_leaf(seen.form))
        view->call_part = PART_END;
    /* The children are the parts of the call. */
    view->cursor.index = view->node->count;
}

/** Whether a value is a dict that nothing else refers to, and that nothing but pairs was put into. */
static bool is_names(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    if (node->kind != SJ_NODE_DICT || is_shared(graph, ref) || node->count % 2 != 0)
        return false;
    for (uint32_t place = sj_graph_first_change(graph, node); place != 0;
         place = sj_graph_next_change(graph, node, place)) {
        const sj_change change = sj_graph_change(graph, place);
        if ((change.op != SJ_OP_SETITEM && change.op != SJ_OP_SETITEMS) || change.count % 2 != 0)
            return false;
    }
    return true;
}

/** Whether a state is (dict or None, dict or None), as copyreg makes it for slots. */
static bool is_pair_of_names(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *state = sj_graph_node(graph, ref);
    if (state->kind != SJ_NODE_TUPLE || state->count != 2 || state->changes != 0 || is_shared(graph, ref))
        return false;
    const sj_ref *halves = graph->words + state->first;
    for (uint32_t i = 0; i < 2; i++) {
        if (!is_names(graph, halves[i]) && sj_graph_node(graph, halves[i])->kind != SJ_NODE_NONE)
            return false;
    }
    return is_names(graph, halves[0]) || is_names(graph, halves[1]);
}

/** Looks into a state if it has names. */
static bool begin_state(sj_view *view, sj_ref ref)
{
    const snapjar_graph *graph = view->graph;
    view->names_cursor = (sj_cursor){0, 0, false};
    view->is_keywords = false;
    if (is_names(graph, ref)) {
        view->names[view->name_count++] = ref;
        return true;
    }
    if (!is_pair_of_names(graph, ref))
        return false;
    for (uint32_t i = 2; i > 0; i--) {
        const sj_ref half = graph->words[sj_graph_node(graph, ref)->first + i - 1];
        if (is_names(graph, half))
            view->names[view->name_count++] = half;
    }
    return true;
}

/** A pair: its key first, if that is no leaf. */
static void take_pair(sj_view *view, sj_step *step, sj_ref key, sj_ref value)
{
    step->index = view->key_count++;
    step->key = key;
    step->value = value;
    step->kind = SJ_STEP_KEY;
    if (sj_picture_is_small(view->graph, key))
        return;
    view->next_key = key;
    view->next_value = value;
    step->kind = SJ_STEP_KEY_OBJECT;
    step->value = key;
}

/** The value behind a key that was a step of its own. */
static bool next_pair_value(sj_view *view, sj_step *step)
{
    if (view->next_key == 0)
        return false;
    *step = (sj_step){SJ_STEP_KEY, view->key_count - 1, view->next_key, view->next_value};
    view->next_key = 0;
    return true;
}

/** The next name of the dicts that are looked into. */
static bool next_name(sj_view *view, sj_step *step)
{
    uint8_t op;
    while (view->name_count > 0) {
        const sj_node *names = sj_graph_node(view->graph, view->names[view->name_count - 1]);
        const sj_ref key = sj_graph_walk(view->graph, names, &view->names_cursor, &op);
        if (key != 0) {
            const sj_ref value = sj_graph_walk(view->graph, names, &view->names_cursor, &op);
            take_pair(view, step, key, value);
            if (step->kind == SJ_STEP_KEY && sj_picture_form(view->graph, key) == SJ_SEEN_STR)
                step->kind = view->is_keywords ? SJ_STEP_KEYWORD : SJ_STEP_FIELD;
            return true;
        }
        view->name_count--;
        view->names_cursor = (sj_cursor){0, 0, false};
    }
    return false;
}

/** INST, OBJ: the class and each argument are children. */
static bool next_instance_part(sj_view *view, sj_step *step)
{
    const uint32_t index = view->call_part == PART_CALLABLE ? 0 : view->argument + 1;
    if (index >= view->node->count) {
        view->call_part = PART_END;
        view->cursor.index = view->node->count;
        return false;
    }
    step->kind = index == 0 ? SJ_STEP_CALLABLE : SJ_STEP_ARGUMENT;
    step->index = index > 0 ? index - 1 : 0;
    step->value = view->graph->words[view->node->first + index];
    view->call_part = PART_ARGUMENTS;
    view->argument = index;
    return true;
}

/** The next of callable, arguments, keyword arguments. */
static bool next_call_part(sj_view *view, sj_step *step)
{
    const snapjar_graph *graph = view->graph;
    const uint32_t *parts = graph->words + view->node->first;
    if (view->call_part == PART_END)
        return false;
    if (view->node->kind == SJ_NODE_INSTANCE)
        return next_instance_part(view, step);
    if (view->call_part == PART_ARGUMENTS && view->arguments != 0) {
        const sj_node *arguments = sj_graph_node(graph, view->arguments);
        if (view->argument < arguments->count) {
            *step = (sj_step){SJ_STEP_ARGUMENT, view->argument, 0, graph->words[arguments->first + view->argument]};
            view->argument++;
            return true;
        }
        view->call_part = PART_KEYWORDS;
    }
    const uint32_t part = view->call_part++;
    if (part >= view->node->count) {
        view->call_part = PART_END;
        return false;
    }
    if (part == PART_KEYWORDS && is_names(graph, parts[part])) {
        view->names[view->name_count++] = parts[part];
        view->is_keywords = true;
        return next_name(view, step);
    }
    step->kind = part == PART_CALLABLE    ? SJ_STEP_CALLABLE
                 : part == PART_ARGUMENTS ? SJ_STEP_ARGUMENTS
                                          : SJ_STEP_KEYWORDS;
    step->value = parts[part];
    return true;
}

/** A child that the value was made with. */
static void take_child(sj_view *view, sj_step *step, sj_ref child)
{
    uint8_t op;
    step->value = child;
    step->index = view->item_count++;
    switch ((sj_node_kind)view->node->kind) {
    case SJ_NODE_FROZENSET:
    case SJ_NODE_SET:
        step->kind = SJ_STEP_ELEMENT;
        return;
    case SJ_NODE_DICT:
        take_pair(view, step, child, sj_graph_walk(view->graph, view->node, &view->cursor, &op));
        return;
    case SJ_NODE_PERSISTENT:
        step->kind = SJ_STEP_ID;
        return;
    case SJ_NODE_READONLY:
        step->kind = SJ_STEP_OF;
        return;
    default:
        step->kind = SJ_STEP_INDEX;
        return;
    }
}

/** A child that was added later; false if it is looked into instead. */
static bool take_change(sj_view *view, sj_step *step, uint8_t op, sj_ref child)
{
    uint8_t same;
    step->value = child;
    switch (op) {
    case SJ_OP_BUILD:
        step->kind = SJ_STEP_STATE;
        return !begin_state(view, child);
    case SJ_OP_REDUCE:
        step->kind = SJ_STEP_EFFECT;
        step->index = view->effect_count++;
        step->key = child;
        step->value = sj_graph_walk(view->graph, view->node, &view->cursor, &same);
        return true;
    case SJ_OP_POP:
        step->kind = SJ_STEP_DROPPED;
        step->index = view->effect_count++;
        return true;
    case SJ_OP_ADDITEMS:
        step->kind = SJ_STEP_ELEMENT;
        step->index = view->item_count++;
        return true;
    case SJ_OP_SETITEM:
    case SJ_OP_SETITEMS:
        take_pair(view, step, child, sj_graph_walk(view->graph, view->node, &view->cursor, &same));
        return true;
    default:
        step->kind = SJ_STEP_INDEX;
        step->index = view->item_count++;
        return true;
    }
}

bool sj_view_next(sj_view *view, sj_step *step)
{
    memset(step, 0, sizeof *step);
    for (;;) {
        uint8_t op;
        if (next_pair_value(view, step) || next_name(view, step) || next_call_part(view, step))
            return true;
        if (view->items != NULL) {
            step->value = sj_graph_walk(view->graph, view->items, &view->items_cursor, &op);
            step->kind = SJ_STEP_ELEMENT;
            step->index = view->item_count++;
            if (step->value != 0)
                return true;
            view->items = NULL;
        }
        const sj_ref child = sj_graph_walk(view->graph, view->node, &view->cursor, &op);
        if (child == 0)
            return false;
        if (op == 0) {
            take_child(view, step, child);
            return true;
        }
        if (take_change(view, step, op, child))
            return true;
    }
}

/* ---- labels and paths ---- */

/** The characters of a name, without quotes. */
static void put_name(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t text_max)
{
    const sj_seen seen = sj_picture_see(graph, ref);
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    uint64_t count = 0;
    while (!out->is_cut && sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (count++ == text_max) {
            sj_out_text(out, "...");
            return;
        }
        sj_out_point(out, point, '\0', is_byte);
    }
}

static void put_numbered(sj_out *out, const char *before, uint64_t index, const char *after)
{
    sj_out_text(out, before);
    sj_out_number(out, index);
    sj_out_text(out, after);
}

void sj_view_label(sj_out *out, const snapjar_graph *graph, const sj_step *step, uint64_t text_max)
{
    switch (step->kind) {
    case SJ_STEP_FIELD:
        sj_out_text(out, ".");
        put_name(out, graph, step->key, text_max);
        return;
    case SJ_STEP_KEYWORD:
        sj_out_text(out, "(");
        put_name(out, graph, step->key, text_max);
        sj_out_text(out, "=)");
        return;
    case SJ_STEP_KEY:
        if (!sj_picture_is_small(graph, step->key)) {
            put_numbered(out, "[key ", step->index, "]");
            return;
        }
        sj_out_text(out, "[");
        sj_picture_short(out, graph, step->key, text_max);
        sj_out_text(out, "]");
        return;
    case SJ_STEP_INDEX:
        put_numbered(out, "[", step->index, "]");
        return;
    case SJ_STEP_KEY_OBJECT:
        put_numbered(out, "(key ", step->index, ")");
        return;
    case SJ_STEP_ELEMENT:
        put_numbered(out, "{", step->index, "}");
        return;
    case SJ_STEP_ARGUMENT:
        put_numbered(out, "(", step->index, ")");
        return;
    case SJ_STEP_EFFECT:
        put_numbered(out, "(then ", step->index, ")");
        return;
    case SJ_STEP_DROPPED:
        put_numbered(out, "(dropped ", step->index, ")");
        return;
    case SJ_STEP_ARGUMENTS:
        sj_out_text(out, "(*)");
        return;
    case SJ_STEP_KEYWORDS:
        sj_out_text(out, "(**)");
        return;
    case SJ_STEP_CALLABLE:
        sj_out_text(out, "(callable)");
        return;
    case SJ_STEP_STATE:
        sj_out_text(out, "(state)");
        return;
    case SJ_STEP_ID:
        sj_out_text(out, "(id)");
        return;
    case SJ_STEP_OF:
        sj_out_text(out, "(of)");
        return;
    }
}

/** The part that a path goes to first, and how many bytes of the path say so; 0: none. The longest label counts. */
static sj_ref follow_one(const snapjar_graph *graph, sj_ref ref, const char *path, size_t *taken)
{
    char label[LABEL_SIZE];
    sj_view view;
    sj_step step;
    sj_ref found = 0;
    *taken = 0;
    sj_view_begin(&view, graph, ref);
    while (sj_view_next(&view, &step)) {
        sj_out out;
        sj_out_to_text(&out, label, sizeof label, true);
        sj_view_label(&out, graph, &step, UINT64_MAX);
        const bool is_cut = out.is_cut;
        const size_t size = sj_out_end(&out);
        if (is_cut || size <= *taken || strncmp(path, label, size) != 0)
            continue;
        if (step.kind == SJ_STEP_FIELD && path[size] != '\0' && strchr(".[({", path[size]) == NULL)
            continue;
        found = step.value;
        *taken = size;
    }
    return found;
}

void sj_view_follow(const snapjar_graph *graph, sj_ref ref, const char *path, sj_ref *found, size_t *valid_size)
{
    char dotted[LABEL_SIZE];
    const char *at = path;
    size_t skipped = 0;
    *valid_size = 0;
    if (path[0] != '\0' && strchr(".[({", path[0]) == NULL && strlen(path) + 1 < sizeof dotted) {
        dotted[0] = '.';
        memcpy(dotted + 1, path, strlen(path) + 1);
        at = dotted;
        skipped = 1;
    }
    const char *begin = at;
    while (*at != '\0' && ref != 0) {
        size_t taken;
        ref = follow_one(graph, ref, at, &taken);
        at += taken;
    }
    *found = ref;
    *valid_size = (size_t)(at - begin) > skipped ? (size_t)(at - begin) - skipped : 0;
}
