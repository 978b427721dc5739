/* SPDX-License-Identifier: MIT
 *
 * Hashing large pieces with wider vectors. For checksum.c, which asks the processor whether it has them.
 */
#ifndef SJ_CHECKSUM_UPDATE_AVX2_H
#define SJ_CHECKSUM_UPDATE_AVX2_H

#include "checksum/checksum.h"

/** Only where the processor has AVX2. */
void sj_checksum_update_avx2(sj_checksum_state *state, const void *bytes, size_t size);

#endif
