/* SPDX-License-Identifier: MIT
 *
 * Tells pickles, compressed pickles and snapshots from each other and from everything else by their first bytes, and
 * decompresses the compressed ones. Whether a pickle is whole or sound is not asked here.
 */
#include "snapshot/input.h"

#include <string.h>

#include <snapjar/snapshot.h>

#include "codec/foreign.h"
#include "util/bytes.h"
#include "util/options.h"
#include "util/source_internal.h"

/** What is looked at: enough that a decoder for the wrong format has failed for certain. */
#define PROBE_SIZE ((size_t)4096)
/** How many of the first bytes a message shows. */
#define SHOWN_SIZE ((size_t)16)
#define CHUNK_SIZE ((size_t)256 << 10)
/** What decompressed input may occupy in memory before the rest of it goes to a file. */
#define PLAIN_MEMORY_MAX ((uint64_t)64 << 20)
#define LZMA_HEADER_SIZE ((size_t)13)
/** A size beyond this in a .lzma header is none; xz and file use the same number. */
#define LZMA_SIZE_MAX (UINT64_C(1) << 38)
#define JOBLIB_HEAD_SIZE ((uint64_t)1 << 20)
#define JOBLIB_TAIL_SIZE ((uint64_t)64 << 10)

/** The first bytes of a source. */
typedef struct input_probe {
    snapjar_source *source;
    uint64_t source_size;
    const uint8_t *bytes;
    size_t size;
} input_probe;

static const struct {
    snapjar_input_kind kind;
    const char *name;
    /** -1: not compressed. */
    int foreign;
} kinds[] = {
    {SNAPJAR_INPUT_PICKLE, "pickle", -1},
    {SNAPJAR_INPUT_GZIP, "gzip", SJ_FOREIGN_GZIP},
    {SNAPJAR_INPUT_BZIP2, "bzip2", SJ_FOREIGN_BZIP2},
    {SNAPJAR_INPUT_XZ, "xz", SJ_FOREIGN_XZ},
    {SNAPJAR_INPUT_LZMA, "lzma", SJ_FOREIGN_LZMA},
    {SNAPJAR_INPUT_ZLIB, "zlib", SJ_FOREIGN_ZLIB},
    {SNAPJAR_INPUT_ZSTD, "zstd", SJ_FOREIGN_ZSTD},
    {SNAPJAR_INPUT_SNAPSHOT, "snapshot", -1},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

/** Bytes that tell a format for certain. Those of compressions come with their kind. */
static const struct {
    const char *magic;
    size_t size;
    snapjar_input_kind kind;
} compressions[] = {
    {"\x1f\x8b", 2, SNAPJAR_INPUT_GZIP},
    {"BZh", 3, SNAPJAR_INPUT_BZIP2},
    {"\xfd\x37zXZ\0", 6, SNAPJAR_INPUT_XZ},
    {"\x28\xb5\x2f\xfd", 4, SNAPJAR_INPUT_ZSTD},
};

/** Other formats that people hand in by mistake. Many begin with a byte that is an opcode, so they are asked first. */
static const struct {
    const char *magic;
    size_t size;
    const char *what;
} others[] = {
    {"PK\x03\x04", 4, "a ZIP archive (newer PyTorch files are ZIP archives)"},
    {"PK\x05\x06", 4, "an empty ZIP archive"},
    {"\x89HDF\r\n\x1a\n", 8, "an HDF5 file"},
    {"\x93NUMPY", 6, "a NumPy .npy file: load it with numpy.load"},
    {"SQLite format 3\0", 16, "an SQLite database"},
    {"\x7f"
     "ELF",
     4, "an ELF program or library"},
    {"\x04\x22\x4d\x18", 4, "LZ4 data, which is not supported: decompress it first"},
    {"ZF0x", 4, "a compressed file of joblib before 0.10, which is not supported: load it with joblib and pickle it"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive"},
    {"%PDF-", 5, "a PDF document"},
    {"<!DOCTYPE", 9, "an HTML page"},
    {"<html", 5, "an HTML page"},
    {"<?xml", 5, "an XML document"},
};

static bool begins_with(const input_probe *probe, const char *magic, size_t size)
{
    return probe->size >= size && memcmp(probe->bytes, magic, size) == 0;
}

/* ---- snapshots and compressions ---- */

static const uint8_t header_frame_magic[4] = {0x53, 0x2A, 0x4D, 0x18};
static const uint8_t own_magic[8] = {0x89, 0x53, 0x4A, 0x52, 0x0D, 0x0A, 0x1A, 0x0A};

/** A header frame with our magic, or a file that ends before it could be told from one. */
static bool is_snapshot(const input_probe *probe)
{
    if (probe->size < 4 || memcmp(probe->bytes, header_frame_magic, 4) != 0)
        return false;
    size_t seen = probe->size < 8 ? 0 : probe->size < 12 ? probe->size - 8 : 4;
    return seen == 0 ? probe->size <= 8 : memcmp(probe->bytes + 8, own_magic, seen) == 0;
}

static bool is_skippable_frame(const input_probe *probe)
{
    return probe->size >= 4 && probe->bytes[0] >= 0x50 && probe->bytes[0] <= 0x5F &&
           memcmp(probe->bytes + 1, header_frame_magic + 1, 3) == 0;
}

/** The older lzma format has no magic: its usual first bytes and a size that can be. No pickle begins like that. */
static bool is_lzma(const input_probe *probe)
{
    if (!begins_with(probe, "\x5d\0\0", 3))
        return false;
    if (probe->size < LZMA_HEADER_SIZE)
        return true;
    uint64_t size = sj_read_le64(probe->bytes + 5);
    return size == UINT64_MAX || size < LZMA_SIZE_MAX;
}

static bool has_zlib_header(const input_probe *probe)
{
    const uint8_t *bytes = probe->bytes;
    return probe->size >= 2 && (bytes[0] & 0x0F) == 8 && bytes[0] >> 4 <= 7 && (bytes[0] * 256 + bytes[1]) % 31 == 0;
}

static snapjar_status ignore_bytes(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    (void)state;
    (void)bytes;
    (void)size;
    (void)err;
    return SNAPJAR_OK;
}

typedef enum trial {
    /** It cannot be zlib data. */
    TRIAL_FAILED,
    /** So far it can. */
    TRIAL_POSSIBLE,
    /** All of the source is a whole zlib stream. */
    TRIAL_WHOLE
} trial;

/** Decompresses the first bytes to see whether they are zlib data. Fails only without memory. */
static snapjar_status try_zlib(const input_probe *probe, trial *result, snapjar_error *err)
{
    sj_foreign *decoder;
    snapjar_error local;
    *result = TRIAL_FAILED;
    SJ_TRY(sj_foreign_begin(&decoder, probe->source->context, SJ_FOREIGN_ZLIB, UINT64_MAX, ignore_bytes, NULL, err));
    snapjar_status status = sj_foreign_feed(decoder, probe->bytes, probe->size, &local);
    if (status == SNAPJAR_OK) {
        bool is_whole = probe->size == probe->source_size && sj_foreign_end(decoder, NULL) == SNAPJAR_OK;
        *result = is_whole ? TRIAL_WHOLE : TRIAL_POSSIBLE;
    }
    sj_foreign_free(decoder);
    if (status == SNAPJAR_NO_MEMORY && err != NULL)
        *err = local;
    return status == SNAPJAR_NO_MEMORY ? status : SNAPJAR_OK;
}

/**
 * Three of the eight first bytes of zlib data are opcodes as well: "(", "X" and "h". A whole stream with its checksum
 * is zlib; else a whole pickle is a pickle; else what deflate can make sense of for so long is zlib.
 */
static snapjar_status detect_zlib(const input_probe *probe, bool *is_zlib, snapjar_error *err)
{
    *is_zlib = false;
    if (!has_zlib_header(probe))
        return SNAPJAR_OK;
    trial result = TRIAL_POSSIBLE;
    /* What every zlib writes by default is no opcode and needs no trial: then damage is told as damage. */
    if (probe->bytes[0] != 0x78)
        SJ_TRY(try_zlib(probe, &result, err));
    *is_zlib = result != TRIAL_FAILED;
    snapjar_pickle_extent extent;
    if (result == TRIAL_POSSIBLE && snapjar_opcode_find(probe->bytes[0]) != NULL &&
        snapjar_pickle_measure(&extent, probe->bytes, probe->size, NULL, NULL) == SNAPJAR_OK)
        *is_zlib = extent.size != probe->source_size;
    return SNAPJAR_OK;
}

/* ---- other formats ---- */

/** A tar header: its magic, and the checksum that makes sure. */
static bool is_tar(const input_probe *probe)
{
    if (probe->size < 512 || memcmp(probe->bytes + 257, "ustar", 5) != 0)
        return false;
    uint32_t sum = 0;
    uint32_t said = 0;
    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? ' ' : probe->bytes[i];
    for (size_t i = 148; i < 156; i++) {
        if (probe->bytes[i] >= '0' && probe->bytes[i] <= '7')
            said = said * 8 + (uint32_t)(probe->bytes[i] - '0');
    }
    return sum == said;
}

/** "PAR1" alone could begin a pickle, so the end must say the same. */
static bool is_parquet(const input_probe *probe)
{
    uint8_t end[4];
    size_t got;
    return begins_with(probe, "PAR1", 4) && probe->source_size >= 12 &&
           snapjar_source_read_at(probe->source, end, 4, probe->source_size - 4, &got, NULL) == SNAPJAR_OK &&
           got == 4 && memcmp(end, "PAR1", 4) == 0;
}

/** "{" or "[" and then what JSON allows there. Neither is an opcode. */
static bool is_json(const input_probe *probe)
{
    if (probe->size == 0 || (probe->bytes[0] != '{' && probe->bytes[0] != '['))
        return false;
    for (size_t i = 1; i < probe->size; i++) {
        uint8_t byte = probe->bytes[i];
        if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n')
            return byte == '"' || (probe->bytes[0] == '[' && (byte != 0 && strchr("{[-0123456789tfn]", byte) != NULL));
    }
    return false;
}

/** What the bytes look like, or NULL if they look like nothing that is known. */
static const char *find_other(const input_probe *probe)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (begins_with(probe, others[i].magic, others[i].size))
            return others[i].what;
    }
    if (is_tar(probe))
        return "a tar archive";
    if (is_parquet(probe))
        return "a Parquet file";
    if (is_json(probe))
        return "JSON text";
    size_t searched = probe->size < 64 + sizeof own_magic ? probe->size : 64 + sizeof own_magic;
    if (memmem(probe->bytes, searched, own_magic, sizeof own_magic) != NULL)
        return "a snapshot with other bytes before its magic: see `snapjar recover`";
    return NULL;
}

static snapjar_status raise_not_pickle(const input_probe *probe, const char *what, snapjar_error *err)
{
    char shown[80];
    (void)snapjar_text_escape(shown, sizeof shown, probe->bytes, probe->size < SHOWN_SIZE ? probe->size : SHOWN_SIZE);
    snapjar_status status = sj_raise(err, SNAPJAR_WRONG_FORMAT, SNAPJAR_DIAG_INPUT_NOT_PICKLE, SJ_AT_FILE(0),
                                     "the first bytes \"%s\" begin no pickle and no known compression%s%s", shown,
                                     what == NULL ? "" : ", they look like ", what == NULL ? "" : what);
    return sj_raise_place(err, status, probe->source->name);
}

/* ---- detecting ---- */

static snapjar_status detect(const input_probe *probe, snapjar_input_kind *kind, snapjar_error *err)
{
    if (is_snapshot(probe)) {
        *kind = SNAPJAR_INPUT_SNAPSHOT;
        return SNAPJAR_OK;
    }
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
        if (begins_with(probe, compressions[i].magic, compressions[i].size)) {
            *kind = compressions[i].kind;
            return SNAPJAR_OK;
        }
    }
    bool is_skippable = is_skippable_frame(probe);
    if (is_skippable || is_lzma(probe)) {
        *kind = is_skippable ? SNAPJAR_INPUT_ZSTD : SNAPJAR_INPUT_LZMA;
        return SNAPJAR_OK;
    }
    const char *other = find_other(probe);
    if (other != NULL)
        return raise_not_pickle(probe, other, err);
    bool is_zlib;
    SJ_TRY(detect_zlib(probe, &is_zlib, err));
    if (!is_zlib && snapjar_opcode_find(probe->bytes[0]) == NULL)
        return raise_not_pickle(probe, NULL, err);
    *kind = is_zlib ? SNAPJAR_INPUT_ZLIB : SNAPJAR_INPUT_PICKLE;
    return SNAPJAR_OK;
}

/** True for first bytes that begin nothing that we take, whatever follows: an endless input is then not read on. */
static bool is_surely_other(const input_probe *probe)
{
    if (is_snapshot(probe) || is_skippable_frame(probe) || snapjar_opcode_find(probe->bytes[0]) != NULL ||
        (probe->bytes[0] & 0x0f) == 8) /* a zlib header */
        return false;
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
        if (begins_with(probe, compressions[i].magic, compressions[i].size))
            return false;
    }
    return true;
}

const char *snapjar_input_kind_name(snapjar_input_kind kind)
{
    return (size_t)kind < KIND_COUNT ? kinds[kind].name : "unknown";
}

snapjar_status snapjar_input_detect(snapjar_source *source, snapjar_input_kind *kind, snapjar_error *err)
{
    if (source == NULL || kind == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "source or kind is NULL");
    *kind = SNAPJAR_INPUT_PICKLE;
    uint8_t bytes[PROBE_SIZE];
    input_probe probe = {source, 0, bytes, 0};
    SJ_TRY(snapjar_source_read_at(source, bytes, sizeof bytes, 0, &probe.size, err));
    if (probe.size > 0 && is_surely_other(&probe))
        return raise_not_pickle(&probe, find_other(&probe), err);
    SJ_TRY(snapjar_source_size(source, &probe.source_size, err));
    if (probe.size == 0)
        return sj_raise_place(
            err, sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, SJ_AT_FILE(0), "the input is empty"),
            source->name);
    snapjar_input_kind found = SNAPJAR_INPUT_PICKLE;
    SJ_TRY(detect(&probe, &found, err));
    *kind = found;
    return SNAPJAR_OK;
}

/* ---- decompressing ---- */

static snapjar_status write_spool(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    return sj_spool_write(state, bytes, size, err);
}

/** Feeds the whole source, by way of `buffer` where its bytes cannot be borrowed. */
static snapjar_status feed_source(sj_foreign *decoder, snapjar_source *source, void *buffer, size_t buffer_size,
                                  snapjar_error *err)
{
    for (uint64_t offset = 0;;) {
        size_t got = buffer_size;
        const uint8_t *bytes = sj_source_borrow(source, offset, buffer_size);
        if (bytes == NULL) {
            SJ_TRY(snapjar_source_read_at(source, buffer, buffer_size, offset, &got, err));
            bytes = buffer;
        }
        SJ_TRY(sj_foreign_feed(decoder, bytes, got, err));
        if (got < buffer_size)
            return sj_foreign_end(decoder, err);
        offset += got;
    }
}

static snapjar_status decompress_into(sj_spool *spool, snapjar_context *context, snapjar_source *source,
                                      sj_foreign_kind foreign, uint64_t content_size_max, snapjar_error *err)
{
    uint64_t source_size;
    SJ_TRY(snapjar_source_size(source, &source_size, err));
    sj_source_expect_sequential(source);
    /* One byte more than a small source has, so that its end is seen at the first reading. */
    size_t buffer_size = (size_t)sj_min(CHUNK_SIZE, sj_min(source_size, CHUNK_SIZE) + 1);
    void *buffer = sj_alloc(context, buffer_size);
    if (buffer == NULL)
        return sj_raise_no_memory(err, buffer_size);
    sj_foreign *decoder;
    snapjar_status status = sj_foreign_begin(&decoder, context, foreign, content_size_max, write_spool, spool, err);
    if (status == SNAPJAR_OK)
        status = feed_source(decoder, source, buffer, buffer_size, err);
    sj_foreign_free(decoder);
    sj_free(context, buffer);
    return status == SNAPJAR_OK ? SNAPJAR_OK : sj_raise_place(err, status, source->name);
}

snapjar_status snapjar_input_decompress(snapjar_source **plain, snapjar_context *context, snapjar_source *source,
                                        snapjar_input_kind kind, const snapjar_limits *limits, snapjar_error *err)
{
    if (plain == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "plain is NULL");
    *plain = NULL;
    if (context == NULL || source == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "context or source is NULL");
    if ((size_t)kind >= KIND_COUNT || kinds[kind].foreign < 0)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "input kind %d (%s) is not a compressed one", (int)kind, snapjar_input_kind_name(kind));
    snapjar_limits read;
    SJ_TRY(sj_options_read(&read, sizeof read, limits, "snapjar_limits", err));
    uint64_t size_max = read.content_size_max == 0 ? SNAPJAR_CONTENT_SIZE_DEFAULT : read.content_size_max;
    sj_spool *spool;
    SJ_TRY(sj_spool_new(&spool, context, PLAIN_MEMORY_MAX, err));
    snapjar_status status =
        decompress_into(spool, context, source, (sj_foreign_kind)kinds[kind].foreign, size_max, err);
    if (status != SNAPJAR_OK) {
        sj_spool_free(spool);
        return status;
    }
    return sj_spool_take_source(plain, spool, source->name, err);
}

/* ---- joblib ---- */

static bool range_mentions(snapjar_source *source, uint64_t from, uint64_t to, const char *text, size_t text_size)
{
    uint8_t buffer[4096];
    while (from < to && to - from >= text_size) {
        size_t got;
        size_t wanted = (size_t)sj_min(sizeof buffer, to - from);
        if (snapjar_source_read_at(source, buffer, wanted, from, &got, NULL) != SNAPJAR_OK || got < text_size)
            return false;
        if (memmem(buffer, got, text, text_size) != NULL)
            return true;
        /* The text may stand across the end of what was read. */
        from += got - (text_size - 1);
    }
    return false;
}

bool sj_input_mentions_joblib_array(snapjar_source *source, uint64_t from, uint64_t to)
{
    static const char text[] = "joblib.numpy_pickle";
    const size_t text_size = sizeof text - 1;
    if (from >= to)
        return false;
    if (to - from <= JOBLIB_HEAD_SIZE + JOBLIB_TAIL_SIZE)
        return range_mentions(source, from, to, text, text_size);
    return range_mentions(source, from, from + JOBLIB_HEAD_SIZE, text, text_size) ||
           range_mentions(source, to - JOBLIB_TAIL_SIZE, to, text, text_size);
}
