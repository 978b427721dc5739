/* SPDX-License-Identifier: MIT
 *
 * A census as one HTML page that needs nothing else: no script, no font, no request.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "census_plots.h"
#include "html_out.h"

/* Rows of a table; beyond that a page gets too heavy to open. */
#define ROW_MAX 1000

static void begin_section(struct text *out, const char *id, const char *title, const char *lead)
{
    text_printf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
    if (lead)
        text_printf(out, "<p class=\"lead\">%s</p>\n", lead);
}

static void begin_table(struct text *out, const char *const *titles)
{
    text_puts(out, "<div class=\"card scroll\" tabindex=\"0\"><table><thead><tr>");
    for (; *titles; titles++) {
        /* Numbers begin with a mark of their own. */
        bool is_number = **titles == '#';
        text_printf(out, "<th scope=\"col\"%s>%s</th>", is_number ? " class=\"n\"" : "", *titles + is_number);
    }
    text_puts(out, "</tr></thead>\n");
}

static void end_table(struct text *out, uint64_t left_out)
{
    text_puts(out, "</table></div>\n");
    if (!left_out)
        return;
    text_puts(out, "<p class=\"lead\">and ");
    html_count(out, left_out, "more row", "more rows");
    text_puts(out, ": <code>--json</code> has all of them</p>\n");
}

static void cell_number(struct text *out, uint64_t number)
{
    text_puts(out, "<td class=\"n\">");
    html_number(out, number);
    text_puts(out, "</td>");
}

static void cell_size(struct text *out, uint64_t size)
{
    text_puts(out, "<td class=\"n\">");
    text_size(out, size);
    text_puts(out, "</td>");
}

static void cell_code(struct text *out, snapjar_text text)
{
    text_puts(out, "<td>");
    html_code(out, text);
    text_puts(out, "</td>");
}

static void cell_day(struct text *out, const struct moments *moments, int64_t moment)
{
    text_puts(out, "<td class=\"d\">");
    if (moments->count)
        moment_add_day(out, moment);
    text_puts(out, "</td>");
}

/* ---- the top ---- */

static void begin_tile(struct text *out, const char *shade)
{
    text_printf(out, "<div class=\"card tile%s\"><b>", shade);
}

static void end_tile(struct text *out, const char *name)
{
    text_printf(out, "</b><span>%s</span></div>\n", name);
}

static uint64_t failure_count(const struct census *census, size_t *kinds)
{
    uint64_t count = 0;

    *kinds = 0;
    for (size_t i = 0; i < CONCERN_COUNT; i++) {
        if (concern_infos[i].weight != 2 || !census->concerns[i].count)
            continue;
        count += census->concerns[i].file_count ? census->concerns[i].file_count : census->concerns[i].count;
        ++*kinds;
    }
    return count;
}

static void add_tiles(struct text *out, const struct census *census, size_t type_count)
{
    size_t kinds;
    uint64_t failures = failure_count(census, &kinds);

    text_puts(out, "<div class=\"tiles\">\n");
    begin_tile(out, "");
    html_number(out, census->record_count);
    end_tile(out, census->record_count == 1 ? "record" : "records");
    begin_tile(out, "");
    html_number(out, type_count);
    end_tile(out, type_count == 1 ? "type" : "types");
    begin_tile(out, "");
    text_size(out, census->size);
    end_tile(out, "of content");
    begin_tile(out, "");
    text_size(out, census->stored_size);
    text_puts(out, "</b><span>stored");
    if (census->stored_size)
        text_printf(out, ", %.1f to 1", (double)census->size / (double)census->stored_size);
    text_puts(out, "</span></div>\n");
    begin_tile(out, "");
    html_number(out, census->concerns[CONCERN_BARE].file_count);
    end_tile(out, census->concerns[CONCERN_BARE].file_count == 1 ? "file in no jar" : "files in no jar");
    begin_tile(out, failures ? " bad" : " good");
    html_number(out, failures);
    end_tile(out, failures == 1 ? "problem" : "problems");
    text_puts(out, "</div>\n");
}

static void add_head(struct text *out, const struct census *census, const struct string_list *paths, size_t type_count)
{
    text_puts(out,
              "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
              "base-uri 'none'; form-action 'none'\">\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
              "<meta name=\"referrer\" content=\"no-referrer\">\n<title>Serialization map</title>\n<style>\n");
    for (size_t i = 0; html_style[i]; i++)
        text_puts(out, html_style[i]);
    text_puts(out, "</style>\n</head>\n<body>\n<header>\n<div class=\"mark\">"
                   "<svg width=\"20\" height=\"22\" viewBox=\"0 0 20 22\" fill=\"none\" stroke=\"currentColor\" "
                   "stroke-width=\"1.8\" stroke-linejoin=\"round\" aria-hidden=\"true\"><rect x=\"4.5\" y=\"1.5\" "
                   "width=\"11\" height=\"3.5\" rx=\"1\"/><path d=\"M5.5 5c0 2-3 2.5-3 5.5v7.5a2.5 2.5 0 0 0 "
                   "2.5 2.5h10a2.5 2.5 0 0 0 2.5-2.5v-7.5c0-3-3-3.5-3-5.5M6.5 12h7M6.5 "
                   "15.5h4.5\"/></svg>snapjar</div>\n<h1>Serialization map</h1>\n<p class=\"lead\">");
    for (size_t i = 0; i < paths->count; i++) {
        text_puts(out, i ? ", " : "");
        html_code(out, (snapjar_text){paths->items[i], strlen(paths->items[i])});
    }
    text_puts(out, "<br>As of ");
    moment_add(out, census->options.now);
    text_puts(out, ". ");
    html_count(out, census->file_count, "file", "files");
    text_puts(out, census->options.policy    ? ", all read and judged by a policy"
                   : census->options.is_deep ? ", all read and checked"
                                             : ", headers only");
    if (census->other_count) {
        text_puts(out, "; ");
        html_count(out, census->other_count, "other file", "other files");
        text_puts(out, " not looked at");
    }
    text_puts(out, ".</p>\n");
    add_tiles(out, census, type_count);
    text_puts(out, "<nav aria-label=\"Sections\">");
    if (census->record_count)
        text_puts(out, "<a href=\"#attention\">Attention</a><a href=\"#sizes\">Sizes</a>"
                       "<a href=\"#versions\">Versions</a><a href=\"#ages\">Ages</a>"
                       "<a href=\"#types\">Types</a><a href=\"#writers\">Writers</a>");
    text_puts(out, "</nav>\n</header>\n<main>\n");
}

/* ---- what needs attention ---- */

static void add_item(struct text *out, const struct concern_item *item)
{
    text_puts(out, "<li><code>");
    html_string(out, item->path);
    text_puts(out, "</code>");
    if (item->message[0]) {
        text_puts(out, "<span>");
        if (item->record != SNAPJAR_OFFSET_NONE)
            text_printf(out, "record %" PRIu64 ": ", item->record);
        html_string(out, item->message);
        text_puts(out, "</span>");
    }
    text_puts(out, "</li>\n");
}

/* Short lists stand open. */
#define OPEN_ITEM_MAX 3

static void add_items(struct text *out, const struct concern *concern)
{
    text_puts(out, "<ul>\n");
    for (size_t i = 0; i < concern->item_count; i++)
        add_item(out, &concern->items[i]);
    if (concern->item_count < concern->file_count) {
        text_puts(out, "<li class=\"soft\">and ");
        html_number(out, concern->file_count - concern->item_count);
        text_puts(out, " more</li>\n");
    }
    text_puts(out, "</ul>\n");
}

static void add_concern(struct text *out, const struct concern *concern, const struct concern_info *info)
{
    const bool has_items = info->weight && concern->item_count;

    text_printf(out, "<%s class=\"card concern w%d\"%s>%s<h3>%c%s <span class=\"count\">",
                has_items ? "details" : "article", info->weight,
                has_items && concern->item_count <= OPEN_ITEM_MAX ? " open" : "", has_items ? "<summary><div>" : "",
                info->title[0] - 'a' + 'A', info->title + 1);
    if (concern->file_count)
        html_count(out, concern->file_count, "file", "files");
    else
        html_count(out, concern->count, "class", "classes");
    text_puts(out, "</span></h3><p>");
    html_sentence(out, info->advice);
    text_puts(out, has_items ? "</p></div></summary>\n" : "</p>\n");
    if (has_items)
        add_items(out, concern);
    text_puts(out, has_items ? "</details>\n" : "</article>\n");
}

static void add_concerns(struct text *out, const struct census *census)
{
    bool has_any = false;

    begin_section(out, "attention", "Attention", NULL);
    text_puts(out, "<div class=\"concerns\">\n");
    for (int weight = 2; weight >= 0; weight--) {
        for (size_t i = 0; i < CONCERN_COUNT; i++) {
            if (!census->concerns[i].count || concern_infos[i].weight != weight)
                continue;
            add_concern(out, &census->concerns[i], &concern_infos[i]);
            has_any = true;
        }
    }
    text_puts(out, has_any ? "</div>\n</section>\n" : "<p>Nothing.</p></div>\n</section>\n");
}

/* ---- drift ---- */

static bool has_field(const struct layout *layout, snapjar_text wanted)
{
    snapjar_text field;

    for (size_t offset = 0; layout_field(layout, &offset, &field);) {
        if (field.size == wanted.size && !memcmp(field.data, wanted.data, wanted.size))
            return true;
    }
    return false;
}

/* The fields of a layout, marked where they differ from those of the most frequent one. */
static void add_fields(struct text *out, const struct layout *layout, const struct layout *usual)
{
    snapjar_text field;

    text_puts(out, "<td><div class=\"fields\">");
    for (size_t offset = 0; layout_field(layout, &offset, &field);) {
        text_puts(out, has_field(usual, field) ? "<code>" : "<code class=\"more\">+");
        html_text(out, field.data, field.size);
        text_puts(out, "</code>");
    }
    for (size_t offset = 0; layout_field(usual, &offset, &field);) {
        if (has_field(layout, field))
            continue;
        text_puts(out, "<code class=\"less\">");
        html_text(out, field.data, field.size);
        text_puts(out, "</code>");
    }
    text_puts(out, "</div></td>");
}

static void add_drift(struct text *out, const struct census *census)
{
    static const char *const titles[] = {"Fields", "#Records", "#Files", "Oldest", "Newest", "First in", NULL};
    uint64_t row_count = 0;

    if (!census->concerns[CONCERN_DRIFTED].count)
        return;
    begin_section(out, "drift", "Drift",
                  "One type, one schema version, several sets of fields. Compared with the most frequent one: + more, "
                  "struck out: missing.");
    begin_table(out, titles);
    for (size_t first = 0, count; (count = census_next_class(census, &first));) {
        const struct layout *layouts = &census->layouts[first - count];
        if (count < 2)
            continue;
        row_count += count;
        if (row_count > ROW_MAX)
            continue;
        text_puts(out, "<tbody><tr><th class=\"group\" colspan=\"6\" scope=\"rowgroup\">");
        html_code(out, layouts->class_name);
        text_puts(out, " <span class=\"count\">in </span>");
        html_code(out, layouts->type);
        text_printf(out, " <span class=\"count\">version %" PRId64 "</span></th></tr>\n", layouts->schema_version);
        for (size_t i = 0; i < count; i++) {
            text_puts(out, i ? "<tr>" : "<tr class=\"first\">");
            add_fields(out, &layouts[i], layouts);
            cell_number(out, layouts[i].count);
            cell_number(out, layouts[i].file_count);
            text_puts(out, "<td class=\"d\">");
            moment_add_day(out, layouts[i].oldest);
            text_puts(out, "</td><td class=\"d\">");
            moment_add_day(out, layouts[i].newest);
            text_puts(out, "</td>");
            cell_code(out, (snapjar_text){layouts[i].first_path, strlen(layouts[i].first_path)});
            text_puts(out, "</tr>\n");
        }
        text_puts(out, "</tbody>\n");
    }
    end_table(out, row_count > ROW_MAX ? row_count - ROW_MAX : 0);
    text_puts(out, "</section>\n");
}

/* ---- types ---- */

static void add_tag(struct text *out, uint64_t count, uint64_t all, const char *shade, const char *what)
{
    if (!count)
        return;
    text_printf(out, "<span class=\"tag %s\">", shade);
    if (count != all) {
        html_number(out, count);
        text_putc(out, ' ');
    }
    text_printf(out, "%s</span>", what);
}

static void add_group(struct text *out, const struct census *census, struct group *group, bool is_first)
{
    text_puts(out, is_first ? "<tr class=\"first\"><td class=\"n\">" : "<tr><td class=\"n\">");
    if (group == &census->other_group)
        text_puts(out, "\xe2\x80\x93");
    else
        text_printf(out, "%" PRId64, group->schema_version);
    text_puts(out, "</td>");
    cell_number(out, group->count);
    cell_number(out, group->file_count);
    cell_day(out, &group->created, group->created.oldest);
    cell_day(out, &group->created, group->created.newest);
    text_puts(out, "<td class=\"n\">");
    duration_add(out, census->options.now - moments_median(&group->created));
    text_puts(out, "</td>");
    cell_size(out, group->size);
    cell_size(out, group->stored_size);
    text_printf(out, "<td class=\"n\">%.2f</td><td>",
                group->stored_size ? (double)group->size / (double)group->stored_size : 0.0);
    add_tag(out, group->drifted_count, group->drifted_count, "w2", "drifted");
    add_tag(out, group->behind_count, group->count, "w2", "behind");
    add_tag(out, group->stale_count, group->count, "w2", "stale");
    add_tag(out, group->migrated_count, group->count, "", "migrated");
    add_tag(out, group->sealed_count, group->count, "ok", "sealed");
    text_puts(out, "</td></tr>\n");
}

static bool begins_type(const struct census *census, size_t i)
{
    const struct group *group = &census->groups[i];

    return !i || group[-1].type.size != group->type.size ||
           memcmp(group[-1].type.data, group->type.data, group->type.size) != 0;
}

static void add_types(struct text *out, struct census *census)
{
    static const char *const titles[] = {"#Schema", "#Records", "#Files", "Oldest", "Newest", "#Median age",
                                         "#Size",   "#Stored",  "#Ratio", "Notes",  NULL};
    static const char heading[] = "<tbody><tr><th class=\"group\" colspan=\"10\" scope=\"rowgroup\">";
    size_t i = 0;

    begin_section(out, "types", "Types and schema versions", NULL);
    begin_table(out, titles);
    for (; i < census->group_keys.count && i < ROW_MAX && census->groups[i].is_record; i++) {
        const bool is_first = begins_type(census, i);
        if (is_first) {
            text_puts(out, i ? "</tbody>\n" : "");
            text_puts(out, heading);
            html_code(out, census->groups[i].type);
            text_puts(out, "</th></tr>\n");
        }
        add_group(out, census, &census->groups[i], is_first);
    }
    text_puts(out, i ? "</tbody>\n" : "");
    if (census->other_group.count) {
        text_printf(out, "%sother types</th></tr>\n", heading);
        add_group(out, census, &census->other_group, true);
        text_puts(out, "</tbody>\n");
    }
    uint64_t left_out = 0;
    for (; i < census->group_keys.count && census->groups[i].is_record; i++)
        left_out++;
    end_table(out, left_out);
    text_puts(out, "</section>\n");
}

/* ---- writers, and pickles in no jar ---- */

static void add_writers(struct text *out, const struct census *census)
{
    static const char *const titles[] = {"Application", "Python", "Tool",   "#Records",
                                         "#Files",      "Oldest", "Newest", NULL};
    const size_t count = census->writer_keys.count;

    begin_section(out, "writers", "Writers", NULL);
    begin_table(out, titles);
    text_puts(out, "<tbody>\n");
    for (size_t i = 0; i <= count; i++) {
        const struct writer *writer = i == count ? &census->other_writer : &census->writers[i];
        if (!writer->count || (i >= ROW_MAX && i < count))
            continue;
        text_puts(out, "<tr>");
        if (i == count)
            text_puts(out, "<td>other writers</td>");
        else
            cell_code(out, writer->app);
        cell_code(out, writer->python);
        cell_code(out, writer->tool);
        cell_number(out, writer->count);
        cell_number(out, writer->file_count);
        cell_day(out, &writer->created, writer->created.oldest);
        cell_day(out, &writer->created, writer->created.newest);
        text_puts(out, "</tr>\n");
    }
    text_puts(out, "</tbody>");
    end_table(out, count > ROW_MAX ? count - ROW_MAX : 0);
    text_puts(out, "</section>\n");
}

static void add_bare(struct text *out, const struct census *census)
{
    static const char *const titles[] = {"Kind", "Type", "#Files", "#Size", "Oldest", "Newest", NULL};
    uint64_t row_count = 0;

    if (!census->pickle_count)
        return;
    begin_section(
        out, "bare", "In no jar",
        "Pickles without version, checksum and date, and compressed files that may hold some. Times are those "
        "of the files.");
    begin_table(out, titles);
    text_puts(out, "<tbody>\n");
    for (size_t i = 0; i < census->group_keys.count; i++) {
        const struct group *group = &census->groups[i];
        if (group->is_record || ++row_count > ROW_MAX)
            continue;
        text_printf(out, "<tr><td>%s</td>",
                    group->input == SNAPJAR_INPUT_PICKLE ? "bare" : snapjar_input_kind_name(group->input));
        cell_code(out, group->type);
        cell_number(out, group->file_count);
        cell_size(out, group->stored_size);
        cell_day(out, &group->created, group->created.oldest);
        cell_day(out, &group->created, group->created.newest);
        text_puts(out, "</tr>\n");
    }
    text_puts(out, "</tbody>");
    end_table(out, row_count > ROW_MAX ? row_count - ROW_MAX : 0);
    text_puts(out, "</section>\n");
}

/* ---- the page ---- */

static void add_plots(struct text *out, const struct census *census, struct type_sum *sums, size_t count)
{
    begin_section(out, "sizes", "Sizes by type", NULL);
    plot_sizes(out, census, sums, count);
    text_puts(out, "</section>\n");
    begin_section(out, "versions", "Versions over time",
                  "Records by time of creation; the colours are schema versions. All plots share one axis of time.");
    plot_versions(out, census, sums, count);
    text_puts(out, "</section>\n");
    begin_section(out, "ages", "Ages", NULL);
    if (census->options.stale_after >= 0) {
        text_puts(out, "<p class=\"lead\">Stale after ");
        duration_add(out, census->options.stale_after);
        text_puts(out, ": ");
        html_count(out, census->concerns[CONCERN_STALE].count, "record is", "records are");
        text_puts(out, ".</p>\n");
    }
    plot_ages(out, census);
    text_puts(out, "</section>\n");
}

void census_add_html(struct text *out, struct census *census, const struct string_list *paths)
{
    size_t count;
    struct type_sum *sums = type_sums(census, &count);

    add_head(out, census, paths, count);
    add_concerns(out, census);
    add_drift(out, census);
    if (census->record_count) {
        add_plots(out, census, sums, count);
        add_types(out, census);
        add_writers(out, census);
    }
    add_bare(out, census);
    text_printf(out,
                "</main>\n<footer>Made by snapjar %s from what headers say, which is the word of whoever wrote them; "
                "nothing was unpickled. A median is exact up to %s records of a row.</footer>\n</body>\n</html>\n",
                snapjar_version(), "1,024");
    free(sums);
}
