/* SPDX-License-Identifier: MIT
 *
 * The opcodes of the memo: load_get and load_put and their kin, and load_memoize, of CPython's Modules/_pickle.c.
 */
#include "pickle/effects.h"

static const char *opcode_name(const sj_token *token)
{
    return snapjar_opcode_find(token->opcode)->name;
}

static SJ_EFFECT read_index(const sj_machine *machine, const sj_token *token, uint64_t *index, snapjar_error *err)
{
    switch (token->opcode) {
    case SJ_OP_BINGET:
    case SJ_OP_BINPUT:
        *index = token->data[0];
        return SNAPJAR_OK;
    case SJ_OP_LONG_BINGET:
    case SJ_OP_LONG_BINPUT:
        *index = sj_read_le32(token->data);
        return SNAPJAR_OK;
    }
    /* Readers disagree on signs, spaces and underscores, so which entry is meant cannot be told. */
    if (!sj_read_index(token->data != NULL ? token->data : machine->gathered,
                       (size_t)sj_min(token->size, SJ_GATHERED_SIZE), index))
        return sj_raise_argument(token, "a memo index as picklers write it", err);
    return SNAPJAR_OK;
}

snapjar_status sj_do_get(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    uint64_t index;
    SJ_TRY(read_index(machine, token, &index, err));
    if (index >= machine->memo_high || machine->memo_kinds[index] == SJ_KIND_ABSENT)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_MISSING, SJ_AT_CONTENT(token->offset),
                        "%s asks for memo entry %llu, which was never made", opcode_name(token),
                        (unsigned long long)index);
    if (machine->memo_kinds[index] == SJ_KIND_REDEFINED)
        return sj_push(machine, token, sj_machine_redefinition(machine, (size_t)index)->now, err);
    SJ_TRY(sj_push(machine, token, sj_tag_make((sj_kind)machine->memo_kinds[index], 0), err));
    machine->top[-1].memo = (uint32_t)index + 1;
    return SNAPJAR_OK;
}

/** A memo entry is made again: what is on the stack keeps what it was, and what comes from the memo is new. */
static SJ_EFFECT redefine(sj_machine *machine, const sj_token *token, size_t index, sj_value *value, snapjar_error *err)
{
    sj_redefinition *redefinition;
    sj_forget_shape(machine, value);
    const sj_tag tag = sj_machine_tag(machine, value);
    SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_MEMO, token->offset, err,
                           "memo entry %zu is made a second time", index));
    if (machine->memo_kinds[index] == SJ_KIND_REDEFINED) {
        redefinition = sj_machine_redefinition(machine, index);
    } else if (machine->redefinition_count < SJ_REDEFINITION_MAX) {
        redefinition = &machine->redefinitions[machine->redefinition_count++];
        redefinition->index = index;
        redefinition->first = sj_tag_make((sj_kind)machine->memo_kinds[index], machine->memo_payloads[index]);
        machine->memo_kinds[index] = SJ_KIND_REDEFINED;
    } else {
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_MEMO_LIMIT, SJ_AT_CONTENT(token->offset),
                        "more than the limit of %d memo entries are made a second time", SJ_REDEFINITION_MAX);
    }
    redefinition->now = tag;
    *value = (sj_value){tag, value->memo & SJ_VALUE_SETTLED};
    return SNAPJAR_OK;
}

snapjar_status sj_do_put(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    /* _Unpickler_MemoPut counts distinct entries, and load_memoize takes that number. */
    uint64_t index = machine->memo_count;
    SJ_TRY(sj_need(machine, token, 1, err));
    if (token->opcode != SJ_OP_MEMOIZE)
        SJ_TRY(read_index(machine, token, &index, err));
    if (index > machine->opcode_count)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MEMO_INDEX, SJ_AT_CONTENT(token->offset),
                        "memo index %llu of %s is above the %llu opcodes so far", (unsigned long long)index,
                        opcode_name(token), (unsigned long long)machine->opcode_count);
    if (index >= machine->options.memo_count_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_MEMO_LIMIT, SJ_AT_CONTENT(token->offset),
                        "the memo needs more than the limit of %llu entries",
                        (unsigned long long)machine->options.memo_count_max);
    SJ_TRY(sj_machine_reserve_memo(machine, (size_t)index, err));
    sj_value *value = machine->top - 1;
    if (machine->memo_kinds[index] != SJ_KIND_ABSENT)
        return redefine(machine, token, (size_t)index, value, err);
    if ((value->memo & ~SJ_VALUE_SETTLED) != 0)
        sj_forget_shape(machine, value);
    sj_tag tag = sj_machine_tag(machine, value);
    if (index < machine->memo_settled && sj_tag_kind(tag) == SJ_KIND_STR_HERE)
        SJ_TRY(sj_machine_keep(machine, &tag, err));
    machine->memo_kinds[index] = (uint8_t)sj_tag_kind(tag);
    machine->memo_payloads[index] = sj_tag_payload(tag);
    machine->memo_count++;
    machine->memo_high = index >= machine->memo_high ? (size_t)index + 1 : machine->memo_high;
    value->memo = ((uint32_t)index + 1) | (value->memo & SJ_VALUE_SETTLED);
    return SNAPJAR_OK;
}
