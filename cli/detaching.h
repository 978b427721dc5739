/* SPDX-License-Identifier: MIT
 *
 * Detached seals beside snapshots: what they are called, and that one may not hold any more.
 */
#ifndef CLI_DETACHING_H
#define CLI_DETACHING_H

#include <snapjar/snapjar.h>

#include "report.h"

/** The path of the detached seal of the snapshot `path`. For free. */
char *detaching_path(const char *path);

/** Says, when `path` was changed and a detached seal is beside it, that this is of the file as it was. */
void detaching_remark(struct cli *cli, const char *path);

#endif
