/* SPDX-License-Identifier: MIT
 *
 * The slow path of the lexer: any token, cut anywhere. Each state can be left at the end of a chunk and gone on with in
 * the next one. Text lines are what protocol 0 consists of, so they are slow only by the standard of sj_lexer_step.
 */
#include "pickle/lexer.h"

#include <string.h>

void sj_lexer_init(sj_lexer *lexer, uint64_t line_size_max, uint64_t base_offset)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->line_size_max = line_size_max;
    lexer->base_offset = base_offset;
    lexer->chunk_offset = base_offset;
}

void sj_lexer_feed(sj_lexer *lexer, const void *bytes, size_t size)
{
    lexer->chunk_offset = sj_lexer_offset(lexer, lexer->end);
    lexer->chunk = bytes;
    lexer->position = bytes;
    /* NULL + 0 is allowed in C++ only. */
    lexer->end = size > 0 ? lexer->chunk + size : lexer->chunk;
}

static const char *opcode_name(uint8_t code)
{
    return snapjar_opcode_find(code)->name;
}

/** The next `size` bytes in one piece, from the chunk or the carry; NULL if the chunk ends first. */
static const uint8_t *gather(sj_lexer *lexer, size_t size)
{
    size_t available = (size_t)(lexer->end - lexer->position);
    if (lexer->carry_size == 0 && available >= size) {
        lexer->position += size;
        return lexer->position - size;
    }
    size_t taken = (size_t)sj_min(size - lexer->carry_size, available);
    if (taken > 0)
        memcpy(lexer->carry + lexer->carry_size, lexer->position, taken);
    lexer->position += taken;
    lexer->carry_size = (uint8_t)(lexer->carry_size + taken);
    if (lexer->carry_size < size)
        return NULL;
    lexer->carry_size = 0;
    return lexer->carry;
}

static void finish(sj_lexer *lexer, sj_token *token)
{
    lexer->state = SJ_LEXER_BETWEEN;
    token->is_whole = true;
}

/** Steps over a counted argument once its length is known. */
static void skip_counted(sj_lexer *lexer, sj_token *token)
{
    const uint8_t *start = lexer->position;
    bool is_whole_here = lexer->counted_left == lexer->argument_size;
    size_t taken = (size_t)sj_min(lexer->counted_left, (uint64_t)(lexer->end - start));
    lexer->position += taken;
    lexer->counted_left -= taken;
    token->size = lexer->argument_size;
    if (lexer->counted_left == 0)
        finish(lexer, token);
    if (token->is_whole && is_whole_here) {
        token->data = start;
        return;
    }
    token->piece = start;
    token->piece_size = taken;
}

/** Gathers an argument of fixed size or a length prefix, and checks the two that can be wrong. */
static snapjar_status read_fixed(sj_lexer *lexer, sj_token *token, snapjar_error *err)
{
    const uint8_t shape = sj_opcode_shapes[lexer->opcode];
    const bool is_counted = shape > SJ_SHAPE_FIXED_MAX;
    const size_t size = is_counted ? shape & 0xf : shape - 1u;
    const uint8_t *bytes = gather(lexer, size);
    if (bytes == NULL)
        return SNAPJAR_OK;
    if (!is_counted) {
        /* load_proto of Modules/_pickle.c refuses the same; pickletools does not look. */
        if (lexer->opcode == SJ_OP_PROTO && bytes[0] > SJ_PROTOCOL_MAX)
            return sj_raise(err, SNAPJAR_UNSUPPORTED, SNAPJAR_DIAG_PICKLE_PROTOCOL_UNSUPPORTED,
                            SJ_AT_CONTENT(lexer->token_offset + 1), "pickle protocol %d is above %d, the highest known",
                            bytes[0], SJ_PROTOCOL_MAX);
        token->data = bytes;
        token->size = size;
        finish(lexer, token);
        return SNAPJAR_OK;
    }
    if (shape == SJ_SHAPE_COUNTED4_SIGNED && bytes[3] > 0x7f)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID,
                        SJ_AT_CONTENT(lexer->token_offset + 1), "length of %s is %lld and must not be negative",
                        opcode_name(lexer->opcode), (long long)sj_read_le32(bytes) - (1LL << 32));
    lexer->argument_size = size == 1 ? bytes[0] : size == 4 ? sj_read_le32(bytes) : sj_read_le64(bytes);
    lexer->counted_left = lexer->argument_size;
    lexer->state = SJ_LEXER_COUNTED;
    skip_counted(lexer, token);
    return SNAPJAR_OK;
}

/** Looks for the newline of each line still due. */
static snapjar_status read_lines(sj_lexer *lexer, sj_token *token, snapjar_error *err)
{
    const uint8_t *start = lexer->position;
    const bool is_whole_here = lexer->argument_size == 0;
    while (lexer->lines_left > 0) {
        const uint8_t *line = lexer->position;
        size_t available = (size_t)(lexer->end - line);
        uint64_t allowed = lexer->line_size_max - lexer->line_size;
        /* One byte more than allowed, because the newline does not count. */
        size_t searched = available <= allowed ? available : (size_t)allowed + 1;
        const uint8_t *newline = searched > 0 ? memchr(line, '\n', searched) : NULL;
        if (newline == NULL && searched > allowed)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_LINE_TOO_LONG, SJ_AT_CONTENT(lexer->line_offset),
                            "line of %s is longer than the limit of %llu bytes", opcode_name(lexer->opcode),
                            (unsigned long long)lexer->line_size_max);
        if (newline == NULL) {
            lexer->position = lexer->end;
            lexer->line_size += available;
            break;
        }
        lexer->position = newline + 1;
        lexer->line_size = 0;
        lexer->line_offset = sj_lexer_offset(lexer, lexer->position);
        lexer->lines_left--;
    }
    size_t taken = (size_t)(lexer->position - start);
    lexer->argument_size += taken;
    token->size = lexer->argument_size;
    if (lexer->lines_left == 0) {
        /* The last newline belongs to no one. */
        taken--;
        token->size--;
        finish(lexer, token);
        if (is_whole_here) {
            token->data = start;
            return SNAPJAR_OK;
        }
    }
    token->piece = start;
    token->piece_size = taken;
    return SNAPJAR_OK;
}

/** Takes the opcode's byte and says what follows it. */
static snapjar_status begin(sj_lexer *lexer, snapjar_error *err)
{
    const uint8_t code = *lexer->position;
    const uint8_t shape = sj_opcode_shapes[code];
    lexer->token_offset = sj_lexer_offset(lexer, lexer->position);
    if (shape == SJ_SHAPE_NONE)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPCODE_UNKNOWN, SJ_AT_CONTENT(lexer->token_offset),
                        "byte 0x%02x is no pickle opcode", code);
    lexer->position++;
    lexer->opcode = code;
    lexer->argument_size = 0;
    lexer->line_size = 0;
    lexer->line_offset = lexer->token_offset + 1;
    lexer->lines_left = shape == SJ_SHAPE_LINE_PAIR ? 2 : 1;
    lexer->state = shape == SJ_SHAPE_LINE || shape == SJ_SHAPE_LINE_PAIR ? SJ_LEXER_LINE : SJ_LEXER_FIXED;
    return SNAPJAR_OK;
}

snapjar_status sj_lexer_next(sj_lexer *lexer, sj_token *token, snapjar_error *err)
{
    memset(token, 0, sizeof *token);
    if (lexer->state == SJ_LEXER_BETWEEN) {
        if (lexer->position == lexer->end) {
            token->offset = sj_lexer_offset(lexer, lexer->position);
            return SNAPJAR_OK;
        }
        SJ_TRY(begin(lexer, err));
    }
    token->opcode = lexer->opcode;
    token->offset = lexer->token_offset;
    switch (lexer->state) {
    case SJ_LEXER_FIXED:
        return read_fixed(lexer, token, err);
    case SJ_LEXER_COUNTED:
        skip_counted(lexer, token);
        return SNAPJAR_OK;
    case SJ_LEXER_LINE:
        return read_lines(lexer, token, err);
    case SJ_LEXER_BETWEEN:
        break;
    }
    return sj_raise(err, SNAPJAR_BUG, SNAPJAR_DIAG_INTERNAL, SJ_AT_CONTENT(lexer->token_offset),
                    "the lexer is in state %d", (int)lexer->state);
}

snapjar_status sj_lexer_raise_end(const sj_lexer *lexer, snapjar_error *err)
{
    const uint64_t end = sj_lexer_offset(lexer, lexer->end);
    if (end == lexer->base_offset)
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_EMPTY, SJ_AT_CONTENT(end),
                        "there is no pickle: 0 bytes");
    switch (lexer->state) {
    case SJ_LEXER_BETWEEN:
        break;
    case SJ_LEXER_FIXED:
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SJ_AT_CONTENT(end),
                        "the pickle ends inside the argument of %s at %llu", opcode_name(lexer->opcode),
                        (unsigned long long)lexer->token_offset);
    case SJ_LEXER_COUNTED:
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SJ_AT_CONTENT(end),
                        "%s at %llu has an argument of %llu bytes, and the pickle ends %llu bytes before its end",
                        opcode_name(lexer->opcode), (unsigned long long)lexer->token_offset,
                        (unsigned long long)lexer->argument_size, (unsigned long long)lexer->counted_left);
    case SJ_LEXER_LINE:
        return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SJ_AT_CONTENT(end),
                        "the pickle ends before the newline of %s at %llu", opcode_name(lexer->opcode),
                        (unsigned long long)lexer->token_offset);
    }
    return sj_raise(err, SNAPJAR_CUT_SHORT, SNAPJAR_DIAG_PICKLE_CUT_SHORT, SJ_AT_CONTENT(end),
                    "the pickle ends without STOP after %llu bytes", (unsigned long long)(end - lexer->base_offset));
}
