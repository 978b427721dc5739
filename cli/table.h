/* SPDX-License-Identifier: MIT
 *
 * Tables for people. On a terminal libsmartcols fits them to its width, where it was built in; everywhere else, and
 * without it, the same columns come out as wide as they need to be.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct table;

struct table_column {
    const char *title;
    /** Numbers stand on the right. */
    bool is_right;
    /** The last column only: may be broken into lines, between words, where a terminal is too narrow. */
    bool may_wrap;
    /** May be broken into lines anywhere, where a terminal is too narrow. */
    bool may_break;
    /** There, cells are cut to a quarter of the terminal. */
    bool may_cut;
    /** Where a terminal is too narrow, columns that have a rank here are left out, the highest first. */
    unsigned rank;
};

/** `columns` is borrowed. */
struct table *table_new(const struct table_column *columns, size_t count);

/** Ends the cell before and begins the next one, from left to right, row by row. Valid until the next call. */
struct text *table_cell(struct table *table);

/**
 * Adds many cells at once, whole rows, each cell ended by NUL. Of a table of tens of thousands of rows those that are
 * there are printed now and then, so that it never is in memory whole: columns may get wider further down then, and on
 * a terminal the titles come again.
 */
void table_add_cells(struct table *table, const struct text *cells);

/** Prints the table, or what is left of it, if it has rows, to standard output. Titles that are empty are left out. */
void table_print(struct table *table);

/** True if libsmartcols was built in. */
bool table_has_smartcols(void);

void table_free(struct table *table);

#endif
