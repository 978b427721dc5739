/* SPDX-License-Identifier: MIT
 *
 * The instances in a graph as a class sees them: what their class is, in which form their state is written, their
 * fields in order, and the arguments that they are made with. Reads graphs; what edits them is in edit.h.
 */
#ifndef SJ_MIGRATE_FIELDS_H
#define SJ_MIGRATE_FIELDS_H

#include "pickle/picture.h"

/** How the state of an instance is written. */
typedef enum sj_state_form {
    /** There is none: the instance has no fields, or they are all in its arguments. */
    SJ_STATE_NONE,
    /** A dict: what __dict__ holds. */
    SJ_STATE_DICT,
    /** A pair, each half a dict or None: what __dict__ and what the slots hold. */
    SJ_STATE_SLOTS,
    /** A list of values by position, as dataclasses with slots and frozen have it since Python 3.11. */
    SJ_STATE_LIST,
    /** A tuple of values by position. */
    SJ_STATE_TUPLE,
    /** Anything else: whatever a class's own __setstate__ makes of it. */
    SJ_STATE_OTHER
} sj_state_form;

typedef struct sj_instance {
    sj_ref ref;
    /** A global, or calls of getattr: see sj_class_is. */
    sj_ref class_ref;
    sj_state_form form;
    /** The state that was given last; 0: none. */
    sj_ref state;
    /** Place of `state` in the graph's words. */
    uint32_t state_place;
    /** How often state was given. */
    uint32_t build_count;
    /** The arguments by position are `argument_count` words from here on; what copyreg's functions take for themselves
     * is not among them. */
    uint32_t argument_first;
    uint32_t argument_count;
    /** The tuple that they stand in; 0: they are children of the instance (INST, OBJ), or computed. */
    sj_ref arguments;
    /** Place of that tuple in the graph's words. */
    uint32_t arguments_place;
    bool is_computed;
    /** The dict of keyword arguments; 0: none. */
    sj_ref keywords;
} sj_instance;

/** False if the value is no instance of a class that is named: enumeration members that are asked for by name are
 * names themselves (sj_picture_is_name), and so are none. */
bool sj_instance_see(const snapjar_graph *graph, sj_ref ref, sj_instance *instance);

/** Argument `index`; 0 beyond the last. */
static inline sj_ref sj_instance_argument(const snapjar_graph *graph, const sj_instance *instance, uint32_t index)
{
    return index < instance->argument_count ? graph->words[instance->argument_first + index] : 0;
}

/** "DICT", "SLOTS": the word for a contract's "state". Static. */
const char *sj_state_form_name(sj_state_form form);

/** A class by its names as Python 3 knows them. */
typedef struct sj_class_name {
    snapjar_text module;
    snapjar_text name;
} sj_class_name;

/** Takes "module:Qualname" apart; false if it is not of that form. */
bool sj_class_name_read(snapjar_text text, sj_class_name *name);

/** Whether a global, or what getattr is asked for, has exactly this name. */
bool sj_class_is(const snapjar_graph *graph, sj_ref class_ref, const sj_class_name *name);

/** The qualified name: of calls of getattr, with the attributes behind dots. False if it does not fit or is computed.
 * The texts are borrowed from the graph or in `buffer`. */
#define SJ_CLASS_NAME_SIZE 1024
bool sj_class_name_of(const snapjar_graph *graph, sj_ref class_ref, char buffer[SJ_CLASS_NAME_SIZE],
                      sj_class_name *name);

/** A pair of a dict, or a field. */
typedef struct sj_field {
    sj_ref key;
    sj_ref value;
    /** Of the key in the graph's words; the value is behind it. */
    uint32_t place;
    /** The dict that it is in. */
    sj_ref dict;
    /** It is in the second half of a pair of states. */
    bool is_slot;
} sj_field;

/** A walk over fields; private but for nothing. */
typedef struct sj_fields {
    const snapjar_graph *graph;
    const sj_node *instance;
    uint32_t build;
    /** Halves of a state that are to come, the next one last. */
    sj_ref pending[2];
    uint32_t pending_count;
    sj_ref dict;
    bool is_slot;
    bool is_past_children;
    uint32_t change;
    uint32_t place;
    uint32_t end;
} sj_fields;

/**
 * Begins at an instance (all dicts among its states; an older value of a field that was given twice comes first, and
 * the last one holds), or at a dict: its pairs. Nothing of any other value. The graph must stay as it is meanwhile.
 */
void sj_fields_begin(sj_fields *fields, const snapjar_graph *graph, sj_ref ref);

/** False after the last. Keys may be anything. */
bool sj_fields_next(sj_fields *fields, sj_field *field);

/** Whether a key is this text. */
bool sj_key_is(const snapjar_graph *graph, sj_ref key, snapjar_text text);

/** Whether a key is a text, so that it is the name of a field. */
static inline bool sj_key_is_text(const snapjar_graph *graph, sj_ref key)
{
    return sj_picture_form(graph, key) == SJ_SEEN_STR;
}

/** The field or pair of this name that holds; false if there is none. */
bool sj_fields_find(const snapjar_graph *graph, sj_ref ref, snapjar_text name, sj_field *field);

/** Whether nothing but pairs was put into a dict. */
bool sj_dict_is_pairs(const snapjar_graph *graph, sj_ref ref);

#endif
