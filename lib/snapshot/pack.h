/* SPDX-License-Identifier: MIT
 *
 * Packing for those who make a record from another one: more goes into its header than a program may say.
 */
#ifndef SJ_SNAPSHOT_PACK_H
#define SJ_SNAPSHOT_PACK_H

#include <snapjar/snapshot.h>

/** What the new header gets besides what the options say: as in sj_header_plan. */
typedef struct sj_pack_extra {
    const char *history_json;
    const char *stream_json;
    const char *extra_json;
    /** Gets the checksum of the new header, for the next record of its stream; or NULL. */
    uint8_t *header_checksum;
} sj_pack_extra;

/** snapjar_pack, with `extra` (NULL: none). */
snapjar_status sj_pack(snapjar_context *context, snapjar_source *source, uint64_t offset, snapjar_sink *sink,
                       const snapjar_pack_options *options, const sj_pack_extra *extra, snapjar_packed *packed,
                       snapjar_error *err) __attribute__((warn_unused_result));

#endif
