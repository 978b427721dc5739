/* SPDX-License-Identifier: MIT
 *
 * Dates and times of Python's datetime as texts of ISO 8601 and back: for convert.c. What would lose something is
 * refused by a reason.
 */
#ifndef SJ_MIGRATE_CONVERT_TIME_H
#define SJ_MIGRATE_CONVERT_TIME_H

#include "migrate/fields.h"

typedef enum sj_time_kind { SJ_TIME_DATETIME, SJ_TIME_DATE, SJ_TIME_TIME, SJ_TIME_NONE } sj_time_kind;

/** By "datetime", "date" or "time"; else SJ_TIME_NONE. */
sj_time_kind sj_time_kind_named(const char *name);
/** The reverse, of all but SJ_TIME_NONE. Static. */
const char *sj_time_kind_name(sj_time_kind kind);

/** Whether a value is an instance of one of these classes. */
sj_time_kind sj_time_kind_of(const snapjar_graph *graph, sj_ref ref);

/** Makes a value of a text that isoformat() writes, or "Z" or a space in it; `*reason` says why that is not possible.
 */
snapjar_status sj_convert_text_to_time(snapjar_graph *graph, sj_ref value, sj_time_kind kind, sj_ref *ref,
                                       const char **reason, snapjar_error *err) __attribute__((warn_unused_result));

/** Makes a text of a value that is of a kind; `*reason` says why that is not possible. */
snapjar_status sj_convert_time_to_text(snapjar_graph *graph, sj_ref value, sj_ref *ref, const char **reason,
                                       snapjar_error *err) __attribute__((warn_unused_result));

#endif
