/* SPDX-License-Identifier: MIT
 *
 * Tables for people.
 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

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

static void print_plain(struct table *table, bool has_titles)
{
    size_t count = table->column_count;
    size_t *widths = memory_get(count * sizeof(*widths));
    const char **cells = memory_get(count * sizeof(*cells));
    struct text out = {0};

    for (size_t i = 0; has_titles && i < count; i++)
        widths[i] = strlen(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = width_of(table->cells.data + table->begins[i]);
        if (width > widths[i % count])
            widths[i % count] = width;
    }
    for (size_t i = 0; i < count; i++)
        cells[i] = table->columns[i].title;
    if (has_titles)
        add_row(&out, table, cells, widths);
    for (size_t i = 0; i + count <= table->cell_count; i += count) {
        for (size_t j = 0; j < count; j++)
            cells[j] = table->cells.data + table->begins[i + j];
        add_row(&out, table, cells, widths);
    }
    fwrite(text_string(&out), 1, out.size, stdout);
    text_free(&out);
    free(cells);
    free(widths);
}

#ifdef HAVE_SMARTCOLS
static bool fill_smartcols(struct libscols_table *output, const struct table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        int flags = (table->columns[i].is_right ? SCOLS_FL_RIGHT : 0) | (table->columns[i].may_wrap ? SCOLS_FL_WRAP : 0);
        if (!scols_table_new_column(output, table->columns[i].title, 0, flags))
            return false;
    }
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
        struct libscols_line *line = scols_table_new_line(output, NULL);
        for (size_t j = 0; line && j < table->column_count; j++) {
            if (scols_line_set_data(line, j, table->cells.data + table->begins[i + j]) != 0)
                return false;
        }
        if (!line)
            return false;
    }
    return true;
}

static bool print_smartcols(const struct table *table, bool has_titles)
{
    struct libscols_table *output = scols_new_table();
    bool done = false;

    if (!output)
        return false;
    scols_table_enable_noheadings(output, !has_titles);
    scols_table_set_column_separator(output, "  ");
    if (fill_smartcols(output, table))
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
    fflush(stdout);
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
