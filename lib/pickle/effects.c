/* SPDX-License-Identifier: MIT
 *
 * Calls, instances, state and containers: load_reduce, load_obj, load_newobj, load_build, do_setitems, do_append,
 * load_additems of CPython's Modules/_pickle.c. What a loader does with the values is not done, only what it does to
 * the stack, and what is used for what.
 */
#include "pickle/effects.h"

/** A pair of states of which the keys are not known. */
#define UNKNOWN_PAIR SJ_PAYLOAD_MAX

static snapjar_use_record *use_of(sj_machine *machine, sj_tag tag, snapjar_use use)
{
    return &machine->names.globals[sj_tag_payload(tag)].info.uses[use];
}

static bool is_tuple(sj_tag tag)
{
    return sj_tag_kind(tag) == SJ_KIND_TUPLE || sj_tag_kind(tag) == SJ_KIND_TUPLE_GLOBAL ||
           sj_tag_kind(tag) == SJ_KIND_TUPLE_ATTRIBUTE;
}

void sj_forget_shape(sj_machine *machine, sj_value *value)
{
    if (sj_tag_kind(value->tag) == SJ_KIND_DICT && sj_tag_payload(sj_machine_tag(machine, value)) != 0)
        sj_machine_learn(machine, value, sj_tag_make(SJ_KIND_DICT, 0));
}

void sj_mark_arguments(sj_machine *machine, const sj_token *token, const sj_value *from, const sj_value *to)
{
    for (const sj_value *value = from; value < to; value++) {
        if ((value->tag & SJ_TAG_HOLDS_GLOBAL) == 0)
            continue;
        sj_tag tag = sj_machine_tag(machine, value);
        /* Of a pair that is no argument of getattr here, its first element. */
        if (sj_tag_kind(tag) == SJ_KIND_TUPLE_ATTRIBUTE)
            tag = machine->names.globals[sj_tag_payload(tag)].base;
        sj_use_add(use_of(machine, tag, SNAPJAR_USE_ARGUMENT), token->offset);
    }
}

/* ---- calls ---- */

/** Arguments must be a tuple. What may be one at run time is noted. */
static snapjar_status check_arguments(sj_machine *machine, const sj_token *token, sj_tag arguments, snapjar_error *err)
{
    if (is_tuple(arguments))
        return SNAPJAR_OK;
    if (!sj_tag_is_opaque(arguments))
        return sj_raise_operand(token, "the tuple of arguments", arguments, err);
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_OPERAND, token->offset, err,
                           "the arguments of a call are computed");
}

/** What is called or made an instance of: a global, or something computed. */
static snapjar_status check_callee(sj_machine *machine, const sj_token *token, sj_tag callee, snapjar_error *err)
{
    if (sj_tag_kind(callee) == SJ_KIND_GLOBAL)
        return SNAPJAR_OK;
    if (!sj_tag_is_opaque(callee))
        return sj_raise_operand(token, "what is called", callee, err);
    sj_use_add(&machine->summary.computed_calls, token->offset);
    return SNAPJAR_OK;
}

static sj_tag result_of(sj_tag callee)
{
    return sj_tag_kind(callee) == SJ_KIND_GLOBAL ? sj_tag_make(SJ_KIND_INSTANCE, sj_tag_payload(callee))
                                                 : sj_tag_make(SJ_KIND_COMPUTED, 0);
}

snapjar_status sj_do_reduce(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_need(machine, token, 2, err));
    sj_value *operands = machine->top - 2;
    const sj_tag callee = sj_machine_tag(machine, &operands[0]);
    const sj_tag arguments = sj_machine_tag(machine, &operands[1]);
    SJ_TRY(check_arguments(machine, token, arguments, err));
    SJ_TRY(check_callee(machine, token, callee, err));
    machine->top = operands;
    if (sj_tag_kind(callee) == SJ_KIND_GLOBAL) {
        /* getattr of a global by name is one more way to name a global. */
        if (machine->names.globals[sj_tag_payload(callee)].is_getattr &&
            sj_tag_kind(arguments) == SJ_KIND_TUPLE_ATTRIBUTE)
            return sj_push(machine, token, sj_tag_make(SJ_KIND_GLOBAL, sj_tag_payload(arguments)), err);
        sj_use_add(use_of(machine, callee, SNAPJAR_USE_CALL), token->offset);
        if (machine->names.globals[sj_tag_payload(callee)].makes_first_argument) {
            if (sj_tag_kind(arguments) == SJ_KIND_TUPLE_GLOBAL) {
                sj_use_add(use_of(machine, arguments, SNAPJAR_USE_NEW), token->offset);
                return sj_push(machine, token, sj_tag_make(SJ_KIND_INSTANCE, sj_tag_payload(arguments)), err);
            }
            sj_use_add(&machine->summary.computed_calls, token->offset);
            return sj_push(machine, token, sj_tag_make(SJ_KIND_COMPUTED, 0), err);
        }
    }
    sj_mark_arguments(machine, token, operands + 1, operands + 2);
    return sj_push(machine, token, result_of(callee), err);
}

snapjar_status sj_do_obj(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_value *first;
    SJ_TRY(sj_take_mark(machine, token, &first, err));
    if (first == machine->top)
        return sj_underflow(machine, token, (size_t)(machine->top - sj_machine_fence(machine)) + 1, err);
    const sj_tag callee = sj_machine_tag(machine, first);
    SJ_TRY(check_callee(machine, token, callee, err));
    sj_mark_arguments(machine, token, first + 1, machine->top);
    machine->top = first;
    if (sj_tag_kind(callee) == SJ_KIND_GLOBAL) {
        sj_use_add(use_of(machine, callee, SNAPJAR_USE_CALL), token->offset);
        if (machine->names.globals[sj_tag_payload(callee)].makes_first_argument) {
            /* As for INST: no pickler does this. */
            sj_use_add(&machine->summary.computed_calls, token->offset);
            return sj_push(machine, token, sj_tag_make(SJ_KIND_COMPUTED, 0), err);
        }
    }
    return sj_push(machine, token, result_of(callee), err);
}

snapjar_status sj_do_newobj(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const size_t count = token->opcode == SJ_OP_NEWOBJ_EX ? 3 : 2;
    SJ_TRY(sj_need(machine, token, count, err));
    sj_value *operands = machine->top - count;
    const sj_tag callee = sj_machine_tag(machine, &operands[0]);
    SJ_TRY(check_arguments(machine, token, operands[1].tag, err));
    if (count == 3 && sj_tag_kind(operands[2].tag) != SJ_KIND_DICT) {
        if (!sj_tag_is_opaque(operands[2].tag))
            return sj_raise_operand(token, "the dict of keyword arguments", operands[2].tag, err);
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_OPERAND, token->offset, err,
                               "the keyword arguments of a call are computed"));
    }
    SJ_TRY(check_callee(machine, token, callee, err));
    if (sj_tag_kind(callee) == SJ_KIND_GLOBAL)
        sj_use_add(use_of(machine, callee, SNAPJAR_USE_NEW), token->offset);
    sj_mark_arguments(machine, token, operands + 1, machine->top);
    machine->top = operands;
    return sj_push(machine, token, result_of(callee), err);
}

/* ---- state ---- */

/** The names in the state of an instance of `global` become its fields. */
static snapjar_status record_fields(sj_machine *machine, sj_tag instance, sj_tag state, snapjar_error *err)
{
    const uint32_t index = sj_tag_payload(instance);
    sj_global *global = &machine->names.globals[index];
    const uint32_t shape = sj_tag_payload(state);
    /* A state of another kind has no names. */
    if (sj_tag_kind(state) != SJ_KIND_DICT && (sj_tag_kind(state) != SJ_KIND_TUPLE || shape == 0))
        return SNAPJAR_OK;
    if (shape == 0 || shape == UNKNOWN_PAIR) {
        global->info.fields_are_whole = false;
        return SNAPJAR_OK;
    }
    if (shape == global->last_shape)
        return SNAPJAR_OK;
    global->last_shape = shape;
    return sj_layout_record(&machine->layout, index, shape, &global->info.fields_are_whole, err);
}

snapjar_status sj_do_build(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_need(machine, token, 2, err));
    const sj_value *operands = machine->top - 2;
    const sj_tag instance = sj_machine_tag(machine, &operands[0]);
    const sj_tag state = sj_machine_tag(machine, &operands[1]);
    sj_mark_arguments(machine, token, operands + 1, machine->top);
    machine->top--;
    switch (sj_tag_kind(instance)) {
    case SJ_KIND_INSTANCE:
        sj_use_add(use_of(machine, instance, SNAPJAR_USE_BUILD), token->offset);
        return record_fields(machine, instance, state, err);
    case SJ_KIND_COMPUTED:
        return SNAPJAR_OK;
    default:
        return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_TARGET, token->offset, err,
                               "BUILD gives state to %s", sj_kind_name(sj_tag_kind(instance)));
    }
}

/* ---- containers ---- */

/** The tag of a new empty dict above `below`: one with a shape where the state of an instance may be. */
static sj_tag empty_dict(sj_machine *machine, const sj_value *below)
{
    const ptrdiff_t count = below - sj_machine_fence(machine);
    bool may_be_state = count >= 1 && sj_tag_kind(below[-1].tag) == SJ_KIND_INSTANCE;
    if (count >= 2 && sj_tag_kind(below[-2].tag) == SJ_KIND_INSTANCE) {
        /* The state of slots comes second in a pair. */
        const sj_tag first = sj_machine_tag(machine, &below[-1]);
        may_be_state |=
            sj_tag_kind(first) == SJ_KIND_NONE || (sj_tag_kind(first) == SJ_KIND_DICT && sj_tag_payload(first) != 0);
    }
    return sj_tag_make(SJ_KIND_DICT, may_be_state ? SJ_SHAPE_EMPTY : 0);
}

/** Adds the keys of the values from `first` to a shape. */
static snapjar_status add_keys(sj_machine *machine, const sj_token *token, sj_value *first, uint32_t *shape,
                               snapjar_error *err)
{
    for (sj_value *key = first; key < machine->top && *shape != 0; key += 2) {
        uint32_t place;
        SJ_TRY(sj_machine_intern(machine, key, token->offset, &place, err));
        if (place == 0)
            *shape = 0;
        else
            SJ_TRY(sj_layout_step(&machine->layout, shape, sj_tag_make(SJ_KIND_STR_NAME, place), err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_do_dict(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err)
{
    if ((machine->top - first) % 2 != 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPERAND_INVALID, SJ_AT_CONTENT(token->offset),
                        "DICT has an odd number of values");
    sj_tag tag = empty_dict(machine, first);
    uint32_t shape = sj_tag_payload(tag);
    sj_mark_arguments(machine, token, first, machine->top);
    SJ_TRY(add_keys(machine, token, first, &shape, err));
    machine->top = first;
    return sj_push(machine, token, sj_tag_make(SJ_KIND_DICT, shape), err);
}

snapjar_status sj_do_tuple(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err)
{
    const size_t count = (size_t)(machine->top - first);
    sj_tag tag = sj_tag_make(SJ_KIND_TUPLE, 0);
    if (count > 0 && sj_tag_kind(first->tag) == SJ_KIND_GLOBAL) {
        /* What it is used as is known only when the tuple is. */
        tag = sj_tag_make(SJ_KIND_TUPLE_GLOBAL, sj_tag_payload(sj_machine_tag(machine, first)));
        if (count == 2)
            SJ_TRY(sj_pair_attribute(machine, token, first, &tag, err));
        sj_mark_arguments(machine, token, first + 1, machine->top);
    } else {
        sj_mark_arguments(machine, token, first, machine->top);
    }
    if (count == 2 && sj_tag_kind(first[1].tag) == SJ_KIND_DICT &&
        (sj_tag_kind(first->tag) == SJ_KIND_DICT || sj_tag_kind(first->tag) == SJ_KIND_NONE)) {
        const sj_tag state = sj_machine_tag(machine, first);
        const uint32_t shape = sj_tag_kind(state) == SJ_KIND_NONE ? SJ_SHAPE_EMPTY : sj_tag_payload(state);
        uint32_t joined;
        SJ_TRY(
            sj_layout_join(&machine->layout, shape, sj_tag_payload(sj_machine_tag(machine, first + 1)), &joined, err));
        tag = sj_tag_make(SJ_KIND_TUPLE, joined != 0 ? joined : UNKNOWN_PAIR);
    }
    machine->top = first;
    return sj_push(machine, token, tag, err);
}

/** The container below the values from `first`. */
static snapjar_status find_target(const sj_machine *machine, const sj_token *token, sj_value *first, sj_value **target,
                                  snapjar_error *err)
{
    *target = NULL;
    if (first <= sj_machine_fence(machine) || first > machine->top)
        return sj_underflow(machine, token, (size_t)(machine->top - sj_machine_fence(machine)) + 1, err);
    *target = first - 1;
    return SNAPJAR_OK;
}

/** Something is filled: an exact `kind`, or an instance whose use is noted; anything else is a finding. */
static snapjar_status fill(sj_machine *machine, const sj_token *token, sj_value *first, sj_value *target, sj_kind kind,
                           snapjar_use use, snapjar_error *err)
{
    const sj_kind actual = sj_tag_kind(target->tag);
    const bool is_empty = first == machine->top;
    sj_mark_arguments(machine, token, first, machine->top);
    machine->top = first;
    if (actual == kind)
        return SNAPJAR_OK;
    /* No pickler fills with nothing, and readers differ on what they then ask of the target. */
    if (!is_empty && kind != SJ_KIND_SET) {
        if (actual == SJ_KIND_INSTANCE)
            sj_use_add(use_of(machine, sj_machine_tag(machine, target), use), token->offset);
        if (actual == SJ_KIND_INSTANCE || actual == SJ_KIND_COMPUTED)
            return SNAPJAR_OK;
    }
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_TARGET, token->offset, err, "%s fills %s",
                           snapjar_opcode_find(token->opcode)->name, sj_kind_name(actual));
}

snapjar_status sj_do_setitems(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err)
{
    sj_value *target;
    SJ_TRY(find_target(machine, token, first, &target, err));
    if ((machine->top - first) % 2 != 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPERAND_INVALID, SJ_AT_CONTENT(token->offset),
                        "SETITEMS has an odd number of values");
    const sj_tag tag = sj_machine_tag(machine, target);
    uint32_t shape = sj_tag_payload(tag);
    if (sj_tag_kind(tag) == SJ_KIND_DICT && shape != 0) {
        SJ_TRY(add_keys(machine, token, first, &shape, err));
        sj_machine_learn(machine, target, sj_tag_make(SJ_KIND_DICT, shape));
    }
    return fill(machine, token, first, target, SJ_KIND_DICT, SNAPJAR_USE_SETITEM, err);
}

snapjar_status sj_do_appends(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err)
{
    sj_value *target;
    SJ_TRY(find_target(machine, token, first, &target, err));
    return fill(machine, token, first, target, SJ_KIND_LIST, SNAPJAR_USE_APPEND, err);
}

snapjar_status sj_do_additems(sj_machine *machine, const sj_token *token, sj_value *first, snapjar_error *err)
{
    sj_value *target;
    SJ_TRY(find_target(machine, token, first, &target, err));
    return fill(machine, token, first, target, SJ_KIND_SET, SNAPJAR_USE_APPEND, err);
}
