/* SPDX-License-Identifier: MIT
 *
 * Reading times as programs write them.
 */
#include "snapshot/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "header/fields.h"

/** 9999-12-31T23:59:59Z. */
#define SECONDS_MAX 253402300799.0
#define MICROSECONDS 1000000

/** "2026-01-31T12:00:00" */
#define LOCAL_SIZE 19

static bool format(int64_t seconds, const char *fraction, size_t fraction_size, char out[SJ_TIME_SIZE])
{
    struct tm parts;
    time_t whole = (time_t)seconds;

    if (seconds < 0 || (double)seconds > SECONDS_MAX || !gmtime_r(&whole, &parts))
        return false;
    size_t size = strftime(out, SJ_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + size, SJ_TIME_SIZE - size, "%.*sZ", (int)fraction_size, fraction);
    return sj_is_time((snapjar_text){out, strlen(out)});
}

bool sj_time_from_seconds(double seconds, char out[SJ_TIME_SIZE])
{
    char fraction[16] = "";

    if (!(seconds >= 0) || seconds > SECONDS_MAX)
        return false;
    int64_t whole = (int64_t)seconds;
    int64_t parts = (int64_t)((seconds - (double)whole) * MICROSECONDS + 0.5);
    if (parts >= MICROSECONDS) {
        whole++;
        parts = 0;
    }
    if (parts)
        (void)snprintf(fraction, sizeof fraction, ".%06" PRId64, parts);
    return format(whole, fraction, strlen(fraction), out);
}

snapjar_status sj_time_now(char out[SJ_TIME_SIZE], snapjar_error *err)
{
    time_t now = 0;

    SJ_TRY(sj_header_clock(&now, err));
    if (!format((int64_t)now, "", 0, out))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "the clock is outside the years 1970 to 9999");
    return SNAPJAR_OK;
}

/** "+01:00" or "-0730" in seconds; 0 for "Z". */
static bool read_offset(const char *text, size_t size, int64_t *seconds)
{
    char digits[5] = "";
    size_t count = 0;

    *seconds = 0;
    if (size == 1 && (*text == 'Z' || *text == 'z'))
        return true;
    if (size < 5 || size > 6 || (*text != '+' && *text != '-') || (size == 6 && text[3] != ':'))
        return false;
    for (size_t i = 1; i < size; i++) {
        if (size == 6 && i == 3)
            continue;
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits[count++] = text[i];
    }
    int hours = (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = (digits[2] - '0') * 10 + digits[3] - '0';
    if (hours > 23 || minutes > 59)
        return false;
    *seconds = (hours * 60 + minutes) * 60 * (*text == '-' ? -1 : 1);
    return true;
}

/** Days since 1970 of a date in the Gregorian calendar. */
static int64_t count_days(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int past = year - 1;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t days = (int64_t)past * 365 + past / 4 - past / 100 + past / 400;

    return days + before[month - 1] + (month > 2 && is_leap) + day - 1 - 719162;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

bool sj_time_from_text(snapjar_text text, char out[SJ_TIME_SIZE])
{
    char local[SJ_TIME_SIZE];
    size_t fraction_size = 0;
    int64_t offset;

    if (text.size < LOCAL_SIZE + 1)
        return false;
    memcpy(local, text.data, LOCAL_SIZE);
    if (local[10] == ' ' || local[10] == 't')
        local[10] = 'T';
    if (text.data[LOCAL_SIZE] == '.') {
        while (LOCAL_SIZE + 1 + fraction_size < text.size && text.data[LOCAL_SIZE + 1 + fraction_size] >= '0' &&
               text.data[LOCAL_SIZE + 1 + fraction_size] <= '9')
            fraction_size++;
        if (!fraction_size++ || fraction_size > 10)
            return false;
    }
    size_t used = LOCAL_SIZE + fraction_size;
    if (!read_offset(text.data + used, text.size - used, &offset))
        return false;
    memcpy(local + LOCAL_SIZE, "Z", 2);
    if (!sj_is_time((snapjar_text){local, LOCAL_SIZE + 1}))
        return false;
    int year = two_digits(local) * 100 + two_digits(local + 2);
    if (!year)
        return false;
    int64_t seconds = count_days(year, two_digits(local + 5), two_digits(local + 8)) * 86400 +
                      two_digits(local + 11) * 3600 + two_digits(local + 14) * 60 + two_digits(local + 17) - offset;
    return format(seconds, text.data + LOCAL_SIZE, fraction_size, out);
}
