/* SPDX-License-Identifier: MIT
 *
 * Each opcode exactly, one token at a time: what it takes from the stack, marks and memo, what it leaves there, and
 * where CPython's Modules/_pickle.c fails. The load_ function of the same name there is the model. Slow only by the
 * standard of run.c, which does the usual cases of the usual opcodes and leaves all others to this file.
 */
#include <string.h>

#include "pickle/effects.h"

/* ---- the stack ---- */

static const char *opcode_name(const sj_token *token)
{
    return snapjar_opcode_find(token->opcode)->name;
}

snapjar_status(sj_underflow)(const sj_machine *machine, const sj_token *token, size_t count, snapjar_error *err)
{
    const size_t available = (size_t)(machine->top - sj_machine_fence(machine));
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_STACK_UNDERFLOW, SJ_AT_CONTENT(token->offset),
                    "%s needs %zu values and there are %zu%s", opcode_name(token), count, available,
                    machine->mark_count > 0 ? " above the mark" : "");
}

snapjar_status sj_need(const sj_machine *machine, const sj_token *token, size_t count, snapjar_error *err)
{
    if ((size_t)(machine->top - sj_machine_fence(machine)) < count)
        return sj_underflow(machine, token, count, err);
    return SNAPJAR_OK;
}

snapjar_status sj_push(sj_machine *machine, const sj_token *token, sj_tag tag, snapjar_error *err)
{
    const size_t depth = (size_t)(machine->top - machine->stack);
    if (depth >= machine->options.stack_depth_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SJ_AT_CONTENT(token->offset),
                        "the stack needs more than the limit of %llu values",
                        (unsigned long long)machine->options.stack_depth_max);
    *machine->top++ = (sj_value){tag, 0};
    if (machine->stack_high <= depth)
        machine->stack_high = depth + 1;
    return SNAPJAR_OK;
}

snapjar_status sj_take_mark(sj_machine *machine, const sj_token *token, sj_value **first, snapjar_error *err)
{
    *first = NULL;
    if (machine->mark_count == 0)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_MARK_MISSING, SJ_AT_CONTENT(token->offset),
                        "%s finds no MARK", opcode_name(token));
    *first = machine->stack + machine->marks[--machine->mark_count];
    return SNAPJAR_OK;
}

const char *sj_kind_name(sj_kind kind)
{
    switch (kind) {
    case SJ_KIND_ABSENT:
    case SJ_KIND_REDEFINED:
        return "nothing";
    case SJ_KIND_NONE:
        return "None";
    case SJ_KIND_BOOL:
        return "a bool";
    case SJ_KIND_INT:
        return "an int";
    case SJ_KIND_FLOAT:
        return "a float";
    case SJ_KIND_BYTES:
        return "bytes";
    case SJ_KIND_BYTEARRAY:
        return "a bytearray";
    case SJ_KIND_TUPLE:
    case SJ_KIND_TUPLE_GLOBAL:
    case SJ_KIND_TUPLE_ATTRIBUTE:
        return "a tuple";
    case SJ_KIND_LIST:
        return "a list";
    case SJ_KIND_DICT:
        return "a dict";
    case SJ_KIND_SET:
        return "a set";
    case SJ_KIND_FROZENSET:
        return "a frozenset";
    case SJ_KIND_BUFFER:
        return "a buffer";
    case SJ_KIND_INSTANCE:
        return "an instance";
    case SJ_KIND_COMPUTED:
        return "a computed value";
    case SJ_KIND_PERSISTENT:
        return "a persistent object";
    case SJ_KIND_STR_HERE:
    case SJ_KIND_STR_KEPT:
    case SJ_KIND_STR_NAME:
    case SJ_KIND_STR_LOST:
        return "a str";
    case SJ_KIND_GLOBAL:
        return "a global";
    }
    return "something";
}

snapjar_status sj_raise_operand(const sj_token *token, const char *what, sj_tag tag, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_OPERAND_INVALID, SJ_AT_CONTENT(token->offset),
                    "%s of %s is %s", what, opcode_name(token), sj_kind_name(sj_tag_kind(tag)));
}

/* ---- handlers: one for each kind of opcode ---- */

typedef SJ_EFFECT handler(sj_machine *machine, const sj_token *token, snapjar_error *err);

snapjar_status sj_raise_argument(const sj_token *token, const char *what, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset),
                    "the argument of %s is not %s", opcode_name(token), what);
}

/** Opcodes that push a value of one kind and need no look at their argument. */
static const uint8_t literal_kinds[256] = {
    [SJ_OP_NONE] = SJ_KIND_NONE,
    [SJ_OP_NEWTRUE] = SJ_KIND_BOOL,
    [SJ_OP_NEWFALSE] = SJ_KIND_BOOL,
    [SJ_OP_BININT] = SJ_KIND_INT,
    [SJ_OP_BININT1] = SJ_KIND_INT,
    [SJ_OP_BININT2] = SJ_KIND_INT,
    [SJ_OP_LONG1] = SJ_KIND_INT,
    [SJ_OP_LONG4] = SJ_KIND_INT,
    [SJ_OP_BINFLOAT] = SJ_KIND_FLOAT,
    [SJ_OP_BINBYTES] = SJ_KIND_BYTES,
    [SJ_OP_SHORT_BINBYTES] = SJ_KIND_BYTES,
    [SJ_OP_BINBYTES8] = SJ_KIND_BYTES,
    [SJ_OP_BYTEARRAY8] = SJ_KIND_BYTEARRAY,
    [SJ_OP_EMPTY_LIST] = SJ_KIND_LIST,
    [SJ_OP_EMPTY_SET] = SJ_KIND_SET,
};

static SJ_EFFECT do_literal(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    return sj_push(machine, token, sj_tag_make((sj_kind)literal_kinds[token->opcode], 0), err);
}

/** INT, LONG, FLOAT. */
static SJ_EFFECT do_number(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const uint8_t *data = token->data != NULL ? token->data : machine->gathered;
    const size_t size = (size_t)sj_min(token->size, SJ_GATHERED_SIZE);
    sj_kind kind = SJ_KIND_INT;
    bool is_bool = false;
    bool is_canonical;
    if (size == 0)
        return sj_raise_argument(token, "a number: it is empty", err);
    if (token->opcode == SJ_OP_INT) {
        is_canonical = sj_is_canonical_int(data, size, &is_bool);
        kind = is_bool ? SJ_KIND_BOOL : SJ_KIND_INT;
    } else if (token->opcode == SJ_OP_LONG) {
        is_canonical = sj_is_canonical_long(data, size);
    } else {
        is_canonical = sj_is_canonical_float(data, size);
        kind = SJ_KIND_FLOAT;
    }
    if (!is_canonical) {
        char text[64];
        (void)snapjar_text_escape(text, sizeof text, data, size);
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_NUMBER, token->offset, err,
                               "%s \"%s\" is not written as picklers write numbers", opcode_name(token), text));
    }
    return sj_push(machine, token, sj_tag_make(kind, 0), err);
}

/** The tag of a text whose token did not lie whole in this chunk, from its argument. */
static SJ_EFFECT keep_straddling(sj_machine *machine, const sj_token *token, sj_text_form form, sj_tag *tag,
                                 snapjar_error *err)
{
    const uint8_t *data = token->data != NULL ? token->data : machine->gathered;
    uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX];
    size_t size;
    uint32_t place = 0;
    *tag = sj_tag_make(SJ_KIND_STR_LOST, 0);
    if (token->size > SJ_TEXT_ARGUMENT_MAX ||
        !sj_text_decode(form, data, (size_t)token->size, buffer, sizeof buffer, &size))
        return SNAPJAR_OK;
    SJ_TRY(sj_texts_keep(&machine->texts, buffer, size, &place, err));
    if (place != 0)
        *tag = sj_tag_make(SJ_KIND_STR_KEPT, place);
    return SNAPJAR_OK;
}

/** What is wrong with a text of Python 2, if anything; `*tag` is changed if it is not a str. */
static SJ_EFFECT check_python2(sj_machine *machine, const sj_token *token, bool has_high_bytes, sj_tag *tag,
                               snapjar_error *err)
{
    if (machine->protocol >= 3)
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_TEXT, token->offset, err,
                               "%s is of Python 2, and the protocol is %d", opcode_name(token), machine->protocol));
    if (sj_machine_reads_bytes(machine)) {
        *tag = sj_tag_make(SJ_KIND_BYTES, 0);
        return SNAPJAR_OK;
    }
    if (!has_high_bytes || machine->options.string_encoding != SNAPJAR_STRING_ASCII)
        return SNAPJAR_OK;
    *tag = sj_tag_make(SJ_KIND_STR_LOST, 0);
    return sj_machine_find(machine, SNAPJAR_DIAG_STRING_ENCODING, token->offset, err,
                           "%s is not ASCII, and no other encoding is declared", opcode_name(token));
}

/** All opcodes that push text. */
static SJ_EFFECT do_text(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const sj_text_form form = sj_machine_form(token->opcode);
    const bool is_here = token->data != NULL && token->offset >= machine->lexer.chunk_offset;
    sj_text_check whole;
    sj_tag tag;
    if (token->data != NULL) {
        sj_text_check_begin(&whole, form);
        sj_text_check_add(&whole, token->data, (size_t)token->size);
    } else {
        whole = machine->check;
    }
    sj_text_check_end(&whole);
    if (whole.is_invalid)
        return sj_raise_argument(token, form == SJ_FORM_UTF8 ? "UTF-8" : "a text of the form that it must have", err);
    if (whole.is_odd)
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_TEXT, token->offset, err,
                               "%s is escaped as no pickler does", opcode_name(token)));
    if (is_here)
        tag = sj_tag_make(SJ_KIND_STR_HERE, (uint32_t)(token->offset - machine->lexer.chunk_offset));
    else
        SJ_TRY(keep_straddling(machine, token, form, &tag, err));
    if (form == SJ_FORM_BYTES || form == SJ_FORM_QUOTED)
        SJ_TRY(check_python2(machine, token, whole.has_high_bytes, &tag, err));
    return sj_push(machine, token, tag, err);
}

static SJ_EFFECT do_mark(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    if (machine->mark_count >= machine->options.stack_depth_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_STACK_LIMIT, SJ_AT_CONTENT(token->offset),
                        "the stack needs more than the limit of %llu marks",
                        (unsigned long long)machine->options.stack_depth_max);
    machine->marks[machine->mark_count++] = (uint32_t)(machine->top - machine->stack);
    return SNAPJAR_OK;
}

/** Takes a mark if one is on top, else a value. */
static SJ_EFFECT do_pop(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    if (machine->mark_count > 0 && machine->top == sj_machine_fence(machine)) {
        machine->mark_count--;
        return SNAPJAR_OK;
    }
    SJ_TRY(sj_need(machine, token, 1, err));
    machine->top--;
    return SNAPJAR_OK;
}

static SJ_EFFECT do_pop_mark(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_value *first;
    SJ_TRY(sj_take_mark(machine, token, &first, err));
    machine->top = first;
    return SNAPJAR_OK;
}

static SJ_EFFECT do_dup(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_need(machine, token, 1, err));
    /* Keys that are added to one of the two are not seen in the other. */
    sj_forget_shape(machine, machine->top - 1);
    const sj_value value = machine->top[-1];
    SJ_TRY(sj_push(machine, token, value.tag, err));
    machine->top[-1].memo = value.memo & ~SJ_VALUE_SETTLED;
    return SNAPJAR_OK;
}

static SJ_EFFECT do_empty_dict(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    return sj_do_dict(machine, token, machine->top, err);
}

/** The opcodes that make something of all above the last mark: TUPLE, LIST, DICT, FROZENSET; or fill with it. */
static SJ_EFFECT do_marked(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_value *first;
    SJ_TRY(sj_take_mark(machine, token, &first, err));
    switch (token->opcode) {
    case SJ_OP_TUPLE:
        return sj_do_tuple(machine, token, first, err);
    case SJ_OP_DICT:
        return sj_do_dict(machine, token, first, err);
    case SJ_OP_SETITEMS:
        return sj_do_setitems(machine, token, first, err);
    case SJ_OP_APPENDS:
        return sj_do_appends(machine, token, first, err);
    case SJ_OP_ADDITEMS:
        return sj_do_additems(machine, token, first, err);
    }
    sj_mark_arguments(machine, token, first, machine->top);
    machine->top = first;
    return sj_push(machine, token, sj_tag_make(token->opcode == SJ_OP_LIST ? SJ_KIND_LIST : SJ_KIND_FROZENSET, 0), err);
}

/** The opcodes that work on a number of values that they know: EMPTY_TUPLE, TUPLE1 to TUPLE3, APPEND, SETITEM. */
static SJ_EFFECT do_counted(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    if (token->opcode == SJ_OP_APPEND) {
        SJ_TRY(sj_need(machine, token, 2, err));
        return sj_do_appends(machine, token, machine->top - 1, err);
    }
    if (token->opcode == SJ_OP_SETITEM) {
        SJ_TRY(sj_need(machine, token, 3, err));
        return sj_do_setitems(machine, token, machine->top - 2, err);
    }
    const size_t count = token->opcode == SJ_OP_EMPTY_TUPLE ? 0
                         : token->opcode == SJ_OP_TUPLE1    ? 1
                         : token->opcode == SJ_OP_TUPLE2    ? 2
                                                            : 3;
    SJ_TRY(sj_need(machine, token, count, err));
    return sj_do_tuple(machine, token, machine->top - count, err);
}

/** PERSID, BINPERSID. */
static SJ_EFFECT do_persistent(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    if (token->opcode == SJ_OP_BINPERSID) {
        SJ_TRY(sj_need(machine, token, 1, err));
        sj_mark_arguments(machine, token, machine->top - 1, machine->top);
        machine->top--;
    } else if (token->data != NULL ? !sj_is_ascii(token->data, (size_t)token->size) : machine->check.has_high_bytes) {
        return sj_raise_argument(token, "ASCII", err);
    }
    sj_use_add(&machine->summary.persistent_ids, token->offset);
    return sj_push(machine, token, sj_tag_make(SJ_KIND_PERSISTENT, 0), err);
}

static SJ_EFFECT do_next_buffer(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_use_add(&machine->summary.buffers, token->offset);
    return sj_push(machine, token, sj_tag_make(SJ_KIND_BUFFER, 0), err);
}

static SJ_EFFECT do_readonly_buffer(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    SJ_TRY(sj_need(machine, token, 1, err));
    sj_value *value = machine->top - 1;
    const sj_kind kind = sj_tag_kind(value->tag);
    if (kind == SJ_KIND_BUFFER)
        return SNAPJAR_OK;
    if (kind != SJ_KIND_BYTES && kind != SJ_KIND_BYTEARRAY && !sj_tag_is_opaque(value->tag))
        return sj_raise_operand(token, "the operand", value->tag, err);
    *value = (sj_value){sj_tag_make(SJ_KIND_BUFFER, 0), 0};
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_TARGET, token->offset, err,
                           "READONLY_BUFFER works on %s", sj_kind_name(kind));
}

static SJ_EFFECT do_proto(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    machine->protocol = token->data[0];
    if (machine->opcode_count > 1)
        return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_PROTOCOL, token->offset, err,
                               "PROTO %d is not the first opcode", machine->protocol);
    machine->has_protocol = true;
    machine->summary.protocol = machine->protocol;
    if (machine->protocol >= 2)
        return SNAPJAR_OK;
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_PROTOCOL, token->offset, err,
                           "PROTO %d: pickles of protocols below 2 have no PROTO", machine->protocol);
}

static SJ_EFFECT do_frame(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const uint64_t start = token->offset + SJ_SHAPE_FIXED_MAX;
    /* One that ends where this begins is closed already. */
    const bool is_open = machine->frame_end != SNAPJAR_OFFSET_NONE;
    const uint64_t size = sj_read_le64(token->data);
    /* The end of a frame that was open is forgotten: one finding is enough. */
    if (!sj_add(start, size, &machine->frame_end))
        machine->frame_end = SNAPJAR_OFFSET_NONE - 1;
    if (!is_open)
        return SNAPJAR_OK;
    return sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_FRAME, token->offset, err,
                           "a frame begins inside another");
}

static snapjar_root root_of(sj_tag tag)
{
    static const uint8_t roots[64] = {
        [SJ_KIND_NONE] = SNAPJAR_ROOT_NONE,
        [SJ_KIND_BOOL] = SNAPJAR_ROOT_BOOL,
        [SJ_KIND_INT] = SNAPJAR_ROOT_INT,
        [SJ_KIND_FLOAT] = SNAPJAR_ROOT_FLOAT,
        [SJ_KIND_BYTES] = SNAPJAR_ROOT_BYTES,
        [SJ_KIND_BYTEARRAY] = SNAPJAR_ROOT_BYTEARRAY,
        [SJ_KIND_TUPLE] = SNAPJAR_ROOT_TUPLE,
        [SJ_KIND_LIST] = SNAPJAR_ROOT_LIST,
        [SJ_KIND_DICT] = SNAPJAR_ROOT_DICT,
        [SJ_KIND_SET] = SNAPJAR_ROOT_SET,
        [SJ_KIND_FROZENSET] = SNAPJAR_ROOT_FROZENSET,
        [SJ_KIND_BUFFER] = SNAPJAR_ROOT_BUFFER,
        [SJ_KIND_INSTANCE] = SNAPJAR_ROOT_INSTANCE,
        [SJ_KIND_COMPUTED] = SNAPJAR_ROOT_COMPUTED,
        [SJ_KIND_PERSISTENT] = SNAPJAR_ROOT_PERSISTENT,
        [SJ_KIND_STR_HERE] = SNAPJAR_ROOT_STR,
        [SJ_KIND_STR_KEPT] = SNAPJAR_ROOT_STR,
        [SJ_KIND_STR_NAME] = SNAPJAR_ROOT_STR,
        [SJ_KIND_STR_LOST] = SNAPJAR_ROOT_STR,
        [SJ_KIND_GLOBAL] = SNAPJAR_ROOT_GLOBAL,
        [SJ_KIND_TUPLE_GLOBAL] = SNAPJAR_ROOT_TUPLE,
        [SJ_KIND_TUPLE_ATTRIBUTE] = SNAPJAR_ROOT_TUPLE,
    };
    return (snapjar_root)roots[tag >> SJ_PAYLOAD_BITS];
}

static SJ_EFFECT do_stop(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    snapjar_scan_summary *summary = &machine->summary;
    SJ_TRY(sj_need(machine, token, 1, err));
    const size_t depth = (size_t)(machine->top - machine->stack);
    if (depth > 1 || machine->mark_count > 0)
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_STACK, token->offset, err,
                               "STOP leaves %zu values and %zu marks on the stack", depth - 1, machine->mark_count));
    if (machine->frame_end != SNAPJAR_OFFSET_NONE && machine->frame_end > token->offset + 1)
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_FRAME, token->offset, err,
                               "the last frame ends after STOP, at %llu", (unsigned long long)machine->frame_end));
    const sj_tag root = sj_machine_tag(machine, machine->top - 1);
    summary->root = root_of(root);
    if (summary->root == SNAPJAR_ROOT_INSTANCE || summary->root == SNAPJAR_ROOT_GLOBAL)
        summary->root_global = sj_tag_payload(root);
    /* A global that is the whole pickle is no part of anything. */
    if (summary->root != SNAPJAR_ROOT_GLOBAL)
        sj_mark_arguments(machine, token, machine->top - 1, machine->top);
    summary->is_complete = true;
    summary->size = token->offset + 1 - machine->lexer.base_offset;
    while (!machine->has_protocol && machine->protocol_bits >> (summary->protocol + 1) != 0)
        summary->protocol++;
    return SNAPJAR_OK;
}

/** By opcode; all 68 are there, which a test counts. */
static handler *const handlers[256] = {
    [SJ_OP_MARK] = do_mark,
    [SJ_OP_EMPTY_TUPLE] = do_counted,
    [SJ_OP_STOP] = do_stop,
    [SJ_OP_POP] = do_pop,
    [SJ_OP_POP_MARK] = do_pop_mark,
    [SJ_OP_DUP] = do_dup,
    [SJ_OP_BINBYTES] = do_literal,
    [SJ_OP_SHORT_BINBYTES] = do_literal,
    [SJ_OP_FLOAT] = do_number,
    [SJ_OP_BINFLOAT] = do_literal,
    [SJ_OP_INT] = do_number,
    [SJ_OP_BININT] = do_literal,
    [SJ_OP_BININT1] = do_literal,
    [SJ_OP_LONG] = do_number,
    [SJ_OP_BININT2] = do_literal,
    [SJ_OP_NONE] = do_literal,
    [SJ_OP_PERSID] = do_persistent,
    [SJ_OP_BINPERSID] = do_persistent,
    [SJ_OP_REDUCE] = sj_do_reduce,
    [SJ_OP_STRING] = do_text,
    [SJ_OP_BINSTRING] = do_text,
    [SJ_OP_SHORT_BINSTRING] = do_text,
    [SJ_OP_UNICODE] = do_text,
    [SJ_OP_BINUNICODE] = do_text,
    [SJ_OP_EMPTY_LIST] = do_literal,
    [SJ_OP_APPEND] = do_counted,
    [SJ_OP_BUILD] = sj_do_build,
    [SJ_OP_GLOBAL] = sj_do_global,
    [SJ_OP_DICT] = do_marked,
    [SJ_OP_APPENDS] = do_marked,
    [SJ_OP_GET] = sj_do_get,
    [SJ_OP_BINGET] = sj_do_get,
    [SJ_OP_INST] = sj_do_inst,
    [SJ_OP_LONG_BINGET] = sj_do_get,
    [SJ_OP_LIST] = do_marked,
    [SJ_OP_OBJ] = sj_do_obj,
    [SJ_OP_PUT] = sj_do_put,
    [SJ_OP_BINPUT] = sj_do_put,
    [SJ_OP_LONG_BINPUT] = sj_do_put,
    [SJ_OP_SETITEM] = do_counted,
    [SJ_OP_TUPLE] = do_marked,
    [SJ_OP_SETITEMS] = do_marked,
    [SJ_OP_EMPTY_DICT] = do_empty_dict,
    [SJ_OP_PROTO] = do_proto,
    [SJ_OP_NEWOBJ] = sj_do_newobj,
    [SJ_OP_EXT1] = sj_do_extension,
    [SJ_OP_EXT2] = sj_do_extension,
    [SJ_OP_EXT4] = sj_do_extension,
    [SJ_OP_TUPLE1] = do_counted,
    [SJ_OP_TUPLE2] = do_counted,
    [SJ_OP_TUPLE3] = do_counted,
    [SJ_OP_NEWTRUE] = do_literal,
    [SJ_OP_NEWFALSE] = do_literal,
    [SJ_OP_LONG1] = do_literal,
    [SJ_OP_LONG4] = do_literal,
    [SJ_OP_SHORT_BINUNICODE] = do_text,
    [SJ_OP_BINUNICODE8] = do_text,
    [SJ_OP_BINBYTES8] = do_literal,
    [SJ_OP_EMPTY_SET] = do_literal,
    [SJ_OP_ADDITEMS] = do_marked,
    [SJ_OP_FROZENSET] = do_marked,
    [SJ_OP_NEWOBJ_EX] = sj_do_newobj,
    [SJ_OP_STACK_GLOBAL] = sj_do_stack_global,
    [SJ_OP_MEMOIZE] = sj_do_put,
    [SJ_OP_FRAME] = do_frame,
    [SJ_OP_BYTEARRAY8] = do_literal,
    [SJ_OP_NEXT_BUFFER] = do_next_buffer,
    [SJ_OP_READONLY_BUFFER] = do_readonly_buffer,
};

snapjar_status sj_machine_execute(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const uint8_t bit = sj_opcode_protocol_bits[token->opcode];
    const unsigned allowed = machine->protocol >= 2 ? (2u << machine->protocol) - 1 : 3u;
    machine->opcode_count++;
    machine->protocol_bits |= bit;
    /* TUPLE2 holds what a state setter is called with at any protocol: save_reduce of CPython 3.8 and later. */
    if ((bit & allowed) == 0 && token->opcode != SJ_OP_PROTO && token->opcode != SJ_OP_TUPLE2)
        SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_PROTOCOL, token->offset, err,
                               "%s is of protocol %d, and the protocol is %d", opcode_name(token),
                               snapjar_opcode_find(token->opcode)->protocol, machine->protocol));
    return handlers[token->opcode](machine, token, err);
}
