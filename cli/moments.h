/* SPDX-License-Identifier: MIT
 *
 * Points in time, in seconds since 1970: read, shown, and gathered to tell the oldest, newest and median of many.
 */
#ifndef CLI_MOMENTS_H
#define CLI_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/** Seconds of a time as headers have it, "2026-11-25T10:00:00Z", with or without a fraction. False if it is none. */
bool moment_read(int64_t *seconds, const char *bytes, size_t size);

/** Adds "2026-11-25T10:00:00Z", and "2026-11-25". Years beyond 0 to 9999 come out as the nearest of these. */
void moment_add(struct text *out, int64_t seconds);
void moment_add_day(struct text *out, int64_t seconds);

/**
 * SOURCE_DATE_EPOCH, or else the clock's time.
 */
int64_t moment_now(void);

/** Longest duration: 10,000 years of 365 days. */
#define DURATION_MAX ((int64_t)10000 * 365 * 24 * 3600)

/** Seconds of "90s", "45m", "12h", "30d", "8w" or "2y" (365 days). False if it is none, or longer than DURATION_MAX. */
bool duration_read(int64_t *seconds, const char *word);

/** Adds "35 days", in the largest unit of which there are two or more; "-" and that, if it is negative. */
void duration_add(struct text *out, int64_t seconds);

/** So many points in time are kept; of more, each second one, each fourth, and so on. */
#define MOMENTS_KEPT_MAX 1024

struct moments {
    uint64_t count;
    int64_t oldest;
    int64_t newest;
    int64_t *kept;
    size_t kept_count;
    /** Each kept one stands for so many; a power of two, or 0 as long as there is none. */
    uint64_t stride;
};

void moments_add(struct moments *moments, int64_t seconds);

/** The median, of those that are kept: sorts them. 0 if there are none. */
int64_t moments_median(struct moments *moments);

void moments_free(struct moments *moments);

#endif
