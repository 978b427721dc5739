/* SPDX-License-Identifier: MIT
 *
 * Twins: small pickles that differ only where no scan looks, in numbers and in texts that are no names. The opcodes of
 * both are the same, one for one, and all that a scan of the first has looked at is compared byte by byte; so the
 * machine would go through the same states, and what it found holds for the second too, but for offsets. There is no
 * guess in it: whatever is not understood here, or differs, is scanned. Only scan.c may call this.
 */
#ifndef SJ_PICKLE_TWIN_H
#define SJ_PICKLE_TWIN_H

#include "pickle/machine.h"

/** Larger pickles, and those with more values or uses of globals, are scanned each time. */
#define SJ_TWIN_SIZE_MAX SJ_LOOKED_SIZE
#define SJ_TWIN_PIECE_MAX 255
#define SJ_TWIN_USE_MAX 64

/** Bytes that must be the same, and the kind of value behind them that need not be. */
typedef struct sj_twin_piece {
    uint16_t offset;
    uint16_t size;
    uint8_t gap;
} sj_twin_piece;

/** The first use of a global in some way, and the piece that its opcode is in. */
typedef struct sj_twin_use {
    uint32_t global;
    uint16_t offset;
    uint8_t use;
    uint8_t piece;
} sj_twin_use;

typedef struct sj_twin {
    /** Whether there is a pickle that others can be twins of: the one that the machine has scanned last. */
    bool is_known;
    size_t piece_count;
    size_t use_count;
    sj_twin_piece pieces[SJ_TWIN_PIECE_MAX];
    sj_twin_use uses[SJ_TWIN_USE_MAX];
    uint8_t bytes[SJ_TWIN_SIZE_MAX];
} sj_twin;

/** Learns the pickle that the machine has scanned to its STOP in one chunk, if it is one that can have twins. */
void sj_twin_learn(sj_twin *twin, const sj_machine *machine);

/**
 * Whether a twin of the pickle that is known, and that the machine still holds what it found of, begins at `bytes`.
 * Then the machine is as if it had scanned this one.
 */
bool sj_twin_find(const sj_twin *twin, sj_machine *machine, uint64_t base_offset, const uint8_t *bytes, size_t size);

#endif
