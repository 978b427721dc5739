/* SPDX-License-Identifier: MIT
 *
 * Alignment of sequences: what is the same at both ends, then the fewest insertions and deletions if they are few
 * (Myers, "An O(ND) difference algorithm and its variations", 1986), else parts that each side has exactly once.
 */
#include "pickle/diff.h"

#include <stdlib.h>

/** Insertions and deletions that are looked for, and steps that it may take. */
#define EDITS_MAX 400
#define STEPS_MAX UINT64_C(40000000)

/** A stretch of both sequences. */
typedef struct stretch {
    const sj_step *steps[2];
    /** Of these steps. */
    const uint32_t *hashes[2];
    size_t counts[2];
} stretch;

/** Parts that go together at these places. */
static snapjar_status add_both(sj_diff *diff, const stretch *s, size_t i, size_t j)
{
    return sj_diff_add_pair(diff, &s->steps[0][i], &s->steps[1][j]);
}

/** Parts that have no counterpart: one by one against each other, then the rest. */
static snapjar_status add_gap(sj_diff *diff, const stretch *s, size_t from, size_t to, size_t other_from,
                              size_t other_to)
{
    while (from < to && other_from < other_to)
        SJ_TRY(add_both(diff, s, from++, other_from++));
    for (; from < to; from++)
        SJ_TRY(sj_diff_add_pair(diff, &s->steps[0][from], NULL));
    for (; other_from < other_to; other_from++)
        SJ_TRY(sj_diff_add_pair(diff, NULL, &s->steps[1][other_from]));
    return SNAPJAR_OK;
}

/**
 * Pairs all parts, given for each before the place + 1 of the equal one after, ascending, or 0. The parts between two
 * such are a gap.
 */
static snapjar_status add_anchored(sj_diff *diff, const stretch *s, const uint32_t *anchors)
{
    size_t i = 0, j = 0;
    for (size_t at = 0; at < s->counts[0]; at++) {
        if (anchors[at] == 0)
            continue;
        SJ_TRY(add_gap(diff, s, i, at, j, anchors[at] - 1));
        SJ_TRY(add_both(diff, s, at, anchors[at] - 1));
        i = at + 1;
        j = anchors[at];
    }
    return add_gap(diff, s, i, s->counts[0], j, s->counts[1]);
}

/* ---- the fewest edits ---- */

/** The row for `edits` of furthest places, which begins behind those for fewer. */
static int32_t *row_of(int32_t *rows, int edits)
{
    return rows + (size_t)edits * (size_t)(edits + 1);
}

/** Goes back from the end and notes what is equal. */
static void trace(const stretch *s, int32_t *rows, int edits, uint32_t *anchors)
{
    int32_t x = (int32_t)s->counts[0], y = (int32_t)s->counts[1];
    for (int d = edits; d >= 0; d--) {
        const int32_t k = x - y;
        int32_t from_x = 0, from_y = 0;
        if (d > 0) {
            const int32_t *row = row_of(rows, d - 1) + (d - 1);
            const bool is_down = k == -d || (k != d && row[k - 1] < row[k + 1]);
            from_x = is_down ? row[k + 1] : row[k - 1];
            from_y = from_x - (is_down ? k + 1 : k - 1);
        }
        const int32_t stop_x = d == 0 ? 0 : from_x, stop_y = d == 0 ? 0 : from_y;
        while (x > stop_x && y > stop_y) {
            x--;
            y--;
            anchors[x] = (uint32_t)y + 1;
        }
        x = stop_x;
        y = stop_y;
    }
}

/** Whether there are few edits; then `anchors` says what is equal. */
static bool find_few_edits(const stretch *s, int32_t *rows, uint32_t *anchors)
{
    const int32_t n = (int32_t)s->counts[0], m = (int32_t)s->counts[1];
    uint64_t steps_left = STEPS_MAX;
    for (int d = 0; d <= EDITS_MAX; d++) {
        int32_t *row = row_of(rows, d) + d;
        const int32_t *above = d > 0 ? row_of(rows, d - 1) + (d - 1) : NULL;
        for (int32_t k = -d; k <= d; k++) {
            /* Places of the other parity are not reached with d edits. */
            if (((k + d) & 1) != 0) {
                row[k] = -1;
                continue;
            }
            int32_t x = 0;
            if (d > 0) {
                const int32_t right = k - 1 >= -(d - 1) ? above[k - 1] + 1 : -1;
                const int32_t down = k + 1 <= d - 1 ? above[k + 1] : -1;
                x = k == -d || (k != d && right - 1 < down) ? down : right;
            }
            int32_t y = x - k;
            while (x < n && y >= 0 && y < m && s->hashes[0][x] == s->hashes[1][y] && steps_left > 0) {
                x++;
                y++;
                steps_left--;
            }
            row[k] = x;
            if (x == n && y == m) {
                trace(s, rows, d, anchors);
                return true;
            }
        }
        const uint64_t cost = 4 * (uint64_t)d;
        if (steps_left <= cost)
            return false;
        steps_left -= cost;
    }
    return false;
}

/* ---- parts that are unique ---- */

typedef struct occurrence {
    uint32_t hash;
    uint32_t place;
} occurrence;

static int compare_occurrences(const void *left, const void *right)
{
    const occurrence *a = left;
    const occurrence *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static occurrence *sort_occurrences(sj_diff *diff, const uint32_t *hashes, size_t count)
{
    occurrence *sorted = sj_alloc(diff->context, count * sizeof *sorted);
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = (occurrence){hashes[i], (uint32_t)i};
    qsort(sorted, count, sizeof *sorted, compare_occurrences);
    return sorted;
}

/** Whether the hash at `i` stands nowhere else. */
static bool is_unique(const occurrence *sorted, size_t count, size_t i)
{
    return (i == 0 || sorted[i - 1].hash != sorted[i].hash) && (i + 1 == count || sorted[i + 1].hash != sorted[i].hash);
}

/** Keeps the longest ascending part of the anchors (patience sorting); `tails` and `links` have room for all. */
static void keep_ascending(uint32_t *anchors, size_t count, uint32_t *tails, uint32_t *links)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = length;
        if (anchors[i] == 0)
            continue;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (anchors[tails[middle]] < anchors[i])
                low = middle + 1;
            else
                high = middle;
        }
        links[i] = low > 0 ? tails[low - 1] + 1 : 0;
        tails[low] = (uint32_t)i;
        length += low == length;
    }
    size_t at = length > 0 ? (size_t)tails[length - 1] + 1 : 0;
    for (size_t i = count; i > 0; i--) {
        if (i == at)
            at = links[i - 1];
        else
            anchors[i - 1] = 0;
    }
}

static snapjar_status find_unique(sj_diff *diff, const stretch *s, uint32_t *anchors)
{
    occurrence *before = sort_occurrences(diff, s->hashes[0], s->counts[0]);
    occurrence *after = sort_occurrences(diff, s->hashes[1], s->counts[1]);
    uint32_t *tails = sj_alloc(diff->context, s->counts[0] * sizeof *tails);
    uint32_t *links = sj_alloc_zero(diff->context, s->counts[0] * sizeof *links);
    snapjar_status status = SNAPJAR_OK;
    if (before == NULL || after == NULL || tails == NULL || links == NULL) {
        status = sj_raise_no_memory(diff->err, s->counts[0] * sizeof *before);
    } else {
        for (size_t i = 0, j = 0; i < s->counts[0] && j < s->counts[1];) {
            if (before[i].hash != after[j].hash) {
                if (before[i].hash < after[j].hash)
                    i++;
                else
                    j++;
                continue;
            }
            if (is_unique(before, s->counts[0], i) && is_unique(after, s->counts[1], j))
                anchors[before[i].place] = after[j].place + 1;
            i++;
        }
        keep_ascending(anchors, s->counts[0], tails, links);
    }
    sj_free(diff->context, before);
    sj_free(diff->context, after);
    sj_free(diff->context, tails);
    sj_free(diff->context, links);
    return status;
}

/* ---- all ---- */

static snapjar_status align_middle(sj_diff *diff, const stretch *s)
{
    if (s->counts[0] == 0 || s->counts[1] == 0 || (s->counts[0] == 1 && s->counts[1] == 1))
        return add_gap(diff, s, 0, s->counts[0], 0, s->counts[1]);
    uint32_t *anchors = sj_alloc_zero(diff->context, s->counts[0] * sizeof *anchors);
    const size_t rows_size = (size_t)(EDITS_MAX + 1) * (EDITS_MAX + 2) * sizeof(int32_t);
    int32_t *rows = sj_alloc(diff->context, rows_size);
    snapjar_status status = SNAPJAR_OK;
    if (anchors == NULL || rows == NULL)
        status = sj_raise_no_memory(diff->err, rows_size);
    else if (!find_few_edits(s, rows, anchors))
        status = find_unique(diff, s, anchors);
    if (status == SNAPJAR_OK)
        status = add_anchored(diff, s, anchors);
    sj_free(diff->context, rows);
    sj_free(diff->context, anchors);
    return status;
}

/** The steps of a sequence alone, and their hashes. */
static snapjar_status take_items(sj_diff *diff, int side, const sj_step_array *steps, sj_step **items,
                                 uint32_t **hashes, size_t *count)
{
    *count = 0;
    *items = sj_alloc(diff->context, steps->count * sizeof **items);
    *hashes = sj_alloc(diff->context, steps->count * sizeof **hashes);
    if (*items == NULL || *hashes == NULL)
        return sj_raise_no_memory(diff->err, steps->count * sizeof **items);
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->items[i].kind != SJ_STEP_INDEX)
            continue;
        (*items)[*count] = steps->items[i];
        (*hashes)[(*count)++] = diff->hashes[side][steps->items[i].value];
    }
    return SNAPJAR_OK;
}

static snapjar_status align(sj_diff *diff, stretch s)
{
    size_t end = 0;
    while (s.counts[0] > 0 && s.counts[1] > 0 && s.hashes[0][0] == s.hashes[1][0]) {
        SJ_TRY(add_both(diff, &s, 0, 0));
        for (int side = 0; side < 2; side++) {
            s.steps[side]++;
            s.hashes[side]++;
            s.counts[side]--;
        }
    }
    while (s.counts[0] > 0 && s.counts[1] > 0 && s.hashes[0][s.counts[0] - 1] == s.hashes[1][s.counts[1] - 1]) {
        s.counts[0]--;
        s.counts[1]--;
        end++;
    }
    SJ_TRY(align_middle(diff, &s));
    for (size_t i = 0; i < end; i++)
        SJ_TRY(add_both(diff, &s, s.counts[0] + i, s.counts[1] + i));
    return SNAPJAR_OK;
}

snapjar_status sj_diff_align(sj_diff *diff, const sj_step_array *before, const sj_step_array *after)
{
    sj_step *items[2] = {NULL, NULL};
    uint32_t *hashes[2] = {NULL, NULL};
    stretch s;
    snapjar_status status = take_items(diff, SJ_BEFORE, before, &items[0], &hashes[0], &s.counts[0]);
    if (status == SNAPJAR_OK)
        status = take_items(diff, SJ_AFTER, after, &items[1], &hashes[1], &s.counts[1]);
    for (int side = 0; side < 2; side++) {
        s.steps[side] = items[side];
        s.hashes[side] = hashes[side];
    }
    if (status == SNAPJAR_OK)
        status = align(diff, s);
    for (int side = 0; side < 2; side++) {
        sj_free(diff->context, items[side]);
        sj_free(diff->context, hashes[side]);
    }
    return status;
}
