/* SPDX-License-Identifier: MIT
 *
 * What a new record keeps of what it is made from: of another record's header, or of a header that a program made for
 * itself. All of it as texts for a plan.
 */
#ifndef SJ_SNAPSHOT_CARRY_H
#define SJ_SNAPSHOT_CARRY_H

#include <snapjar/migrate.h>

#include "header/header.h"
#include "snapshot/old_header.h"

typedef struct sj_carried {
    snapjar_context *context;
    /** NULL: not said. */
    char *type;
    char *created;
    bool has_schema_version;
    int64_t schema_version;
    /** Objects, without build.tool; NULL: none. */
    char *build_json;
    char *labels_json;
    /** Members that this version does not know. */
    char *extra_json;
    /** The entries of an array, without its brackets; NULL: none. */
    char *history;
    /** The record's stream: NULL if it is in none. */
    char *stream_id;
    uint64_t stream_index;
} sj_carried;

/** Clear it in any case. */
snapjar_status sj_carry_header(sj_carried *carried, snapjar_context *context, const snapjar_header *header,
                               snapjar_error *err) __attribute__((warn_unused_result));
snapjar_status sj_carry_old(sj_carried *carried, snapjar_context *context, const sj_old_header *header,
                            const snapjar_old_options *options, snapjar_error *err) __attribute__((warn_unused_result));
/** The text of a member's value in a valid JSON object (`parent` NULL), or in an object that is a member of it. */
snapjar_text sj_carry_value(const char *json, size_t size, const char *parent, const char *key);

void sj_carried_clear(sj_carried *carried);

#endif
