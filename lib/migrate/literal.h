/* SPDX-License-Identifier: MIT
 *
 * Values of Python written in JSON: null, true, numbers, strings, arrays and objects are None, bool, int or float, str,
 * list and dict; what JSON lacks is an object with one member: "$tuple", "$set", "$frozenset", "$bytes", "$bytearray",
 * "$int", "$float", "$complex", "$dict", "$global", "$call", "$new". spec/migrations.md is the whole list.
 */
#ifndef SJ_MIGRATE_LITERAL_H
#define SJ_MIGRATE_LITERAL_H

#include "pickle/graph.h"
#include "json/json.h"

/** Values inside of one another, the outermost counted. */
#define SJ_LITERAL_DEPTH_MAX 32

/** Values in a literal. */
#define SJ_LITERAL_PARTS_MAX 1000

/** Fails with `literal-invalid`, without an offset: the caller knows the place. */
snapjar_status sj_literal_check(const sj_json *json, snapjar_error *err) __attribute__((warn_unused_result));

/** Whether a literal that was checked is a value that cannot change, so that many may share it. */
bool sj_literal_is_immutable(const sj_json *json);

/** Puts a new value into a graph, of a literal that was checked. */
snapjar_status sj_literal_add(snapjar_graph *graph, const sj_json *json, sj_ref *ref, snapjar_error *err)
    __attribute__((warn_unused_result));

/**
 * Whether a value equals a literal that was checked: the same type, and equal as Python's == has it; dicts and sets in
 * any order. Names, calls and instances are equal if they are made of the same names, arguments and fields; an instance
 * with items is equal to nothing.
 */
bool sj_literal_equal(const sj_json *json, const snapjar_graph *graph, sj_ref ref);

/** Whether a dict takes a key for the literal: as above, but 1, 1.0 and True are one key. */
bool sj_literal_is_key(const sj_json *json, const snapjar_graph *graph, sj_ref ref);

#endif
