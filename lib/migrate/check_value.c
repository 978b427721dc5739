/* SPDX-License-Identifier: MIT
 *
 * Values and rules: types, enumerations, limits, lengths, patterns, and what is inside of containers.
 */
#include <string.h>

#include "migrate/check.h"
#include "migrate/literal.h"
#include "pickle/view.h"

/** Columns of a value in a message. */
#define SHOWN 60

/** The types of the values that a form is; SJ_VALUE_TYPE_COUNT: none that a rule can name but by "any" or a class. */
static sj_value_type type_of(sj_form form)
{
    static const uint8_t types[] = {
        [SJ_SEEN_NONE] = SJ_VALUE_NONE,
        [SJ_SEEN_BOOL] = SJ_VALUE_BOOL,
        [SJ_SEEN_INT] = SJ_VALUE_INT,
        [SJ_SEEN_FLOAT] = SJ_VALUE_FLOAT,
        [SJ_SEEN_STR] = SJ_VALUE_STR,
        [SJ_SEEN_BYTES] = SJ_VALUE_BYTES,
        [SJ_SEEN_BYTEARRAY] = SJ_VALUE_BYTEARRAY,
        [SJ_SEEN_GLOBAL] = SJ_VALUE_TYPE_COUNT,
        [SJ_SEEN_TUPLE] = SJ_VALUE_TUPLE,
        [SJ_SEEN_LIST] = SJ_VALUE_LIST,
        [SJ_SEEN_DICT] = SJ_VALUE_DICT,
        [SJ_SEEN_SET] = SJ_VALUE_SET,
        [SJ_SEEN_FROZENSET] = SJ_VALUE_FROZENSET,
    };
    return form <= SJ_SEEN_FROZENSET ? (sj_value_type)types[form] : SJ_VALUE_TYPE_COUNT;
}

/** Whether a global is an attribute of this class: a member of an enumeration, asked for by its name. */
static bool is_member(const snapjar_graph *graph, sj_ref ref, const sj_class_name *class)
{
    char buffer[SJ_CLASS_NAME_SIZE];
    sj_class_name found;
    if (!sj_picture_is_name(graph, ref) || !sj_class_name_of(graph, ref, buffer, &found))
        return false;
    const char *dot = memrchr(found.name.data, '.', found.name.size);
    return dot != NULL && found.module.size == class->module.size &&
           (size_t)(dot - found.name.data) == class->name.size &&
           memcmp(found.module.data, class->module.data, class->module.size) == 0 &&
           memcmp(found.name.data, class->name.data, class->name.size) == 0;
}

static bool is_of_class(const sj_checker *checker, sj_ref ref, sj_form form, const sj_rule *rule)
{
    sj_instance instance;
    const bool is_instance = form == SJ_SEEN_OBJECT && sj_instance_see(checker->graph, ref, &instance);
    if (!is_instance && form != SJ_SEEN_GLOBAL)
        return false;
    for (size_t i = 0; i < rule->class_count; i++) {
        sj_class_name class;
        (void)sj_class_name_read((snapjar_text){rule->classes[i], strlen(rule->classes[i])}, &class);
        if (is_instance ? sj_class_is(checker->graph, instance.class_ref, &class)
                        : is_member(checker->graph, ref, &class))
            return true;
    }
    return false;
}

/* ---- messages ---- */

static void put_types(sj_out *out, const sj_rule *rule)
{
    const char *separator = "";
    for (unsigned type = 0; type < SJ_VALUE_TYPE_COUNT; type++) {
        if ((rule->types & 1u << type) == 0)
            continue;
        sj_out_text(out, separator);
        sj_out_text(out, sj_value_type_name((sj_value_type)type));
        separator = " or ";
    }
    for (size_t i = 0; i < rule->class_count; i++) {
        sj_out_text(out, separator);
        sj_out_escaped(out, rule->classes[i], strlen(rule->classes[i]), 256);
        separator = " or ";
    }
}

/** Begins the message of a finding with the value; `out` goes on, if there is room for the finding. */
static SJ_CHECK begin_message(sj_checker *checker, sj_ref ref, sj_ref parent, sj_out *out, bool *is_kept)
{
    snapjar_contract_finding *finding;
    SJ_TRY(sj_check_find(checker, SNAPJAR_FINDING_VALUE, ref, parent, &finding));
    *is_kept = finding != NULL;
    if (finding == NULL)
        return SNAPJAR_OK;
    sj_out_to_text(out, finding->message, sizeof finding->message, false);
    sj_picture_short(out, checker->graph, ref, SHOWN);
    return SNAPJAR_OK;
}

static SJ_CHECK find_type(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    sj_out out;
    bool is_kept;
    SJ_TRY(begin_message(checker, ref, parent, &out, &is_kept));
    if (!is_kept)
        return SNAPJAR_OK;
    const sj_form form = sj_picture_form(checker->graph, ref);
    if (sj_form_is_leaf(form) && form != SJ_SEEN_GLOBAL && form != SJ_SEEN_NONE) {
        sj_out_text(&out, " is of type ");
        sj_out_text(&out, sj_picture_form_name(form));
    }
    sj_out_text(&out, form == SJ_SEEN_NONE || !sj_form_is_leaf(form) || form == SJ_SEEN_GLOBAL
                          ? " stands where the contract says "
                          : ", the contract says ");
    put_types(&out, rule);
    (void)sj_out_end(&out);
    return SNAPJAR_OK;
}

static SJ_CHECK find_simple(sj_checker *checker, sj_ref ref, sj_ref parent, const char *what, uint64_t number,
                            bool has_number)
{
    sj_out out;
    bool is_kept;
    SJ_TRY(begin_message(checker, ref, parent, &out, &is_kept));
    if (!is_kept)
        return SNAPJAR_OK;
    sj_out_text(&out, what);
    if (has_number)
        sj_out_number(&out, number);
    (void)sj_out_end(&out);
    return SNAPJAR_OK;
}

/* ---- rules ---- */

static SJ_CHECK check_enum(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    const size_t count = sj_json_count(rule->values);
    for (size_t i = 0; i < count; i++) {
        if (sj_literal_equal(sj_json_at(rule->values, i), checker->graph, ref))
            return SNAPJAR_OK;
    }
    return find_simple(checker, ref, parent, " is none of the values that the contract names: ", count, true);
}

static SJ_CHECK check_bounds(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    if (rule->has_minimum) {
        const int order = sj_bound_compare(checker->graph, ref, &rule->minimum);
        if (order < 0 || order == 2)
            SJ_TRY(find_simple(checker, ref, parent,
                               order == 2 ? " is no number that can be compared with \"min\""
                                          : " is less than the contract's \"min\"",
                               0, false));
        if (order == 2)
            return SNAPJAR_OK;
    }
    if (!rule->has_maximum)
        return SNAPJAR_OK;
    const int order = sj_bound_compare(checker->graph, ref, &rule->maximum);
    if (order <= 0)
        return SNAPJAR_OK;
    return find_simple(checker, ref, parent,
                       order == 2 ? " is no number that can be compared with \"max\""
                                  : " is more than the contract's \"max\"",
                       0, false);
}

/** Characters, bytes, elements or pairs. */
static uint64_t length_of(const snapjar_graph *graph, sj_ref ref, sj_form form)
{
    const sj_seen seen = sj_picture_see(graph, ref);
    uint64_t count = 0;
    if (form != SJ_SEEN_STR && form != SJ_SEEN_BYTES && form != SJ_SEEN_BYTEARRAY)
        return sj_picture_count(graph, ref);
    if (seen.text == 0)
        return 0;
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    size_t at = 0;
    uint32_t point;
    bool is_byte;
    while (sj_literal_point(&literal, &at, &point, &is_byte))
        count++;
    return count;
}

static SJ_CHECK check_length(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule, sj_form form)
{
    if (rule->length_minimum == 0 && !rule->has_length_maximum)
        return SNAPJAR_OK;
    const uint64_t length = length_of(checker->graph, ref, form);
    if (length < rule->length_minimum)
        return find_simple(checker, ref, parent, " is shorter than the contract's \"min_length\", ",
                           rule->length_minimum, true);
    if (!rule->has_length_maximum || length <= rule->length_maximum)
        return SNAPJAR_OK;
    return find_simple(checker, ref, parent, " is longer than the contract's \"max_length\", ", rule->length_maximum,
                       true);
}

static SJ_CHECK check_pattern(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    const sj_seen seen = sj_picture_see(checker->graph, ref);
    sj_literal literal = {.opcode = SJ_OP_BINUNICODE};
    bool matches;
    if (seen.text != 0)
        literal = sj_picture_literal(checker->graph, sj_graph_node(checker->graph, seen.text));
    SJ_TRY(sj_pattern_match(rule->pattern, checker->context, &literal, &matches, checker->err));
    if (matches)
        return SNAPJAR_OK;
    return find_simple(checker, ref, parent, " does not match the contract's \"pattern\"", 0, false);
}

snapjar_status sj_check_value(sj_checker *checker, sj_ref ref, sj_ref parent, const sj_rule *rule)
{
    const sj_form form = sj_picture_form(checker->graph, ref);
    const sj_value_type type = type_of(form);
    const bool is_right = (rule->types & 1u << SJ_VALUE_ANY) != 0 ||
                          (type < SJ_VALUE_TYPE_COUNT && (rule->types & 1u << type) != 0) ||
                          (rule->class_count > 0 && is_of_class(checker, ref, form, rule));
    if (!is_right)
        return find_type(checker, ref, parent, rule);
    if (rule->values != NULL)
        SJ_TRY(check_enum(checker, ref, parent, rule));
    if (type == SJ_VALUE_INT || type == SJ_VALUE_FLOAT)
        return check_bounds(checker, ref, parent, rule);
    if (type == SJ_VALUE_NONE || type == SJ_VALUE_BOOL || type == SJ_VALUE_TYPE_COUNT)
        return SNAPJAR_OK;
    SJ_TRY(check_length(checker, ref, parent, rule, form));
    return type == SJ_VALUE_STR && rule->pattern != NULL ? check_pattern(checker, ref, parent, rule) : SNAPJAR_OK;
}

/* ---- inside ---- */

bool sj_rule_has_inner(const sj_rule *rule)
{
    return rule->items != NULL || rule->elements != NULL || rule->keys != NULL || rule->dict_values != NULL ||
           rule->has_entries;
}

/** The name of an entry: a text, borrowed from the graph where it is UTF-8 as it stands. */
static bool is_entry(const snapjar_graph *graph, sj_ref key, snapjar_text name)
{
    return sj_key_is(graph, key, name);
}

/** Entries are few, and mostly stand in the order of the contract. */
static size_t find_entry(const snapjar_graph *graph, const sj_members *entries, sj_ref key, size_t guess)
{
    size_t size;
    if (guess < entries->count && is_entry(graph, key, entries->items[guess].name))
        return guess;
    const sj_node *node = sj_graph_node(graph, key);
    if (node->kind == SJ_NODE_STR && node->form != SJ_OP_UNICODE) {
        const char *text = (const char *)sj_graph_span(graph, node, &size);
        return sj_members_find(entries, (snapjar_text){text, size});
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (is_entry(graph, key, entries->items[i].name))
            return i;
    }
    return SIZE_MAX;
}

static SJ_CHECK find_missing_entry(sj_checker *checker, sj_ref ref, const sj_member *entry)
{
    sj_out out;
    bool is_kept;
    SJ_TRY(begin_message(checker, ref, checker->parents[ref], &out, &is_kept));
    if (!is_kept)
        return SNAPJAR_OK;
    sj_out_text(&out, " has no entry '");
    sj_out_escaped(&out, entry->name.data, entry->name.size, 128);
    sj_out_text(&out, "'");
    (void)sj_out_end(&out);
    return SNAPJAR_OK;
}

/** The values of known keys; the last one of a key that is set twice. */
static SJ_CHECK check_entries(sj_checker *checker, sj_ref ref, const sj_rule *rule, sj_ref *values)
{
    const sj_members *entries = &rule->entries;
    sj_view view;
    sj_step step;
    size_t next = 0;
    sj_view_begin(&view, checker->graph, ref);
    while (sj_view_next(&view, &step)) {
        if (step.kind != SJ_STEP_KEY)
            continue;
        const size_t index = find_entry(checker->graph, entries, step.key, next);
        if (index != SIZE_MAX) {
            values[index] = step.value;
            next = index + 1;
        } else if (!entries->allows_others) {
            SJ_TRY(find_simple(checker, step.value, ref, " is an entry that the contract does not have", 0, false));
        }
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (values[i] != 0)
            SJ_TRY(sj_check_begin(checker, values[i], ref, entries->items[i].rule));
        else if (!entries->items[i].rule->is_optional)
            SJ_TRY(find_missing_entry(checker, ref, &entries->items[i]));
    }
    return SNAPJAR_OK;
}

static SJ_CHECK check_dict(sj_checker *checker, sj_ref ref, const sj_rule *rule)
{
    sj_view view;
    sj_step step;
    if (rule->has_entries) {
        sj_ref *values = sj_alloc_zero(checker->context, (rule->entries.count + 1) * sizeof *values);
        if (values == NULL)
            return sj_raise_no_memory(checker->err, rule->entries.count * sizeof *values);
        const snapjar_status status = check_entries(checker, ref, rule, values);
        sj_free(checker->context, values);
        return status;
    }
    sj_view_begin(&view, checker->graph, ref);
    while (sj_view_next(&view, &step)) {
        if (step.kind != SJ_STEP_KEY)
            continue;
        if (rule->keys != NULL)
            SJ_TRY(sj_check_begin(checker, step.key, ref, rule->keys));
        if (rule->dict_values != NULL)
            SJ_TRY(sj_check_begin(checker, step.value, ref, rule->dict_values));
    }
    return SNAPJAR_OK;
}

static SJ_CHECK check_items(sj_checker *checker, sj_ref ref, const sj_rule *rule, bool is_tuple)
{
    sj_view view;
    sj_step step;
    size_t index = 0;
    const bool has_elements = is_tuple && rule->elements != NULL;
    sj_view_begin(&view, checker->graph, ref);
    while (sj_view_next(&view, &step)) {
        if (step.kind != SJ_STEP_INDEX && step.kind != SJ_STEP_ELEMENT)
            continue;
        const sj_rule *inner = !has_elements ? rule->items : index < rule->element_count ? rule->elements[index] : NULL;
        index++;
        if (inner != NULL)
            SJ_TRY(sj_check_begin(checker, step.value, ref, inner));
    }
    if (has_elements && index != rule->element_count)
        return find_simple(checker, ref, checker->parents[ref],
                           " has not as many elements as the contract says: ", rule->element_count, true);
    return SNAPJAR_OK;
}

snapjar_status sj_check_inside(sj_checker *checker, sj_ref ref, const sj_rule *rule)
{
    const sj_form form = sj_picture_form(checker->graph, ref);
    switch (form) {
    case SJ_SEEN_DICT:
        return check_dict(checker, ref, rule);
    case SJ_SEEN_TUPLE:
    case SJ_SEEN_LIST:
    case SJ_SEEN_SET:
    case SJ_SEEN_FROZENSET:
        return check_items(checker, ref, rule, form == SJ_SEEN_TUPLE);
    default:
        return SNAPJAR_OK;
    }
}
