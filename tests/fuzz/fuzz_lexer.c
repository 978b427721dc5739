/* SPDX-License-Identifier: MIT
 *
 * Fuzzes lib/pickle: a pickle fed in pieces gives what it gives whole, token for token; the fast path gives what the
 * slow one gives; a scan beside it changes nothing about where the pickle ends, wherever it gives up; a pickle whose
 * buffers were put back is a pickle again. Input: 4 bytes that say how to cut and which
 * line limit to set, then the pickle.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/inband.h"
#include "pickle/inspect.h"
#include "pickle/measure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTROL_SIZE 4

/** abort() is what a fuzzer sees also where assert is compiled out. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

/** All that can differ between two ways of feeding. */
typedef struct outcome {
    snapjar_status status;
    snapjar_diagnostic diagnostic;
    uint64_t offset;
    uint64_t size;
    uint64_t opcode_count;
    uint64_t buffer_count;
    int protocol;
    uint64_t trace;
} outcome;

static void require_same(const outcome *a, const outcome *b)
{
    require(a->status == b->status);
    require(a->diagnostic == b->diagnostic);
    require(a->offset == b->offset);
    require(a->size == b->size);
    require(a->opcode_count == b->opcode_count);
    require(a->buffer_count == b->buffer_count);
    require(a->protocol == b->protocol);
    require(a->trace == b->trace);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/** How large the next chunk is: single bytes, a few, or many. 0 for `seed` means all at once. */
static size_t chunk_size(uint64_t *seed, size_t left)
{
    if (*seed == 0)
        return left;
    static const size_t scales[] = {1, 1, 2, 10, 20, 300};
    size_t size = (size_t)next_random(seed) % (scales[next_random(seed) % 6] + 1);
    return size < left ? size : left;
}

/** A chunk in a block of its own, so that a sanitizer sees a read past its end. */
static uint8_t *copy_chunk(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

static void hash_bytes(uint64_t *hash, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ bytes[i]) * UINT64_C(1099511628211);
}

static void hash_number(uint64_t *hash, uint64_t number)
{
    uint8_t bytes[8];
    sj_write_le64(bytes, number);
    hash_bytes(hash, bytes, sizeof bytes);
}

/** Adds a token, whole or not, to the trace; an argument's bytes are added as they come. */
static void hash_token(uint64_t *hash, const sj_token *token, uint64_t *argument_size)
{
    if (token->data != NULL) {
        require(*argument_size == 0);
        hash_bytes(hash, token->data, (size_t)token->size);
        *argument_size = token->size;
    } else {
        hash_bytes(hash, token->piece, token->piece_size);
        *argument_size += token->piece_size;
    }
    if (!token->is_whole)
        return;
    require(*argument_size == token->size);
    hash_number(hash, token->opcode);
    hash_number(hash, token->offset);
    hash_number(hash, token->size);
    *argument_size = 0;
}

/** Reads tokens up to STOP, or to what fails. The trace covers whole tokens only when the pickle is whole. */
static uint64_t trace_tokens(const uint8_t *bytes, size_t size, uint64_t line_size_max, uint64_t seed, bool is_fast)
{
    sj_lexer lexer;
    uint64_t hash = UINT64_C(14695981039346656037), argument_size = 0;
    sj_lexer_init(&lexer, line_size_max, 0);
    for (size_t at = 0; at < size;) {
        size_t taken = chunk_size(&seed, size - at);
        uint8_t *chunk = copy_chunk(bytes + at, taken);
        sj_token token = {.is_whole = true};
        sj_lexer_feed(&lexer, chunk, taken);
        while (token.is_whole && !(token.opcode == SJ_OP_STOP)) {
            const uint8_t *next = NULL;
            if (is_fast && lexer.state == SJ_LEXER_BETWEEN)
                next = sj_lexer_step(&lexer, lexer.position, lexer.end, &token);
            if (next != NULL)
                lexer.position = next;
            else
                require(sj_lexer_next(&lexer, &token, NULL) == SNAPJAR_OK);
            hash_token(&hash, &token, &argument_size);
        }
        free(chunk);
        at += taken;
    }
    return hash;
}

static outcome measure(const uint8_t *bytes, size_t size, uint64_t line_size_max, uint64_t seed, bool is_fast)
{
    const snapjar_limits limits = {.struct_size = sizeof limits, .pickle_line_size_max = line_size_max};
    sj_measure walk;
    outcome got = {0};
    snapjar_error err = {0};
    uint64_t first_seed = seed;
    sj_measure_init(&walk, &limits, 0);
    for (size_t at = 0; at < size && !sj_measure_is_done(&walk) && got.status == SNAPJAR_OK;) {
        size_t consumed;
        size_t taken = chunk_size(&seed, size - at);
        uint8_t *chunk = copy_chunk(bytes + at, taken);
        got.status = sj_measure_feed(&walk, chunk, taken, &consumed, &err);
        require(consumed <= taken);
        require(got.status != SNAPJAR_OK || sj_measure_is_done(&walk) || consumed == taken);
        free(chunk);
        at += consumed;
        require(!sj_measure_is_done(&walk) || at == walk.extent.size);
    }
    if (got.status == SNAPJAR_OK)
        got.status = sj_measure_finish(&walk, &err);
    got.diagnostic = err.diagnostic;
    got.offset = err.offset;
    if (got.status != SNAPJAR_OK) {
        require(err.offset <= size);
        return got;
    }
    got.size = walk.extent.size;
    got.opcode_count = walk.extent.opcode_count;
    got.buffer_count = walk.extent.buffer_count;
    got.protocol = walk.extent.protocol;
    got.trace = trace_tokens(bytes, (size_t)got.size, line_size_max, first_seed, is_fast);
    return got;
}

/** The same walk with a scan; `trace` is not filled in. */
static outcome inspect(snapjar_scan *scan, const uint8_t *bytes, size_t size, uint64_t line_size_max, uint64_t seed)
{
    const snapjar_limits limits = {.struct_size = sizeof limits, .pickle_line_size_max = line_size_max};
    sj_inspection walk;
    outcome got = {0};
    snapjar_error err = {0};
    sj_inspect_begin(&walk, scan, &(sj_inspect_options){0, SNAPJAR_STRING_ASCII, &limits});
    for (size_t at = 0; at < size && !sj_inspect_is_done(&walk) && got.status == SNAPJAR_OK;) {
        size_t consumed;
        size_t taken = chunk_size(&seed, size - at);
        uint8_t *chunk = copy_chunk(bytes + at, taken);
        got.status = sj_inspect_feed(&walk, chunk, taken, &consumed, &err);
        require(got.status != SNAPJAR_OK || sj_inspect_is_done(&walk) || consumed == taken);
        free(chunk);
        at += consumed;
    }
    if (got.status == SNAPJAR_OK)
        got.status = sj_inspect_finish(&walk, &err);
    got.diagnostic = err.diagnostic;
    got.offset = err.offset;
    /* A scan that came to the end has seen the same; one that gave up says why; none is clean where there is no end. */
    const snapjar_error *failure = snapjar_scan_failure(scan);
    if (got.status != SNAPJAR_OK) {
        require(failure != NULL);
        return got;
    }
    require(failure == NULL ? snapjar_scan_summarize(scan)->size == walk.extent.size : failure->status != SNAPJAR_OK);
    got.size = walk.extent.size;
    got.opcode_count = walk.extent.opcode_count;
    got.buffer_count = walk.extent.buffer_count;
    got.protocol = walk.extent.protocol;
    return got;
}

static void require_inspected(const uint8_t *bytes, size_t size, uint64_t line_size_max, uint64_t seed, outcome whole)
{
    snapjar_context *context;
    snapjar_scan *scan;
    whole.trace = 0;
    require(snapjar_context_new(&context, NULL, NULL) == SNAPJAR_OK);
    require(snapjar_scan_new(&scan, context, NULL, NULL) == SNAPJAR_OK);
    const outcome at_once = inspect(scan, bytes, size, line_size_max, 0);
    const outcome cut = inspect(scan, bytes, size, line_size_max, seed);
    require_same(&at_once, &whole);
    require_same(&cut, &whole);
    snapjar_scan_free(scan);
    snapjar_context_free(context);
}

typedef struct written {
    uint8_t *bytes;
    size_t size;
    size_t room;
} written;

static snapjar_status keep(void *state, const void *bytes, size_t size, snapjar_error *err)
{
    written *out = state;
    (void)err;
    require(size > 0 && size <= out->room - out->size);
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
    return SNAPJAR_OK;
}

/** Puts as many buffers into the pickle as it asks for, and measures what comes out. */
static void put_in_band(const uint8_t *bytes, size_t size, const outcome *expected)
{
    static const char text[] = "....\x97\x98\x95nnnnnnnnn";
    sj_inband_buffer buffers[16];
    const size_t count = (size_t)expected->buffer_count;
    if (count > 16)
        return;
    written out = {.room = size + count * 24};
    out.bytes = malloc(out.room);
    require(out.bytes != NULL);
    for (size_t i = 0; i < count; i++)
        buffers[i] = (sj_inband_buffer){text, i};
    require(sj_inband_write(bytes, size, buffers, count, keep, &out, NULL) == SNAPJAR_OK);
    outcome got = measure(out.bytes, out.size, UINT64_MAX, 0, true);
    require(got.status == SNAPJAR_OK);
    require(got.size == out.size);
    require(got.buffer_count == 0);
    require(got.opcode_count <= expected->opcode_count);
    require(count > 0 || (out.size == size && memcmp(out.bytes, bytes, size) == 0));
    out.size = 0;
    require(sj_inband_write(bytes, size, buffers, count + 1, keep, &out, NULL) == SNAPJAR_DAMAGED);
    require(out.size == 0);
    free(out.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t line_sizes[] = {SNAPJAR_PICKLE_LINE_SIZE_DEFAULT, 1, 2, 5, 17, 64, 1000, UINT64_MAX};
    if (size < CONTROL_SIZE)
        return 0;
    const uint64_t line_size_max = line_sizes[data[0] % 8];
    const uint64_t seed = (uint64_t)sj_read_le24(data + 1) + 1;
    const uint8_t *bytes = data + CONTROL_SIZE;
    size -= CONTROL_SIZE;

    const outcome whole = measure(bytes, size, line_size_max, 0, true);
    const outcome slow = measure(bytes, size, line_size_max, 0, false);
    const outcome cut = measure(bytes, size, line_size_max, seed, true);
    require_same(&slow, &whole);
    require_same(&cut, &whole);
    require_inspected(bytes, size, line_size_max, seed, whole);

    const snapjar_limits limits = {.struct_size = sizeof limits, .pickle_line_size_max = line_size_max};
    snapjar_pickle_extent extent;
    require(snapjar_pickle_measure(&extent, bytes, size, &limits, NULL) == whole.status);
    require(extent.size == whole.size);
    if (whole.status == SNAPJAR_OK)
        put_in_band(bytes, (size_t)whole.size, &whole);
    return 0;
}
