/* SPDX-License-Identifier: MIT
 *
 * Showing what a judgement denies, to people and to programs.
 */
#ifndef CLI_DENIALS_H
#define CLI_DENIALS_H

#include <snapjar/snapjar.h>

#include "command.h"
#include "text.h"

/** Adds two lines for each denial, and one for findings that were counted and not kept. Offsets are of `content`. */
void denials_add_text(struct text *out, const snapjar_judgement *judgement, snapjar_scan *scan, const char *content);

/** Adds the findings of a scan that was not judged, a line each. */
void findings_add_text(struct text *out, snapjar_scan *scan, const char *content);

/**
 * Tells on standard error what is odd about a pickle that is stored or handed out as it is: that no Python could load
 * it, that it is over a limit, or that no pickler writes such. Nothing if nothing is.
 */
void analysis_remark(struct cli *cli, const char *file, snapjar_scan *scan, const char *content);

/** For programs: "analysed", "malformed" (no Python could load it) or "not-analysed" (over a limit). */
const char *analysis_word(const snapjar_scan *scan);

/** Adds one denial as the members of an object. */
void denial_add_json(struct text *out, const snapjar_denial *denial);

/** Adds an array of the denials. */
void denials_add_json(struct text *out, const char *key, const snapjar_judgement *judgement);

/** Adds an array of the names of uses. */
void uses_add_json(struct text *out, const char *key, unsigned uses);

/** How many findings the scan counted beyond those that it kept. */
uint64_t findings_left_out(snapjar_scan *scan);

#endif
