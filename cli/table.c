/* SPDX-License-Identifier: MIT
 *
 * Tables for people.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "report.h"

#ifdef HAVE_SMARTCOLS
#include <libsmartcols/libsmartcols.h>
#endif

struct table {
    const struct table_column *columns;
    size_t column_count;
    /** All cells, each ended by NUL. */
    struct text cells;
    /** Where each cell begins in `cells`. */
    size_t *begins;
    size_t cell_count;
    size_t capacity;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = memory_get(sizeof(*table));
    table->columns = columns;
    table->column_count = count;
    return table;
}

struct text *table_cell(struct table *table)
{
    if (table->cell_count)
        text_putc(&table->cells, '\0');
    if (table->cell_count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->begins = memory_resize(table->begins, table->capacity * sizeof(*table->begins));
    }
    table->begins[table->cell_count++] = table->cells.size;
    return &table->cells;
}

/* Columns on a terminal: cells hold no control characters, but may hold wide ones. */
static size_t width_of(const char *cell)
{
    size_t bytes = 0;
    while ((unsigned char)cell[bytes] >= 0x20 && (unsigned char)cell[bytes] < 0x7f)
        bytes++;
    if (!cell[bytes])
        return bytes;

    size_t width = bytes;
    mbstate_t state = {0};
    for (const char *p = cell + bytes; *p;) {
        wchar_t wide;
        size_t length = mbrtowc(&wide, p, strlen(p), &state);
        if (length == 0 || length > 4)
            return width + strlen(p);
        int columns = wcwidth(wide);
        width += columns > 0 ? (size_t)columns : 0;
        p += length;
    }
    return width;
}

static void add_row(struct text *out, const struct table *table, const char *const *cells, const size_t *widths)
{
    for (size_t i = 0; i < table->column_count; i++) {
        size_t padding = widths[i] - width_of(cells[i]);
        if (i)
            text_puts(out, "  ");
        if (table->columns[i].is_right)
            text_repeat(out, ' ', padding);
        text_puts(out, cells[i]);
        if (!table->columns[i].is_right && i + 1 < table->column_count)
            text_repeat(out, ' ', padding);
    }
    text_putc(out, '\n');
}

static const char *cell_at(const struct table *table, size_t index)
{
    return table->cells.data + table->begins[index];
}

static size_t *measure(const struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = memory_get(count * sizeof(*widths));

    for (size_t i = 0; has_titles && i < count; i++)
        widths[i] = strlen(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = width_of(cell_at(table, i));
        if (width > widths[i % count])
            widths[i % count] = width;
    }
    return widths;
}

static void print_plain(const struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = measure(table, has_titles);
    const char **cells = memory_get(count * sizeof(*cells));
    struct text out = {0};

    for (size_t i = 0; i < count; i++)
        cells[i] = table->columns[i].title;
    if (has_titles)
        add_row(&out, table, cells, widths);
    for (size_t i = 0; i + count <= table->cell_count; i += count) {
        for (size_t j = 0; j < count; j++)
            cells[j] = cell_at(table, i + j);
        add_row(&out, table, cells, widths);
    }
    report_print(&out);
    text_free(&out);
    free(cells);
    free(widths);
}

#ifdef HAVE_SMARTCOLS
/* The width that is left for the last column, in which libsmartcols would break words; SIZE_MAX: leave it alone. */
static size_t last_column_width(const struct table *table, struct libscols_table *output, bool has_titles)
{
    size_t last = table->column_count - 1;
    size_t terminal = scols_table_get_termwidth(output);
    size_t *widths = measure(table, has_titles);
    size_t used = 2 * last;

    for (size_t i = 0; i < last; i++)
        used += widths[i];
    free(widths);
    return table->columns[last].may_wrap && terminal > used + 20 ? terminal - used : SIZE_MAX;
}

static bool add_columns(struct libscols_table *output, const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        int flags = column->is_right ? SCOLS_FL_RIGHT : column->may_wrap ? SCOLS_FL_WRAP : 0;
        struct libscols_column *made = scols_table_new_column(output, column->title, 0, flags);
        if (!made)
            return false;
        /* Lines are broken where we put newlines. */
        if (column->may_wrap &&
            scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL) != 0)
            return false;
    }
    return true;
}

static bool add_lines(struct libscols_table *output, const struct table *table, size_t last_width)
{
    struct text wrapped = {0};
    bool done = true;

    for (size_t i = 0; done && i + table->column_count <= table->cell_count; i += table->column_count) {
        struct libscols_line *line = scols_table_new_line(output, NULL);
        for (size_t j = 0; line && done && j < table->column_count; j++) {
            const char *cell = cell_at(table, i + j);
            if (j + 1 == table->column_count && width_of(cell) > last_width) {
                text_clear(&wrapped);
                text_wrap(&wrapped, cell, 0, 0, last_width);
                cell = text_string(&wrapped);
            }
            done = scols_line_set_data(line, j, cell) == 0;
        }
        done = done && line;
    }
    text_free(&wrapped);
    return done;
}

static bool print_smartcols(const struct table *table, bool has_titles)
{
    struct libscols_table *output = scols_new_table();
    bool done = false;

    if (!output)
        return false;
    scols_table_enable_noheadings(output, !has_titles);
    scols_table_set_column_separator(output, "  ");
    if (add_columns(output, table) && add_lines(output, table, last_column_width(table, output, has_titles)))
        done = scols_print_table(output) == 0;
    scols_unref_table(output);
    return done;
}
#endif

void table_print(struct table *table)
{
    bool has_titles = table->columns[0].title[0] != '\0';

    if (!table->cell_count)
        return;
    text_putc(&table->cells, '\0');
#ifdef HAVE_SMARTCOLS
    report_flush();
    if (isatty(STDOUT_FILENO) && print_smartcols(table, has_titles))
        return;
#endif
    print_plain(table, has_titles);
}

void table_free(struct table *table)
{
    if (!table)
        return;
    text_free(&table->cells);
    free(table->begins);
    free(table);
}
