/* SPDX-License-Identifier: MIT
 *
 * What was seen in sample objects: classes with their fields, and for every field the shape of its values. samples.c
 * looks, samples_members.c sees members of enumerations, samples_uses.c what a contract has to allow, samples_names.c
 * keeps names, rule_write.c turns shapes into rules, infer.c and bump.c with its neighbours write contracts. For these
 * files only.
 */
#ifndef SJ_MIGRATE_SAMPLES_H
#define SJ_MIGRATE_SAMPLES_H

#include "migrate/contract.h"
#include "migrate/fields.h"

/** Containers inside of containers that are told apart; what is deeper is anything. */
#define SJ_SHAPE_DEPTH_MAX 4
/** Elements of a tuple that are told one by one. */
#define SJ_SHAPE_ELEMENTS_MAX 8
/** Classes of the values of one field; more are anything. */
#define SJ_SHAPE_CLASSES_MAX 8

/** The values that were seen at one place. */
typedef struct sj_seen_shape {
    /** Bits by sj_value_type. */
    unsigned types;
    /** Indices of names. */
    uint32_t classes[SJ_SHAPE_CLASSES_MAX];
    uint32_t class_count;
    uint32_t depth;
    /** Indices of shapes; 0: nothing was seen. They are made after this one. */
    uint32_t items;
    uint32_t keys;
    uint32_t values;
    uint32_t elements[SJ_SHAPE_ELEMENTS_MAX];
    /** Of the tuples. */
    uint64_t length_min;
    uint64_t length_max;
} sj_seen_shape;

/** A field of a class, or an entry of the root. */
typedef struct sj_seen_field {
    /** Index of its name. */
    uint32_t name;
    uint32_t shape;
    /** Objects that have it. */
    uint64_t count;
    /** JSON of the first value that a literal can be made of; NULL if there was none. */
    char *literal;
    /** The number of the object that it was seen in last. */
    uint64_t last;
} sj_seen_field;

typedef struct sj_seen_class {
    uint32_t name;
    /** Bits by sj_class_form. */
    unsigned forms;
    /** The state of all objects that have one is a list, or a tuple, of this many values at most; 0: it is not. */
    size_t listed_count;
    bool is_tuple;
    uint64_t count;
    sj_seen_field *fields;
    size_t field_count;
    size_t field_capacity;
} sj_seen_class;

/** A member of what may be an enumeration. */
typedef struct sj_seen_member {
    /** Index of the class's name. */
    uint32_t class_name;
    /** It is asked for by name, as an attribute of the class; otherwise by a call with its value. */
    bool is_by_name;
    /** JSON of that name or value. */
    char *literal;
} sj_seen_member;

/** Members that are noted; what comes behind them is not. */
#define SJ_SEEN_MEMBERS_MAX 256

/** A global and its uses. */
typedef struct sj_seen_global {
    uint32_t name;
    unsigned uses;
    /** Samples that use it. */
    uint64_t count;
} sj_seen_global;

struct snapjar_samples {
    snapjar_context *context;
    uint64_t count;
    char *type;
    int64_t version;
    /** Texts that end with NUL, and are UTF-8: index 0 is "". */
    char **names;
    size_t name_count;
    size_t name_capacity;
    /** Index + 1 by hash: open addressing. */
    uint32_t *name_table;
    size_t name_table_capacity;
    /** Index 0 is none. */
    sj_seen_shape *shapes;
    size_t shape_count;
    size_t shape_capacity;
    sj_seen_class *classes;
    size_t class_count;
    size_t class_capacity;
    sj_seen_global *globals;
    size_t global_count;
    size_t global_capacity;
    sj_seen_member *members;
    size_t member_count;
    size_t member_capacity;
    /** Of all roots; and, if they are dicts of names, their entries. */
    uint32_t root;
    sj_seen_class entries;
    bool has_other_roots;
    bool needs_persistent_ids;
    bool needs_buffers;
    uint64_t object_number;
};

#define SJ_SAMPLES snapjar_status __attribute__((warn_unused_result))

/** Room for one more in the array that `array` is a pointer to. */
SJ_SAMPLES sj_samples_reserve(snapjar_context *context, void *array, size_t *capacity, size_t count, size_t size,
                              snapjar_error *err);
#define SJ_RESERVE(context, array, capacity, count, err)                                                               \
    sj_samples_reserve(context, &(array), &(capacity), count, sizeof *(array), err)

/** The index of a name, which JSON must be able to have. */
SJ_SAMPLES sj_samples_intern(snapjar_samples *samples, snapjar_text text, uint32_t *index, snapjar_error *err);
/** Notes the globals of a sample with their uses. */
SJ_SAMPLES sj_samples_uses(snapjar_samples *samples, const snapjar_graph *graph, snapjar_error *err);

/** What is called with one value, or an attribute that getattr is asked for: so members of enumerations are pickled. */
typedef struct sj_member_view {
    sj_ref class_ref;
    /** The value, or the attribute's name. */
    sj_ref argument;
    bool is_by_name;
} sj_member_view;
bool sj_member_see(const snapjar_graph *graph, sj_ref ref, sj_member_view *member);
/** Notes a member of the class with this name, once. */
SJ_SAMPLES sj_samples_member(snapjar_samples *samples, const snapjar_graph *graph, uint32_t class_name,
                             const sj_member_view *member, snapjar_error *err);

const char *sj_samples_name(const snapjar_samples *samples, uint32_t index);
/** The class of this name; NULL if none was seen. */
const sj_seen_class *sj_samples_class(const snapjar_samples *samples, const char *name);
const sj_seen_field *sj_samples_field(const snapjar_samples *samples, const sj_seen_class *class, const char *name);
/** The one form that all its objects have; SJ_CLASS_OPAQUE if they differ. */
sj_class_form sj_samples_form(const sj_seen_class *class);

/** JSON of a small value, for sj_free; `*text` is NULL if there is none that is short. */
SJ_SAMPLES sj_sample_literal(snapjar_context *context, const snapjar_graph *graph, sj_ref ref, char **text,
                             snapjar_error *err);

/** Text of JSON that grows. */
typedef struct sj_text {
    snapjar_context *context;
    char *data;
    size_t size;
    size_t capacity;
    bool has_failed;
} sj_text;

void sj_text_put(sj_text *text, const char *string);
void sj_text_put_bytes(sj_text *text, const char *bytes, size_t size);
/** In quotes, with escapes; UTF-8 stays as it is. */
void sj_text_put_quoted(sj_text *text, const char *string);
void sj_text_put_number(sj_text *text, int64_t number);
/** SNAPJAR_NO_MEMORY if anything had no room. */
SJ_SAMPLES sj_text_check(const sj_text *text, snapjar_error *err);

/** Texts of rules by shape, without the braces: each is "" or members divided by commas. */
typedef struct sj_rule_texts {
    snapjar_context *context;
    char **texts;
    size_t count;
} sj_rule_texts;

SJ_SAMPLES sj_rule_texts_make(sj_rule_texts *rules, const snapjar_samples *samples, snapjar_error *err);
void sj_rule_texts_free(sj_rule_texts *rules);

/** Adds "fields" or "entries": an object of rules. */
void sj_members_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                      const sj_seen_class *class);
/** Adds the object that describes a class. */
void sj_class_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules,
                    const sj_seen_class *class);
/** Adds the root's rule; false if the type says as much. */
bool sj_root_write(sj_text *out, const snapjar_samples *samples, const sj_rule_texts *rules);
/** Adds the members that a policy needs beside the classes: presets, allow and so on, each with a comma in front. */
SJ_SAMPLES sj_policy_write(sj_text *out, const snapjar_samples *samples, snapjar_error *err);
/** What a class's description allows without a row. */
unsigned sj_samples_class_uses(const snapjar_samples *samples, const char *name);
/** Adds a row of "allow": a name with these uses, and a reason to be filled in. */
void sj_allow_row_write(sj_text *out, const snapjar_samples *samples, const sj_seen_global *global, unsigned uses);
/** Writes JSON in lines to a sink. */
SJ_SAMPLES sj_text_write_json(const sj_text *text, snapjar_sink *sink, snapjar_error *err);

#endif
