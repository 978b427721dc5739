/* SPDX-License-Identifier: MIT
 *
 * The cryptography that seals are made of, as libsodium has it. This folder alone includes sodium.h. Nothing here knows
 * what is signed.
 */
#ifndef SJ_SEAL_CRYPTO_H
#define SJ_SEAL_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define SJ_BLAKE_SIZE 32
#define SJ_PUBLIC_SIZE 32
/** An Ed25519 seed, or a MAC's key. */
#define SJ_SECRET_SIZE 32
/** What Ed25519 signs with: the seed and the public key. */
#define SJ_SIGNING_SIZE 64
#define SJ_SIGNATURE_SIZE 64
#define SJ_MAC_SIZE 32
#define SJ_ID_SIZE 16
#define SJ_SALT_SIZE 16
#define SJ_NONCE_SIZE 24
/** What authenticated encryption adds. */
#define SJ_TAG_SIZE 16

/** Makes libsodium ready: as often as you like, from any thread. */
snapjar_status sj_crypto_begin(snapjar_error *err) __attribute__((warn_unused_result));

/** A running BLAKE2b-256 (RFC 7693, without a key), kept inline. */
typedef struct sj_blake_state {
    _Alignas(64) uint8_t opaque[384];
} sj_blake_state;

void sj_blake_begin(sj_blake_state *state);
void sj_blake_add(sj_blake_state *state, const void *bytes, size_t size);
void sj_blake_end(sj_blake_state *state, uint8_t out[SJ_BLAKE_SIZE]);

/** A running SHA-256 (FIPS 180-4), kept inline: of bytes of other programs, nothing of ours is made with it. */
typedef struct sj_sha256_state {
    _Alignas(16) uint8_t opaque[128];
} sj_sha256_state;

#define SJ_SHA256_SIZE 32
void sj_sha256_begin(sj_sha256_state *state);
void sj_sha256_add(sj_sha256_state *state, const void *bytes, size_t size);
void sj_sha256_end(sj_sha256_state *state, uint8_t out[SJ_SHA256_SIZE]);

/** BLAKE2b-128 of a text without its NUL, one byte and `size` bytes: what ids are. */
void sj_short_digest(uint8_t out[SJ_ID_SIZE], const char *domain, uint8_t byte, const void *bytes, size_t size);

void sj_random(void *bytes, size_t size);
void sj_wipe(void *bytes, size_t size);
/** In a time that does not depend on the bytes. */
bool sj_is_equal(const void *a, const void *b, size_t size);

/** Memory for a secret: locked where the system lets it, guarded, wiped when it is freed. NULL without memory. */
uint8_t *sj_secret_new(size_t size);
void sj_secret_free(uint8_t *secret);

void sj_sign_expand(uint8_t public_key[SJ_PUBLIC_SIZE], uint8_t signing[SJ_SIGNING_SIZE],
                    const uint8_t seed[SJ_SECRET_SIZE]);
void sj_sign(uint8_t signature[SJ_SIGNATURE_SIZE], const uint8_t *message, size_t size,
             const uint8_t signing[SJ_SIGNING_SIZE]);
bool sj_sign_holds(const uint8_t signature[SJ_SIGNATURE_SIZE], const uint8_t *message, size_t size,
                   const uint8_t public_key[SJ_PUBLIC_SIZE]);

/** BLAKE2b-256 with a key. */
void sj_mac(uint8_t mac[SJ_MAC_SIZE], const uint8_t *message, size_t size, const uint8_t secret[SJ_SECRET_SIZE]);

/** Argon2id. False without memory. */
bool sj_password_key(uint8_t key[SJ_SECRET_SIZE], const char *password, const uint8_t salt[SJ_SALT_SIZE],
                     uint64_t passes, uint64_t memory);

/** XChaCha20-Poly1305; `sealed` has SJ_TAG_SIZE bytes more than `plain`. */
void sj_lock(uint8_t *sealed, const uint8_t *plain, size_t size, const void *bound, size_t bound_size,
             const uint8_t nonce[SJ_NONCE_SIZE], const uint8_t key[SJ_SECRET_SIZE]);
/** False if it was not sealed so. `size` is that of `sealed`. */
bool sj_unlock(uint8_t *plain, const uint8_t *sealed, size_t size, const void *bound, size_t bound_size,
               const uint8_t nonce[SJ_NONCE_SIZE], const uint8_t key[SJ_SECRET_SIZE]);

/** What new key files ask of a passphrase. */
#define SJ_PASSES_DEFAULT 3
#define SJ_MEMORY_DEFAULT (UINT64_C(256) << 20)

#endif
