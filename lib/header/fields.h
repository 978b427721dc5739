/* SPDX-License-Identifier: MIT
 *
 * The rules on header fields, driven by fields.def. Used by header/ only.
 */
#ifndef SJ_HEADER_FIELDS_H
#define SJ_HEADER_FIELDS_H

#include "header/header.h"

/** What the checks share: the header to fill in, where in its text we are, and where to put an error. */
typedef struct sj_fields {
    snapjar_header *header;
    sj_json_path path;
    snapjar_error *err;
} sj_fields;

/**
 * Checks every field and fills in the header. `created` and `payload` are taken from `varying`, all others from
 * `constant` (the two may be the same object); `constant` may be NULL if its fields are known already.
 */
snapjar_status sj_fields_check(sj_fields *fields, const sj_json *constant, const sj_json *varying);

/** Whether `text` is a time as `created` demands: RFC 3339, UTC, "Z", a real date, up to nine digits of a second. */
bool sj_is_time(snapjar_text text);

#endif
