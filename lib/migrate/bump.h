/* SPDX-License-Identifier: MIT
 *
 * The next version of a contract while it is made: bump.c writes the document, bump_moved.c tells what has another
 * name, bump_steps.c writes the steps and bump_layout.c what the new version is like. For these files only.
 */
#ifndef SJ_MIGRATE_BUMP_H
#define SJ_MIGRATE_BUMP_H

#include "migrate/samples.h"

typedef struct sj_bumper {
    const snapjar_contract *contract;
    /** Of the contract's own document. */
    const sj_json *root;
    const snapjar_samples *before;
    const snapjar_samples *after;
    sj_rule_texts rules;
    snapjar_context *context;
    sj_text steps;
    bool has_steps;
    /** The step that is written may find nothing in some object: not all samples have what it is about. */
    bool may_touch_none;
    bool has_failed;
} sj_bumper;

/* ---- text: bump.c ---- */

void sj_bump_json(sj_bumper *b, sj_text *out, const sj_json *value);
/** A comma, and a member that is a text. */
void sj_bump_member(sj_text *out, const char *name, const char *value);

/* ---- other names: bump_moved.c ---- */

const char *sj_bump_class_name(const snapjar_samples *samples, const sj_seen_class *class);

/**
 * The class that an old one has become: of the same name; or the one new class with the same last part of the name, or
 * the same fields. NULL: none, or nobody can tell.
 */
const sj_seen_class *sj_bump_successor(const sj_bumper *b, const sj_seen_class *old);
/** The new name of a class, or of an enumeration; the old one if it has not moved. */
const char *sj_bump_name_now(const sj_bumper *b, const char *name);
/** Whether the class is inside of one that has another name now, and goes along with that. */
bool sj_bump_goes_along(const sj_bumper *b, const char *name);
/** Whether all that the old samples have of the module that a name is in, and of its submodules, is in another one now,
 * and is more than one class: the first `*from_size` bytes of the name, and the other module (borrowed). */
bool sj_bump_module_moves(const sj_bumper *b, const char *name, size_t *from_size, snapjar_text *to);
/** sj_bump_json, with the names that classes have now. */
void sj_bump_json_now(sj_bumper *b, sj_text *out, const sj_json *value);
/** The old class that became a new one; NULL if there is none. */
const sj_seen_class *sj_bump_predecessor(const sj_bumper *b, const sj_seen_class *new);
bool sj_bump_has_same_fields(const sj_bumper *b, const sj_seen_class *old, const sj_seen_class *new);

/**
 * The name that a class has now of which samples have members only, as of an enumeration; the name itself if it has
 * not moved, or nobody can tell.
 */
const char *sj_bump_enum_now(const sj_bumper *b, const char *name);
/** Member `index` of the samples from the version before is the first of its class. */
bool sj_bump_is_first_member(const snapjar_samples *samples, size_t index);

/* ---- what changed ---- */

/** The root, when it is a dict whose entries the contract names; NULL if it is not. */
const sj_json *sj_bump_root_entries(const sj_bumper *b);

/** Writes the steps from old objects to new ones that can be told: bump_steps.c. */
void sj_bump_steps(sj_bumper *b);

/** Classes of the new samples, and those of the contract that were in none: bump_layout.c. */
void sj_bump_classes(sj_bumper *b, sj_text *out);
/** The rule of the root with the entries that it has now, if sj_bump_root_entries: bump_layout.c. */
void sj_bump_root(sj_bumper *b, sj_text *out);

#endif
