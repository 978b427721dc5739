/* SPDX-License-Identifier: MIT
 *
 * Bars of sizes and ages, and columns of versions over time.
 */
#include "census_plots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html_out.h"

/* Types in a plot; the others are in the table. */
#define SIZE_ROWS 12
#define SERIES_MAX 8
#define COLUMN_COUNT 32
/* Shades of versions; the last one is for all older ones. */
#define SHADE_COUNT 6
#define COLUMN_WIDTH 10
#define PLOT_HEIGHT 84.0

struct type_sum *type_sums(const struct census *census, size_t *count)
{
    struct type_sum *sums = NULL;

    *count = 0;
    for (size_t i = 0; i < census->group_keys.count && census->groups[i].is_record; i++) {
        const struct group *group = &census->groups[i];
        const struct group *before = i ? group - 1 : NULL;
        if (!before || before->type.size != group->type.size ||
            memcmp(before->type.data, group->type.data, group->type.size) != 0) {
            sums = array_grown(sums, *count, sizeof(*sums));
            sums[(*count)++] = (struct type_sum){.first = i};
        }
        struct type_sum *sum = &sums[*count - 1];
        sum->end = i + 1;
        sum->count += group->count;
        sum->size += group->size;
        sum->stored_size += group->stored_size;
    }
    return sums;
}

static int compare_sizes(const void *left, const void *right)
{
    const struct type_sum *a = left;
    const struct type_sum *b = right;
    int order = (a->size < b->size) - (a->size > b->size);
    return order ? order : (a->first > b->first) - (a->first < b->first);
}

static int compare_counts(const void *left, const void *right)
{
    const struct type_sum *a = left;
    const struct type_sum *b = right;
    int order = (a->count < b->count) - (a->count > b->count);
    return order ? order : (a->first > b->first) - (a->first < b->first);
}

/* ---- bars ---- */

static void add_bar(struct text *out, const char *shade, double share, int height)
{
    /* What is there can be seen. */
    double percent = share < 0.003 ? 0.3 : share * 100;

    if (share > 0)
        text_printf(out, "<rect class=\"%s\" width=\"%.2f%%\" y=\"%d\" height=\"%d\" rx=\"3\"/>", shade, percent,
                    (16 - height) / 2, height);
}

static void begin_bar(struct text *out)
{
    text_puts(out, "<svg aria-hidden=\"true\"><rect class=\"base\" width=\"100%\" height=\"1\" y=\"15\"/>");
}

static void add_size_row(struct text *out, snapjar_text name, const struct type_sum *sum, uint64_t most)
{
    text_puts(out, "<div class=\"bar\"><h3>");
    html_code(out, name);
    text_puts(out, "</h3>");
    begin_bar(out);
    add_bar(out, "all", (double)sum->size / (double)most, 16);
    add_bar(out, "part", (double)sum->stored_size / (double)most, 8);
    text_puts(out, "</svg><div>");
    text_size(out, sum->size);
    text_puts(out, " in ");
    text_size(out, sum->stored_size);
    text_puts(out, "</div></div>\n");
}

void plot_sizes(struct text *out, const struct census *census, struct type_sum *sums, size_t count)
{
    struct type_sum rest = {0};
    uint64_t most = 1;

    qsort(sums, count, sizeof(*sums), compare_sizes);
    for (size_t i = 0; i < count; i++) {
        uint64_t larger = sums[i].size > sums[i].stored_size ? sums[i].size : sums[i].stored_size;
        most = i < SIZE_ROWS && larger > most ? larger : most;
        rest.size += i < SIZE_ROWS ? 0 : sums[i].size;
        rest.stored_size += i < SIZE_ROWS ? 0 : sums[i].stored_size;
    }
    text_puts(out, "<div class=\"legend\"><span><i class=\"key all\"></i>content</span>"
                   "<span><i class=\"key part\"></i>as stored</span></div>\n<div class=\"card bars\">\n");
    for (size_t i = 0; i < count && i < SIZE_ROWS; i++)
        add_size_row(out, census->groups[sums[i].first].type, &sums[i], most);
    text_puts(out, "</div>\n");
    if (count <= SIZE_ROWS)
        return;
    text_puts(out, "<p class=\"lead\">and ");
    html_count(out, count - SIZE_ROWS, "more type", "more types");
    text_puts(out, ": ");
    text_size(out, rest.size);
    text_puts(out, " in ");
    text_size(out, rest.stored_size);
    text_puts(out, "</p>\n");
}

void plot_ages(struct text *out, const struct census *census)
{
    uint64_t most = 1;

    for (size_t i = 0; i < AGE_COUNT; i++)
        most = census->age_counts[i] > most ? census->age_counts[i] : most;
    text_puts(out, "<div class=\"card bars ages\">\n");
    for (size_t i = 0; i < AGE_COUNT; i++) {
        text_printf(out, "<div class=\"bar\"><span>%s</span>", age_infos[i].name);
        begin_bar(out);
        add_bar(out, "part", (double)census->age_counts[i] / (double)most, 16);
        text_puts(out, "</svg><div>");
        html_number(out, census->age_counts[i]);
        text_puts(out, "</div></div>\n");
    }
    text_puts(out, "</div>\n");
}

/* ---- versions over time ---- */

/* Records of one type in each column and shade; the newest version has shade 0. */
struct series {
    double counts[COLUMN_COUNT][SHADE_COUNT];
    double most;
};

static size_t shade_of(const struct type_sum *sum, size_t group)
{
    size_t from_newest = sum->end - 1 - group;
    return from_newest < SHADE_COUNT ? from_newest : SHADE_COUNT - 1;
}

static void fill(struct series *series, const struct census *census, const struct type_sum *sum)
{
    const int64_t begin = census->created.oldest;
    const double span = (double)(census->created.newest - begin) + 1;

    *series = (struct series){.most = 0};
    for (size_t i = sum->first; i < sum->end; i++) {
        const struct moments *created = &census->groups[i].created;
        const double weight = (double)created->count / (double)(created->kept_count ? created->kept_count : 1);
        for (size_t j = 0; j < created->kept_count; j++) {
            size_t column = (size_t)((double)(created->kept[j] - begin) / span * COLUMN_COUNT);
            column = column < COLUMN_COUNT ? column : COLUMN_COUNT - 1;
            series->counts[column][shade_of(sum, i)] += weight;
        }
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        double all = 0;
        for (size_t j = 0; j < SHADE_COUNT; j++)
            all += series->counts[i][j];
        series->most = all > series->most ? all : series->most;
    }
}

static void add_columns(struct text *out, const struct series *series)
{
    text_printf(
        out,
        "<svg viewBox=\"0 0 %d %.0f\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"records by time of "
        "creation and schema version\"><rect class=\"base\" y=\"%.1f\" width=\"%d\" height=\"1\"/>",
        COLUMN_COUNT * COLUMN_WIDTH, PLOT_HEIGHT, PLOT_HEIGHT - 1, COLUMN_COUNT * COLUMN_WIDTH);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        double top = PLOT_HEIGHT;
        /* The oldest versions at the bottom. */
        for (size_t j = SHADE_COUNT; j-- > 0;) {
            double height = series->counts[i][j] / series->most * (PLOT_HEIGHT - 2);
            if (height <= 0)
                continue;
            top -= height;
            text_printf(out, "<rect class=\"v%zu\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>", j,
                        i * COLUMN_WIDTH + 0.5, top, COLUMN_WIDTH - 1.0, height);
        }
    }
    text_puts(out, "</svg>\n");
}

static void add_legend(struct text *out, const struct census *census, const struct type_sum *sum)
{
    const size_t count = sum->end - sum->first;
    uint64_t older = 0;

    text_puts(out, "<div class=\"legend\">");
    for (size_t i = 0; i < count; i++) {
        const struct group *group = &census->groups[sum->end - 1 - i];
        if (i + 1 >= SHADE_COUNT && count > SHADE_COUNT) {
            older += group->count;
            continue;
        }
        text_printf(out, "<span><i class=\"key v%zu\"></i>version %" PRId64 ": ", i, group->schema_version);
        html_number(out, group->count);
        text_puts(out, "</span>");
    }
    if (older) {
        text_printf(out, "<span><i class=\"key v%d\"></i>older: ", SHADE_COUNT - 1);
        html_number(out, older);
        text_puts(out, "</span>");
    }
    text_puts(out, "</div>\n");
}

void plot_versions(struct text *out, const struct census *census, struct type_sum *sums, size_t count)
{
    qsort(sums, count, sizeof(*sums), compare_counts);
    text_puts(out, "<div class=\"series\">\n");
    for (size_t i = 0; i < count && i < SERIES_MAX; i++) {
        struct series series;
        fill(&series, census, &sums[i]);
        text_puts(out, "<div class=\"card\"><h3>");
        html_code(out, census->groups[sums[i].first].type);
        text_puts(out, "</h3>\n");
        add_legend(out, census, &sums[i]);
        add_columns(out, &series);
        text_puts(out, "<div class=\"axis\"><span>");
        moment_add_day(out, census->created.oldest);
        text_puts(out, "</span><span>most in a column: ");
        html_number(out, (uint64_t)(series.most + 0.5));
        text_puts(out, "</span><span>");
        moment_add_day(out, census->created.newest);
        text_puts(out, "</span></div></div>\n");
    }
    text_puts(out, "</div>\n");
    if (count > SERIES_MAX) {
        text_puts(out, "<p class=\"lead\">and ");
        html_count(out, count - SERIES_MAX, "more type", "more types");
        text_puts(out, "</p>\n");
    }
}
