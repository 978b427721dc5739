/* SPDX-License-Identifier: MIT
 *
 * The 44 fixed bytes at the start of a record, and the 24 of its trailer (spec/format.md). They stand at the same place
 * in every future version, and nothing in them is believed before the checksum holds: only so can damage be told from a
 * newer format.
 */
#ifndef SJ_HEADER_PREFIX_H
#define SJ_HEADER_PREFIX_H

#include <stdbool.h>

#include <snapjar/header.h>

#include "checksum/checksum.h"
#include "util/error.h"

#define SJ_PREFIX_SIZE 44
/** Bytes that sj_prefix_read wants to see, so that it can tell what happened to a magic that is not in its place. */
#define SJ_PREFIX_LOOK_SIZE 64
#define SJ_TRAILER_SIZE 24
/** Bytes that the frame size counts beside JSON and seal area. */
#define SJ_FRAME_FIXED_SIZE 36
/** A header frame is at most this large in all versions, its own eight bytes included. */
#define SJ_HEADER_FRAME_MAX (UINT64_C(16) << 20)
#define SJ_MAGIC_SIZE 16

typedef struct sj_prefix {
    uint16_t format_version;
    uint16_t flags;
    uint32_t json_size;
    uint32_t seal_size;
    uint8_t checksum[SJ_CHECKSUM_SIZE];
} sj_prefix;

/** The size of a whole header frame. */
static inline uint64_t sj_prefix_frame_size(const sj_prefix *prefix)
{
    return SJ_PREFIX_SIZE + (uint64_t)prefix->json_size + prefix->seal_size;
}

/** Whether `size` bytes are the start of a header frame, as far as they go (up to its magic's end). */
bool sj_prefix_matches(const uint8_t *bytes, size_t size);

/**
 * Reads the prefix from the first `size` bytes of a record (SJ_PREFIX_LOOK_SIZE of them, fewer only at the source's
 * end) at `file_offset`. Tells what happened to a magic that is not right; `is_first` is false for a record behind
 * another, where foreign bytes are trailing garbage. Checks the magic and that the sizes agree; the checksum and all
 * else are for sj_prefix_check.
 */
snapjar_status sj_prefix_read(sj_prefix *prefix, const uint8_t *bytes, size_t size, uint64_t file_offset, bool is_first,
                              snapjar_error *err);

/** Checks a whole header frame against its checksum, then version and flags. */
snapjar_status sj_prefix_check(const sj_prefix *prefix, const uint8_t *frame, uint64_t file_offset, snapjar_error *err);

/** Writes a prefix for the JSON and seal area that follow it at `frame`, and its checksum over all. */
void sj_prefix_write(uint8_t *frame, uint32_t json_size, uint32_t seal_size);

/** The bytes up to before the seal size as they stood in the frame, but for the frame size; that and the rest are
 * zeros. */
void sj_prefix_restore(uint8_t frame[SJ_PREFIX_SIZE], const sj_prefix *prefix);

/** Makes a header frame fit a seal area of another size, which stands behind its JSON already. */
void sj_prefix_reseal(uint8_t *frame, uint32_t seal_size);

void sj_trailer_write(uint8_t out[SJ_TRAILER_SIZE], uint64_t record_size,
                      const uint8_t header_checksum[SJ_CHECKSUM_SIZE]);

/** The record size in a trailer, or 0 if the bytes are no trailer. */
uint64_t sj_trailer_record_size(const uint8_t bytes[SJ_TRAILER_SIZE]);

#endif
