/* SPDX-License-Identifier: MIT
 *
 * Detached seals beside snapshots: making them, taking signatures off, and noticing that there is one.
 */
#ifndef CLI_DETACHING_H
#define CLI_DETACHING_H

#include <snapjar/snapjar.h>

#include "report.h"

/** The path of the detached seal of the snapshot `path`. For free. */
char *detaching_path(const char *path);

/** Whether there is something at that path. */
bool detaching_is_there(const char *path);

/** Says, when `path` was changed and a detached seal is beside it, that this is of the file as it was. */
void detaching_remark(struct cli *cli, const char *path);

/**
 * Seals all records of `path` in its detached seal, which is written anew; signatures by other keys stay unless
 * `options->replace`. `*blamed` is the file that an error is about: `path`, or the seal's path in `seal_path`.
 */
snapjar_status detaching_seal(snapjar_context *context, snapjar_sealer *sealer, const char *path, const char *seal_path,
                              snapjar_durability durability, const snapjar_seal_options *options, uint64_t *count,
                              const char **blamed, snapjar_error *err);

/**
 * Takes the signatures of a key (NULL: all) off the detached seal `seal_path`, and the file away if none is left.
 * `*count` is how many were taken: without a file none.
 */
snapjar_status detaching_unseal(snapjar_context *context, const char *seal_path, const char *key_id,
                                snapjar_durability durability, uint64_t *count, snapjar_error *err);

#endif
