/* SPDX-License-Identifier: MIT
 *
 * What values are, and words for them.
 */
#include "pickle/picture.h"

#include <string.h>

#include "pickle/decimal.h"

/** Tuples up to this size are told whole, if there is nothing but leaves in them. */
#define SMALL_TUPLE 4
/** Bytes of a text that may be looked at any number of times. */
#define LONG_TEXT 256
/** Calls of getattr, one around the other. */
#define ATTRIBUTES_MAX 8

sj_literal sj_picture_literal(const snapjar_graph *graph, const sj_node *node)
{
    size_t size;
    const uint8_t *data = sj_graph_span(graph, node, &size);
    return (sj_literal){node->form, data, size, size, graph->options.string_encoding == SNAPJAR_STRING_BYTES};
}

/* ---- globals ---- */

void sj_picture_names(const snapjar_graph *graph, const sj_node *node, snapjar_text *module, snapjar_text *name)
{
    const char *mapped_module;
    const char *mapped_name;
    sj_graph_global(graph, node, module, name);
    if (sj_node_resolution(node) != SJ_RESOLUTION_MAPPED)
        return;
    sj_names_map(*module, *name, &mapped_module, &mapped_name);
    if (mapped_module != NULL)
        *module = (snapjar_text){mapped_module, strlen(mapped_module)};
    if (mapped_name != NULL)
        *name = (snapjar_text){mapped_name, strlen(mapped_name)};
}

static bool is_text(snapjar_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

bool sj_picture_is_global(const snapjar_graph *graph, sj_ref ref, const char *module, const char *name)
{
    const sj_node *node = sj_graph_node(graph, ref);
    snapjar_text texts[2];
    if (node->kind != SJ_NODE_GLOBAL)
        return false;
    sj_picture_names(graph, node, &texts[0], &texts[1]);
    return is_text(texts[0], module) && is_text(texts[1], name);
}

sj_ref sj_picture_owner(const snapjar_graph *graph, sj_ref ref, sj_ref *name)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_ref arguments = node->kind == SJ_NODE_CALL ? sj_picture_arguments(graph, node) : 0;
    *name = 0;
    if (arguments == 0 || node->changes != 0 || sj_graph_node(graph, arguments)->count != 2 ||
        !sj_picture_is_global(graph, graph->words[node->first], "builtins", "getattr"))
        return 0;
    const sj_ref *words = graph->words + sj_graph_node(graph, arguments)->first;
    const sj_node_kind kind = (sj_node_kind)sj_graph_node(graph, words[1])->kind;
    *name = words[1];
    return kind == SJ_NODE_STR || kind == SJ_NODE_STR2 ? words[0] : 0;
}

bool sj_picture_is_name(const snapjar_graph *graph, sj_ref ref)
{
    sj_ref name;
    for (int level = 0; level <= ATTRIBUTES_MAX && ref != 0; level++) {
        if (sj_graph_node(graph, ref)->kind == SJ_NODE_GLOBAL)
            return true;
        ref = sj_picture_owner(graph, ref, &name);
    }
    return false;
}

void sj_picture_global(sj_out *out, const snapjar_graph *graph, sj_ref ref)
{
    sj_ref names[ATTRIBUTES_MAX];
    int count = 0;
    snapjar_text module, name;
    while (sj_graph_node(graph, ref)->kind != SJ_NODE_GLOBAL && count < ATTRIBUTES_MAX)
        ref = sj_picture_owner(graph, ref, &names[count++]);
    sj_picture_names(graph, sj_graph_node(graph, ref), &module, &name);
    if (module.size == 0 && name.size == 0)
        sj_out_text(out, "(computed global)");
    sj_out_escaped(out, module.data, module.size, SJ_PICTURE_NAME_SIZE);
    sj_out_text(out, module.size > 0 ? ":" : "");
    sj_out_escaped(out, name.data, name.size, SJ_PICTURE_NAME_SIZE);
    while (count > 0) {
        const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, names[--count]));
        size_t at = 0, shown = 0;
        uint32_t point;
        bool is_byte;
        sj_out_text(out, ".");
        while (shown++ < SJ_PICTURE_NAME_SIZE && sj_literal_point(&literal, &at, &point, &is_byte))
            sj_out_point(out, point, '\0', is_byte);
    }
}

sj_ref sj_picture_arguments(const snapjar_graph *graph, const sj_node *node)
{
    if (node->kind < SJ_NODE_CALL || node->kind > SJ_NODE_NEW_EX)
        return 0;
    const sj_ref arguments = graph->words[node->first + 1];
    return sj_graph_node(graph, arguments)->kind == SJ_NODE_TUPLE ? arguments : 0;
}

sj_ref sj_picture_class(const snapjar_graph *graph, const sj_node *node, uint32_t *skipped)
{
    const sj_ref callable = graph->words[node->first];
    *skipped = 0;
    if (!sj_picture_is_name(graph, callable))
        return 0;
    const sj_ref arguments = node->kind == SJ_NODE_CALL ? sj_picture_arguments(graph, node) : 0;
    if (arguments == 0)
        return callable;
    const sj_node *tuple = sj_graph_node(graph, arguments);
    const uint32_t *words = graph->words + tuple->first;
    if (tuple->count == 0 || !sj_picture_is_name(graph, words[0]))
        return callable;
    if (sj_picture_is_global(graph, callable, "copyreg", "__newobj__")) {
        *skipped = 1;
        return words[0];
    }
    if (!sj_picture_is_global(graph, callable, "copyreg", "_reconstructor"))
        return callable;
    /* _reconstructor(class, object, None) says no more than the class; what has another base keeps its arguments. */
    *skipped = 1;
    if (tuple->count == 3 && sj_graph_node(graph, words[2])->kind == SJ_NODE_NONE &&
        sj_picture_is_global(graph, words[1], "builtins", "object"))
        *skipped = 3;
    return words[0];
}

/* ---- what values are ---- */

/** Argument `index` of a call, or 0. */
static sj_ref argument(const snapjar_graph *graph, sj_ref arguments, uint32_t index)
{
    const sj_node *tuple = sj_graph_node(graph, arguments);
    return index < tuple->count ? graph->words[tuple->first + index] : 0;
}

static bool is_latin1(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    if (ref == 0 || (node->kind != SJ_NODE_STR && node->kind != SJ_NODE_STR2))
        return false;
    const sj_literal literal = sj_picture_literal(graph, node);
    const snapjar_text text = {(const char *)literal.data, literal.size};
    return is_text(text, "latin1") || is_text(text, "latin-1") || is_text(text, "'latin1'") ||
           is_text(text, "'latin-1'");
}

/** Whether all characters are such as Latin-1 has, if that costs little. */
static bool fits_latin1(const snapjar_graph *graph, sj_ref ref)
{
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, ref));
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    /* One that others refer to as well would be looked at for each of them. */
    if (literal.size > LONG_TEXT && (sj_graph_node(graph, ref)->flags & SJ_NODE_IS_SHARED) != 0)
        return false;
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (point > 0xff)
            return false;
    }
    return true;
}

/** bytes and bytearrays of protocols that have no opcode for them: _codecs.encode(str, 'latin1'), bytearray(...). */
static bool see_bytes(const snapjar_graph *graph, const sj_node *node, sj_ref arguments, sj_seen *seen)
{
    const sj_ref callable = graph->words[node->first];
    const uint32_t count = sj_graph_node(graph, arguments)->count;
    const sj_ref first = argument(graph, arguments, 0);
    const sj_node_kind kind = (sj_node_kind)sj_graph_node(graph, first)->kind;
    const bool is_array = sj_picture_is_global(graph, callable, "builtins", "bytearray");
    if (!is_array && !sj_picture_is_global(graph, callable, "_codecs", "encode") &&
        !sj_picture_is_global(graph, callable, "builtins", "bytes"))
        return false;
    seen->form = is_array ? SJ_SEEN_BYTEARRAY : SJ_SEEN_BYTES;
    seen->text = first;
    if (count == 0)
        return !sj_picture_is_global(graph, callable, "_codecs", "encode");
    if (count == 2 && (kind == SJ_NODE_STR || kind == SJ_NODE_STR2) && is_latin1(graph, argument(graph, arguments, 1)))
        return fits_latin1(graph, first);
    if (!is_array || count != 1)
        return false;
    *seen = sj_picture_see(graph, first);
    const bool is_bytes = seen->form == SJ_SEEN_BYTES;
    seen->form = SJ_SEEN_BYTEARRAY;
    return is_bytes;
}

static sj_seen see_call(const snapjar_graph *graph, const sj_node *node)
{
    sj_seen seen = {SJ_SEEN_OBJECT, 0, 0};
    const sj_ref callable = graph->words[node->first];
    const sj_ref arguments = sj_picture_arguments(graph, node);
    if (node->kind != SJ_NODE_CALL || arguments == 0 || node->changes != 0)
        return seen;
    if (sj_graph_node(graph, callable)->kind != SJ_NODE_GLOBAL)
        return seen;
    if (sj_picture_is_name(graph, (sj_ref)(node - graph->nodes)))
        return (sj_seen){SJ_SEEN_GLOBAL, 0, 0};
    if (see_bytes(graph, node, arguments, &seen))
        return seen;
    seen = (sj_seen){SJ_SEEN_OBJECT, 0, 0};
    const sj_ref items = argument(graph, arguments, 0);
    const bool is_set = sj_picture_is_global(graph, callable, "builtins", "set");
    if ((is_set || sj_picture_is_global(graph, callable, "builtins", "frozenset")) &&
        sj_graph_node(graph, arguments)->count == 1 && sj_graph_node(graph, items)->kind == SJ_NODE_LIST &&
        (sj_graph_node(graph, items)->flags & SJ_NODE_IS_SHARED) == 0) {
        seen.form = is_set ? SJ_SEEN_SET : SJ_SEEN_FROZENSET;
        seen.items = items;
    }
    return seen;
}

sj_seen sj_picture_see(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_ABSENT:
    case SJ_NODE_NONE:
        return (sj_seen){SJ_SEEN_NONE, 0, 0};
    case SJ_NODE_TRUE:
    case SJ_NODE_FALSE:
        return (sj_seen){SJ_SEEN_BOOL, 0, 0};
    case SJ_NODE_INT:
        return (sj_seen){SJ_SEEN_INT, 0, 0};
    case SJ_NODE_FLOAT:
        return (sj_seen){SJ_SEEN_FLOAT, 0, 0};
    case SJ_NODE_STR:
        return (sj_seen){SJ_SEEN_STR, ref, 0};
    case SJ_NODE_STR2:
        return (sj_seen){graph->options.string_encoding == SNAPJAR_STRING_BYTES ? SJ_SEEN_BYTES : SJ_SEEN_STR, ref, 0};
    case SJ_NODE_BYTES:
        return (sj_seen){SJ_SEEN_BYTES, ref, 0};
    case SJ_NODE_BYTEARRAY:
        return (sj_seen){SJ_SEEN_BYTEARRAY, ref, 0};
    case SJ_NODE_EXTENSION:
        return (sj_seen){SJ_SEEN_EXTENSION, 0, 0};
    case SJ_NODE_BUFFER:
        return (sj_seen){SJ_SEEN_BUFFER, 0, 0};
    case SJ_NODE_GLOBAL:
        return (sj_seen){SJ_SEEN_GLOBAL, 0, 0};
    case SJ_NODE_TUPLE:
        return (sj_seen){SJ_SEEN_TUPLE, 0, 0};
    case SJ_NODE_FROZENSET:
        return (sj_seen){SJ_SEEN_FROZENSET, 0, 0};
    case SJ_NODE_LIST:
        return (sj_seen){SJ_SEEN_LIST, 0, 0};
    case SJ_NODE_DICT:
        return (sj_seen){SJ_SEEN_DICT, 0, 0};
    case SJ_NODE_SET:
        return (sj_seen){SJ_SEEN_SET, 0, 0};
    case SJ_NODE_CALL:
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
    case SJ_NODE_INSTANCE:
        return see_call(graph, node);
    case SJ_NODE_PERSISTENT:
        return (sj_seen){SJ_SEEN_PERSISTENT, 0, 0};
    case SJ_NODE_READONLY:
        return (sj_seen){SJ_SEEN_READONLY, 0, 0};
    }
    return (sj_seen){SJ_SEEN_NONE, 0, 0};
}

const char *sj_picture_form_name(sj_form form)
{
    static const char *const names[] = {
        [SJ_SEEN_NONE] = "None",
        [SJ_SEEN_BOOL] = "bool",
        [SJ_SEEN_INT] = "int",
        [SJ_SEEN_FLOAT] = "float",
        [SJ_SEEN_STR] = "str",
        [SJ_SEEN_BYTES] = "bytes",
        [SJ_SEEN_BYTEARRAY] = "bytearray",
        [SJ_SEEN_GLOBAL] = "global",
        [SJ_SEEN_TUPLE] = "tuple",
        [SJ_SEEN_LIST] = "list",
        [SJ_SEEN_DICT] = "dict",
        [SJ_SEEN_SET] = "set",
        [SJ_SEEN_FROZENSET] = "frozenset",
        [SJ_SEEN_OBJECT] = "object",
        [SJ_SEEN_EXTENSION] = "extension",
        [SJ_SEEN_PERSISTENT] = "persistent",
        [SJ_SEEN_BUFFER] = "buffer",
        [SJ_SEEN_READONLY] = "readonly",
    };
    return names[form];
}

uint64_t sj_picture_count(const snapjar_graph *graph, sj_ref ref)
{
    const sj_seen seen = sj_picture_see(graph, ref);
    const sj_node *node = sj_graph_node(graph, seen.items != 0 ? seen.items : ref);
    uint64_t count = node->count;
    for (uint32_t place = sj_graph_first_change(graph, node); place != 0;
         place = sj_graph_next_change(graph, node, place)) {
        const sj_change change = sj_graph_change(graph, place);
        if (change.op != SJ_OP_BUILD && change.op != SJ_OP_REDUCE && change.op != SJ_OP_POP)
            count += change.count;
    }
    return seen.form == SJ_SEEN_DICT ? count / 2 : count;
}

/* ---- words ---- */

static void picture_float(sj_out *out, const sj_literal *literal)
{
    char text[SJ_DOUBLE_TEXT_SIZE];
    uint64_t bits;
    if (literal->opcode == SJ_OP_FLOAT && sj_double_parse((const char *)literal->data, literal->size, &bits))
        sj_out_bytes(out, text, sj_double_format(bits, text));
    else
        sj_literal_write(out, literal, UINT64_MAX);
}

static void picture_int(sj_out *out, sj_literal literal, uint64_t text_max)
{
    /* The L of LONG. */
    if (literal.opcode == SJ_OP_LONG && literal.size > 0 && literal.data[literal.size - 1] == 'L')
        literal.size--;
    sj_literal_write(out, &literal, text_max);
}

/** Columns that a character takes, or its escape. */
static uint64_t width_of(uint32_t point, bool is_byte)
{
    if (point >= ' ' && point < 0x7f)
        return 1;
    if (point < 0x80 || is_byte)
        return 4;
    return point < 0x10000 ? 2 : 3;
}

/** Characters from `first` on of a text, or of bytes that older protocols write as text. */
static void picture_text(sj_out *out, const snapjar_graph *graph, sj_seen seen, uint64_t first, uint64_t text_max)
{
    const bool is_bytes = seen.form != SJ_SEEN_STR;
    size_t at = 0;
    uint64_t count = 0, width = 0;
    uint32_t point;
    bool is_byte, is_cut = false;
    sj_literal literal = {SJ_OP_SHORT_BINBYTES, NULL, 0, 0, true};
    if (seen.text != 0)
        literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    sj_out_text(out, seen.form == SJ_SEEN_BYTEARRAY ? "bytearray(" : "");
    sj_out_text(out, first > 0 ? "..." : "");
    sj_out_text(out, is_bytes ? "b'" : "'");
    for (; !out->is_cut && sj_literal_point(&literal, &at, &point, &is_byte); count++) {
        if (is_cut || count < first)
            continue;
        width += width_of(point, is_byte || is_bytes);
        is_cut = width > text_max;
        if (!is_cut)
            sj_out_point(out, point, '\'', is_byte || is_bytes);
    }
    sj_out_text(out, "'");
    if (is_cut)
        sj_out_format(out, "... (%llu %s)", (unsigned long long)count, is_bytes ? "bytes" : "characters");
    sj_out_text(out, seen.form == SJ_SEEN_BYTEARRAY ? ")" : "");
}

void sj_picture_part(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t first, uint64_t text_max)
{
    picture_text(out, graph, sj_picture_see(graph, ref), first, text_max);
}

/* ---- numbers as they are compared ---- */

sj_number sj_picture_int(const snapjar_graph *graph, sj_ref ref, uint8_t buffer[SJ_DECIMAL_BYTES_MAX])
{
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, ref));
    sj_number number = {literal.data, literal.size};
    if (literal.opcode == SJ_OP_INT || literal.opcode == SJ_OP_LONG) {
        const bool has_letter = number.size > 0 && number.data[number.size - 1] == 'L';
        size_t size;
        if (sj_decimal_to_bytes((const char *)number.data, number.size - has_letter, buffer, &size))
            number = (sj_number){buffer, size};
        return number;
    }
    if (literal.opcode == SJ_OP_BININT1 || literal.opcode == SJ_OP_BININT2) {
        /* Unsigned: a zero keeps the sign out. */
        memcpy(buffer, literal.data, literal.size);
        buffer[literal.size] = 0;
        number = (sj_number){buffer, literal.size + 1};
    }
    /* Bytes that only repeat the sign. */
    while (number.size > 1 && ((number.data[number.size - 1] == 0 && number.data[number.size - 2] < 0x80) ||
                               (number.data[number.size - 1] == 0xff && number.data[number.size - 2] >= 0x80)))
        number.size--;
    if (number.size == 1 && number.data[0] == 0)
        number.size = 0;
    return number;
}

uint64_t sj_picture_bits(const snapjar_graph *graph, sj_ref ref)
{
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, ref));
    uint64_t bits = 0;
    if (literal.opcode == SJ_OP_FLOAT) {
        (void)sj_double_parse((const char *)literal.data, literal.size, &bits);
        return bits;
    }
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | literal.data[i];
    return bits;
}

/* ---- leaves ---- */

void sj_picture_leaf(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t text_max)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_seen seen = sj_picture_see(graph, ref);
    sj_literal literal;
    switch (seen.form) {
    case SJ_SEEN_NONE:
        sj_out_text(out, "None");
        return;
    case SJ_SEEN_BOOL:
        sj_out_text(out, node->kind == SJ_NODE_TRUE ? "True" : "False");
        return;
    case SJ_SEEN_INT:
        picture_int(out, sj_picture_literal(graph, node), text_max);
        return;
    case SJ_SEEN_FLOAT:
        literal = sj_picture_literal(graph, node);
        picture_float(out, &literal);
        return;
    case SJ_SEEN_STR:
    case SJ_SEEN_BYTES:
    case SJ_SEEN_BYTEARRAY:
        picture_text(out, graph, seen, 0, text_max);
        return;
    case SJ_SEEN_GLOBAL:
        sj_picture_global(out, graph, ref);
        return;
    case SJ_SEEN_EXTENSION:
        literal = sj_picture_literal(graph, node);
        sj_out_format(out, "extension code %llu", (unsigned long long)sj_literal_unsigned(&literal));
        return;
    case SJ_SEEN_BUFFER:
        sj_out_text(out, "out-of-band buffer");
        return;
    default:
        sj_out_text(out, sj_picture_form_name(seen.form));
        return;
    }
}

/** "app:Job", "app:make()", "list of 3". */
void sj_picture_stub(sj_out *out, const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    const sj_form form = sj_picture_form(graph, ref);
    uint32_t skipped;
    if (form == SJ_SEEN_PERSISTENT || form == SJ_SEEN_READONLY) {
        sj_out_text(out, form == SJ_SEEN_PERSISTENT ? "persistent id" : "read-only view");
        return;
    }
    if (form != SJ_SEEN_OBJECT) {
        const uint64_t count = sj_picture_count(graph, ref);
        static const char *const empty[] = {"()", "[]", "{}", "set()", "frozenset()"};
        if (count == 0)
            sj_out_text(out, empty[form - SJ_SEEN_TUPLE]);
        else
            sj_out_format(out, "%s of %llu", sj_picture_form_name(form), (unsigned long long)count);
        return;
    }
    const sj_ref class = sj_picture_class(graph, node, &skipped);
    const sj_node *callable = sj_graph_node(graph, graph->words[node->first]);
    if (class != 0)
        sj_picture_global(out, graph, class);
    else if (callable->kind == SJ_NODE_EXTENSION)
        sj_picture_leaf(out, graph, graph->words[node->first], 0);
    else
        sj_out_text(out, "(computed)");
}

bool sj_picture_is_small(const snapjar_graph *graph, sj_ref ref)
{
    const sj_node *node = sj_graph_node(graph, ref);
    if (sj_form_is_leaf(sj_picture_form(graph, ref)))
        return true;
    if (node->kind != SJ_NODE_TUPLE || node->count > SMALL_TUPLE || node->changes != 0)
        return false;
    for (uint32_t i = 0; i < node->count; i++) {
        if (!sj_form_is_leaf(sj_picture_form(graph, graph->words[node->first + i])))
            return false;
    }
    return true;
}

void sj_picture_short(sj_out *out, const snapjar_graph *graph, sj_ref ref, uint64_t text_max)
{
    const sj_node *node = sj_graph_node(graph, ref);
    if (sj_form_is_leaf(sj_picture_form(graph, ref))) {
        sj_picture_leaf(out, graph, ref, text_max);
        return;
    }
    if (!sj_picture_is_small(graph, ref)) {
        sj_picture_stub(out, graph, ref);
        return;
    }
    sj_out_text(out, "(");
    for (uint32_t i = 0; i < node->count; i++) {
        sj_out_text(out, i > 0 ? ", " : "");
        sj_picture_leaf(out, graph, graph->words[node->first + i], text_max);
    }
    sj_out_text(out, node->count == 1 ? ",)" : ")");
}
