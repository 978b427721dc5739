/* SPDX-License-Identifier: MIT
 *
 * libsodium behind our own names and sizes.
 */
#include "seal/crypto.h"

#include <string.h>

#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(sj_blake_state), "the state must fit");
_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(sj_sha256_state), "the state must fit");
_Static_assert(crypto_hash_sha256_BYTES == SJ_SHA256_SIZE, "a digest");
/* Ed25519 as the format has it. */
_Static_assert(crypto_sign_SECRETKEYBYTES == SJ_SIGNING_SIZE, "a signing key");
_Static_assert(crypto_sign_BYTES == SJ_SIGNATURE_SIZE, "a signature");
_Static_assert(crypto_sign_PUBLICKEYBYTES == SJ_PUBLIC_SIZE, "a public key");
_Static_assert(crypto_sign_SEEDBYTES == SJ_SECRET_SIZE, "a seed");
/* Key files as the format has them. */
_Static_assert(crypto_pwhash_argon2id_SALTBYTES == SJ_SALT_SIZE, "a salt");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SJ_SECRET_SIZE, "a key");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == SJ_NONCE_SIZE, "a nonce");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == SJ_TAG_SIZE, "a tag");

snapjar_status sj_crypto_begin(snapjar_error *err)
{
    if (sodium_init() >= 0)
        return SNAPJAR_OK;
    return sj_raise(err, SNAPJAR_IO, SNAPJAR_DIAG_INTERNAL, SJ_NOWHERE, "libsodium finds no source of randomness");
}

static crypto_generichash_state *state_of(sj_blake_state *state)
{
    return (crypto_generichash_state *)(void *)state->opaque;
}

/* The calls below fail only for sizes that are none of theirs, and ours are fixed. */

void sj_blake_begin(sj_blake_state *state)
{
    (void)!sodium_init();
    (void)crypto_generichash_init(state_of(state), NULL, 0, SJ_BLAKE_SIZE);
}

void sj_blake_add(sj_blake_state *state, const void *bytes, size_t size)
{
    (void)crypto_generichash_update(state_of(state), bytes, size);
}

void sj_blake_end(sj_blake_state *state, uint8_t out[SJ_BLAKE_SIZE])
{
    (void)crypto_generichash_final(state_of(state), out, SJ_BLAKE_SIZE);
}

static crypto_hash_sha256_state *sha256_state_of(sj_sha256_state *state)
{
    return (crypto_hash_sha256_state *)(void *)state->opaque;
}

void sj_sha256_begin(sj_sha256_state *state)
{
    (void)crypto_hash_sha256_init(sha256_state_of(state));
}

void sj_sha256_add(sj_sha256_state *state, const void *bytes, size_t size)
{
    (void)crypto_hash_sha256_update(sha256_state_of(state), bytes, size);
}

void sj_sha256_end(sj_sha256_state *state, uint8_t out[SJ_SHA256_SIZE])
{
    (void)crypto_hash_sha256_final(sha256_state_of(state), out);
}

void sj_short_digest(uint8_t out[SJ_ID_SIZE], const char *domain, uint8_t byte, const void *bytes, size_t size)
{
    crypto_generichash_state state;

    (void)!sodium_init();
    (void)crypto_generichash_init(&state, NULL, 0, SJ_ID_SIZE);
    (void)crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain));
    (void)crypto_generichash_update(&state, &byte, 1);
    (void)crypto_generichash_update(&state, bytes, size);
    (void)crypto_generichash_final(&state, out, SJ_ID_SIZE);
    sodium_memzero(&state, sizeof(state));
}

void sj_random(void *bytes, size_t size)
{
    randombytes_buf(bytes, size);
}

void sj_wipe(void *bytes, size_t size)
{
    sodium_memzero(bytes, size);
}

bool sj_is_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

uint8_t *sj_secret_new(size_t size)
{
    return sodium_malloc(size);
}

void sj_secret_free(uint8_t *secret)
{
    sodium_free(secret);
}

void sj_sign_expand(uint8_t public_key[SJ_PUBLIC_SIZE], uint8_t signing[SJ_SIGNING_SIZE],
                    const uint8_t seed[SJ_SECRET_SIZE])
{
    (void)crypto_sign_seed_keypair(public_key, signing, seed);
}

void sj_sign(uint8_t signature[SJ_SIGNATURE_SIZE], const uint8_t *message, size_t size,
             const uint8_t signing[SJ_SIGNING_SIZE])
{
    (void)crypto_sign_detached(signature, NULL, message, size, signing);
}

bool sj_sign_holds(const uint8_t signature[SJ_SIGNATURE_SIZE], const uint8_t *message, size_t size,
                   const uint8_t public_key[SJ_PUBLIC_SIZE])
{
    return crypto_sign_verify_detached(signature, message, size, public_key) == 0;
}

void sj_mac(uint8_t mac[SJ_MAC_SIZE], const uint8_t *message, size_t size, const uint8_t secret[SJ_SECRET_SIZE])
{
    (void)crypto_generichash(mac, SJ_MAC_SIZE, message, size, secret, SJ_SECRET_SIZE);
}

bool sj_password_key(uint8_t key[SJ_SECRET_SIZE], const char *password, const uint8_t salt[SJ_SALT_SIZE],
                     uint64_t passes, uint64_t memory)
{
    return crypto_pwhash(key, SJ_SECRET_SIZE, password, strlen(password), salt, passes, (size_t)memory,
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
}

void sj_lock(uint8_t *sealed, const uint8_t *plain, size_t size, const void *bound, size_t bound_size,
             const uint8_t nonce[SJ_NONCE_SIZE], const uint8_t key[SJ_SECRET_SIZE])
{
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, size, bound, bound_size, NULL, nonce, key);
}

bool sj_unlock(uint8_t *plain, const uint8_t *sealed, size_t size, const void *bound, size_t bound_size,
               const uint8_t nonce[SJ_NONCE_SIZE], const uint8_t key[SJ_SECRET_SIZE])
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, size, bound, bound_size, nonce, key) ==
           0;
}
