/* SPDX-License-Identifier: MIT
 *
 * Texts of ISO 8601 made into datetime.datetime, date and time, and the reverse, where nothing is lost. CPython pickles
 * these at every protocol as a call with a few bytes and, if there is one, the time zone; a fixed time zone as calls of
 * datetime.timezone and timedelta with numbers.
 */
#include "migrate/convert_time.h"

#include <stdio.h>
#include <string.h>

#include "pickle/opcodes.h"
#include "util/bytes.h"

#define CONVERT snapjar_status __attribute__((warn_unused_result))

#define DAY_MICROS (INT64_C(86400) * 1000000)
/** The longest text: "2026-01-31T12:00:00.000000+01:00:00.000000". */
#define TEXT_MAX ((size_t)42)
#define STATE_MAX ((size_t)10)

static const struct {
    const char *name;
    size_t state_size;
    bool has_date;
    bool has_time;
} kinds[] = {
    [SJ_TIME_DATETIME] = {"datetime", 10, true, true},
    [SJ_TIME_DATE] = {"date", 4, true, false},
    [SJ_TIME_TIME] = {"time", 6, false, true},
};

/** What a date or time says. */
typedef struct moment {
    unsigned year, month, day, hour, minute, second, micros;
    bool has_offset;
    /** Of the time zone, in microseconds. */
    int64_t offset;
} moment;

sj_time_kind sj_time_kind_named(const char *name)
{
    sj_time_kind kind = SJ_TIME_DATETIME;
    while (kind < SJ_TIME_NONE && strcmp(kinds[kind].name, name) != 0)
        kind++;
    return kind;
}

static bool is_class(const snapjar_graph *graph, const sj_instance *instance, const char *name)
{
    const sj_class_name wanted = {{"datetime", 8}, {name, strlen(name)}};
    return sj_class_is(graph, instance->class_ref, &wanted);
}

sj_time_kind sj_time_kind_of(const snapjar_graph *graph, sj_ref ref)
{
    sj_instance instance;
    sj_time_kind kind = SJ_TIME_DATETIME;
    if (sj_graph_node(graph, ref)->kind != SJ_NODE_CALL || !sj_instance_see(graph, ref, &instance))
        return SJ_TIME_NONE;
    while (kind < SJ_TIME_NONE && !is_class(graph, &instance, kinds[kind].name))
        kind++;
    return kind;
}

const char *sj_time_kind_name(sj_time_kind kind)
{
    return kinds[kind].name;
}

/* ---- what is valid ---- */

static bool is_date(const moment *m)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (m->year < 1 || m->year > 9999 || m->month < 1 || m->month > 12 || m->day < 1)
        return false;
    const bool is_leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
    return m->day <= days[m->month - 1] + (unsigned)(m->month == 2 && is_leap);
}

static bool is_time(const moment *m)
{
    return m->hour < 24 && m->minute < 60 && m->second < 60 && m->micros < 1000000;
}

static bool is_valid(const moment *m, sj_time_kind kind)
{
    return (!kinds[kind].has_date || is_date(m)) && (!kinds[kind].has_time || is_time(m));
}

/* ---- texts ---- */

typedef struct reader {
    const char *at;
    const char *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool digits(reader *r, unsigned count, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++, r->at++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9')
            return false;
        *value = *value * 10 + (unsigned)(*r->at - '0');
    }
    return true;
}

/** 12:00, 12:00:00, 12:00:00.000 or 12:00:00.000000. */
static bool clock(reader *r, unsigned *hour, unsigned *minute, unsigned *second, unsigned *micros)
{
    *second = *micros = 0;
    if (!digits(r, 2, hour) || !take(r, ':') || !digits(r, 2, minute))
        return false;
    if (!take(r, ':'))
        return true;
    if (!digits(r, 2, second))
        return false;
    if (!take(r, '.'))
        return true;
    unsigned rest;
    reader after = {r->at, r->end};
    if (!digits(r, 3, micros))
        return false;
    *micros *= 1000;
    after.at = r->at;
    if (digits(&after, 3, &rest)) {
        *micros += rest;
        r->at = after.at;
    }
    return true;
}

static bool zone(reader *r, moment *m)
{
    unsigned hour, minute, second, micros;
    m->has_offset = r->at != r->end;
    if (!m->has_offset || take(r, 'Z'))
        return true;
    const bool is_west = take(r, '-');
    if (!is_west && !take(r, '+'))
        return false;
    if (!clock(r, &hour, &minute, &second, &micros) || hour > 23 || minute > 59 || second > 59)
        return false;
    m->offset = ((int64_t)(hour * 60 + minute) * 60 + second) * 1000000 + micros;
    m->offset = is_west ? -m->offset : m->offset;
    /* -00:00 says that nobody knows the offset. */
    return !is_west || m->offset != 0;
}

static bool read_text(const char *text, size_t size, sj_time_kind kind, moment *m)
{
    reader r = {text, text + size};
    memset(m, 0, sizeof *m);
    if (kinds[kind].has_date && (!digits(&r, 4, &m->year) || !take(&r, '-') || !digits(&r, 2, &m->month) ||
                                 !take(&r, '-') || !digits(&r, 2, &m->day)))
        return false;
    if (kind == SJ_TIME_DATETIME && !take(&r, 'T') && !take(&r, ' '))
        return false;
    if (kinds[kind].has_time && (!clock(&r, &m->hour, &m->minute, &m->second, &m->micros) || !zone(&r, m)))
        return false;
    return r.at == r.end && is_valid(m, kind);
}

/** As isoformat() writes it. */
static size_t write_text(const moment *m, sj_time_kind kind, char text[TEXT_MAX + 1])
{
    size_t used = 0;
    const size_t room = TEXT_MAX + 1;
    if (kinds[kind].has_date)
        used += (size_t)snprintf(text, room, "%04u-%02u-%02u%s", m->year, m->month, m->day,
                                 kinds[kind].has_time ? "T" : "");
    if (kinds[kind].has_time)
        used += (size_t)snprintf(text + used, room - used, "%02u:%02u:%02u", m->hour, m->minute, m->second);
    if (m->micros != 0)
        used += (size_t)snprintf(text + used, room - used, ".%06u", m->micros);
    if (!m->has_offset)
        return used;
    const int64_t away = m->offset < 0 ? -m->offset : m->offset, seconds = away / 1000000;
    used += (size_t)snprintf(text + used, room - used, "%c%02d:%02d", m->offset < 0 ? '-' : '+', (int)(seconds / 3600),
                             (int)(seconds / 60 % 60));
    if (away % 60000000 != 0)
        used += (size_t)snprintf(text + used, room - used, ":%02d", (int)(seconds % 60));
    if (away % 1000000 != 0)
        used += (size_t)snprintf(text + used, room - used, ".%06d", (int)(away % 1000000));
    return used;
}

/* ---- values that are read ---- */

/** The bytes of a state: bytes, or text of which each character is one, as Python 2 wrote them. */
static bool read_state(const snapjar_graph *graph, sj_ref ref, size_t size, uint8_t state[STATE_MAX])
{
    const sj_seen seen = sj_picture_see(graph, ref);
    size_t at = 0, count = 0;
    uint32_t point;
    bool is_byte;
    if ((seen.form != SJ_SEEN_BYTES && seen.form != SJ_SEEN_STR) || seen.text == 0)
        return false;
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (point > 0xff || count == size)
            return false;
        state[count++] = (uint8_t)point;
    }
    return count == size;
}

/** A call of a class of datetime that nothing else was done to. */
static bool see_call(const snapjar_graph *graph, sj_ref ref, const char *name, sj_instance *instance)
{
    return sj_graph_node(graph, ref)->kind == SJ_NODE_CALL && sj_graph_node(graph, ref)->changes == 0 &&
           sj_instance_see(graph, ref, instance) && is_class(graph, instance, name);
}

/** An int of few digits. */
static bool read_small(const snapjar_graph *graph, sj_ref ref, int64_t *value)
{
    uint8_t buffer[SJ_DECIMAL_BYTES_MAX];
    if (sj_picture_form(graph, ref) != SJ_SEEN_INT)
        return false;
    const sj_number number = sj_picture_int(graph, ref, buffer);
    if (number.size > 6)
        return false;
    uint64_t bits = number.size > 0 && (number.data[number.size - 1] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = number.size; i > 0; i--)
        bits = bits << 8 | number.data[i - 1];
    *value = (int64_t)bits;
    return true;
}

/** timezone(timedelta(days, seconds, microseconds)). */
static const char *read_zone(const snapjar_graph *graph, sj_ref ref, moment *m)
{
    sj_instance zone, delta;
    int64_t parts[3];
    if (!see_call(graph, ref, "timezone", &zone))
        return "its time zone is no fixed offset";
    if (zone.argument_count != 1)
        return "the name of its time zone would be lost";
    if (!see_call(graph, sj_instance_argument(graph, &zone, 0), "timedelta", &delta) || delta.argument_count != 3)
        return "its time zone is no fixed offset";
    for (uint32_t i = 0; i < 3; i++) {
        if (!read_small(graph, sj_instance_argument(graph, &delta, i), &parts[i]) || parts[i] <= -DAY_MICROS ||
            parts[i] >= DAY_MICROS)
            return "its time zone is no fixed offset";
    }
    if (parts[0] < -1 || parts[0] > 0 || parts[1] < 0 || parts[1] >= 86400 || parts[2] < 0 || parts[2] >= 1000000)
        return "its time zone is no fixed offset";
    m->offset = parts[0] * DAY_MICROS + parts[1] * 1000000 + parts[2];
    m->has_offset = true;
    return m->offset > -DAY_MICROS ? NULL : "its time zone is no fixed offset";
}

/** Why a value cannot be told as a text; NULL: it can. */
static const char *read_value(const snapjar_graph *graph, sj_ref ref, sj_time_kind kind, moment *m)
{
    static const char odd[] = "it is not made as Python pickles it";
    sj_instance instance;
    uint8_t state[STATE_MAX] = {0};
    const size_t size = kinds[kind].state_size;
    memset(m, 0, sizeof *m);
    if (!see_call(graph, ref, kinds[kind].name, &instance) || instance.argument_count == 0 ||
        instance.argument_count > (kinds[kind].has_time ? 2 : 1) ||
        !read_state(graph, sj_instance_argument(graph, &instance, 0), size, state))
        return odd;
    const uint8_t *time = state + (kinds[kind].has_date ? 4 : 0);
    /* The highest bit of the month, or of the hour of a time alone, is the fold. */
    if (kinds[kind].has_time && (state[kinds[kind].has_date ? 2 : 0] & 0x80) != 0)
        return "that it is the second of two times that the clock shows (fold) would be lost";
    if (kinds[kind].has_date) {
        m->year = (unsigned)state[0] << 8 | state[1];
        m->month = state[2];
        m->day = state[3];
    }
    if (kinds[kind].has_time) {
        m->hour = time[0];
        m->minute = time[1];
        m->second = time[2];
        m->micros = (unsigned)time[3] << 16 | (unsigned)time[4] << 8 | time[5];
    }
    if (!is_valid(m, kind))
        return odd;
    return instance.argument_count == 2 ? read_zone(graph, sj_instance_argument(graph, &instance, 1), m) : NULL;
}

/* ---- values that are made ---- */

static CONVERT make_call(snapjar_graph *graph, const char *name, const sj_ref *arguments, size_t count, sj_ref *ref,
                         snapjar_error *err)
{
    static const snapjar_text module = {"datetime", 8};
    sj_ref texts[2], call[2];
    SJ_TRY(sj_graph_add_text(graph, module, &texts[0], err));
    SJ_TRY(sj_graph_add_text(graph, (snapjar_text){name, strlen(name)}, &texts[1], err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_GLOBAL, 0, &call[0], err));
    SJ_TRY(sj_graph_set_global(graph, call[0], texts, err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_TUPLE, 0, &call[1], err));
    SJ_TRY(sj_graph_set_children(graph, call[1], arguments, count, 0, err));
    SJ_TRY(sj_graph_add_made(graph, SJ_NODE_CALL, 0, ref, err));
    return sj_graph_set_children(graph, *ref, call, 2, 0, err);
}

static CONVERT make_zone(snapjar_graph *graph, int64_t offset, sj_ref *ref, snapjar_error *err)
{
    const int64_t days = offset < 0 ? -1 : 0, rest = offset - days * DAY_MICROS;
    const int64_t parts[] = {days, rest / 1000000, rest % 1000000};
    sj_ref numbers[3], delta;
    for (size_t i = 0; i < 3; i++) {
        uint8_t literal[5] = {SJ_OP_BININT};
        sj_write_le32(literal + 1, (uint32_t)parts[i]);
        SJ_TRY(sj_graph_add_literal(graph, SJ_NODE_INT, literal, sizeof literal, &numbers[i], err));
    }
    SJ_TRY(make_call(graph, "timedelta", numbers, 3, &delta, err));
    return make_call(graph, "timezone", &delta, 1, ref, err);
}

static CONVERT make_value(snapjar_graph *graph, const moment *m, sj_time_kind kind, sj_ref *ref, snapjar_error *err)
{
    const uint8_t date[] = {(uint8_t)(m->year >> 8), (uint8_t)m->year, (uint8_t)m->month, (uint8_t)m->day};
    const uint8_t time[] = {(uint8_t)m->hour,           (uint8_t)m->minute,        (uint8_t)m->second,
                            (uint8_t)(m->micros >> 16), (uint8_t)(m->micros >> 8), (uint8_t)m->micros};
    uint8_t literal[9 + STATE_MAX] = {SJ_OP_BINBYTES8};
    const size_t size = kinds[kind].state_size;
    sj_ref arguments[2];
    sj_write_le64(literal + 1, size);
    if (kinds[kind].has_date)
        memcpy(literal + 9, date, sizeof date);
    if (kinds[kind].has_time)
        memcpy(literal + 9 + (kinds[kind].has_date ? sizeof date : 0), time, sizeof time);
    SJ_TRY(sj_graph_add_literal(graph, SJ_NODE_BYTES, literal, 9 + size, &arguments[0], err));
    if (m->has_offset)
        SJ_TRY(make_zone(graph, m->offset, &arguments[1], err));
    return make_call(graph, kinds[kind].name, arguments, m->has_offset ? 2 : 1, ref, err);
}

/* ---- converting ---- */

snapjar_status sj_convert_text_to_time(snapjar_graph *graph, sj_ref value, sj_time_kind kind, sj_ref *ref,
                                       const char **reason, snapjar_error *err)
{
    static const char *const wrong[] = {
        [SJ_TIME_DATETIME] = "the text is no date and time as isoformat() writes it",
        [SJ_TIME_DATE] = "the text is no date as isoformat() writes it",
        [SJ_TIME_TIME] = "the text is no time as isoformat() writes it",
    };
    const sj_seen seen = sj_picture_see(graph, value);
    char text[TEXT_MAX];
    size_t at = 0, size = 0;
    uint32_t point;
    bool is_byte;
    moment m;
    if (seen.form != SJ_SEEN_STR) {
        *reason = "there is no such conversion";
        return SNAPJAR_OK;
    }
    *reason = wrong[kind];
    if (seen.text == 0)
        return SNAPJAR_OK;
    const sj_literal literal = sj_picture_literal(graph, sj_graph_node(graph, seen.text));
    while (sj_literal_point(&literal, &at, &point, &is_byte)) {
        if (point >= 0x80 || size == TEXT_MAX)
            return SNAPJAR_OK;
        text[size++] = (char)point;
    }
    if (!read_text(text, size, kind, &m))
        return SNAPJAR_OK;
    *reason = NULL;
    return make_value(graph, &m, kind, ref, err);
}

snapjar_status sj_convert_time_to_text(snapjar_graph *graph, sj_ref value, sj_ref *ref, const char **reason,
                                       snapjar_error *err)
{
    const sj_time_kind kind = sj_time_kind_of(graph, value);
    char text[TEXT_MAX + 1];
    moment m;
    *reason = read_value(graph, value, kind, &m);
    if (*reason != NULL)
        return SNAPJAR_OK;
    const size_t size = write_text(&m, kind, text);
    return sj_graph_add_text(graph, (snapjar_text){text, size}, ref, err);
}
