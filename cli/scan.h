/* SPDX-License-Identifier: MIT
 *
 * What the parts of snapjar scan share: cmd_scan.c looks at pickles and keeps count; the others turn what was found
 * into text, JSON, SARIF or a policy. Called by cmd_scan.c only.
 */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "batch.h"
#include "judging.h"
#include "sealing.h"

struct scan_values {
    struct batch_values batch;
    struct judging_values judging;
    struct trusting_values trusting;
    bool no_default_presets;
    bool list_presets;
    int encoding;
    uint64_t max_size;
    uint64_t max_line;
    struct option_number max_stack;
    struct option_number max_memo;
    struct option_number max_globals;
    bool globals;
    bool skip_other;
    bool json;
    bool sarif;
    bool learn;
    bool quiet;
};

/** Something that a pickle does and may not, or why it was not analysed. Borrowed during a call. */
struct scan_fault {
    const char *path;
    /** NULL if there is no pickle. */
    const snapjar_pickles_item *item;
    /** What the offset is an offset of, as pickle_content says. */
    bool is_file_offset;
    uint64_t offset;
    const char *diagnostic;
    const char *message;
    /** "module:qualname" or "". */
    const char *global;
    unsigned uses;
    /** Of a policy that would allow it, or "". */
    const char *line;
};

/** Adds ",{...}": one SARIF result. */
void sarif_add_result(struct text *out, const struct scan_fault *fault);
/** Adds the beginning of the document, up to the first result. */
void sarif_begin(struct text *out);
/** Adds the end. */
void sarif_end(struct text *out, int exit_code);

/** Adds an array of all globals of a scan, with their uses. */
void globals_add_json(struct text *out, snapjar_scan *scan);
/** Adds a line for each. */
void globals_add_text(struct text *out, snapjar_scan *scan, const char *content);

/** Prints every preset with its rules and reasons. */
void presets_print(bool is_json);

/** Globals of many pickles, with the number of files that each was seen in. */
struct learned {
    struct learned_entry *entries;
    size_t count;
    size_t file_count;
};

/** Adds the globals of a pickle, as learned_take reads them. */
void learned_pack(struct text *out, snapjar_scan *scan);
/** Takes what learned_pack wrote of all pickles of a file. */
void learned_take(struct learned *learned, const struct text *packed);
/** Adds the policy that allows all of it, beside the presets that are on. */
void learned_write(struct text *out, struct learned *learned, const struct scan_values *values);
void learned_free(struct learned *learned);

#endif
