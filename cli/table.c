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
#include "terminal.h"

#ifdef HAVE_SMARTCOLS
#include <libsmartcols/libsmartcols.h>
#endif

/* The output is handed on in pieces of this size. */
#define OUT_SIZE (32u << 10)

struct table {
    const struct table_column *columns;
    size_t column_count;
    /** All cells, each ended by NUL; the last one only when the next one begins. */
    struct text cells;
    bool is_cell_open;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = memory_get(sizeof(*table));
    table->columns = columns;
    table->column_count = count;
    return table;
}

static void end_cell(struct table *table)
{
    if (table->is_cell_open)
        text_putc(&table->cells, '\0');
    table->is_cell_open = false;
}

struct text *table_cell(struct table *table)
{
    end_cell(table);
    table->is_cell_open = true;
    return &table->cells;
}

void table_add_cells(struct table *table, const struct text *cells)
{
    end_cell(table);
    text_add(&table->cells, cells->data, cells->size);
}

static void add_cell(struct text *out, const struct table *table, size_t column, const char *cell, size_t width)
{
    size_t padding = width - terminal_text_width(cell);
    bool is_last = column + 1 == table->column_count;

    if (table->columns[column].is_right)
        text_repeat(out, ' ', padding);
    text_puts(out, cell);
    if (!table->columns[column].is_right && !is_last)
        text_repeat(out, ' ', padding);
    text_puts(out, is_last ? "\n" : "  ");
}

static size_t *measure(const struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = memory_get(count * sizeof(*widths));
    const char *end = table->cells.data + table->cells.size;
    size_t column = 0;

    for (size_t i = 0; has_titles && i < count; i++)
        widths[i] = strlen(table->columns[i].title);
    for (const char *cell = table->cells.data; cell < end; cell += strlen(cell) + 1) {
        size_t width = terminal_text_width(cell);
        if (width > widths[column])
            widths[column] = width;
        column = column + 1 < count ? column + 1 : 0;
    }
    return widths;
}

static void print_plain(const struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = measure(table, has_titles);
    const char *end = table->cells.data + table->cells.size;
    struct text out = {0};
    size_t column = 0;

    for (size_t i = 0; has_titles && i < count; i++)
        add_cell(&out, table, i, table->columns[i].title, widths[i]);
    for (const char *cell = table->cells.data; cell < end; cell += strlen(cell) + 1) {
        add_cell(&out, table, column, cell, widths[column]);
        column = column + 1 < count ? column + 1 : 0;
        if (out.size >= OUT_SIZE) {
            report_print(&out);
            text_clear(&out);
        }
    }
    report_print(&out);
    text_free(&out);
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
            (scols_column_set_safechars(made, "\n") != 0 ||
             scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL) != 0))
            return false;
    }
    return true;
}

static bool add_lines(struct libscols_table *output, const struct table *table, size_t last_width)
{
    const char *end = table->cells.data + table->cells.size;
    struct libscols_line *line = NULL;
    struct text wrapped = {0};
    size_t column = 0;
    bool done = true;

    for (const char *cell = table->cells.data; done && cell < end; cell += strlen(cell) + 1) {
        const char *shown = cell;
        if (!column)
            line = scols_table_new_line(output, NULL);
        if (column + 1 == table->column_count && terminal_text_width(cell) > last_width) {
            text_clear(&wrapped);
            text_wrap(&wrapped, cell, 0, 0, last_width);
            shown = text_string(&wrapped);
        }
        done = line && scols_line_set_data(line, column, shown) == 0;
        column = column + 1 < table->column_count ? column + 1 : 0;
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

    end_cell(table);
    if (!table->cells.size)
        return;
#ifdef HAVE_SMARTCOLS
    report_flush();
    if (isatty(STDOUT_FILENO) && print_smartcols(table, has_titles))
        return;
#endif
    print_plain(table, has_titles);
}

bool table_has_smartcols(void)
{
#ifdef HAVE_SMARTCOLS
    return true;
#else
    return false;
#endif
}

void table_free(struct table *table)
{
    if (!table)
        return;
    text_free(&table->cells);
    free(table);
}
