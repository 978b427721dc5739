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
/* Rows with more cells than this are printed before others come. */
#define CELLS_SIZE_MAX ((size_t)2 << 20)

struct table {
    const struct table_column *columns;
    size_t column_count;
    /** All cells, each ended by NUL; the last one only when the next one begins. */
    struct text cells;
    bool is_cell_open;
    /** Some rows were printed; and, but on a terminal, how wide their columns were. */
    bool is_begun;
    size_t *widths;
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
    if (table->cells.size < CELLS_SIZE_MAX)
        return;
    table_print(table);
    text_clear(&table->cells);
    table->is_begun = true;
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

/* At least as wide as in the rows before. */
static size_t *measure_further(const struct table *table, bool has_titles)
{
    size_t *widths = measure(table, has_titles);

    for (size_t i = 0; table->widths && i < table->column_count; i++)
        widths[i] = widths[i] > table->widths[i] ? widths[i] : table->widths[i];
    return widths;
}

static void print_plain(struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = measure_further(table, has_titles);
    const char *end = table->cells.data + table->cells.size;
    struct text out = {0};
    size_t column = 0;

    for (size_t i = 0; has_titles && !table->is_begun && i < count; i++)
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
    free(table->widths);
    table->widths = widths;
}

#ifdef HAVE_SMARTCOLS
/* How a table is fitted to a terminal. */
struct fit {
    /** For each column; 0: left out. Every column has a title or a cell, so no width is 0 otherwise. */
    size_t *widths;
    /** The columns that may be broken or cut must be. */
    bool is_too_wide;
    size_t cut_width;
    /** The width that is left for the last column, in which libsmartcols would break words; SIZE_MAX: leave it alone.
     */
    size_t last_width;
};

static size_t total_width(const struct table *table, const size_t *widths)
{
    size_t total = 0;

    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i] ? widths[i] + 2 : 0;
    return total - 2;
}

static void leave_columns_out(const struct table *table, size_t *widths, size_t terminal)
{
    while (total_width(table, widths) > terminal) {
        size_t best = 0;
        unsigned rank = 0;
        for (size_t i = 0; i < table->column_count; i++) {
            if (widths[i] && table->columns[i].rank > rank) {
                best = i;
                rank = table->columns[i].rank;
            }
        }
        if (!rank)
            return;
        widths[best] = 0;
    }
}

static struct fit fit_table(const struct table *table, size_t terminal, bool has_titles)
{
    struct fit fit = {.widths = measure(table, has_titles), .last_width = SIZE_MAX};
    size_t last = table->column_count - 1;

    leave_columns_out(table, fit.widths, terminal);
    size_t total = total_width(table, fit.widths);
    fit.is_too_wide = total > terminal;
    fit.cut_width = terminal / 4;
    size_t used = total - fit.widths[last];
    if (table->columns[last].may_wrap && terminal > used + 20)
        fit.last_width = terminal - used;
    return fit;
}

static bool add_columns(struct libscols_table *output, const struct table *table, const struct fit *fit)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        int flags = column->is_right ? SCOLS_FL_RIGHT : column->may_wrap ? SCOLS_FL_WRAP : 0;
        if (!fit->widths[i])
            continue;
        if (fit->is_too_wide && column->may_break)
            flags |= SCOLS_FL_WRAP;
        struct libscols_column *made = scols_table_new_column(output, column->title, 0, flags);
        /* Cells are escaped already: libsmartcols would do it again. Lines are broken where we put newlines. */
        if (!made || scols_column_set_safechars(made, column->may_wrap ? "\\\n" : "\\") != 0)
            return false;
        if (column->may_wrap &&
            scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL) != 0)
            return false;
    }
    return true;
}

/* Makes `to` what is shown of a cell: all of it, broken into lines, or its start. */
static const char *fit_cell(struct text *to, const char *cell, const struct table *table, size_t column,
                            const struct fit *fit)
{
    static const char dots[] = "...";
    size_t width = terminal_text_width(cell);

    text_clear(to);
    if (column + 1 == table->column_count && width > fit->last_width) {
        text_wrap(to, cell, 0, 0, fit->last_width);
        return text_string(to);
    }
    if (!table->columns[column].may_cut || !fit->is_too_wide || width <= fit->cut_width)
        return cell;
    for (const char *p = cell; *p;) {
        uint32_t character;
        size_t size = text_decode(&character, p, strlen(p));
        text_add(to, p, size ? size : 1);
        if (terminal_text_width(text_string(to)) + strlen(dots) > fit->cut_width) {
            to->size -= size ? size : 1;
            break;
        }
        p += size ? size : 1;
    }
    text_puts(to, dots);
    return text_string(to);
}

static bool add_lines(struct libscols_table *output, const struct table *table, const struct fit *fit)
{
    const char *end = table->cells.data + table->cells.size;
    struct libscols_line *line = NULL;
    struct text fitted = {0};
    size_t column = 0;
    size_t shown_column = 0;
    bool done = true;

    for (const char *cell = table->cells.data; done && cell < end; cell += strlen(cell) + 1) {
        if (!column) {
            line = scols_table_new_line(output, NULL);
            shown_column = 0;
        }
        const char *shown = fit_cell(&fitted, cell, table, column, fit);
        done = line && (!fit->widths[column] || scols_line_set_data(line, shown_column++, shown) == 0);
        column = column + 1 < table->column_count ? column + 1 : 0;
    }
    text_free(&fitted);
    return done;
}

static bool print_smartcols(const struct table *table, bool has_titles)
{
    struct libscols_table *output = scols_new_table();
    bool done = false;

    if (!output)
        return false;
    struct fit fit = fit_table(table, scols_table_get_termwidth(output), has_titles);
    scols_table_enable_noheadings(output, !has_titles);
    scols_table_set_column_separator(output, "  ");
    if (add_columns(output, table, &fit) && add_lines(output, table, &fit))
        done = scols_print_table(output) == 0;
    free(fit.widths);
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
    free(table->widths);
    free(table);
}
