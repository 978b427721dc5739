/* SPDX-License-Identifier: MIT
 *
 * A pickle is cut at its values: what lies between them are opcodes without arguments, memo indexes, names and keys.
 * Of protocol 4 and above only, where each opcode does the same wherever it stands, and without anything rare.
 */
#include "pickle/twin.h"

#include <string.h>

#define FRAME_SIZE_SIZE ((size_t)8)

/** What may differ. Opcodes with values of one kind have the same effect. */
typedef enum gap {
    GAP_NONE,
    GAP_BOOL,
    GAP_INT,
    GAP_FLOAT,
    GAP_TEXT,
    GAP_BYTES,
    /** The size of the one frame, which ends where the pickle does. */
    GAP_FRAME,
    /** Behind STOP. */
    GAP_END
} gap;

static const uint8_t gaps[256] = {
    [SJ_OP_NEWTRUE] = GAP_BOOL,    [SJ_OP_NEWFALSE] = GAP_BOOL,
    [SJ_OP_BININT1] = GAP_INT,     [SJ_OP_BININT2] = GAP_INT,
    [SJ_OP_BININT] = GAP_INT,      [SJ_OP_LONG1] = GAP_INT,
    [SJ_OP_BINFLOAT] = GAP_FLOAT,  [SJ_OP_SHORT_BINUNICODE] = GAP_TEXT,
    [SJ_OP_BINUNICODE] = GAP_TEXT, [SJ_OP_SHORT_BINBYTES] = GAP_BYTES,
    [SJ_OP_BINBYTES] = GAP_BYTES,
};

/** Size of the opcodes that must be the same, with their arguments; 0 for those that no twin is looked for with. */
static const uint8_t fixed_sizes[256] = {
    [SJ_OP_MARK] = 1,       [SJ_OP_EMPTY_TUPLE] = 1,  [SJ_OP_NONE] = 1,     [SJ_OP_REDUCE] = 1,
    [SJ_OP_EMPTY_LIST] = 1, [SJ_OP_APPEND] = 1,       [SJ_OP_BUILD] = 1,    [SJ_OP_APPENDS] = 1,
    [SJ_OP_BINGET] = 2,     [SJ_OP_LONG_BINGET] = 5,  [SJ_OP_BINPUT] = 2,   [SJ_OP_LONG_BINPUT] = 5,
    [SJ_OP_SETITEM] = 1,    [SJ_OP_TUPLE] = 1,        [SJ_OP_SETITEMS] = 1, [SJ_OP_EMPTY_DICT] = 1,
    [SJ_OP_PROTO] = 2,      [SJ_OP_NEWOBJ] = 1,       [SJ_OP_TUPLE1] = 1,   [SJ_OP_TUPLE2] = 1,
    [SJ_OP_TUPLE3] = 1,     [SJ_OP_EMPTY_SET] = 1,    [SJ_OP_ADDITEMS] = 1, [SJ_OP_FROZENSET] = 1,
    [SJ_OP_NEWOBJ_EX] = 1,  [SJ_OP_STACK_GLOBAL] = 1, [SJ_OP_MEMOIZE] = 1,
};

/** The size that the value at `at` says it has, with its opcode; 0 if `room` bytes do not tell. */
static uint64_t told_size(const uint8_t *at, size_t room)
{
    switch (*at) {
    case SJ_OP_NEWTRUE:
    case SJ_OP_NEWFALSE:
        return 1;
    case SJ_OP_BININT1:
        return 2;
    case SJ_OP_BININT2:
        return 3;
    case SJ_OP_BININT:
        return 5;
    case SJ_OP_BINFLOAT:
        return 9;
    case SJ_OP_LONG1:
    case SJ_OP_SHORT_BINUNICODE:
    case SJ_OP_SHORT_BINBYTES:
        return room < 2 ? 0 : UINT64_C(2) + at[1];
    case SJ_OP_BINUNICODE:
    case SJ_OP_BINBYTES:
        return room < 5 ? 0 : UINT64_C(5) + sj_read_le32(at + 1);
    }
    return 0;
}

/** The size of the value at `at` if it is one of this kind that a scan takes; else 0. */
static size_t value_size(gap kind, const uint8_t *at, size_t room)
{
    if (room == 0 || gaps[*at] != kind)
        return 0;
    const uint64_t size = told_size(at, room);
    if (size > room)
        return 0;
    if (kind == GAP_TEXT) {
        const size_t prefix = *at == SJ_OP_SHORT_BINUNICODE ? 2 : 5;
        if (size > 0 && !sj_is_ascii(at + prefix, (size_t)size - prefix) &&
            !sj_is_utf8(at + prefix, (size_t)size - prefix))
            return 0;
    }
    return (size_t)size;
}

/* ---- learning ---- */

static bool was_looked_at(const sj_machine *machine, size_t place)
{
    return (machine->looked[place / 64] >> (place % 64) & 1) != 0;
}

/** Whether a pickle like this, which the machine has scanned, can have twins as far as that is known without a look. */
static bool is_usual(const sj_machine *machine)
{
    const snapjar_scan_summary *summary = &machine->summary;
    return summary->is_complete && summary->size <= SJ_TWIN_SIZE_MAX && machine->has_protocol &&
           machine->protocol >= 4 && summary->finding_count == 0 && summary->persistent_ids.count == 0 &&
           summary->buffers.count == 0 && summary->computed_calls.count == 0 && machine->redefinition_count == 0;
}

/** Ends the piece that began at `start`. False if there are too many. */
static bool end_piece(sj_twin *twin, size_t start, size_t end, gap kind)
{
    if (twin->piece_count == SJ_TWIN_PIECE_MAX)
        return false;
    twin->pieces[twin->piece_count++] = (sj_twin_piece){(uint16_t)start, (uint16_t)(end - start), (uint8_t)kind};
    return true;
}

/** Cuts a whole pickle into pieces. False if there is something in it that no twin is looked for with. */
static bool cut(sj_twin *twin, const sj_machine *machine, const uint8_t *bytes, size_t size)
{
    size_t start = 0;
    bool has_frame = false;
    twin->piece_count = 0;
    for (size_t at = 0; at < size;) {
        const uint8_t opcode = bytes[at];
        const gap kind = (gap)gaps[opcode];
        if (opcode == SJ_OP_STOP)
            return at + 1 == size && end_piece(twin, start, size, GAP_END);
        if (opcode == SJ_OP_FRAME) {
            if (has_frame || size - at <= FRAME_SIZE_SIZE ||
                sj_read_le64(bytes + at + 1) != size - at - 1 - FRAME_SIZE_SIZE ||
                !end_piece(twin, start, at + 1, GAP_FRAME))
                return false;
            has_frame = true;
            at += 1 + FRAME_SIZE_SIZE;
            start = at;
            continue;
        }
        const size_t step = kind == GAP_NONE ? fixed_sizes[opcode] : value_size(kind, bytes + at, size - at);
        if (step == 0)
            return false;
        if (kind != GAP_NONE && !(kind == GAP_TEXT && was_looked_at(machine, at))) {
            if (!end_piece(twin, start, at, kind))
                return false;
            start = at + step;
        }
        at += step;
    }
    return false;
}

/** The piece that the byte at `offset` is in; SIZE_MAX if it is in none. */
static size_t piece_of(const sj_twin *twin, uint64_t offset)
{
    for (size_t i = 0; i < twin->piece_count; i++) {
        const sj_twin_piece *piece = &twin->pieces[i];
        if (offset >= piece->offset && offset - piece->offset < piece->size)
            return i;
    }
    return SIZE_MAX;
}

/** Notes where the uses are. False if they are too many. */
static bool find_uses(sj_twin *twin, const sj_machine *machine)
{
    twin->use_count = 0;
    for (size_t i = 0; i < machine->names.count; i++) {
        for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
            const snapjar_use_record *record = &machine->names.globals[i].info.uses[use];
            if (record->count == 0)
                continue;
            const uint64_t offset = record->offset - machine->lexer.base_offset;
            const size_t piece = piece_of(twin, offset);
            if (piece == SIZE_MAX || twin->use_count == SJ_TWIN_USE_MAX)
                return false;
            twin->uses[twin->use_count++] = (sj_twin_use){(uint32_t)i, (uint16_t)offset, (uint8_t)use, (uint8_t)piece};
        }
    }
    return true;
}

void sj_twin_learn(sj_twin *twin, const sj_machine *machine)
{
    const size_t size = (size_t)machine->summary.size;
    twin->is_known = false;
    if (!is_usual(machine) || !cut(twin, machine, machine->lexer.chunk, size) || !find_uses(twin, machine))
        return;
    memcpy(twin->bytes, machine->lexer.chunk, size);
    twin->is_known = true;
}

/* ---- finding ---- */

/**
 * Walks over the pieces and what is between them. `starts` gets where each piece begins. The size of the twin, or 0 if
 * it is none.
 */
static size_t walk(const sj_twin *twin, const uint8_t *bytes, size_t size, size_t starts[SJ_TWIN_PIECE_MAX])
{
    uint64_t frame_end = 0; /* there is none */
    size_t at = 0;
    for (size_t i = 0; i < twin->piece_count; i++) {
        const sj_twin_piece *piece = &twin->pieces[i];
        if (size - at < piece->size || memcmp(twin->bytes + piece->offset, bytes + at, piece->size) != 0)
            return 0;
        starts[i] = at;
        at += piece->size;
        size_t step;
        if (piece->gap == GAP_END)
            return frame_end == 0 || frame_end == at ? at : 0;
        if (piece->gap == GAP_FRAME) {
            step = size - at < FRAME_SIZE_SIZE ? 0 : FRAME_SIZE_SIZE;
            if (step == 0 || !sj_add(at + step, sj_read_le64(bytes + at), &frame_end))
                return 0;
        } else {
            step = value_size((gap)piece->gap, bytes + at, size - at);
        }
        if (step == 0)
            return 0;
        at += step;
    }
    return 0;
}

bool sj_twin_find(const sj_twin *twin, sj_machine *machine, uint64_t base_offset, const uint8_t *bytes, size_t size)
{
    size_t starts[SJ_TWIN_PIECE_MAX];
    const size_t end = walk(twin, bytes, size, starts);
    if (end == 0)
        return false;
    for (size_t i = 0; i < twin->use_count; i++) {
        const sj_twin_use *use = &twin->uses[i];
        machine->names.globals[use->global].info.uses[use->use].offset =
            base_offset + starts[use->piece] + (use->offset - twin->pieces[use->piece].offset);
    }
    machine->lexer.base_offset = base_offset;
    machine->summary.size = end;
    return true;
}
