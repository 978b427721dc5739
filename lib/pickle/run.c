/* SPDX-License-Identifier: MIT
 *
 * The fast path of the machine: usual opcodes in usual places, in one loop that lives in registers. It does what
 * execute.c does, or stops before the opcode and leaves it to that: whatever needs a message, a new entry in a table or
 * a closer look. The room for everything that it pushes was made before, so nothing is checked for room here.
 */
#include "pickle/machine.h"

/** Tags without payload. */
#define TAG(kind) ((sj_tag)(SJ_KIND_##kind) << SJ_PAYLOAD_BITS)

/** What the loop changes of the machine, so that it can stay in registers. */
typedef struct run_state {
    sj_value *top;
    /** The lowest value that may be taken, and how many marks there are. */
    sj_value *fence;
    size_t mark_count;
    size_t memo_high;
    /** One past the highest value that there was. */
    sj_value *high;
} run_state;

/** Takes values away. */
static inline void lower(run_state *state, sj_value *top)
{
    state->high = state->top > state->high ? state->top : state->high;
    state->top = top;
}

static inline bool is_tuple(sj_tag tag)
{
    return tag < TAG(LIST) && tag >= TAG(TUPLE);
}

/** What a loader has to refuse to take for text is rare: the first look is for ASCII, eight bytes at a time. */
static inline bool is_text(const uint8_t *data, size_t size, const uint8_t *end)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    if (size <= 8 && end - data >= 8) {
        /* Without the bytes behind the text; a shift by 64 is none. */
        const uint64_t bits = size > 0 ? sj_read_le64(data) << (64 - 8 * size) : 0;
        if ((bits & high) == 0)
            return true;
    } else if (sj_is_ascii(data, size)) {
        return true;
    }
    return sj_is_utf8(data, size);
}

/** Whether any of these values holds a global. */
static inline bool hold_global(const sj_value *from, const sj_value *to)
{
    sj_tag bits = 0;
    for (const sj_value *value = from; value < to; value++)
        bits |= value->tag;
    return (bits & SJ_TAG_HOLDS_GLOBAL) != 0;
}

/** The lowest value that may be taken while there are so many marks. */
static inline sj_value *fence_of(const sj_machine *machine, size_t mark_count)
{
    return machine->stack + (mark_count > 0 ? machine->marks[mark_count - 1] : 0);
}

/** The shape with these keys added; 0 if one of the steps has not been made last. */
static inline uint32_t find_shape(sj_machine *machine, const sj_shape *shapes, uint32_t shape, const sj_value *from,
                                  const sj_value *to)
{
    for (const sj_value *key = from; key < to; key += 2) {
        shape = shapes[shape].hint;
        if (shapes[shape].key != sj_machine_tag(machine, key))
            return 0;
    }
    return shape;
}

/** SETITEM, SETITEMS on an exact dict. False: nothing was done. */
static inline bool set_items(sj_machine *machine, const sj_shape *shapes, sj_value *first, const sj_value *top)
{
    sj_value *target = first - 1;
    if (((top - first) & 1) != 0 || first == top || sj_tag_kind(target->tag) != SJ_KIND_DICT || hold_global(first, top))
        return false;
    const sj_tag tag = sj_machine_tag(machine, target);
    if (tag == TAG(DICT))
        return true;
    if (shapes == NULL)
        return false;
    const uint32_t shape = find_shape(machine, shapes, sj_tag_payload(tag), first, top);
    if (shape == 0)
        return false;
    sj_machine_learn(machine, target, TAG(DICT) | shape);
    return true;
}

/** EMPTY_DICT. A second state of a pair is left to execute.c. False: nothing was done. */
static inline bool push_dict(run_state *state)
{
    const ptrdiff_t count = state->top - state->fence;
    sj_tag tag = TAG(DICT);
    if (count >= 1 && sj_tag_kind(state->top[-1].tag) == SJ_KIND_INSTANCE)
        tag |= SJ_SHAPE_EMPTY;
    else if (count >= 2 && sj_tag_kind(state->top[-2].tag) == SJ_KIND_INSTANCE)
        return false;
    *state->top++ = (sj_value){tag, 0};
    return true;
}

/** NEWOBJ of a class that was made an instance of before, without globals in the arguments. */
static inline bool make_instance(sj_machine *machine, run_state *state)
{
    if (state->top - state->fence < 2)
        return false;
    sj_value *operands = state->top - 2;
    if (sj_tag_kind(operands[0].tag) != SJ_KIND_GLOBAL || !is_tuple(operands[1].tag))
        return false;
    const uint32_t index = sj_tag_payload(sj_machine_tag(machine, &operands[0]));
    snapjar_use_record *use = &machine->names.globals[index].info.uses[SNAPJAR_USE_NEW];
    if (use->count == 0)
        return false;
    use->count++;
    lower(state, operands + 1);
    operands[0] = (sj_value){TAG(INSTANCE) | index, 0};
    return true;
}

/** REDUCE of a function that was called before, likewise. */
static inline bool call(sj_machine *machine, run_state *state)
{
    if (state->top - state->fence < 2)
        return false;
    sj_value *operands = state->top - 2;
    if (sj_tag_kind(operands[0].tag) != SJ_KIND_GLOBAL || !is_tuple(operands[1].tag))
        return false;
    const uint32_t index = sj_tag_payload(sj_machine_tag(machine, &operands[0]));
    sj_global *global = &machine->names.globals[index];
    snapjar_use_record *use = &global->info.uses[SNAPJAR_USE_CALL];
    if (use->count == 0 || global->makes_first_argument)
        return false;
    use->count++;
    lower(state, operands + 1);
    operands[0] = (sj_value){TAG(INSTANCE) | index, 0};
    return true;
}

/** BUILD of an instance with the fields that the last one of its class had. */
static inline bool build(sj_machine *machine, run_state *state)
{
    if (state->top - state->fence < 2)
        return false;
    sj_value *operands = state->top - 2;
    if (sj_tag_kind(operands[0].tag) != SJ_KIND_INSTANCE)
        return false;
    const sj_tag tag = sj_machine_tag(machine, &operands[1]);
    sj_global *global = &machine->names.globals[sj_tag_payload(sj_machine_tag(machine, &operands[0]))];
    snapjar_use_record *use = &global->info.uses[SNAPJAR_USE_BUILD];
    if (use->count == 0 || sj_tag_kind(tag) != SJ_KIND_DICT || sj_tag_payload(tag) == 0 ||
        sj_tag_payload(tag) != global->last_shape)
        return false;
    use->count++;
    lower(state, operands + 1);
    return true;
}

/** TUPLE1 to TUPLE3. A pair that may be a state and what holds globals is left to execute.c. */
static inline bool make_tuple(run_state *state, ptrdiff_t count)
{
    if (state->top - state->fence < count)
        return false;
    sj_value *first = state->top - count;
    if (hold_global(first, state->top))
        return false;
    if (count == 2 && sj_tag_kind(first[1].tag) == SJ_KIND_DICT)
        return false;
    lower(state, first + 1);
    *first = (sj_value){TAG(TUPLE), 0};
    return true;
}

/** PUT and its kin at the next index, which is the usual one. */
static inline bool memoize(sj_machine *machine, run_state *state, size_t index)
{
    if (index != state->memo_high || state->top <= state->fence)
        return false;
    /* A value that has an entry already may be a dict whose shape is in that. */
    if ((state->top[-1].memo & ~SJ_VALUE_SETTLED) != 0)
        return false;
    machine->memo_kinds[index] = (uint8_t)sj_tag_kind(state->top[-1].tag);
    machine->memo_payloads[index] = sj_tag_payload(state->top[-1].tag);
    state->top[-1].memo |= (uint32_t)index + 1;
    state->memo_high++;
    return true;
}

/** GET and its kin. */
static inline bool get(sj_machine *machine, run_state *state, size_t index)
{
    if (index >= state->memo_high)
        return false;
    const uint32_t kind = machine->memo_kinds[index];
    if (kind == SJ_KIND_ABSENT || kind == SJ_KIND_REDEFINED)
        return false;
    *state->top++ = (sj_value){kind << SJ_PAYLOAD_BITS, (uint32_t)index + 1};
    return true;
}

static inline void push(run_state *state, sj_tag tag)
{
    *state->top++ = (sj_value){tag, 0};
}

/** Leaves the loop of `run` with the opcode not done. */
#define STOP_UNLESS(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            goto stop;                                                                                                 \
    } while (0)

/**
 * The loop. `is_modern` is a constant in each call, so that there are two loops: in one the protocol is 4 or above, and
 * all opcodes here are of it; in the other each is compared with the protocol. Longer than a function should be: it is
 * one switch, and its state is in registers only as long as it is one function.
 */
__attribute__((always_inline)) static inline const uint8_t *run(sj_machine *machine, const uint8_t *position,
                                                                size_t budget, const bool is_modern)
{
    const uint8_t *const chunk = machine->lexer.chunk;
    const uint8_t *const end = machine->lexer.end;
    const sj_shape *const shapes = machine->layout.shape_count > 0 ? machine->layout.shapes : NULL;
    const int protocol = machine->protocol;
    const bool reads_strings = protocol < 3 && !sj_machine_reads_bytes(machine);
    const bool is_dense = machine->memo_count == machine->memo_high;
    const size_t memo_high_before = machine->memo_high;
    run_state state = {machine->top, sj_machine_fence(machine), machine->mark_count, machine->memo_high,
                       machine->stack + machine->stack_high};
    const uint8_t *stop = end - SJ_SHAPE_FIXED_MAX;
    uint64_t count = 0;
    unsigned bits = 0;
    if ((size_t)(stop - position) > budget)
        stop = position + budget;
    const uint64_t frame_left = machine->frame_end - sj_lexer_offset(&machine->lexer, position);
    if (machine->frame_end != SNAPJAR_OFFSET_NONE && frame_left < (uint64_t)(stop - position))
        stop = position + frame_left;
    while (position < stop) {
        const uint8_t opcode = *position;
        uint64_t size;
        if (!is_modern)
            bits |= sj_opcode_protocol_bits[opcode];
        switch (opcode) {
        case SJ_OP_NONE:
            push(&state, TAG(NONE));
            position += 1;
            break;
        case SJ_OP_NEWTRUE:
        case SJ_OP_NEWFALSE:
            STOP_UNLESS(is_modern || protocol >= 2);
            push(&state, TAG(BOOL));
            position += 1;
            break;
        case SJ_OP_BININT1:
            push(&state, TAG(INT));
            position += 2;
            break;
        case SJ_OP_BININT2:
            push(&state, TAG(INT));
            position += 3;
            break;
        case SJ_OP_BININT:
            push(&state, TAG(INT));
            position += 5;
            break;
        case SJ_OP_LONG1:
            size = position[1];
            STOP_UNLESS((is_modern || protocol >= 2) && size <= (uint64_t)(end - position - 2));
            push(&state, TAG(INT));
            position += 2 + size;
            break;
        case SJ_OP_BINFLOAT:
            push(&state, TAG(FLOAT));
            position += 9;
            break;
        case SJ_OP_SHORT_BINUNICODE:
            size = position[1];
            STOP_UNLESS((is_modern || protocol >= 4) && size <= (uint64_t)(end - position - 2) &&
                        is_text(position + 2, size, end));
            push(&state, TAG(STR_HERE) | (uint32_t)(position - chunk));
            position += 2 + size;
            break;
        case SJ_OP_BINUNICODE:
            size = sj_read_le32(position + 1);
            STOP_UNLESS(size <= (uint64_t)(end - position - 5) && is_text(position + 5, size, end));
            push(&state, TAG(STR_HERE) | (uint32_t)(position - chunk));
            position += 5 + size;
            break;
        case SJ_OP_SHORT_BINSTRING:
            size = position[1];
            STOP_UNLESS(reads_strings && size <= (uint64_t)(end - position - 2) && sj_is_ascii(position + 2, size));
            push(&state, TAG(STR_HERE) | (uint32_t)(position - chunk));
            position += 2 + size;
            break;
        case SJ_OP_SHORT_BINBYTES:
            size = position[1];
            STOP_UNLESS((is_modern || protocol >= 3) && size <= (uint64_t)(end - position - 2));
            push(&state, TAG(BYTES));
            position += 2 + size;
            break;
        case SJ_OP_BINBYTES:
            size = sj_read_le32(position + 1);
            STOP_UNLESS((is_modern || protocol >= 3) && size <= (uint64_t)(end - position - 5));
            push(&state, TAG(BYTES));
            position += 5 + size;
            break;
        case SJ_OP_EMPTY_LIST:
            push(&state, TAG(LIST));
            position += 1;
            break;
        case SJ_OP_EMPTY_TUPLE:
            push(&state, TAG(TUPLE));
            position += 1;
            break;
        case SJ_OP_EMPTY_SET:
            STOP_UNLESS(is_modern || protocol >= 4);
            push(&state, TAG(SET));
            position += 1;
            break;
        case SJ_OP_EMPTY_DICT:
            STOP_UNLESS(push_dict(&state));
            position += 1;
            break;
        case SJ_OP_MARK:
            machine->marks[state.mark_count++] = (uint32_t)(state.top - machine->stack);
            state.fence = state.top;
            position += 1;
            break;
        case SJ_OP_MEMOIZE:
            STOP_UNLESS((is_modern || protocol >= 4) && is_dense && memoize(machine, &state, state.memo_high));
            position += 1;
            break;
        case SJ_OP_BINPUT:
            STOP_UNLESS(memoize(machine, &state, position[1]));
            position += 2;
            break;
        case SJ_OP_LONG_BINPUT:
            STOP_UNLESS(memoize(machine, &state, sj_read_le32(position + 1)));
            position += 5;
            break;
        case SJ_OP_BINGET:
            STOP_UNLESS(get(machine, &state, position[1]));
            position += 2;
            break;
        case SJ_OP_LONG_BINGET:
            STOP_UNLESS(get(machine, &state, sj_read_le32(position + 1)));
            position += 5;
            break;
        case SJ_OP_TUPLE1:
            STOP_UNLESS((is_modern || protocol >= 2) && make_tuple(&state, 1));
            position += 1;
            break;
        case SJ_OP_TUPLE2:
            STOP_UNLESS((is_modern || protocol >= 2) && make_tuple(&state, 2));
            position += 1;
            break;
        case SJ_OP_TUPLE3:
            STOP_UNLESS((is_modern || protocol >= 2) && make_tuple(&state, 3));
            position += 1;
            break;
        case SJ_OP_TUPLE: {
            const ptrdiff_t length = state.top - state.fence;
            STOP_UNLESS(state.mark_count > 0 && make_tuple(&state, length));
            state.mark_count--;
            state.fence = fence_of(machine, state.mark_count);
            position += 1;
            break;
        }
        case SJ_OP_APPEND:
            STOP_UNLESS(state.top - state.fence >= 2 && sj_tag_kind(state.top[-2].tag) == SJ_KIND_LIST &&
                        (state.top[-1].tag & SJ_TAG_HOLDS_GLOBAL) == 0);
            lower(&state, state.top - 1);
            position += 1;
            break;
        case SJ_OP_APPENDS:
        case SJ_OP_SETITEMS: {
            sj_value *first = state.fence;
            sj_value *below = fence_of(machine, state.mark_count - (state.mark_count > 0));
            /* The container must be above the mark before. */
            STOP_UNLESS(state.mark_count > 0 && first > below);
            if (opcode == SJ_OP_SETITEMS)
                STOP_UNLESS(set_items(machine, shapes, first, state.top));
            else
                STOP_UNLESS(sj_tag_kind(first[-1].tag) == SJ_KIND_LIST && !hold_global(first, state.top));
            state.mark_count--;
            state.fence = below;
            lower(&state, first);
            position += 1;
            break;
        }
        case SJ_OP_SETITEM:
            STOP_UNLESS(state.top - state.fence >= 3 && set_items(machine, shapes, state.top - 2, state.top));
            lower(&state, state.top - 2);
            position += 1;
            break;
        case SJ_OP_NEWOBJ:
            STOP_UNLESS((is_modern || protocol >= 2) && make_instance(machine, &state));
            position += 1;
            break;
        case SJ_OP_REDUCE:
            STOP_UNLESS(call(machine, &state));
            position += 1;
            break;
        case SJ_OP_BUILD:
            STOP_UNLESS(build(machine, &state));
            position += 1;
            break;
        default:
            goto stop;
        }
        count++;
    }
stop:
    lower(&state, state.top);
    machine->top = state.top;
    machine->mark_count = state.mark_count;
    machine->memo_count += state.memo_high - memo_high_before;
    machine->memo_high = state.memo_high;
    machine->stack_high = (size_t)(state.high - machine->stack);
    machine->opcode_count += count;
    /* With the bit of the opcode it stopped at, which is of this pickle too unless the chunk ended. */
    machine->protocol_bits |= bits;
    return position;
}

const uint8_t *sj_machine_run(sj_machine *machine, const uint8_t *position, size_t budget)
{
    /* Without a PROTO at the beginning the opcodes say which protocol it is, so each is looked at. */
    if (machine->has_protocol && machine->protocol >= 4)
        return run(machine, position, budget, true);
    return run(machine, position, budget, false);
}
