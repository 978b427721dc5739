/* SPDX-License-Identifier: MIT
 *
 * Times of other forms in the one form of a header.
 */
#ifndef SJ_SNAPSHOT_TIME_H
#define SJ_SNAPSHOT_TIME_H

#include <stdbool.h>

#include <snapjar/header.h>

#define SJ_TIME_SIZE 32

/** From "2026-01-31T12:00:00.5+01:00" (a space for the T, and +0100, are taken too). Without an offset: false. */
bool sj_time_from_text(snapjar_text text, char out[SJ_TIME_SIZE]);

/** From seconds since 1970, years 1970 to 9999; parts of a second are kept to microseconds. */
bool sj_time_from_seconds(double seconds, char out[SJ_TIME_SIZE]);

/** The time of sj_header_clock. */
snapjar_status sj_time_now(char out[SJ_TIME_SIZE], snapjar_error *err);

#endif
