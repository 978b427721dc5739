/* SPDX-License-Identifier: MIT
 *
 * Finds the end of a pickle. The loop in `run` is the one that matters for speed: it lives in registers, and leaves for
 * the lexer's slow path where a token is cut, is text, or is one of the few that count.
 */
#include "pickle/measure.h"

#include <string.h>

#include "util/options.h"

void sj_measure_init(sj_measure *measure, const snapjar_limits *limits, uint64_t base_offset)
{
    uint64_t line_size_max = limits != NULL ? limits->pickle_line_size_max : 0;
    memset(measure, 0, sizeof *measure);
    sj_lexer_init(&measure->lexer, line_size_max != 0 ? line_size_max : SNAPJAR_PICKLE_LINE_SIZE_DEFAULT, base_offset);
}

/**
 * Runs over usual tokens and returns where they end. `with_protocol` is a constant in each call, so that there are two
 * loops: most pickles begin with PROTO, and their opcodes' own protocols need no look.
 */
static inline const uint8_t *run(sj_measure *measure, bool with_protocol)
{
    const uint8_t *position = measure->lexer.position;
    const uint8_t *const end = measure->lexer.end;
    uint64_t count = 0;
    unsigned bits = 0;
    for (;;) {
        sj_token token;
        const uint8_t *next = sj_lexer_step(&measure->lexer, position, end, &token);
        if (next == NULL)
            break;
        position = next;
        count++;
        if (with_protocol)
            bits |= sj_opcode_protocol_bits[token.opcode];
    }
    measure->extent.opcode_count += count;
    measure->protocol_bits |= bits;
    return position;
}

/** Counts one token of the slow path. */
static void take(sj_measure *measure, const sj_token *token)
{
    measure->extent.opcode_count++;
    measure->protocol_bits |= sj_opcode_protocol_bits[token->opcode];
    switch (token->opcode) {
    case SJ_OP_PROTO:
        /* A later PROTO changes how a loader resolves names from there on, but not what the pickle says it is. */
        if (measure->extent.opcode_count == 1) {
            measure->has_protocol = true;
            measure->extent.protocol = token->data[0];
        }
        break;
    case SJ_OP_NEXT_BUFFER:
        measure->extent.buffer_count++;
        break;
    case SJ_OP_STOP:
        measure->is_done = true;
        measure->extent.size = token->offset + 1 - measure->lexer.base_offset;
        /* Without PROTO, the highest bit that is set. */
        while (!measure->has_protocol && measure->protocol_bits >> (measure->extent.protocol + 1) != 0)
            measure->extent.protocol++;
        break;
    }
}

snapjar_status sj_measure_feed(sj_measure *measure, const void *bytes, size_t size, size_t *consumed,
                               snapjar_error *err)
{
    sj_lexer *lexer = &measure->lexer;
    *consumed = 0;
    sj_lexer_feed(lexer, bytes, size);
    while (!measure->is_done) {
        sj_token token;
        if (lexer->state == SJ_LEXER_BETWEEN)
            lexer->position = measure->has_protocol ? run(measure, false) : run(measure, true);
        SJ_TRY(sj_lexer_next(lexer, &token, err));
        if (!token.is_whole)
            break;
        take(measure, &token);
    }
    *consumed = (size_t)(lexer->position - lexer->chunk);
    return SNAPJAR_OK;
}

snapjar_status sj_measure_finish(const sj_measure *measure, snapjar_error *err)
{
    return measure->is_done ? SNAPJAR_OK : sj_lexer_raise_end(&measure->lexer, err);
}

static snapjar_status measure_whole(snapjar_pickle_extent *extent, const void *bytes, size_t size,
                                    const snapjar_limits *limits, snapjar_error *err)
{
    sj_measure measure;
    snapjar_limits known;
    size_t consumed;
    if (bytes == NULL && size > 0)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "bytes is NULL and size is %zu", size);
    SJ_TRY(sj_options_read(&known, sizeof known, limits, "limits", err));
    sj_measure_init(&measure, &known, 0);
    SJ_TRY(sj_measure_feed(&measure, bytes, size, &consumed, err));
    SJ_TRY(sj_measure_finish(&measure, err));
    *extent = measure.extent;
    return SNAPJAR_OK;
}

snapjar_status snapjar_pickle_measure(snapjar_pickle_extent *extent, const void *bytes, size_t size,
                                      const snapjar_limits *limits, snapjar_error *err)
{
    if (extent == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "extent is NULL");
    memset(extent, 0, sizeof *extent);
    return measure_whole(extent, bytes, size, limits, err);
}
