/* SPDX-License-Identifier: MIT
 *
 * How changes between two values are told: what diff prints, and migrate for what it would change.
 */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include <snapjar/diff.h>

#include "text.h"

/** Adds a line about a change. */
void changes_add(struct text *out, bool has_colour, const snapjar_change *change);
/** Adds the change's members to an object. */
void changes_add_json(struct text *out, const snapjar_change *change);

/** The same for a change of a class's fields. */
void changes_add_layout(struct text *out, bool has_colour, const snapjar_layout_change *change);
void changes_add_layout_json(struct text *out, const snapjar_layout_change *change);

#endif
