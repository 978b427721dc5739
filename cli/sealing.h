/* SPDX-License-Identifier: MIT
 *
 * Keys and trust from options: what the commands that seal share, and what those share that demand a seal.
 */
#ifndef CLI_SEALING_H
#define CLI_SEALING_H

#include <snapjar/snapjar.h>

#include "command.h"
#include "passphrase.h"

/** A member of the options of commands that seal. */
struct sealing_values {
    struct string_list keys;
    const char *seal_context;
    struct passphrase_values passphrase;
};

/* clang-format off */
#define SEALING_OPTION_ROWS(values_type, member)                                                                       \
    {0, "key", "FILE", OPTION_LIST, offsetof(values_type, member.keys),                                                \
     "seal with the secret key in FILE (of `snapjar keygen`); repeatable, one signature each", NULL, 0, 0},            \
    {0, "context", "TEXT", OPTION_TEXT, offsetof(values_type, member.seal_context),                                    \
     "seal for this context, which readers must name as well", NULL, 0, 0},                                            \
    PASSPHRASE_ROWS(values_type, member.passphrase)
/* clang-format on */

/** The keys that were given. */
struct sealing {
    snapjar_context *context;
    snapjar_key **keys;
    size_t key_count;
    const char *seal_context;
};

/** Reads the keys, if any. Returns -1 to go on, or an exit code. Clear in any case. */
int sealing_load(struct sealing *sealing, struct cli *cli, const struct sealing_values *values);
void sealing_clear(struct sealing *sealing);
void sealing_free_values(struct sealing_values *values);

/** A sealer by all the keys, for one thread; NULL if there are none. */
snapjar_status sealing_make(const struct sealing *sealing, snapjar_context *context, snapjar_sealer **sealer,
                            snapjar_error *err);

/** Says, when `path` was changed and a detached seal is beside it, that this is of the file as it was. */
void sealing_remark_detached(struct cli *cli, const char *path);

/** A member of the options of commands that may demand a seal. */
struct trusting_values {
    struct string_list files;
    struct string_list keys;
    const char *seal_context;
    bool is_detached;
    const char *seal_file;
    struct passphrase_values passphrase;
};

/* clang-format off */
#define TRUSTING_OPTION_ROWS(values_type, member)                                                                      \
    {0, "trust", "FILE", OPTION_LIST, offsetof(values_type, member.files),                                             \
     "demand a seal by a key that the trust file FILE names, or by the public key in FILE, for any type; repeatable",  \
     NULL, 0, 0},                                                                                                      \
    {0, "key", "FILE", OPTION_LIST, offsetof(values_type, member.keys),                                                \
     "the secret of a MAC key that a trust file names by its id; repeatable", NULL, 0, 0},                             \
    {0, "context", "TEXT", OPTION_TEXT, offsetof(values_type, member.seal_context),                                    \
     "demand that seals were made for this context", NULL, 0, 0},                                                      \
    {0, "detached", NULL, OPTION_FLAG, offsetof(values_type, member.is_detached),                                      \
     "the seal of FILE is FILE.seal (of `snapjar seal --detached`), not inside FILE", NULL, 0, 0},                     \
    {0, "seal", "FILE", OPTION_TEXT, offsetof(values_type, member.seal_file),                                          \
     "the seal is the detached one in FILE: for one snapshot, which may be standard input", NULL, 0, 0},               \
    PASSPHRASE_ROWS(values_type, member.passphrase)
/* clang-format on */

/** What is demanded; shared by all threads. */
struct trusting {
    snapjar_context *context;
    snapjar_trust *trust;
    /** Of --seal. */
    snapjar_detached *detached;
    snapjar_seal_demand demand;
};

/** Makes the trust set, if one is wanted. Returns -1 to go on, or an exit code. Clear in any case. */
int trusting_make(struct trusting *trusting, struct cli *cli, const struct trusting_values *values);
void trusting_clear(struct trusting *trusting);
void trusting_free_values(struct trusting_values *values);

/** The demand, or NULL if there is none. */
const snapjar_seal_demand *trusting_demand(const struct trusting *trusting);

#endif
