/* SPDX-License-Identifier: MIT
 *
 * What kind of file an input to pack is, beyond the public calls (snapjar_input_detect and the others). Content
 * decides, never a name; nothing here reads a record.
 */
#ifndef SJ_SNAPSHOT_INPUT_H
#define SJ_SNAPSHOT_INPUT_H

#include <stdbool.h>

#include "util/io.h"

/**
 * True if the bytes from `from` up to the offset `to` at which a pickle turned out to be none name joblib's array
 * wrapper: then raw array bytes follow, and the error to raise is `input-joblib-array`. Looks at the first MiB and the
 * last 64 KiB of the range. False also if the source cannot be read, so that the first error stays the one told.
 */
bool sj_input_mentions_joblib_array(snapjar_source *source, uint64_t from, uint64_t to);

#endif
