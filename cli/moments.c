/* SPDX-License-Identifier: MIT
 *
 * Points in time.
 */
#include "moments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY ((int64_t)24 * 3600)

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March here, so that leap days come last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static bool read_digits(int64_t *value, const char *bytes, size_t count)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
        *value = *value * 10 + (bytes[i] - '0');
    }
    return true;
}

bool moment_read(int64_t *seconds, const char *bytes, size_t size)
{
    int64_t year, month, day, hour, minute, second;

    if (size < 20 || bytes[4] != '-' || bytes[7] != '-' || bytes[10] != 'T' || bytes[13] != ':' || bytes[16] != ':' ||
        bytes[size - 1] != 'Z' || (size > 20 && bytes[19] != '.'))
        return false;
    if (!read_digits(&year, bytes, 4) || !read_digits(&month, bytes + 5, 2) || !read_digits(&day, bytes + 8, 2) ||
        !read_digits(&hour, bytes + 11, 2) || !read_digits(&minute, bytes + 14, 2) ||
        !read_digits(&second, bytes + 17, 2))
        return false;
    for (size_t i = 20; i + 1 < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    return true;
}

static void split(int64_t seconds, struct tm *parts)
{
    static const int64_t first = INT64_C(-62167219200); /* 0000-01-01 */
    static const int64_t last = INT64_C(253402300799);  /* 9999-12-31T23:59:59 */
    time_t time = (time_t)(seconds < first ? first : seconds > last ? last : seconds);

    if (!gmtime_r(&time, parts))
        *parts = (struct tm){.tm_year = 70, .tm_mday = 1};
}

void moment_add_day(struct text *out, int64_t seconds)
{
    struct tm parts;

    split(seconds, &parts);
    text_printf(out, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

void moment_add(struct text *out, int64_t seconds)
{
    struct tm parts;

    split(seconds, &parts);
    text_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
}

int64_t moment_now(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end;

    if (epoch && *epoch >= '0' && *epoch <= '9') {
        errno = 0;
        intmax_t seconds = strtoimax(epoch, &end, 10);
        if (!errno && !*end)
            return (int64_t)seconds;
    }
    return (int64_t)time(NULL);
}

static const struct unit {
    char letter;
    const char *name;
    int64_t seconds;
} units[] = {
    {'y', "year", 365 * DAY}, {'w', "week", 7 * DAY}, {'d', "day", DAY},
    {'h', "hour", 3600},      {'m', "minute", 60},    {'s', "second", 1},
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

bool duration_read(int64_t *seconds, const char *word)
{
    char *end;

    if (*word < '0' || *word > '9')
        return false;
    errno = 0;
    intmax_t value = strtoimax(word, &end, 10);
    if (errno || !*end || end[1])
        return false;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (*end == units[i].letter && value <= DURATION_MAX / units[i].seconds) {
            *seconds = (int64_t)value * units[i].seconds;
            return true;
        }
    }
    return false;
}

void duration_add(struct text *out, int64_t seconds)
{
    size_t unit = UNIT_COUNT - 1;

    if (seconds < 0) {
        text_putc(out, '-');
        seconds = seconds == INT64_MIN ? INT64_MAX : -seconds;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        /* Weeks are for reading: five weeks say less than 35 days. */
        if (units[i].letter != 'w' && seconds >= 2 * units[i].seconds) {
            unit = i;
            break;
        }
    }
    int64_t number = seconds / units[unit].seconds;
    text_printf(out, "%" PRId64 " %s%s", number, units[unit].name, number == 1 ? "" : "s");
}

void moments_add(struct moments *moments, int64_t seconds)
{
    if (!moments->count || seconds < moments->oldest)
        moments->oldest = seconds;
    if (!moments->count || seconds > moments->newest)
        moments->newest = seconds;
    if (!moments->stride)
        moments->stride = 1;
    if (moments->count++ & (moments->stride - 1))
        return;
    if (moments->kept_count == MOMENTS_KEPT_MAX) {
        for (size_t i = 0; i < MOMENTS_KEPT_MAX / 2; i++)
            moments->kept[i] = moments->kept[2 * i];
        moments->kept_count = MOMENTS_KEPT_MAX / 2;
        moments->stride *= 2;
    }
    if (!(moments->kept_count & (moments->kept_count - 1)))
        moments->kept =
            memory_resize(moments->kept, (moments->kept_count ? moments->kept_count * 2 : 1) * sizeof(*moments->kept));
    moments->kept[moments->kept_count++] = seconds;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t moments_median(struct moments *moments)
{
    if (!moments->kept_count)
        return 0;
    qsort(moments->kept, moments->kept_count, sizeof(*moments->kept), compare);
    return moments->kept[(moments->kept_count - 1) / 2];
}

void moments_free(struct moments *moments)
{
    free(moments->kept);
    *moments = (struct moments){0};
}
