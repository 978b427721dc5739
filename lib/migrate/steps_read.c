/* SPDX-License-Identifier: MIT
 *
 * Steps from JSON. Strict: a member that is not known may be one that somebody relies on.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "migrate/edit.h"
#include "pickle/canonical.h"
#include "pickle/opcodes.h"

typedef enum member_type {
    /** "module:Qualname". */
    TYPE_NAME,
    /** The name of a field, or the literal of a key that is no text. */
    TYPE_KEY,
    TYPE_MODULE,
    TYPE_PATH,
    TYPE_LITERAL,
    /** An object of names to names. */
    TYPE_NAME_MAP,
    /** "error", "keep", "replace". */
    TYPE_PRESENT,
    /** "error", "ignore". */
    TYPE_MISSING,
    /** "error", "keep". */
    TYPE_NONE,
    TYPE_OTHERWISE,
    /** "int", "str", ...: what retype knows. */
    TYPE_PLAIN_TYPE,
    /** "utf-8", "latin-1", "ascii". */
    TYPE_ENCODING,
    /** "dict", "slots", "list", "tuple", "arguments". */
    TYPE_STATE_FORM,
    /** "dict", "slots". */
    TYPE_INSTANCE_STATE,
    /** "call", "new". */
    TYPE_MAKING,
    /** An array of pairs of literals. */
    TYPE_PAIRS,
    /** An object of texts to texts. */
    TYPE_TEXT_MAP,
    /** A number, which may be negative. */
    TYPE_INDEX,
    /** From 0 to 5. */
    TYPE_PROTOCOL,
    /** An array of different names. */
    TYPE_FIELDS
} member_type;

/** The words that a member of a type may be, and the same for people. */
static const struct {
    const char *const *words;
    const char *told;
} choices[] = {
    [TYPE_PRESENT] = {(const char *const[]){"error", "keep", "replace", NULL}, "\"error\", \"keep\" or \"replace\""},
    [TYPE_MISSING] = {(const char *const[]){"error", "ignore", NULL}, "\"error\" or \"ignore\""},
    [TYPE_NONE] = {(const char *const[]){"error", "keep", NULL}, "\"error\" or \"keep\""},
    [TYPE_OTHERWISE] = {(const char *const[]){"error", "keep", NULL}, "\"error\" or \"keep\""},
    [TYPE_PLAIN_TYPE] =
        {(const char *const[]){"bool", "int", "float", "str", "bytes", "bytearray", "list", "tuple", "set", "frozenset",
                               "datetime", "date", "time", NULL},
         "bool, int, float, str, bytes, bytearray, list, tuple, set, frozenset, datetime, date or time"},
    [TYPE_ENCODING] = {(const char *const[]){"utf-8", "latin-1", "ascii", NULL}, "\"utf-8\", \"latin-1\" or \"ascii\""},
    [TYPE_STATE_FORM] = {(const char *const[]){"dict", "slots", "list", "tuple", "arguments", NULL},
                         "\"dict\", \"slots\", \"list\", \"tuple\" or \"arguments\""},
    [TYPE_INSTANCE_STATE] = {(const char *const[]){"dict", "slots", NULL}, "\"dict\" or \"slots\""},
    [TYPE_MAKING] = {(const char *const[]){"call", "new", NULL}, "\"call\" or \"new\""},
    [TYPE_FIELDS] = {NULL, NULL},
};

typedef struct member_row {
    uint8_t op;
    uint8_t member;
    uint8_t type;
    bool is_required;
} member_row;

static const member_row member_rows[] = {
#define SJ_STEP(op, name, apply, summary)
#define SJ_TAKES(op, member, type, is_required) {SJ_EDIT_##op, SJ_IN_##member, TYPE_##type, is_required},
#include "migrate/steps.def"
#undef SJ_STEP
#undef SJ_TAKES
};

static const char *const op_names[] = {
#define SJ_STEP(op, name, apply, summary) name,
#define SJ_TAKES(op, member, type, is_required)
#include "migrate/steps.def"
#undef SJ_STEP
#undef SJ_TAKES
};

static const char *const member_names[] = {
#define SJ_MEMBER(member, name) name,
#include "migrate/steps.def"
#undef SJ_MEMBER
};

const char *sj_edit_name(sj_edit_op op)
{
    return op_names[op];
}

bool sj_edit_is(const sj_edit *edit, sj_edit_member member, const char *text)
{
    return edit->members[member] != NULL && strcmp(sj_json_string(edit->members[member]).data, text) == 0;
}

typedef struct reading {
    sj_steps *steps;
    const sj_json_document *document;
    /** The step that is being read. */
    const sj_json *json;
} reading;

static snapjar_status raise_status(const reading *r, const char *key, snapjar_status status, snapjar_error *err,
                                   const char *format, ...) __attribute__((format(printf, 5, 6), cold));

static snapjar_status raise_status(const reading *r, const char *key, snapjar_status status, snapjar_error *err,
                                   const char *format, ...)
{
    char text[256], escaped[64];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)snapjar_text_escape(escaped, sizeof escaped, key != NULL ? key : "", key != NULL ? strlen(key) : 0);
    (void)sj_raise(err, status, SNAPJAR_DIAG_STEPS_INVALID, SJ_NOWHERE, key != NULL ? "\"%s\" %s" : "%s%s", escaped,
                   text);
    if (r->document == NULL)
        return status;
    return sj_json_raise_place(r->document, key != NULL ? sj_json_member_of(r->json, key) : sj_json_itself(r->json),
                               status, err);
}

#define RAISE(r, key, err, ...) raise_status(r, key, SNAPJAR_DAMAGED, err, __VA_ARGS__)

/* ---- members ---- */

static bool is_name(snapjar_text text)
{
    sj_class_name name;
    return sj_class_name_read(text, &name) && sj_is_canonical_name(name.module) && sj_is_canonical_name(name.name) &&
           text.size <= SJ_CLASS_NAME_SIZE;
}

static snapjar_status read_name_map(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT || sj_json_count(value) == 0)
        return RAISE(r, key, err, "must be an object of names that is not empty");
    if (sj_json_count(value) > SJ_STEP_PAIRS_MAX)
        return raise_status(r, key, SNAPJAR_LIMIT, err, "has %zu names, more than the limit of %d",
                            sj_json_count(value), SJ_STEP_PAIRS_MAX);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
        const sj_json *to = sj_json_member(i);
        const snapjar_text from = {sj_json_key(i), strlen(sj_json_key(i))};
        if (!is_name(from) || sj_json_type_of(to) != SJ_JSON_STRING || !is_name(sj_json_string(to)))
            return RAISE(r, key, err, "must have names as \"module:Name\", old to new");
    }
    return SNAPJAR_OK;
}

static snapjar_status read_path(const reading *r, sj_edit *edit, const char *key, snapjar_text text, snapjar_error *err)
{
    size_t at;
    edit->path = sj_alloc(r->steps->context, sizeof *edit->path);
    if (edit->path == NULL)
        return sj_raise_no_memory(err, sizeof *edit->path);
    const char *wrong = sj_path_read(edit->path, text, &at);
    return wrong == NULL ? SNAPJAR_OK : RAISE(r, key, err, "is no path: %s (at character %zu)", wrong, at + 1);
}

static bool is_one_of(snapjar_text text, const char *const *words)
{
    while (*words != NULL && strcmp(text.data, *words) != 0)
        words++;
    return *words != NULL;
}

static snapjar_status read_literal(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    const snapjar_status status = sj_literal_check(value, err);
    if (status == SNAPJAR_OK || r->document == NULL)
        return status;
    return sj_json_raise_place(r->document, sj_json_member_of(r->json, key), status, err);
}

static snapjar_status read_pairs(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_ARRAY || sj_json_count(value) == 0)
        return RAISE(r, key, err, "must be an array of pairs [old, new] that is not empty");
    if (sj_json_count(value) > SJ_STEP_PAIRS_MAX)
        return raise_status(r, key, SNAPJAR_LIMIT, err, "has %zu pairs, more than the limit of %d",
                            sj_json_count(value), SJ_STEP_PAIRS_MAX);
    for (size_t i = 0; i < sj_json_count(value); i++) {
        const sj_json *pair = sj_json_at(value, i);
        if (sj_json_type_of(pair) != SJ_JSON_ARRAY || sj_json_count(pair) != 2)
            return RAISE(r, key, err, "must be an array of pairs [old, new]");
        for (size_t j = 0; j < 2; j++)
            SJ_TRY(read_literal(r, key, sj_json_at(pair, j), err));
    }
    return SNAPJAR_OK;
}

static snapjar_status read_text_map(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_OBJECT || sj_json_count(value) == 0)
        return RAISE(r, key, err, "must be an object that is not empty: old names to new ones");
    if (sj_json_count(value) > SJ_STEP_PAIRS_MAX)
        return raise_status(r, key, SNAPJAR_LIMIT, err, "has %zu names, more than the limit of %d",
                            sj_json_count(value), SJ_STEP_PAIRS_MAX);
    for (void *i = sj_json_first(value); i != NULL; i = sj_json_next(value, i)) {
        const sj_json *to = sj_json_member(i);
        if (sj_json_key(i)[0] == '\0' || sj_json_type_of(to) != SJ_JSON_STRING || sj_json_string(to).size == 0)
            return RAISE(r, key, err, "must have names, old to new, that are not empty");
    }
    return SNAPJAR_OK;
}

static snapjar_status read_fields(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_ARRAY)
        return RAISE(r, key, err, "must be an array of names");
    const size_t count = sj_json_count(value);
    if (count > SJ_STEP_FIELDS_MAX)
        return raise_status(r, key, SNAPJAR_LIMIT, err, "has %zu names, more than the limit of %d", count,
                            SJ_STEP_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (sj_json_type_of(sj_json_at(value, i)) != SJ_JSON_STRING || sj_json_string(sj_json_at(value, i)).size == 0)
            return RAISE(r, key, err, "must be an array of names that are not empty");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(sj_json_string(sj_json_at(value, i)).data, sj_json_string(sj_json_at(value, j)).data) == 0)
                return RAISE(r, key, err, "has a name twice");
        }
    }
    return SNAPJAR_OK;
}

static snapjar_status read_number(const reading *r, const char *key, const sj_json *value, int64_t min, int64_t max,
                                  snapjar_error *err)
{
    if (sj_json_type_of(value) != SJ_JSON_INTEGER || sj_json_integer(value) < min || sj_json_integer(value) > max)
        return RAISE(r, key, err, "must be a number from %lld to %lld", (long long)min, (long long)max);
    return SNAPJAR_OK;
}

static snapjar_status read_text(const reading *r, sj_edit *edit, const member_row *row, snapjar_text text,
                                snapjar_error *err)
{
    const char *key = member_names[row->member];
    switch ((member_type)row->type) {
    case TYPE_NAME:
        return is_name(text) ? SNAPJAR_OK : RAISE(r, key, err, "must be a name as \"module:Name\"");
    case TYPE_MODULE:
        return sj_is_canonical_name(text) && text.size <= SJ_CLASS_NAME_SIZE
                   ? SNAPJAR_OK
                   : RAISE(r, key, err, "must be the name of a module");
    case TYPE_PATH:
        return read_path(r, edit, key, text, err);
    default:
        return is_one_of(text, choices[row->type].words) ? SNAPJAR_OK
                                                         : RAISE(r, key, err, "must be %s", choices[row->type].told);
    }
}

static snapjar_status read_key(const reading *r, const char *key, const sj_json *value, snapjar_error *err)
{
    if (sj_json_type_of(value) == SJ_JSON_STRING) {
        const size_t size = sj_json_string(value).size;
        return size > 0 && size <= SJ_CLASS_NAME_SIZE
                   ? SNAPJAR_OK
                   : RAISE(r, key, err, "must be a name of 1 to %d bytes", SJ_CLASS_NAME_SIZE);
    }
    SJ_TRY(read_literal(r, key, value, err));
    if (!sj_literal_is_immutable(value))
        return RAISE(r, key, err, "must be a name, or a literal that can be a key: a number, or {\"$tuple\": [...]}");
    return SNAPJAR_OK;
}

static snapjar_status read_value(const reading *r, sj_edit *edit, const member_row *row, const sj_json *value,
                                 snapjar_error *err)
{
    const char *key = member_names[row->member];
    switch ((member_type)row->type) {
    case TYPE_LITERAL:
        return read_literal(r, key, value, err);
    case TYPE_KEY:
        return read_key(r, key, value, err);
    case TYPE_NAME_MAP:
        return read_name_map(r, key, value, err);
    case TYPE_PAIRS:
        return read_pairs(r, key, value, err);
    case TYPE_TEXT_MAP:
        return read_text_map(r, key, value, err);
    case TYPE_FIELDS:
        return read_fields(r, key, value, err);
    case TYPE_INDEX:
        return read_number(r, key, value, INT32_MIN, INT32_MAX, err);
    case TYPE_PROTOCOL:
        return read_number(r, key, value, 0, SJ_PROTOCOL_MAX, err);
    default:
        if (sj_json_type_of(value) != SJ_JSON_STRING)
            return RAISE(r, key, err, "must be a string");
        return read_text(r, edit, row, sj_json_string(value), err);
    }
}

/** What all steps take; `*is_known` if it was such a member. */
static snapjar_status read_common(const reading *r, sj_edit *edit, const char *key, const sj_json *value,
                                  bool *is_known, snapjar_error *err)
{
    static const char *const words[] = {"error", "ignore", NULL};
    *is_known = strcmp(key, "op") == 0 || strcmp(key, "if_none") == 0 || strcmp(key, "description") == 0;
    if (!*is_known)
        return SNAPJAR_OK;
    if (sj_json_type_of(value) != SJ_JSON_STRING)
        return RAISE(r, key, err, "must be a string");
    const snapjar_text text = sj_json_string(value);
    if (strcmp(key, "description") == 0)
        edit->description = text.data;
    if (strcmp(key, "if_none") != 0)
        return SNAPJAR_OK;
    if (!is_one_of(text, words))
        return RAISE(r, key, err, "must be \"error\" or \"ignore\"");
    edit->ignores_none = strcmp(text.data, "ignore") == 0;
    return SNAPJAR_OK;
}

static snapjar_status read_member(const reading *r, sj_edit *edit, const char *key, const sj_json *value,
                                  snapjar_error *err)
{
    bool is_known;
    assert(key != NULL); /* Of a member that is there. */
    SJ_TRY(read_common(r, edit, key, value, &is_known, err));
    if (is_known)
        return SNAPJAR_OK;
    for (size_t i = 0; i < sizeof member_rows / sizeof *member_rows; i++) {
        const member_row *row = &member_rows[i];
        if (row->op != edit->op || strcmp(member_names[row->member], key) != 0)
            continue;
        SJ_TRY(read_value(r, edit, row, value, err));
        edit->members[row->member] = value;
        return SNAPJAR_OK;
    }
    return RAISE(r, key, err, "is no member of the step \"%s\"", op_names[edit->op]);
}

/* ---- steps ---- */

static bool takes(sj_edit_op op, sj_edit_member member)
{
    for (size_t i = 0; i < sizeof member_rows / sizeof *member_rows; i++) {
        if (member_rows[i].op == op && member_rows[i].member == member)
            return true;
    }
    return false;
}

/** Fields of instances are texts; whether a path leads to dicts is seen later. */
static snapjar_status check_keys(const reading *r, const sj_edit *edit, snapjar_error *err)
{
    for (size_t i = 0; edit->members[SJ_IN_CLASS] != NULL && i < sizeof member_rows / sizeof *member_rows; i++) {
        const member_row *row = &member_rows[i];
        const sj_json *value = row->op == edit->op && row->type == TYPE_KEY ? edit->members[row->member] : NULL;
        if (value != NULL && sj_json_type_of(value) != SJ_JSON_STRING)
            return RAISE(r, member_names[row->member], err, "must be a name: only dicts have other keys");
    }
    return SNAPJAR_OK;
}

/** What no single member says. */
static snapjar_status check_edit(const reading *r, const sj_edit *edit, snapjar_error *err)
{
    const sj_json *const *members = edit->members;
    const bool is_selector = edit->op != SJ_EDIT_TO_INSTANCE && takes(edit->op, SJ_IN_AT);
    if (is_selector && takes(edit->op, SJ_IN_CLASS) && (members[SJ_IN_CLASS] != NULL) == (members[SJ_IN_AT] != NULL))
        return RAISE(r, NULL, err, "the step \"%s\" takes either \"class\" or \"at\"", op_names[edit->op]);
    if (edit->op == SJ_EDIT_RENAME) {
        const bool has_pair = members[SJ_IN_FROM] != NULL && members[SJ_IN_TO] != NULL;
        const bool has_half = members[SJ_IN_FROM] != NULL || members[SJ_IN_TO] != NULL;
        if (has_pair == (members[SJ_IN_MAP] != NULL) || has_pair != has_half)
            return RAISE(r, NULL, err, "the step \"rename\" takes either \"from\" and \"to\", or \"map\"");
    }
    if ((edit->op == SJ_EDIT_RENAME_FIELD || edit->op == SJ_EDIT_RENAME_MODULE) &&
        sj_json_is_equal(members[SJ_IN_FROM], members[SJ_IN_TO]))
        return RAISE(r, "to", err, "is the same as \"from\"");
    if (edit->op == SJ_EDIT_REMOVE && (members[SJ_IN_INDEX] != NULL) == (members[SJ_IN_VALUE] != NULL))
        return RAISE(r, NULL, err, "the step \"remove\" takes either \"index\" or \"value\"");
    if (edit->op == SJ_EDIT_RENAME_MEMBER && members[SJ_IN_NAMES] == NULL && members[SJ_IN_VALUES] == NULL)
        return RAISE(r, NULL, err, "the step \"rename_member\" needs \"names\" or \"values\"");
    if ((edit->op == SJ_EDIT_RETYPE || edit->op == SJ_EDIT_MAP) && members[SJ_IN_FIELD] == NULL) {
        const sj_path *path = edit->path;
        if (path == NULL)
            return RAISE(r, NULL, err, "the step \"%s\" with \"class\" needs \"field\"", op_names[edit->op]);
        if (path->count == 0 || path->steps[path->count - 1].kind == SJ_PATH_ANY_DEPTH)
            return RAISE(r, "at", err, "must lead to elements, as \"[*]\", where there is no \"field\"");
    }
    if (edit->op == SJ_EDIT_RESTATE && sj_edit_is(edit, SJ_IN_TO, "arguments") != (members[SJ_IN_BY] != NULL))
        return members[SJ_IN_BY] != NULL ? RAISE(r, "by", err, "is for \"to\": \"arguments\" only")
                                         : RAISE(r, NULL, err,
                                                 "with \"to\": \"arguments\", the step \"restate\" needs \"by\": "
                                                 "\"call\", or \"new\" as named tuples");
    if (members[SJ_IN_AFTER] != NULL && sj_json_is_equal(members[SJ_IN_AFTER], members[SJ_IN_FIELD]))
        return RAISE(r, "after", err, "is the same as \"field\"");
    return check_keys(r, edit, err);
}

static snapjar_status read_op(const reading *r, sj_edit *edit, snapjar_error *err)
{
    const sj_json *value = sj_json_get(r->json, "op");
    if (value == NULL || sj_json_type_of(value) != SJ_JSON_STRING)
        return RAISE(r, value != NULL ? "op" : NULL, err, "must be a string: a step says with \"op\" what it does");
    for (size_t i = 0; i < SJ_EDIT_COUNT; i++) {
        if (strcmp(op_names[i], sj_json_string(value).data) == 0) {
            edit->op = (sj_edit_op)i;
            return SNAPJAR_OK;
        }
    }
    char escaped[64];
    const snapjar_text text = sj_json_string(value);
    (void)snapjar_text_escape(escaped, sizeof escaped, text.data, text.size);
    return RAISE(r, "op", err, "is \"%s\", which is no step", escaped);
}

static snapjar_status read_edit(const reading *r, sj_edit *edit, snapjar_error *err)
{
    SJ_TRY(read_op(r, edit, err));
    for (void *i = sj_json_first(r->json); i != NULL; i = sj_json_next(r->json, i))
        SJ_TRY(read_member(r, edit, sj_json_key(i), sj_json_member(i), err));
    for (size_t i = 0; i < sizeof member_rows / sizeof *member_rows; i++) {
        const member_row *row = &member_rows[i];
        if (row->op == edit->op && row->is_required && edit->members[row->member] == NULL)
            return RAISE(r, NULL, err, "the step \"%s\" needs \"%s\"", op_names[edit->op], member_names[row->member]);
    }
    if (edit->members[SJ_IN_CLASS] != NULL)
        (void)sj_class_name_read(sj_edit_text(edit, SJ_IN_CLASS), &edit->class_name);
    return check_edit(r, edit, err);
}

static snapjar_status read_array(sj_steps *made, const sj_json_document *document, const sj_json *array,
                                 snapjar_error *err)
{
    reading r = {made, document, array};
    if (sj_json_type_of(array) != SJ_JSON_ARRAY)
        return RAISE(&r, NULL, err, "the steps must be an array");
    const size_t count = sj_json_count(array);
    if (count > SJ_STEPS_COUNT_MAX)
        return raise_status(&r, NULL, SNAPJAR_LIMIT, err, "%zu steps exceed the limit of %d", count,
                            SJ_STEPS_COUNT_MAX);
    made->edits = sj_alloc_zero(made->context, (count + 1) * sizeof *made->edits);
    if (made->edits == NULL)
        return sj_raise_no_memory(err, (count + 1) * sizeof *made->edits);
    made->count = count;
    for (size_t i = 0; i < count; i++) {
        r.json = sj_json_at(array, i);
        if (sj_json_type_of(r.json) != SJ_JSON_OBJECT) {
            (void)sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_STEPS_INVALID, SJ_NOWHERE, "a step must be an object");
            return document == NULL ? SNAPJAR_DAMAGED
                                    : sj_json_raise_place(document, sj_json_element_of(array, i), SNAPJAR_DAMAGED, err);
        }
        SJ_TRY(read_edit(&r, &made->edits[i], err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_steps_read(sj_steps **steps, snapjar_context *context, const sj_json_document *document,
                             const sj_json *array, snapjar_error *err)
{
    *steps = NULL;
    sj_steps *made = sj_alloc_zero(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    made->context = context;
    made->array = sj_json_ref((sj_json *)(uintptr_t)array);
    const snapjar_status status = read_array(made, document, array, err);
    if (status != SNAPJAR_OK) {
        sj_steps_free(made);
        return status;
    }
    *steps = made;
    return SNAPJAR_OK;
}

void sj_steps_free(sj_steps *steps)
{
    if (steps == NULL)
        return;
    for (size_t i = 0; steps->edits != NULL && i < steps->count; i++)
        sj_free(steps->context, steps->edits[i].path);
    sj_free(steps->context, steps->edits);
    sj_json_free(steps->array);
    sj_free(steps->context, steps);
}
