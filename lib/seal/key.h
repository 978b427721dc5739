/* SPDX-License-Identifier: MIT
 *
 * What a key is inside the library. Its algorithm is its own: nothing that is read from a record chooses it.
 */
#ifndef SJ_SEAL_KEY_H
#define SJ_SEAL_KEY_H

#include <snapjar/seal.h>

#include "seal/crypto.h"
#include "util/context.h"

struct snapjar_key {
    snapjar_context *context;
    snapjar_seal_algorithm algorithm;
    uint8_t id[SJ_ID_SIZE];
    char id_text[SNAPJAR_KEY_ID_SIZE + 1];
    /** Ed25519's; zeros for a MAC. */
    uint8_t public_key[SJ_PUBLIC_SIZE];
    /** Memory of sj_secret_new: SJ_SIGNING_SIZE or SJ_SECRET_SIZE bytes. NULL: only the public part is known. */
    uint8_t *secret;
    char comment[SNAPJAR_KEY_COMMENT_SIZE_MAX + 1];
};

/** Bytes of a signature, or 0 for an algorithm that this version does not know. */
size_t sj_signature_size(unsigned algorithm);

/** A key of a public part (Ed25519 only), or of a secret (a seed or a MAC's key). `comment` may be NULL. */
snapjar_status sj_key_from_public(snapjar_key **key, snapjar_context *context, const uint8_t public_key[SJ_PUBLIC_SIZE],
                                  snapjar_error *err) __attribute__((warn_unused_result));
snapjar_status sj_key_from_secret(snapjar_key **key, snapjar_context *context, snapjar_seal_algorithm algorithm,
                                  const uint8_t secret[SJ_SECRET_SIZE], snapjar_error *err)
    __attribute__((warn_unused_result));

/** A copy without a secret, or for a MAC with it. */
snapjar_status sj_key_copy_checking(snapjar_key **copy, snapjar_context *context, const snapjar_key *key,
                                    snapjar_error *err) __attribute__((warn_unused_result));

/** One line without control characters, in UTF-8 and not too long. */
bool sj_is_comment(const char *text, size_t size);

/** Writes the signature of a key that has its secret. */
void sj_key_sign(const snapjar_key *key, uint8_t *signature, const uint8_t *message, size_t size);
/** Whether it is this key's signature of the message. A MAC key must have its secret. */
bool sj_key_holds(const snapjar_key *key, const uint8_t *signature, const uint8_t *message, size_t size);

/** `size` bytes as lower-case hex and a NUL, and back; false if these are not 2 * `size` lower-case hex digits. */
void sj_hex_write(char *out, const uint8_t *bytes, size_t size);
bool sj_hex_read(uint8_t *out, size_t size, const char *text, size_t text_size);

#endif
