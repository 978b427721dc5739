/* SPDX-License-Identifier: MIT
 *
 * What kind of failure: whose fault it is, and so what a program should do next.
 * Where and why is told by `snapjar_error` (error.h). The set and its numbers are frozen.
 */
#ifndef SNAPJAR_STATUS_H
#define SNAPJAR_STATUS_H

#include <snapjar/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum snapjar_status {
    SNAPJAR_OK = 0,
    /** The calling program broke a rule of the interface. */
    SNAPJAR_INVALID_ARGUMENT = 1,
    /** Memory could not be allocated. */
    SNAPJAR_NO_MEMORY = 2,
    /** The data is over a limit that the caller set or left at its default. Nothing is known to be wrong with it. */
    SNAPJAR_LIMIT = 3,
    /** The operating system refused: `snapjar_error.system_errno` says why. */
    SNAPJAR_IO = 4,
    /** The data ends too early. It may still be being written. */
    SNAPJAR_CUT_SHORT = 5,
    /** The data is not of the format that was asked for. */
    SNAPJAR_WRONG_FORMAT = 6,
    /** The data is intact and of this format, but needs a newer reader. */
    SNAPJAR_UNSUPPORTED = 7,
    /** The data is of this format and damaged, or made to mislead. */
    SNAPJAR_DAMAGED = 8,
    /** A seal was demanded and is absent, wrong or not trusted. */
    SNAPJAR_BAD_SEAL = 9,
    /** A policy or contract says no. */
    SNAPJAR_REFUSED = 10,
    /** What was asked for is not there. */
    SNAPJAR_NOT_FOUND = 11,
    /** The caller asked to stop. */
    SNAPJAR_CANCELLED = 12,
    /** The library contradicts itself: please report it. */
    SNAPJAR_BUG = 13
} snapjar_status;

/** The name of a status, as "cut-short". Static; "unknown" for a number that is none. */
SNAPJAR_API const char *snapjar_status_name(snapjar_status status);

#ifdef __cplusplus
}
#endif
#endif
