/* SPDX-License-Identifier: MIT
 *
 * JSON lines: one object for each value with parts, in the order in which they are first referred to. No nesting, so
 * any depth can be read back; no value twice.
 */
#include "pickle/show.h"

#include <string.h>

#include "pickle/decimal.h"

/** Integers of more digits do not survive readers that make doubles of them. */
#define NUMBER_DIGITS_MAX 15

typedef struct rows {
    sj_show *show;
    /** Values that have a number, in its order. */
    sj_ref *queue;
    size_t queue_count;
    size_t queue_capacity;
} rows;

/* ---- leaves ---- */

static void put_json_point(sj_out *out, uint32_t point)
{
    if (point == '"' || point == '\\') {
        const char text[2] = {'\\', (char)point};
        sj_out_bytes(out, text, 2);
    } else if (point < ' ' || point == 0x7f || (point >= 0xd800 && point < 0xe000)) {
        sj_out_format(out, "\\u%04x", point);
    } else {
        char text[16];
        sj_out plain;
        /* What must not reach a terminal comes as \uNNNN here, too. */
        sj_out_to_text(&plain, text, sizeof text, true);
        sj_out_point(&plain, point, '\0', false);
        (void)sj_out_end(&plain);
        if (text[0] != '\\')
            sj_out_text(out, text);
        else if (point < 0x10000)
            sj_out_format(out, "\\u%04x", point);
        else
            sj_out_format(out, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
    }
}

/** The characters between the quotes of a JSON string. */
static void put_json_literal(sj_out *out, const sj_literal *literal)
{
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    while (sj_literal_point(literal, &at, &point, &is_byte))
        put_json_point(out, point);
}

static bool has_surrogate(const sj_literal *literal)
{
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    while (sj_literal_point(literal, &at, &point, &is_byte)) {
        if (point >= 0xd800 && point < 0xe000)
            return true;
    }
    return false;
}

static sj_literal text_of(const sj_show *show, sj_seen seen)
{
    if (seen.text == 0)
        return (sj_literal){SJ_OP_SHORT_BINBYTES, (const uint8_t *)"", 0, 0, true};
    return sj_picture_literal(show->graph, sj_graph_node(show->graph, seen.text));
}

static void put_str(sj_out *out, const sj_literal *literal)
{
    const bool is_odd = has_surrogate(literal);
    sj_out_text(out, is_odd ? "{\"str\":\"" : "\"");
    put_json_literal(out, literal);
    sj_out_text(out, is_odd ? "\"}" : "\"");
}

static void put_hex(sj_out *out, const sj_literal *literal)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    while (sj_literal_point(literal, &at, &point, &is_byte)) {
        const char text[2] = {digits[point >> 4 & 15], digits[point & 15]};
        sj_out_bytes(out, text, 2);
    }
}

/** The magnitude of a two's complement number that is too long for decimal. */
static void put_hex_integer(sj_out *out, const uint8_t *data, size_t size)
{
    const bool is_negative = (data[size - 1] & 0x80) != 0;
    /* -x is ~x + 1: the lowest bytes up to the first that is not 0 stay as they are, that is negated. */
    size_t first = 0;
    bool is_begun = false;
    while (first < size && data[first] == 0)
        first++;
    sj_out_text(out, is_negative ? "-0x" : "0x");
    for (size_t i = size; i > 0; i--) {
        const uint8_t byte = !is_negative || i - 1 < first ? data[i - 1]
                             : i - 1 == first              ? (uint8_t)(~data[i - 1] + 1u)
                                                           : (uint8_t)~data[i - 1];
        if (is_begun || byte != 0)
            sj_out_format(out, is_begun ? "%02x" : "%x", (unsigned)byte);
        is_begun |= byte != 0;
    }
}

static void put_int(sj_out *out, sj_literal literal)
{
    char text[SJ_DECIMAL_TEXT_SIZE];
    size_t size = 0;
    sj_out plain;
    if ((literal.opcode == SJ_OP_LONG1 || literal.opcode == SJ_OP_LONG4) && literal.size > SJ_DECIMAL_BYTES_MAX) {
        sj_out_text(out, "{\"int\":\"");
        put_hex_integer(out, literal.data, literal.size);
        sj_out_text(out, "\"}");
        return;
    }
    if (literal.opcode == SJ_OP_LONG && literal.size > 0 && literal.data[literal.size - 1] == 'L')
        literal.size--;
    sj_out_to_text(&plain, text, sizeof text, false);
    sj_literal_write(&plain, &literal, UINT64_MAX);
    size = sj_out_end(&plain);
    /* Digits only: other forms, which some loaders read, stay text. */
    const size_t sign = text[0] == '-';
    const bool is_number = size > sign && size - sign <= NUMBER_DIGITS_MAX &&
                           strspn(text + sign, "0123456789") == size - sign && (text[sign] != '0' || size == sign + 1);
    sj_out_text(out, is_number ? "" : "{\"int\":\"");
    sj_out_bytes(out, text, size);
    sj_out_text(out, is_number ? "" : "\"}");
}

static void put_float(sj_out *out, const snapjar_graph *graph, sj_ref ref)
{
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, ref));
    char text[SJ_DOUBLE_TEXT_SIZE];
    uint64_t bits = 0;
    if (literal.opcode == SJ_OP_FLOAT) {
        sj_out_text(out, "{\"float\":\"");
        sj_picture_leaf(out, graph, ref, UINT64_MAX);
        sj_out_text(out, "\"}");
        return;
    }
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | literal.data[i];
    sj_out_text(out, "{\"float\":\"");
    sj_out_bytes(out, text, sj_double_format(bits, text));
    if (strcmp(text, "nan") == 0 && bits != UINT64_C(0x7ff8000000000000))
        sj_out_format(out, "\",\"bits\":\"%016llx", (unsigned long long)bits);
    sj_out_text(out, "\"}");
}

static void put_global(sj_out *out, const snapjar_graph *graph, sj_ref ref)
{
    char name[3 * SJ_PICTURE_NAME_SIZE];
    sj_out plain;
    /* Escapes as in a path: names that need one are none of Python's. */
    sj_out_to_text(&plain, name, sizeof name, true);
    sj_picture_global(&plain, graph, ref);
    const size_t size = sj_out_end(&plain);
    const sj_literal literal = {SJ_OP_BINUNICODE, (const uint8_t *)name, size, size, false};
    sj_out_text(out, "\"");
    put_json_literal(out, &literal);
    sj_out_text(out, "\"");
}

static void put_denied(sj_show *show, unsigned denied)
{
    if (denied == 0)
        return;
    show->summary.denied_count++;
    sj_out_text(&show->out, ",\"denied\":[");
    sj_show_put_denied(&show->out, denied, "\"", ",");
    sj_out_text(&show->out, "]");
}

static void put_leaf(sj_show *show, sj_ref ref, bool is_root)
{
    const snapjar_graph *graph = show->graph;
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_seen seen = sj_picture_see(graph, ref);
    sj_out *out = &show->out;
    sj_literal literal;
    switch (seen.form) {
    case SJ_SEEN_NONE:
        sj_out_text(out, "null");
        return;
    case SJ_SEEN_BOOL:
        sj_out_text(out, node->kind == SJ_NODE_TRUE ? "true" : "false");
        return;
    case SJ_SEEN_INT:
        put_int(out, sj_picture_literal(graph, node));
        return;
    case SJ_SEEN_FLOAT:
        put_float(out, graph, ref);
        return;
    case SJ_SEEN_STR:
        literal = text_of(show, seen);
        put_str(out, &literal);
        return;
    case SJ_SEEN_BYTES:
    case SJ_SEEN_BYTEARRAY:
        literal = text_of(show, seen);
        sj_out_text(out, seen.form == SJ_SEEN_BYTES ? "{\"bytes\":\"" : "{\"bytearray\":\"");
        put_hex(out, &literal);
        sj_out_text(out, "\"");
        break;
    case SJ_SEEN_GLOBAL:
        sj_out_text(out, "{\"global\":");
        put_global(out, graph, ref);
        break;
    case SJ_SEEN_EXTENSION:
        literal = sj_picture_literal(graph, node);
        sj_out_text(out, "{\"extension\":");
        sj_out_number(out, sj_literal_unsigned(&literal));
        break;
    default:
        sj_out_text(out, "{\"buffer\":true");
        break;
    }
    put_denied(show, sj_show_denied(show, ref, is_root));
    sj_out_text(out, "}");
}

/* ---- references ---- */

static snapjar_status number_of(rows *r, sj_ref ref, uint32_t *number, snapjar_error *err)
{
    sj_show *show = r->show;
    *number = show->numbers[ref];
    if (*number != 0)
        return SNAPJAR_OK;
    if (r->queue_count == r->queue_capacity) {
        const size_t capacity = r->queue_capacity == 0 ? 64 : 2 * r->queue_capacity;
        sj_ref *queue = sj_realloc(show->graph->context, r->queue, capacity * sizeof *queue);
        if (queue == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *queue);
        r->queue = queue;
        r->queue_capacity = capacity;
    }
    r->queue[r->queue_count++] = ref;
    *number = show->numbers[ref] = ++show->number_count;
    return SNAPJAR_OK;
}

static snapjar_status put_value(rows *r, sj_ref ref, snapjar_error *err)
{
    uint32_t number;
    if (sj_form_is_leaf(sj_picture_form(r->show->graph, ref)) && !sj_show_is_numbered(r->show, ref)) {
        put_leaf(r->show, ref, false);
        return SNAPJAR_OK;
    }
    SJ_TRY(number_of(r, ref, &number, err));
    sj_out_format(&r->show->out, "{\"ref\":%lu}", (unsigned long)number);
    return SNAPJAR_OK;
}

/* ---- rows ---- */

/** The kind of list that parts of this kind stand in: of items, entries, or any. */
static const char *list_of(sj_form form, sj_step_kind kind)
{
    if (form == SJ_SEEN_DICT)
        return kind == SJ_STEP_KEY ? "entries" : kind == SJ_STEP_KEY_OBJECT ? NULL : "parts";
    if (form == SJ_SEEN_TUPLE || form == SJ_SEEN_LIST)
        return kind == SJ_STEP_INDEX ? "items" : "parts";
    if (form == SJ_SEEN_SET || form == SJ_SEEN_FROZENSET)
        return kind == SJ_STEP_ELEMENT ? "items" : "parts";
    return kind == SJ_STEP_KEY_OBJECT ? NULL : "parts";
}

static const char *part_word(sj_step_kind kind)
{
    static const char *const words[] = {
        [SJ_STEP_FIELD] = "field",
        [SJ_STEP_INDEX] = "item",
        [SJ_STEP_KEY] = "entry",
        [SJ_STEP_KEY_OBJECT] = "",
        [SJ_STEP_ELEMENT] = "element",
        [SJ_STEP_ARGUMENT] = "argument",
        [SJ_STEP_KEYWORD] = "keyword",
        [SJ_STEP_ARGUMENTS] = "arguments",
        [SJ_STEP_KEYWORDS] = "keywords",
        [SJ_STEP_CALLABLE] = "callable",
        [SJ_STEP_STATE] = "state",
        [SJ_STEP_EFFECT] = "effect",
        [SJ_STEP_DROPPED] = "dropped",
        [SJ_STEP_ID] = "id",
        [SJ_STEP_OF] = "of",
    };
    return words[kind];
}

static snapjar_status put_part(rows *r, const sj_step *step, const char *list, snapjar_error *err)
{
    sj_out *out = &r->show->out;
    if (strcmp(list, "items") == 0)
        return put_value(r, step->value, err);
    sj_out_text(out, "[");
    if (strcmp(list, "parts") == 0)
        sj_out_format(out, "\"%s\",", part_word(step->kind));
    if (step->key != 0) {
        SJ_TRY(put_value(r, step->key, err));
        sj_out_text(out, ",");
    }
    SJ_TRY(put_value(r, step->value, err));
    sj_out_text(out, "]");
    return SNAPJAR_OK;
}

/** One list of parts; `*more` counts those beyond the limit. */
static snapjar_status put_list(rows *r, sj_ref ref, sj_form form, const char *list, bool is_needed, uint64_t *more,
                               snapjar_error *err)
{
    sj_out *out = &r->show->out;
    sj_view view;
    sj_step step;
    uint64_t count = 0;
    sj_view_begin(&view, r->show->graph, ref);
    while (sj_view_next(&view, &step)) {
        const char *own = list_of(form, step.kind);
        if (own == NULL || strcmp(own, list) != 0)
            continue;
        if (count == r->show->options.length_max) {
            ++*more;
            continue;
        }
        if (count++ == 0)
            sj_out_format(out, ",\"%s\":[", list);
        else
            sj_out_text(out, ",");
        SJ_TRY(put_part(r, &step, list, err));
    }
    if (count > 0)
        sj_out_text(out, "]");
    else if (is_needed)
        sj_out_format(out, ",\"%s\":[]", list);
    return out->status;
}

static void put_class(sj_show *show, const sj_node *node)
{
    sj_out *out = &show->out;
    uint32_t skipped;
    const sj_ref class = sj_picture_class(show->graph, node, &skipped);
    sj_out_text(out, ",\"class\":");
    if (class != 0)
        put_global(out, show->graph, class);
    else
        sj_out_text(out, "null");
    sj_out_format(out, ",\"made_by\":\"%s\"",
                  node->kind == SJ_NODE_INSTANCE               ? "instance"
                  : node->kind == SJ_NODE_CALL && skipped == 0 ? "call"
                                                               : "new");
}

static snapjar_status put_row(rows *r, sj_ref ref, uint32_t number, snapjar_error *err)
{
    sj_show *show = r->show;
    sj_out *out = &show->out;
    const sj_node *node = sj_graph_node(show->graph, ref);
    const sj_form form = sj_picture_form(show->graph, ref);
    uint64_t more = 0;
    show->summary.line_count++;
    sj_out_text(out, "{");
    if (show->options.json_prefix != NULL) {
        sj_out_text(out, show->options.json_prefix);
        sj_out_text(out, ",");
    }
    sj_out_format(out, "\"id\":%lu", (unsigned long)number);
    if (sj_graph_offset(show->graph, ref) != SNAPJAR_OFFSET_NONE && ref != show->graph->prelude)
        sj_out_format(out, ",\"offset\":%llu", (unsigned long long)node->offset);
    sj_out_format(out, ",\"type\":\"%s\"", ref == show->graph->prelude ? "dropped" : sj_picture_form_name(form));
    if (form == SJ_SEEN_OBJECT)
        put_class(show, node);
    if (sj_form_is_leaf(form) && ref != show->graph->prelude) {
        sj_out_text(out, ",\"value\":");
        put_leaf(show, ref, number == 1);
        sj_out_text(out, "}\n");
        return out->status;
    }
    if (ref == show->graph->prelude)
        SJ_TRY(put_list(r, ref, SJ_SEEN_OBJECT, "parts", true, &more, err));
    else if (form == SJ_SEEN_DICT)
        SJ_TRY(put_list(r, ref, form, "entries", true, &more, err));
    else if (form >= SJ_SEEN_TUPLE && form <= SJ_SEEN_FROZENSET)
        SJ_TRY(put_list(r, ref, form, "items", true, &more, err));
    if (ref != show->graph->prelude)
        SJ_TRY(put_list(r, ref, form, "parts", form == SJ_SEEN_OBJECT, &more, err));
    if (more > 0)
        sj_out_format(out, ",\"more\":%llu", (unsigned long long)more);
    show->summary.hidden_count += more;
    put_denied(show, sj_show_denied(show, ref, number == 1));
    sj_out_text(out, "}\n");
    return out->status;
}

snapjar_status sj_show_json(sj_show *show, sj_ref root, snapjar_error *err)
{
    rows r = {show, NULL, 0, 0};
    uint32_t number;
    snapjar_status status = number_of(&r, root, &number, err);
    if (status == SNAPJAR_OK && show->graph->prelude != 0 && root == show->graph->root)
        status = number_of(&r, show->graph->prelude, &number, err);
    /* Values of one level have numbers in a row. */
    size_t level_end = 1;
    uint64_t level = 0;
    for (size_t i = 0; i < r.queue_count && status == SNAPJAR_OK; i++) {
        if (i == level_end) {
            level_end = r.queue_count;
            level++;
        }
        if (level > show->options.depth_max) {
            show->summary.hidden_count += r.queue_count - i;
            break;
        }
        status = put_row(&r, r.queue[i], (uint32_t)i + 1, err);
    }
    sj_free(show->graph->context, r.queue);
    return status;
}
