/* SPDX-License-Identifier: MIT
 *
 * The inside of steps: one step that was read, the state of applying it, and what the files with the steps share.
 */
#ifndef SJ_MIGRATE_EDIT_H
#define SJ_MIGRATE_EDIT_H

#include "migrate/fields.h"
#include "migrate/literal.h"
#include "migrate/steps.h"

typedef enum sj_edit_op {
#define SJ_STEP(op, name, apply, summary) SJ_EDIT_##op,
#define SJ_TAKES(op, member, type, is_required)
#include "migrate/steps.def"
#undef SJ_STEP
#undef SJ_TAKES
    SJ_EDIT_COUNT
} sj_edit_op;

typedef enum sj_edit_member {
#define SJ_MEMBER(member, name) SJ_IN_##member,
#include "migrate/steps.def"
#undef SJ_MEMBER
    SJ_IN_COUNT
} sj_edit_member;

/** One step. */
typedef struct sj_edit {
    sj_edit_op op;
    bool ignores_none;
    const char *description;
    /** By sj_edit_member; NULL: it is not there. Borrowed from the array. */
    const sj_json *members[SJ_IN_COUNT];
    /** Of "class". */
    sj_class_name class_name;
    /** Of "at"; NULL if it is not there. */
    sj_path *path;
} sj_edit;

struct sj_steps {
    snapjar_context *context;
    sj_json *array;
    sj_edit *edits;
    size_t count;
};

static inline snapjar_text sj_edit_text(const sj_edit *edit, sj_edit_member member)
{
    return edit->members[member] != NULL ? sj_json_string(edit->members[member]) : (snapjar_text){"", 0};
}

/** Whether a member is there and is this text. */
bool sj_edit_is(const sj_edit *edit, sj_edit_member member, const char *text);

/** "add". Static. */
const char *sj_edit_name(sj_edit_op op);

/** One step that is being applied. */
typedef struct sj_apply {
    snapjar_graph *graph;
    const sj_edit *edit;
    size_t index;
    sj_step_result result;
    /** The first values that were changed, for their paths. */
    sj_ref first_changed[SJ_STEP_PATHS_MAX];
    bool wants_paths;
    /** Something was taken away: what is shared and what can be reached must be found anew. */
    bool is_stale;
    /** The value that was opened last has no fields, and the step passes over such. */
    bool is_passed;
    /** What the step is about. */
    sj_refs selected;
    /** By node, once a dict was met that more than one value refers to: how often as a state of what is selected. */
    uint32_t *uses;
    size_t use_count;
    /** Whether an instance among the selected has the state of slots, once that was looked for. */
    bool has_slots;
    bool is_counted;
    /** Places of values in the graph's words, and what each is in. */
    sj_refs places;
    sj_refs owners;
    /** Tuples with other elements, and objects with other arguments. */
    sj_refs rehashed;
    /** The literal of "value" if it can be shared, and the text of a member: 0 until they are needed. */
    sj_ref literal;
    sj_ref texts[SJ_IN_COUNT];
} sj_apply;

/** Fails at a value: its path and offset are told. */
snapjar_status sj_apply_raise(const sj_apply *run, snapjar_diagnostic diagnostic, sj_ref ref, snapjar_error *err,
                              const char *format, ...) __attribute__((format(printf, 5, 6), cold));

/** Counts a value among those that the step is about, and among the changed. To be called before it is changed. */
snapjar_status sj_apply_note(sj_apply *run, sj_ref ref, bool is_changed, snapjar_error *err)
    __attribute__((warn_unused_result));

/* ---- step_class.c ---- */

/** Refuses if one of these is a key or in a set, or in a tuple that is. */
snapjar_status sj_apply_check_hashed(sj_apply *run, const sj_refs *changed, const char *reason, snapjar_error *err)
    __attribute__((warn_unused_result));

/* ---- selection.c ---- */

/** Finds what "class" or "at" is about, in the order of the pickle. */
snapjar_status sj_apply_select(sj_apply *run, snapjar_error *err) __attribute__((warn_unused_result));

/**
 * Whether the fields of a selected value are to be edited: `*is_edited` is false of one that shares its state with
 * another that was edited already. Refuses what has no fields, unless the step passes over it: `is_passed`.
 */
snapjar_status sj_apply_open(sj_apply *run, sj_ref ref, sj_instance *instance, bool *is_edited, snapjar_error *err)
    __attribute__((warn_unused_result));

/** After the last one: refuses states that other values refer to. */
snapjar_status sj_apply_close(sj_apply *run, snapjar_error *err) __attribute__((warn_unused_result));

/** Puts a pair behind the last one of a dict. */
snapjar_status sj_apply_append(sj_apply *run, sj_ref dict, const sj_ref pair[2], snapjar_error *err)
    __attribute__((warn_unused_result));

/** Finds the places of all values that "class" or "at" with "field", or "at" alone, is about. */
snapjar_status sj_apply_find_places(sj_apply *run, snapjar_error *err) __attribute__((warn_unused_result));

/** The field or pair that a member names, which holds; false if there is none. */
bool sj_apply_find(const sj_apply *run, sj_ref ref, sj_edit_member member, sj_field *field);

/** Whether a member names this key. */
bool sj_apply_is_key(const sj_apply *run, sj_ref key, sj_edit_member member);

/** The name of a field, or a literal, as messages have it. */
#define SJ_EDIT_TOLD_SIZE 80
const char *sj_edit_told(const sj_edit *edit, sj_edit_member member, char text[SJ_EDIT_TOLD_SIZE]);

/** An object lacks a field: refuses, or counts it, as "if_missing" says. */
snapjar_status sj_apply_miss(sj_apply *run, sj_ref ref, sj_edit_member field, snapjar_error *err)
    __attribute__((warn_unused_result));

/** The text, or literal, of a member as a value: the name of a field, or a key. */
snapjar_status sj_apply_text(sj_apply *run, sj_edit_member member, sj_ref *ref, snapjar_error *err)
    __attribute__((warn_unused_result));

/** A value of the literal "value". */
snapjar_status sj_apply_literal(sj_apply *run, sj_ref *ref, snapjar_error *err) __attribute__((warn_unused_result));

/** A value is taken away. */
snapjar_status sj_apply_release(sj_apply *run, sj_ref ref, snapjar_error *err) __attribute__((warn_unused_result));

/** Where a limit is reported while a value is edited. */
uint64_t sj_apply_offset(const sj_apply *run, sj_ref ref);

/* ---- step_arguments.c ---- */

/** Makes an instance be made with other arguments by position. */
snapjar_status sj_apply_set_arguments(sj_apply *run, const sj_instance *instance, const sj_ref *arguments, size_t count,
                                      snapjar_error *err) __attribute__((warn_unused_result));

/** Refuses a call of the class for its effect, with arguments that no instance has: a pickler writes one where an
 * object is in its own arguments. */
snapjar_status sj_apply_check_dropped(sj_apply *run, snapjar_error *err) __attribute__((warn_unused_result));

/** Whether the class itself is called with the arguments, and not its __new__. */
bool sj_instance_is_called(const snapjar_graph *graph, const sj_instance *instance);

/** Makes an instance be made by a call of its class, or by the class's __new__, with these arguments and no others. */
snapjar_status sj_apply_make(sj_apply *run, const sj_instance *instance, bool is_call, const sj_ref *arguments,
                             size_t count, snapjar_error *err) __attribute__((warn_unused_result));

/* ---- convert.c ---- */

/** A value of another type made of one; `*reason` is set, and `*ref` 0, if that is not possible without loss. A value
 * of that type stays. */
snapjar_status sj_convert(sj_apply *run, sj_ref value, const char *type, sj_ref *ref, const char **reason,
                          snapjar_error *err) __attribute__((warn_unused_result));

/* ---- one function for each step ---- */

#define SJ_STEP(op, name, apply, summary)                                                                              \
    snapjar_status apply(sj_apply *run, snapjar_error *err) __attribute__((warn_unused_result));
#define SJ_TAKES(op, member, type, is_required)
#include "migrate/steps.def"
#undef SJ_STEP
#undef SJ_TAKES

#endif
