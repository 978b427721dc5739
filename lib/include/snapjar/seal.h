/* SPDX-License-Identifier: MIT
 *
 * Seals: who wrote a record (spec/seals.md). A key signs a record's header, byte for byte, and a digest of its stored
 * payload; a trust set says which keys may seal which types. A reader that demands a seal checks it before it parses
 * the header's JSON, and decompresses nothing before the payload's digest holds. Seals hide nothing.
 */
#ifndef SNAPJAR_SEAL_H
#define SNAPJAR_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/header.h>
#include <snapjar/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a key can do. The key says it; a file never does. */
typedef enum snapjar_seal_algorithm {
    /** Ed25519 (RFC 8032): who has the public key can check and cannot seal. */
    SNAPJAR_SEAL_ED25519 = 1,
    /** BLAKE2b-256 with a shared secret (RFC 7693): whoever can check can seal as well. For a service's own files. */
    SNAPJAR_SEAL_MAC = 2
} snapjar_seal_algorithm;

/** "ed25519" or "mac"; "unknown" for other numbers. Static. */
SNAPJAR_API const char *snapjar_seal_algorithm_name(snapjar_seal_algorithm algorithm);

/** Hex digits of a key's id. */
#define SNAPJAR_KEY_ID_SIZE 32
/** Signatures that one record may carry. */
#define SNAPJAR_SEAL_SIGNATURES_MAX 64
/** Bytes of a context, of a key's comment, and of a passphrase. */
#define SNAPJAR_SEAL_CONTEXT_SIZE_MAX 1024
#define SNAPJAR_KEY_COMMENT_SIZE_MAX 200
#define SNAPJAR_KEY_PASSPHRASE_SIZE_MAX 1024
/** Bytes of a key file and of a trust file; keys in a trust set. */
#define SNAPJAR_KEY_FILE_SIZE_MAX 4096
#define SNAPJAR_TRUST_FILE_SIZE_MAX ((size_t)1 << 20)
#define SNAPJAR_TRUST_KEYS_MAX 1024

/* ---- keys ---- */

/**
 * A key: public part only, or with its secret, which is kept in locked memory and wiped. It does not change once it is
 * made: threads may share it.
 */
typedef struct snapjar_key snapjar_key;

/** Makes a new key from the system's randomness. `comment` may be NULL: one line of UTF-8 text. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_key_generate(snapjar_key **key, snapjar_context *context,
                                                                   snapjar_seal_algorithm algorithm,
                                                                   const char *comment, snapjar_error *err);

/** Whether there is a passphrase to be had, and what reading a key may cost. */
typedef struct snapjar_key_options {
    /** sizeof(snapjar_key_options) of the program. */
    size_t struct_size;
    /** For a secret that is protected; NULL: there is none, and such a file fails with `key-passphrase-needed`. */
    const char *passphrase;
    /**
     * Bytes of memory, and passes over it, that deriving a key from a passphrase may take: what a file demands beyond
     * that is refused with `key-cost-limit`. 0: 1 GiB and 16.
     */
    uint64_t memory_max;
    uint64_t passes_max;
} snapjar_key_options;

#define SNAPJAR_KEY_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(snapjar_key_options), NULL, 0, 0                                                                        \
    }

/**
 * Reads the text of a key file, public or secret. Errors are `key-invalid` with the byte's offset (SNAPJAR_DAMAGED),
 * `key-passphrase-needed`, `key-passphrase-wrong` (SNAPJAR_REFUSED) and `key-cost-limit` (SNAPJAR_LIMIT). `options` may
 * be NULL. The caller wipes `text`.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_key_read(snapjar_key **key, snapjar_context *context,
                                                               const char *text, size_t size,
                                                               const snapjar_key_options *options, snapjar_error *err);

/**
 * The same for the file `path`. A file with a secret that others than its owner may read or write is refused with
 * `key-file-mode`.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_key_open_path(snapjar_key **key, snapjar_context *context,
                                                                    const char *path,
                                                                    const snapjar_key_options *options,
                                                                    snapjar_error *err);

/**
 * Writes the text of a secret key file to the new file `path`, mode 0600: never over a file that exists. `passphrase`
 * protects it (Argon2id and XChaCha20-Poly1305); NULL: the secret stands there for whoever can read the file.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_key_write_secret(const snapjar_key *key, const char *path,
                                                                       const char *passphrase, snapjar_error *err);

/** Writes the text of a public key file to `sink`. A MAC key has no public part: SNAPJAR_INVALID_ARGUMENT. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_key_write_public(const snapjar_key *key, snapjar_sink *sink,
                                                                       snapjar_error *err);

SNAPJAR_API snapjar_seal_algorithm snapjar_key_algorithm(const snapjar_key *key);
/** 32 hex digits, made from the algorithm and the key. Borrowed from the key. */
SNAPJAR_API const char *snapjar_key_id(const snapjar_key *key);
/** "" if there is none. Borrowed from the key. */
SNAPJAR_API const char *snapjar_key_comment(const snapjar_key *key);
/** Whether it can seal. */
SNAPJAR_API bool snapjar_key_has_secret(const snapjar_key *key);
/** Wipes and frees. NULL is allowed. */
SNAPJAR_API void snapjar_key_free(snapjar_key *key);

/* ---- trust ---- */

/**
 * Which keys may seal which types, from when to when. Empty, it trusts nobody. Once it is made it does not change by
 * use: threads may share it.
 */
typedef struct snapjar_trust snapjar_trust;

SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_trust_new(snapjar_trust **trust, snapjar_context *context,
                                                                snapjar_error *err);
/** NULL is allowed. */
SNAPJAR_API void snapjar_trust_free(snapjar_trust *trust);

/**
 * Adds what the text of a trust file (JSON) says. Strict: `trust-invalid` and the JSON's own errors with the byte's
 * offset. On failure the set may have got some of it: free it.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_trust_read(snapjar_trust *trust, const char *text, size_t size,
                                                                 snapjar_error *err);

typedef struct snapjar_trust_options {
    /** sizeof(snapjar_trust_options) of the program. */
    size_t struct_size;
    /** Exact names of types that the key may seal; none: any type. */
    const char *const *types;
    size_t type_count;
    /** When its seals are accepted: RFC 3339 UTC, both inclusive; NULL: no bound. */
    const char *not_before;
    const char *not_after;
    /** The context that its seals must be made for, unless the reader names one; NULL: none. */
    const char *context;
} snapjar_trust_options;

#define SNAPJAR_TRUST_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(snapjar_trust_options), NULL, 0, NULL, NULL, NULL                                                       \
    }

/** Trusts a key, which is copied. `options` may be NULL: any type, at any time. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_trust_add(snapjar_trust *trust, const snapjar_key *key,
                                                                const snapjar_trust_options *options,
                                                                snapjar_error *err);

/**
 * Gives the set the secret of a MAC key that a trust file names by its id only. The key is copied. Fails with
 * `seal-unknown-key` if the set does not name it.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_trust_supply(snapjar_trust *trust, const snapjar_key *key,
                                                                   snapjar_error *err);

/** Keys in the set, and the id of each; NULL beyond the end. Borrowed from the set. */
SNAPJAR_API size_t snapjar_trust_key_count(const snapjar_trust *trust);
SNAPJAR_API const char *snapjar_trust_key_id(const snapjar_trust *trust, size_t index);

/* ---- reading ---- */

/** A seal that stands in a file of its own (detached.h). */
typedef struct snapjar_detached snapjar_detached;

typedef struct snapjar_seal_demand {
    /** sizeof(snapjar_seal_demand) of the program. */
    size_t struct_size;
    /** Whose seals are accepted. Borrowed until the reader is freed. */
    const snapjar_trust *trust;
    /** The context that seals must be made for, whatever the trust set says. NULL: as the trust set says. Copied. */
    const char *context;
    /** Seconds since 1970 that count as now for expiry. 0: the clock. */
    int64_t now;
    /**
     * A detached seal, which must list the records as they stand; what seals are inside them is not asked. NULL: none.
     * Borrowed until the reader is freed.
     */
    const snapjar_detached *detached;
    /** The same, of the file beside the one that is read: its path and ".seal". The source must know its path. */
    bool is_beside;
} snapjar_seal_demand;

#define SNAPJAR_SEAL_DEMAND_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(snapjar_seal_demand), NULL, NULL, 0, NULL, false                                                        \
    }

/**
 * From now on every record must carry a signature that holds, by a trusted key that may seal its type. The headers'
 * part is checked by snapjar_reader_next, before the JSON is parsed; the payload's by whatever reads the payload,
 * before anything is decompressed. Records of one file must belong together: each follows the one before in its
 * `stream`, and only a file of a single record may do without. After snapjar_reader_seek the place of the first record
 * that is read is not checked. Call it before the first record is read.
 *
 * With a detached seal its signatures are checked at once, with offsets in its own text (`place` names the file, if it
 * is beside the one that is read). Records must then be read by their true numbers, also after a seek; a list that goes
 * on where the file ends fails with `seal-records-missing`. After a failure every record is refused.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_reader_demand_seal(snapjar_reader *reader,
                                                                         const snapjar_seal_demand *demand,
                                                                         snapjar_error *err);

/**
 * The id of the key whose signature was accepted for the header; NULL if no seal was demanded. The payload's digest is
 * compared by the calls that read it. Borrowed from the record.
 */
SNAPJAR_API const char *snapjar_record_sealed_by(const snapjar_record *record);

/** A signature as it stands in a record: nothing of it is checked. */
typedef struct snapjar_signature {
    /** May be a number that this version does not know. */
    unsigned algorithm;
    char key_id[SNAPJAR_KEY_ID_SIZE + 1];
    /** It was made for a context. */
    bool has_context;
} snapjar_signature;

/** Signatures in the header's seal area: 0 if there is none, or none that can be read. */
SNAPJAR_API size_t snapjar_header_signature_count(const snapjar_header *header);
/** Signature `index`; SNAPJAR_NOT_FOUND beyond the end. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_header_signature(const snapjar_header *header, size_t index,
                                                                       snapjar_signature *signature,
                                                                       snapjar_error *err);

/* ---- writing ---- */

typedef struct snapjar_sealer_options {
    /** sizeof(snapjar_sealer_options) of the program. */
    size_t struct_size;
    /** Keys with their secrets, one signature each. Borrowed until the sealer is freed. */
    const snapjar_key *const *keys;
    size_t key_count;
    /** What the seals are made for: part of what is signed, and not in the file. NULL: nothing. Copied. */
    const char *context;
} snapjar_sealer_options;

#define SNAPJAR_SEALER_OPTIONS_INIT                                                                                    \
    {                                                                                                                  \
        sizeof(snapjar_sealer_options), NULL, 0, NULL                                                                  \
    }

/**
 * Seals records as they are written (snapjar_pack_options.sealer) and ties those of one file together, by `stream`. One
 * thread at a time. Free it before the context.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sealer_new(snapjar_sealer **sealer, snapjar_context *context,
                                                                 const snapjar_sealer_options *options,
                                                                 snapjar_error *err);
/** NULL is allowed. */
SNAPJAR_API void snapjar_sealer_free(snapjar_sealer *sealer);

/** The next record that is packed begins a new file. */
SNAPJAR_API void snapjar_sealer_begin(snapjar_sealer *sealer);

/**
 * The next record follows the last one of a file that is open for appending (snapjar_sink_open_append). Fails with
 * `stream-missing` if that record is in no stream that can be gone on with: `snapjar seal` gives it one.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_sealer_follow(snapjar_sealer *sealer, snapjar_sink *append_sink,
                                                                    snapjar_error *err);

typedef struct snapjar_seal_options {
    /** sizeof(snapjar_seal_options) of the program. */
    size_t struct_size;
    /** Drop the signatures that are there. */
    bool replace;
    /** Tie the records together even if there is only one, so that others can be appended. */
    bool stream;
    /** The records follow those that the sealer sealed last, or that snapjar_sealer_follow named: they get its stream.
     */
    bool continues;
    /** NULL: defaults. Borrowed during the call. */
    const snapjar_limits *limits;
    snapjar_progress *progress;
    void *progress_state;
} snapjar_seal_options;

#define SNAPJAR_SEAL_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(snapjar_seal_options), false, false, false, NULL, NULL, NULL                                            \
    }

/**
 * Writes the records of `source` to `sink`, each with the sealer's signatures beside those that it has (one of the same
 * key is replaced). Payloads are copied as they are, and nothing is sealed whose checksums do not hold. Several records
 * without a `stream` get one, which changes their headers: records with other signatures are then refused with
 * `seal-needs-replace`. `*count` (may be NULL) is the number of records. The sink is not finished. On failure what was
 * written must be thrown away.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_seal(snapjar_sealer *sealer, snapjar_source *source,
                                                           snapjar_sink *sink, const snapjar_seal_options *options,
                                                           uint64_t *count, snapjar_error *err);

/**
 * Writes the records of `source` to `sink` without the signatures of the key `key_id` (32 hex digits), or without any
 * if it is NULL. `*removed` (may be NULL) is the number of signatures left out. Otherwise as snapjar_seal; of the
 * options only limits and progress count.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_unseal(snapjar_context *context, snapjar_source *source,
                                                             snapjar_sink *sink, const char *key_id,
                                                             const snapjar_seal_options *options, uint64_t *removed,
                                                             snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
