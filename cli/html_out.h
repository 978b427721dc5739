/* SPDX-License-Identifier: MIT
 *
 * Writing HTML: whatever comes from files goes through here, and can neither leave its element or attribute nor turn
 * the text around it.
 */
#ifndef CLI_HTML_OUT_H
#define CLI_HTML_OUT_H

#include <snapjar/snapjar.h>

#include "text.h"

/** Adds text for an element or a quoted attribute. Controls and what is not UTF-8 are shown as escapes. */
void html_text(struct text *out, const char *bytes, size_t size);
void html_string(struct text *out, const char *string);

/** The same for our own sentences, in which `words` stand for code. */
void html_sentence(struct text *out, const char *sentence);

/** Adds <code>TEXT</code>, whose direction is its own; a dash if it is empty. */
void html_code(struct text *out, snapjar_text text);

/** Adds 1,234,567. */
void html_number(struct text *out, uint64_t number);

/** Adds "1,234 files": `many` unless it is one. */
void html_count(struct text *out, uint64_t number, const char *one, const char *many);

/** The style of pages, what stands in <style>: pieces, ended by NULL. */
extern const char *const html_style[];

#endif
