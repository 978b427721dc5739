/* SPDX-License-Identifier: MIT
 *
 * The distinct globals of a pickle: what a loader would look up for each, and how they are used. A name counts with the
 * way in which it is resolved, which depends on the protocol in force.
 */
#ifndef SJ_PICKLE_NAMES_H
#define SJ_PICKLE_NAMES_H

#include <snapjar/scan.h>

#include "pickle/text.h"

/** find_class of CPython's Modules/_pickle.c. */
typedef enum sj_resolution {
    /** Below protocol 3: Python 2's names are mapped; the name is one attribute, dots and all. */
    SJ_RESOLUTION_MAPPED,
    /** Protocol 3. */
    SJ_RESOLUTION_PLAIN,
    /** From protocol 4 on the name is a path of attributes. */
    SJ_RESOLUTION_DOTTED,
    /** By a number, in the loader's registry. */
    SJ_RESOLUTION_EXTENSION,
    /** An attribute of another global, by a call of getattr; the module's name is mapped in the second. */
    SJ_RESOLUTION_ATTRIBUTE,
    SJ_RESOLUTION_ATTRIBUTE_MAPPED
} sj_resolution;

typedef struct sj_global {
    /** Texts are set by sj_names_refresh only. */
    snapjar_scan_global info;
    /** Interned places, or 0 and the extension code. */
    uint32_t module;
    uint32_t name;
    sj_resolution resolution;
    /** Not NULL if the name is mapped: static. */
    const char *mapped_module;
    const char *mapped_name;
    /** Index of the global that it is an attribute of, for SJ_RESOLUTION_ATTRIBUTE and its kin. */
    uint32_t base;
    /** The shape that its instances' states had last, or 0. */
    uint32_t last_shape;
    /** copyreg's functions whose result is an instance of their first argument. */
    bool makes_first_argument;
    /** builtins.getattr. */
    bool is_getattr;
} sj_global;

typedef struct sj_names {
    sj_texts *texts;
    sj_global *globals;
    size_t count;
    size_t capacity;
    size_t count_max;
    /** Index + 1 by module, name and resolution: open addressing. */
    uint32_t *table;
    size_t table_capacity;
} sj_names;

void sj_names_init(sj_names *names, sj_texts *texts, size_t count_max);
void sj_names_clear(sj_names *names);
void sj_names_reset(sj_names *names);

/**
 * The index of the global with these places (of an extension: 0 and the code), which is made if it is new: `*is_new`.
 * Fails with `pickle-globals-limit` at `offset`.
 */
snapjar_status sj_names_find(sj_names *names, uint32_t module, uint32_t name, int protocol, bool is_extension,
                             uint64_t offset, uint32_t *index, bool *is_new, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * The same for an attribute of global `base`; `name` is the place of the path "base.attribute". Only for a base whose
 * own name is not mapped.
 */
snapjar_status sj_names_find_attribute(sj_names *names, uint32_t base, uint32_t name, int protocol, uint64_t offset,
                                       uint32_t *index, snapjar_error *err) __attribute__((warn_unused_result));

/** Sets the texts of all globals, which are valid until the next text is added. */
void sj_names_refresh(sj_names *names);

/** The row of compat.def for a name of Python 2: static texts; NULL both if it stays. Either may be NULL alone. */
void sj_names_map(snapjar_text module, snapjar_text name, const char **mapped_module, const char **mapped_name);

/**
 * The opposite: what a pickler of Python 3 writes below protocol 3 for a name, so that Python 2 knows it too; static
 * texts or the given ones. False if it has no name there that is mapped back to this one.
 */
bool sj_names_unmap(snapjar_text module, snapjar_text name, snapjar_text *old_module, snapjar_text *old_name);

static inline void sj_use_add(snapjar_use_record *record, uint64_t offset)
{
    if (record->count++ == 0)
        record->offset = offset;
}

#endif
