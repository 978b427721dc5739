/* SPDX-License-Identifier: MIT
 *
 * What header/ keeps in a context between records: the parsed constant parts of the last headers read, and the
 * serialised ones of the last headers written. Used by header/ only.
 */
#ifndef SJ_HEADER_KEPT_H
#define SJ_HEADER_KEPT_H

#include <time.h>

#include "header/header.h"

/** Who reads a record, writes its successor and reads that again goes to and fro between two constant parts. */
#define SJ_KEPT_CONSTANT_COUNT 4

/** Reading: the text up to `,"created":` and what it parsed to; `type` points into `parsed`. */
typedef struct sj_kept_constant {
    /** NULL: none is kept here. */
    char *text;
    size_t size;
    sj_json *parsed;
    /** The limit that it was checked against. */
    size_t depth_max;
    snapjar_text type;
    int64_t schema_version;
} sj_kept_constant;

/** Writing: what headers of one type are made of. */
typedef struct sj_kept_written {
    /** The user's texts (one block) that were checked last, and the size of the JSON that they make. */
    char *checked_key;
    size_t checked_key_size;
    size_t checked_size;
    /** The same with type and layout, and the JSON made of them, from `{` to before `,"created":`. */
    char *prepared_key;
    size_t prepared_key_size;
    /** The layout of the last one that was checked as a whole; NULL if there is none. */
    char *checked_layout;
    char *prepared;
    size_t prepared_size;
} sj_kept_written;

typedef struct sj_kept {
    sj_kept_constant constants[SJ_KEPT_CONSTANT_COUNT];
    /** The one that the next new one takes the place of. */
    size_t oldest;
    /** The one of the header that is being written, and the one that the next new one takes the place of. */
    sj_kept_written written[SJ_KEPT_CONSTANT_COUNT];
    sj_kept_written *current;
    size_t oldest_written;
    /** The time of the last header that was written now, and its text; "" before the first. */
    time_t now;
    char now_text[24];
    /** The header frame built last. */
    uint8_t *frame;
    size_t frame_capacity;
} sj_kept;

/** The context's, made at the first use; NULL without memory. */
sj_kept *sj_kept_get(snapjar_context *context);

void sj_kept_drop_constant(snapjar_context *context, sj_kept_constant *constant);

#endif
