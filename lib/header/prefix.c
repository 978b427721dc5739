/* SPDX-License-Identifier: MIT
 *
 * The fixed bytes of a record, and what is known about how they get damaged.
 */
#include "header/prefix.h"

#include <inttypes.h>
#include <string.h>

#include "util/bytes.h"

/* Where each field stands in the header frame. */
enum {
    AT_FRAME_SIZE = 4,
    AT_MAGIC = 8,
    AT_VERSION = 16,
    AT_FLAGS = 18,
    AT_JSON_SIZE = 20,
    AT_SEAL_SIZE = 24,
    AT_CHECKSUM = 28
};

#define FLAGS_MUST_UNDERSTAND 0x00ff

static const uint8_t frame_magic[4] = {0x53, 0x2a, 0x4d, 0x18};
static const uint8_t trailer_magic[4] = {0x54, 0x2a, 0x4d, 0x18};
/* 0x89 shows a cleared eighth bit, CR LF and LF each a conversion of line ends; the idea is PNG's. */
static const uint8_t magic[8] = {0x89, 'S', 'J', 'R', '\r', '\n', 0x1a, '\n'};

bool sj_prefix_matches(const uint8_t *bytes, size_t size)
{
    if (memcmp(bytes, frame_magic, sj_min(size, sizeof(frame_magic))) != 0)
        return false;
    return size <= AT_MAGIC || memcmp(bytes + AT_MAGIC, magic, sj_min(size - AT_MAGIC, sizeof(magic))) == 0;
}

/* The magic as it looks after each conversion of line ends. */
static bool is_text_damage(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t bytes[10];
        size_t size;
    } forms[] = {
        {{0x89, 'S', 'J', 'R', '\n', 0x1a, '\n'}, 7},                    /* CR LF became LF */
        {{0x89, 'S', 'J', 'R', '\r', '\r', '\n', 0x1a, '\r', '\n'}, 10}, /* each LF became CR LF */
        {{0x89, 'S', 'J', 'R', '\r', '\n', 0x1a, '\r', '\n'}, 9},        /* each lone LF became CR LF */
        {{0x89, 'S', 'J', 'R', '\r', '\r', 0x1a, '\r'}, 8},              /* each LF became CR */
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (left >= forms[i].size && !memcmp(at, forms[i].bytes, forms[i].size))
            return true;
    }
    return false;
}

static bool is_seven_bit_damage(const uint8_t *at, size_t left)
{
    return left >= 4 && at[0] == 0x09 && !memcmp(at + 1, magic + 1, 3);
}

/* The bytes begin no header frame: say what they look like. */
static snapjar_status raise_magic(const uint8_t *bytes, size_t size, uint64_t file_offset, bool is_first,
                                  snapjar_error *err)
{
    size_t search = (size_t)sj_min(size, SJ_PREFIX_LOOK_SIZE);
    char shown[40];

    /* Line ends in the frame size shift our magic by a byte or two. */
    for (size_t at = 4; at <= 12 && at < search; at++) {
        if (is_text_damage(bytes + at, size - at))
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TEXT_MODE_DAMAGE, SJ_AT_FILE(file_offset),
                            "line ends were converted: the magic at byte %" PRIu64 " lost or gained CR or LF",
                            file_offset + at);
        if (is_seven_bit_damage(bytes + at, size - at))
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_SEVEN_BIT_DAMAGE, SJ_AT_FILE(file_offset),
                            "the eighth bits were cleared: the magic at byte %" PRIu64 " begins with 0x09, not 0x89",
                            file_offset + at);
    }
    for (size_t at = 0; at + sizeof(magic) <= search; at++) {
        if (at != AT_MAGIC && !memcmp(bytes + at, magic, sizeof(magic)))
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_MAGIC_SHIFTED, SJ_AT_FILE(file_offset + at),
                            "the magic stands at byte %" PRIu64 " instead of %" PRIu64, file_offset + at,
                            file_offset + AT_MAGIC);
    }
    (void)snapjar_text_escape(shown, sizeof(shown), bytes, (size_t)sj_min(size, 8));
    if (!is_first)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_TRAILING_GARBAGE, SJ_AT_FILE(file_offset),
                        "the bytes behind the last record begin with \"%s\", which is no header", shown);
    return sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_NOT_SNAPJAR, SJ_AT_FILE(file_offset),
                    "the file begins with \"%s\", which is no snapjar header", shown);
}

snapjar_status sj_prefix_read(sj_prefix *prefix, const uint8_t *bytes, size_t size, uint64_t file_offset, bool is_first,
                              snapjar_error *err)
{
    memset(prefix, 0, sizeof(*prefix));
    if (!sj_prefix_matches(bytes, size))
        return raise_magic(bytes, size, file_offset, is_first, err);
    if (size < SJ_PREFIX_SIZE)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_HEADER_CUT_SHORT, SJ_AT_FILE(file_offset + size),
                        "the file ends after %zu of a header's first %d bytes", size, SJ_PREFIX_SIZE);

    uint64_t frame_size = sj_read_le32(bytes + AT_FRAME_SIZE);
    prefix->format_version = sj_read_le16(bytes + AT_VERSION);
    prefix->flags = sj_read_le16(bytes + AT_FLAGS);
    prefix->json_size = sj_read_le32(bytes + AT_JSON_SIZE);
    prefix->seal_size = sj_read_le32(bytes + AT_SEAL_SIZE);
    memcpy(prefix->checksum, bytes + AT_CHECKSUM, SJ_CHECKSUM_SIZE);
    uint64_t wanted = SJ_FRAME_FIXED_SIZE + (uint64_t)prefix->json_size + prefix->seal_size;
    if (frame_size != wanted)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_SIZE_DAMAGED, SJ_AT_FILE(file_offset + AT_FRAME_SIZE),
                        "frame size %" PRIu64 " is not 36 + JSON size %" PRIu32 " + seal size %" PRIu32, frame_size,
                        prefix->json_size, prefix->seal_size);
    if (frame_size > SJ_HEADER_FRAME_MAX - 8)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_SIZE_DAMAGED, SJ_AT_FILE(file_offset + AT_FRAME_SIZE),
                        "frame size %" PRIu64 " exceeds the %" PRIu64 " that any header may have", frame_size,
                        SJ_HEADER_FRAME_MAX - 8);
    return SNAPJAR_OK;
}

/* XXH3-128 from our magic to the end of the frame, the checksum's own bytes as zeros. */
static void frame_checksum(uint8_t out[SJ_CHECKSUM_SIZE], const uint8_t *frame, size_t frame_size)
{
    static const uint8_t zeros[SJ_CHECKSUM_SIZE];
    sj_checksum_state state;

    sj_checksum_begin(&state);
    sj_checksum_add(&state, frame + AT_MAGIC, AT_CHECKSUM - AT_MAGIC);
    sj_checksum_add(&state, zeros, sizeof(zeros));
    sj_checksum_add(&state, frame + SJ_PREFIX_SIZE, frame_size - SJ_PREFIX_SIZE);
    sj_checksum_end(&state, out);
}

snapjar_status sj_prefix_check(const sj_prefix *prefix, const uint8_t *frame, uint64_t file_offset, snapjar_error *err)
{
    uint8_t actual[SJ_CHECKSUM_SIZE];

    frame_checksum(actual, frame, (size_t)sj_prefix_frame_size(prefix));
    if (memcmp(actual, prefix->checksum, SJ_CHECKSUM_SIZE) != 0) {
        char stored_hex[33];
        char actual_hex[33];
        sj_hex16(stored_hex, prefix->checksum);
        sj_hex16(actual_hex, actual);
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_HEADER_CHECKSUM_MISMATCH,
                        SJ_AT_FILE(file_offset + AT_CHECKSUM), "the header's checksum is %s, its bytes give %s",
                        stored_hex, actual_hex);
    }
    if (prefix->format_version != SNAPJAR_FORMAT_VERSION)
        return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNSUPPORTED_VERSION,
                        SJ_AT_FILE(file_offset + AT_VERSION), "format version %u, this reader knows version %d",
                        prefix->format_version, SNAPJAR_FORMAT_VERSION);
    if (prefix->flags & FLAGS_MUST_UNDERSTAND)
        return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_UNKNOWN_FLAGS, SJ_AT_FILE(file_offset + AT_FLAGS),
                        "flags 0x%04x: 0x%02x must be understood and is not", prefix->flags,
                        prefix->flags & FLAGS_MUST_UNDERSTAND);
    return SNAPJAR_OK;
}

void sj_prefix_write(uint8_t *frame, uint32_t json_size, uint32_t seal_size)
{
    memcpy(frame, frame_magic, sizeof(frame_magic));
    sj_write_le32(frame + AT_FRAME_SIZE, SJ_FRAME_FIXED_SIZE + json_size + seal_size);
    memcpy(frame + AT_MAGIC, magic, sizeof(magic));
    sj_write_le16(frame + AT_VERSION, SNAPJAR_FORMAT_VERSION);
    sj_write_le16(frame + AT_FLAGS, 0);
    sj_write_le32(frame + AT_JSON_SIZE, json_size);
    sj_write_le32(frame + AT_SEAL_SIZE, seal_size);
    frame_checksum(frame + AT_CHECKSUM, frame, SJ_PREFIX_SIZE + (size_t)json_size + seal_size);
}

void sj_prefix_restore(uint8_t frame[SJ_PREFIX_SIZE], const sj_prefix *prefix)
{
    memset(frame, 0, SJ_PREFIX_SIZE);
    memcpy(frame, frame_magic, sizeof(frame_magic));
    memcpy(frame + AT_MAGIC, magic, sizeof(magic));
    sj_write_le16(frame + AT_VERSION, prefix->format_version);
    sj_write_le16(frame + AT_FLAGS, prefix->flags);
    sj_write_le32(frame + AT_JSON_SIZE, prefix->json_size);
}

void sj_prefix_reseal(uint8_t *frame, uint32_t seal_size)
{
    uint32_t json_size = sj_read_le32(frame + AT_JSON_SIZE);

    sj_write_le32(frame + AT_FRAME_SIZE, SJ_FRAME_FIXED_SIZE + json_size + seal_size);
    sj_write_le32(frame + AT_SEAL_SIZE, seal_size);
    frame_checksum(frame + AT_CHECKSUM, frame, SJ_PREFIX_SIZE + (size_t)json_size + seal_size);
}

void sj_trailer_write(uint8_t out[SJ_TRAILER_SIZE], uint64_t record_size,
                      const uint8_t header_checksum[SJ_CHECKSUM_SIZE])
{
    memcpy(out, trailer_magic, sizeof(trailer_magic));
    sj_write_le32(out + 4, SJ_TRAILER_SIZE - 8);
    sj_write_le64(out + 8, record_size);
    memcpy(out + 16, header_checksum, 8);
}

uint64_t sj_trailer_record_size(const uint8_t bytes[SJ_TRAILER_SIZE])
{
    if (memcmp(bytes, trailer_magic, sizeof(trailer_magic)) != 0 || sj_read_le32(bytes + 4) != SJ_TRAILER_SIZE - 8)
        return 0;
    return sj_read_le64(bytes + 8);
}
