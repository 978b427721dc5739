/* SPDX-License-Identifier: MIT
 *
 * How wide the terminal is and how wide text is on it; and the few colours.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "text.h"

/** Columns of the terminal behind standard output; 0 if it is none. */
size_t terminal_width(void);

/** Columns that a text without control characters takes. */
size_t terminal_text_width(const char *string);

/** What stands out, if `has_colour`: begins and ends a stretch of text. */
enum terminal_style { STYLE_PLAIN, STYLE_DIM, STYLE_BOLD, STYLE_BAD, STYLE_GOOD, STYLE_CHANGED };
void terminal_begin(struct text *out, bool has_colour, enum terminal_style style);
void terminal_end(struct text *out, bool has_colour, enum terminal_style style);

#endif
