/* SPDX-License-Identifier: MIT
 *
 * MD5, for the checksums that programs put into headers of their own before they used this format. It protects nothing,
 * and none of the libraries that this one needs has it.
 */
#ifndef SJ_MD5_H
#define SJ_MD5_H

#include <stddef.h>
#include <stdint.h>

#define SJ_MD5_SIZE 16

/** A running digest. */
typedef struct sj_md5_state {
    uint32_t words[4];
    uint64_t size;
    uint8_t block[64];
} sj_md5_state;

/** MD5 (RFC 1321). */
void sj_md5_begin(sj_md5_state *state);
void sj_md5_add(sj_md5_state *state, const void *bytes, size_t size);
void sj_md5_end(sj_md5_state *state, uint8_t out[SJ_MD5_SIZE]);

#endif
