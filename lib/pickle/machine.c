/* SPDX-License-Identifier: MIT
 *
 * What the two paths of the machine share: its memory, its findings, its texts, and the loop over chunks. Knows no
 * single opcode but STOP.
 */
#include "pickle/machine.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/** Opcodes that the fast path runs over between two looks at the limits. */
#define BUDGET ((size_t)1 << 14)
#define STACK_CAPACITY_FIRST ((size_t)128)
#define MEMO_CAPACITY_FIRST ((size_t)512)
#define FINDING_CAPACITY_FIRST ((size_t)8)

void sj_machine_init(sj_machine *machine, snapjar_context *context, const snapjar_scan_options *options)
{
    memset(machine, 0, sizeof *machine);
    machine->context = context;
    machine->options = *options;
    sj_texts_init(&machine->texts, context, (size_t)options->text_size_max);
    sj_names_init(&machine->names, &machine->texts, (size_t)options->global_count_max);
    sj_layout_init(&machine->layout, &machine->texts, (size_t)options->field_count_max);
    sj_machine_reset(machine, options->base_offset);
}

void sj_machine_clear(sj_machine *machine)
{
    sj_names_clear(&machine->names);
    sj_layout_clear(&machine->layout);
    sj_texts_clear(&machine->texts);
    sj_free(machine->context, machine->stack);
    sj_free(machine->context, machine->marks);
    sj_free(machine->context, machine->memo_kinds);
    sj_free(machine->context, machine->memo_payloads);
    sj_free(machine->context, machine->findings);
}

void sj_machine_reset(sj_machine *machine, uint64_t base_offset)
{
    sj_lexer_init(&machine->lexer, machine->options.line_size_max, base_offset);
    machine->top = machine->stack;
    machine->mark_count = 0;
    if (machine->memo_high > 0)
        memset(machine->memo_kinds, 0, machine->memo_high);
    machine->memo_high = machine->memo_count = machine->memo_settled = 0;
    machine->redefinition_count = 0;
    sj_layout_reset(&machine->layout);
    sj_names_reset(&machine->names);
    sj_texts_reset(&machine->texts);
    machine->finding_count = 0;
    machine->opcode_count = 0;
    machine->stack_high = 0;
    machine->protocol = 0;
    machine->has_protocol = false;
    machine->protocol_bits = 0;
    machine->frame_end = SNAPJAR_OFFSET_NONE;
    machine->is_checking = false;
    machine->gathered_size = 0;
    memset(machine->looked, 0, sizeof machine->looked);
    memset(&machine->summary, 0, sizeof machine->summary);
    machine->summary.root_global = SIZE_MAX;
    machine->summary.layout_is_whole = true;
    machine->summary.persistent_ids.offset = SNAPJAR_OFFSET_NONE;
    machine->summary.buffers.offset = SNAPJAR_OFFSET_NONE;
    machine->summary.computed_calls.offset = SNAPJAR_OFFSET_NONE;
}

snapjar_status sj_machine_find(sj_machine *machine, snapjar_diagnostic diagnostic, uint64_t offset, snapjar_error *err,
                               const char *format, ...)
{
    machine->summary.finding_count++;
    if (machine->finding_count >= machine->options.finding_count_max)
        return SNAPJAR_OK;
    if (machine->finding_count == machine->finding_capacity) {
        size_t capacity = machine->finding_capacity == 0 ? FINDING_CAPACITY_FIRST : 2 * machine->finding_capacity;
        snapjar_scan_finding *findings = sj_realloc(machine->context, machine->findings, capacity * sizeof *findings);
        if (findings == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *findings);
        machine->findings = findings;
        machine->finding_capacity = capacity;
    }
    snapjar_scan_finding *finding = &machine->findings[machine->finding_count++];
    finding->diagnostic = diagnostic;
    finding->offset = offset;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->message, sizeof finding->message, format, arguments);
    va_end(arguments);
    return SNAPJAR_OK;
}

/** The new capacity of an array that has to have room for `needed`. */
static size_t capacity_for(size_t needed, size_t first)
{
    size_t capacity = first;
    while (capacity < needed)
        capacity *= 2;
    return capacity;
}

snapjar_status sj_machine_reserve_memo(sj_machine *machine, size_t index, snapjar_error *err)
{
    if (index < machine->memo_capacity)
        return SNAPJAR_OK;
    const size_t capacity = capacity_for(index + 1, MEMO_CAPACITY_FIRST);
    uint8_t *kinds = sj_realloc(machine->context, machine->memo_kinds, capacity);
    if (kinds == NULL)
        return sj_raise_no_memory(err, capacity);
    machine->memo_kinds = kinds;
    uint32_t *payloads = sj_realloc(machine->context, machine->memo_payloads, capacity * sizeof *payloads);
    if (payloads == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *payloads);
    machine->memo_payloads = payloads;
    memset(kinds + machine->memo_capacity, 0, capacity - machine->memo_capacity);
    machine->memo_capacity = capacity;
    return SNAPJAR_OK;
}

snapjar_status sj_machine_reserve(sj_machine *machine, size_t count, size_t *granted, snapjar_error *err)
{
    const size_t depth = (size_t)(machine->top - machine->stack);
    *granted = 0;
    if (machine->stack_capacity < depth + count) {
        const size_t capacity = capacity_for(depth + count, STACK_CAPACITY_FIRST);
        sj_value *stack = sj_realloc(machine->context, machine->stack, capacity * sizeof *stack);
        if (stack == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *stack);
        machine->stack = stack;
        machine->top = stack + depth;
        machine->stack_capacity = capacity;
    }
    if (machine->mark_capacity < machine->mark_count + count) {
        const size_t capacity = capacity_for(machine->mark_count + count, STACK_CAPACITY_FIRST);
        uint32_t *marks = sj_realloc(machine->context, machine->marks, capacity * sizeof *marks);
        if (marks == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *marks);
        machine->marks = marks;
        machine->mark_capacity = capacity;
    }
    SJ_TRY(sj_machine_reserve_memo(machine, machine->memo_high + count, err));
    *granted = (size_t)sj_min(count, sj_min(machine->options.stack_depth_max - depth,
                                            sj_min(machine->options.stack_depth_max - machine->mark_count,
                                                   machine->options.memo_count_max - machine->memo_high)));
    return SNAPJAR_OK;
}

/* ---- what is known of values ---- */

sj_redefinition *sj_machine_redefinition(sj_machine *machine, size_t index)
{
    size_t i = 0;
    while (i < machine->redefinition_count && machine->redefinitions[i].index != index)
        i++;
    assert(i < machine->redefinition_count); /* whoever writes the kind makes the entry: redefine of memo.c */
    return &machine->redefinitions[i];
}

void sj_machine_learn(sj_machine *machine, sj_value *value, sj_tag tag)
{
    const uint32_t number = value->memo & ~SJ_VALUE_SETTLED;
    value->tag = tag;
    if (number == 0)
        return;
    if (machine->memo_kinds[number - 1] == SJ_KIND_REDEFINED) {
        value->memo &= SJ_VALUE_SETTLED;
        return;
    }
    machine->memo_kinds[number - 1] = (uint8_t)sj_tag_kind(tag);
    machine->memo_payloads[number - 1] = sj_tag_payload(tag);
}

/* ---- texts ---- */

/** The argument of the text opcode at `place` in this chunk, which is there whole. */
static const uint8_t *read_text(const sj_machine *machine, uint32_t place, size_t *size, sj_text_form *form)
{
    const uint8_t *opcode = machine->lexer.chunk + place;
    const uint8_t *line_end;
    *form = SJ_FORM_UTF8;
    switch (*opcode) {
    case SJ_OP_SHORT_BINSTRING:
        *form = SJ_FORM_BYTES;
        *size = opcode[1];
        return opcode + 2;
    case SJ_OP_SHORT_BINUNICODE:
        *size = opcode[1];
        return opcode + 2;
    case SJ_OP_BINSTRING:
        *form = SJ_FORM_BYTES;
        *size = sj_read_le32(opcode + 1);
        return opcode + 5;
    case SJ_OP_BINUNICODE:
        *size = sj_read_le32(opcode + 1);
        return opcode + 5;
    case SJ_OP_BINUNICODE8:
        *size = (size_t)sj_read_le64(opcode + 1);
        return opcode + 9;
    }
    /* STRING, UNICODE. */
    *form = *opcode == SJ_OP_STRING ? SJ_FORM_QUOTED : SJ_FORM_ESCAPED;
    line_end = memchr(opcode + 1, '\n', (size_t)(machine->lexer.end - opcode - 1));
    *size = (size_t)(line_end - opcode - 1);
    return opcode + 1;
}

/** The text that SJ_KIND_STR_HERE stands for, decoded into `buffer` where it must be; data NULL if it is no name. */
static snapjar_text text_here(sj_machine *machine, sj_tag tag, uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX])
{
    size_t size;
    sj_text_form form;
    const uint32_t place = sj_tag_payload(tag);
    const uint8_t *data = read_text(machine, place, &size, &form);
    if (place < SJ_LOOKED_SIZE)
        machine->looked[place / 64] |= UINT64_C(1) << (place % 64);
    if (form == SJ_FORM_UTF8 || (form == SJ_FORM_BYTES && sj_is_ascii(data, size)))
        return (snapjar_text){size <= SNAPJAR_SCAN_NAME_SIZE_MAX ? (const char *)data : NULL, size};
    if (size > SJ_TEXT_ARGUMENT_MAX || !sj_text_decode(form, data, size, buffer, SNAPJAR_SCAN_NAME_SIZE_MAX, &size))
        return (snapjar_text){NULL, 0};
    return (snapjar_text){(const char *)buffer, size};
}

snapjar_text sj_machine_text(sj_machine *machine, const sj_value *value, uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX])
{
    const sj_tag tag = sj_machine_tag(machine, value);
    if (sj_tag_kind(tag) == SJ_KIND_STR_HERE)
        return text_here(machine, tag, buffer);
    if (sj_tag_kind(tag) == SJ_KIND_STR_KEPT || sj_tag_kind(tag) == SJ_KIND_STR_NAME)
        return sj_texts_get(&machine->texts, sj_tag_payload(tag));
    return (snapjar_text){NULL, 0};
}

snapjar_status sj_machine_keep(sj_machine *machine, sj_tag *tag, snapjar_error *err)
{
    uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX];
    uint32_t place = 0;
    const snapjar_text text = text_here(machine, *tag, buffer);
    *tag = sj_tag_make(SJ_KIND_STR_LOST, 0);
    if (text.data != NULL)
        SJ_TRY(sj_texts_keep(&machine->texts, text.data, text.size, &place, err));
    if (place != 0)
        *tag = sj_tag_make(SJ_KIND_STR_KEPT, place);
    return SNAPJAR_OK;
}

snapjar_status sj_machine_intern(sj_machine *machine, sj_value *value, uint64_t offset, uint32_t *place,
                                 snapjar_error *err)
{
    uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX];
    snapjar_text text = {NULL, 0};
    *place = 0;
    const sj_tag tag = sj_machine_tag(machine, value);
    if (sj_tag_kind(tag) == SJ_KIND_STR_NAME) {
        *place = sj_tag_payload(tag);
        return SNAPJAR_OK;
    }
    if (sj_tag_kind(tag) == SJ_KIND_STR_HERE) {
        text = text_here(machine, tag, buffer);
    } else if (sj_tag_kind(tag) == SJ_KIND_STR_KEPT) {
        text = sj_texts_get(&machine->texts, sj_tag_payload(tag));
        /* The arena may move under a text that is in it. */
        memcpy(buffer, text.data, text.size);
        text.data = (const char *)buffer;
    }
    if (text.data == NULL)
        return SNAPJAR_OK;
    SJ_TRY(sj_texts_intern(&machine->texts, text.data, text.size, offset, place, err));
    sj_machine_learn(machine, value, sj_tag_make(SJ_KIND_STR_NAME, *place));
    return SNAPJAR_OK;
}

/** Keeps the text of a tag if it is in this chunk. */
static snapjar_status settle_tag(sj_machine *machine, sj_tag *tag, snapjar_error *err)
{
    return sj_tag_kind(*tag) == SJ_KIND_STR_HERE ? sj_machine_keep(machine, tag, err) : SNAPJAR_OK;
}

/**
 * Before the chunk goes: no tag may refer to it any longer. Every memo entry is looked at once in all. On the stack,
 * what was settled before is still where it was, with everything below it, so the walk ends there.
 */
snapjar_status sj_machine_settle(sj_machine *machine, snapjar_error *err)
{
    for (; machine->memo_settled < machine->memo_high; machine->memo_settled++) {
        const size_t index = machine->memo_settled;
        if (machine->memo_kinds[index] != SJ_KIND_STR_HERE)
            continue;
        sj_tag tag = sj_tag_make(SJ_KIND_STR_HERE, machine->memo_payloads[index]);
        SJ_TRY(sj_machine_keep(machine, &tag, err));
        machine->memo_kinds[index] = (uint8_t)sj_tag_kind(tag);
        machine->memo_payloads[index] = sj_tag_payload(tag);
    }
    for (size_t i = 0; i < machine->redefinition_count; i++) {
        SJ_TRY(settle_tag(machine, &machine->redefinitions[i].first, err));
        SJ_TRY(settle_tag(machine, &machine->redefinitions[i].now, err));
    }
    for (sj_value *value = machine->top; value > machine->stack;) {
        value--;
        if ((value->memo & SJ_VALUE_SETTLED) != 0)
            break;
        if (value->memo == 0)
            SJ_TRY(settle_tag(machine, &value->tag, err));
        value->memo |= SJ_VALUE_SETTLED;
    }
    return SNAPJAR_OK;
}

/* ---- the loop ---- */

sj_text_form sj_machine_form(uint8_t opcode)
{
    switch (opcode) {
    case SJ_OP_STRING:
        return SJ_FORM_QUOTED;
    case SJ_OP_UNICODE:
        return SJ_FORM_ESCAPED;
    case SJ_OP_BINSTRING:
    case SJ_OP_SHORT_BINSTRING:
    case SJ_OP_PERSID:
        return SJ_FORM_BYTES;
    }
    return SJ_FORM_UTF8;
}

/** Whether all of the argument has to be looked at. */
static bool is_text_opcode(uint8_t opcode)
{
    return opcode == SJ_OP_STRING || opcode == SJ_OP_BINSTRING || opcode == SJ_OP_SHORT_BINSTRING ||
           opcode == SJ_OP_UNICODE || opcode == SJ_OP_BINUNICODE || opcode == SJ_OP_SHORT_BINUNICODE ||
           opcode == SJ_OP_BINUNICODE8 || opcode == SJ_OP_PERSID;
}

/** Takes the piece of a straddling argument that lies in this chunk: its beginning is gathered, all of a text checked.
 */
static void gather(sj_machine *machine, const sj_token *token)
{
    if (!machine->is_checking) {
        machine->is_checking = true;
        machine->gathered_size = 0;
        sj_text_check_begin(&machine->check, sj_machine_form(token->opcode));
    }
    if (token->piece_size == 0)
        return;
    const size_t taken = (size_t)sj_min(token->piece_size, SJ_GATHERED_SIZE - machine->gathered_size);
    memcpy(machine->gathered + machine->gathered_size, token->piece, taken);
    machine->gathered_size += taken;
    if (is_text_opcode(token->opcode))
        sj_text_check_add(&machine->check, token->piece, token->piece_size);
}

/** After a token: a frame that was open may have ended, and must not have ended inside. */
static snapjar_status check_frame(sj_machine *machine, uint64_t offset, snapjar_error *err)
{
    if (offset < machine->frame_end)
        return SNAPJAR_OK;
    const uint64_t frame_end = machine->frame_end;
    machine->frame_end = SNAPJAR_OFFSET_NONE;
    if (offset == frame_end)
        return SNAPJAR_OK;
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_FRAME, frame_end, err,
                           "a frame ends inside an opcode that ends at %llu", (unsigned long long)offset);
}

/** The fast path, as far as it goes. */
static snapjar_status run_fast(sj_machine *machine, snapjar_error *err)
{
    sj_lexer *lexer = &machine->lexer;
    for (;;) {
        const uint8_t *before = lexer->position;
        size_t budget = (size_t)sj_min(BUDGET, (uint64_t)(lexer->end - before));
        if (budget <= SJ_SHAPE_FIXED_MAX)
            return SNAPJAR_OK;
        SJ_TRY(sj_machine_reserve(machine, budget, &budget, err));
        if (budget == 0)
            return SNAPJAR_OK;
        lexer->position = sj_machine_run(machine, before, budget);
        SJ_TRY(check_frame(machine, sj_lexer_offset(lexer, lexer->position), err));
        if ((size_t)(lexer->position - before) < budget)
            return SNAPJAR_OK;
    }
}

snapjar_status sj_machine_fetch(sj_machine *machine, sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_lexer_next(&machine->lexer, token, err));
    if (token->data == NULL && token->size > 0)
        gather(machine, token);
    return SNAPJAR_OK;
}

snapjar_status sj_machine_apply(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    size_t granted;
    SJ_TRY(sj_machine_reserve(machine, 1, &granted, err));
    SJ_TRY(sj_machine_execute(machine, token, err));
    machine->is_checking = false;
    return check_frame(machine, sj_lexer_offset(&machine->lexer, machine->lexer.position), err);
}

snapjar_status sj_machine_feed(sj_machine *machine, const uint8_t *bytes, size_t size, size_t *consumed,
                               snapjar_error *err)
{
    sj_lexer *lexer = &machine->lexer;
    *consumed = 0;
    sj_lexer_feed(lexer, bytes, size);
    while (!machine->summary.is_complete) {
        sj_token token;
        if (lexer->state == SJ_LEXER_BETWEEN)
            SJ_TRY(run_fast(machine, err));
        SJ_TRY(sj_machine_fetch(machine, &token, err));
        if (!token.is_whole)
            break;
        SJ_TRY(sj_machine_apply(machine, &token, err));
    }
    *consumed = (size_t)(lexer->position - lexer->chunk);
    return machine->summary.is_complete ? SNAPJAR_OK : sj_machine_settle(machine, err);
}
