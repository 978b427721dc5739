/* SPDX-License-Identifier: MIT
 *
 * What snapjar report counts: records by type and schema version, by writer and by layout, pickles that are in no jar,
 * and whatever needs attention. Workers tell what they see as packed sightings (census_look.c); one thread at a time
 * takes these in (census.c); the rest shows what came of it. Memory is bounded: rows beyond a number are summed up in
 * one, and of files with the same trouble some are named and all counted.
 */
#ifndef CLI_CENSUS_H
#define CLI_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "contract_set.h"
#include "judging.h"
#include "moments.h"
#include "tally.h"

/* ---- what is wrong ---- */

enum concern_kind {
    CONCERN_DAMAGED,
    CONCERN_CUT_SHORT,
    CONCERN_NO_SNAPSHOT,
    CONCERN_UNSUPPORTED,
    CONCERN_MALFORMED,
    CONCERN_NOT_ANALYSED,
    CONCERN_BAD_SEAL,
    CONCERN_DENIED,
    CONCERN_ODD,
    CONCERN_OFF_CONTRACT,
    CONCERN_UNKNOWN_VERSION,
    CONCERN_DRIFTED,
    CONCERN_BEHIND,
    CONCERN_STALE,
    CONCERN_FUTURE,
    CONCERN_UNSEALED,
    CONCERN_NO_CONTRACT,
    CONCERN_BARE,
    CONCERN_UNOPENED,
    CONCERN_LEFTOVER
};

#define CONCERN_COUNT (CONCERN_LEFTOVER + 1)

struct concern_info {
    /** For programs. */
    const char *name;
    /** For people, as "cut short". */
    const char *title;
    /** What it means and what to do. */
    const char *advice;
    /** 2: it makes the exit code 1 or 2. 1: worth attention. 0: a remark. */
    int weight;
};

extern const struct concern_info concern_infos[CONCERN_COUNT];

/** One that is named. Texts are the census's. */
struct concern_item {
    char *path;
    /** Number of the record, or SNAPJAR_OFFSET_NONE. */
    uint64_t record;
    snapjar_diagnostic diagnostic;
    char *message;
};

struct concern {
    /** Records or pickles, or what was wrong; of CONCERN_DRIFTED, classes. */
    uint64_t count;
    /** Files; of CONCERN_DRIFTED 0: each layout has them. */
    uint64_t file_count;
    /** Number of the last file that had it, so that each is counted once. */
    uint64_t last_file;
    struct concern_item *items;
    size_t item_count;
};

/* ---- what workers see ---- */

enum sighting_kind { SIGHTING_RECORD, SIGHTING_PICKLE, SIGHTING_CONCERN };

/** Of a record or pickle: type, tool, application, Python; of a concern: what is wrong. */
enum sighting_text { SEEN_TYPE, SEEN_TOOL, SEEN_APP, SEEN_PYTHON, SEEN_COUNT };

struct sighting {
    enum sighting_kind kind;
    /** What the file is. */
    snapjar_input_kind input;
    enum concern_kind concern;
    snapjar_diagnostic diagnostic;
    /** Number of the record or pickle, or SNAPJAR_OFFSET_NONE. */
    uint64_t record;
    int64_t schema_version;
    /** When it was made; of a bare pickle, when the file was changed. */
    int64_t created;
    uint64_t size;
    uint64_t stored_size;
    /** -1: not known. */
    int protocol;
    bool is_sealed;
    bool is_migrated;
    /** Its contract is at a later schema version, to which migrations lead. */
    bool is_behind;
    /** How long its texts are, and its layout: classes, each as a name and its fields. They follow in this order. */
    uint32_t text_sizes[SEEN_COUNT];
    uint32_t layout_size;
};

/* ---- what comes of it ---- */

/** Records of one type and schema version, or pickles of one kind and type. */
struct group {
    snapjar_text type;
    snapjar_input_kind input;
    /** In a jar: `schema_version` counts. */
    bool is_record;
    int64_t schema_version;
    uint64_t count;
    uint64_t file_count;
    uint64_t last_file;
    uint64_t size;
    uint64_t stored_size;
    uint64_t sealed_count;
    uint64_t migrated_count;
    uint64_t stale_count;
    uint64_t behind_count;
    uint64_t layout_count;
    /** Classes with several layouts; set by census_finish. */
    uint64_t drifted_count;
    uint64_t protocols[6];
    struct moments created;
};

struct writer {
    snapjar_text tool;
    snapjar_text app;
    snapjar_text python;
    uint64_t count;
    uint64_t file_count;
    uint64_t last_file;
    struct moments created;
};

/** One set of fields that a class has in records of a group. */
struct layout {
    /** Number of the group, until census_finish sorts them. */
    size_t group;
    snapjar_text type;
    int64_t schema_version;
    snapjar_text class_name;
    /** Each field as four bytes of size and its name. */
    snapjar_text fields;
    uint64_t count;
    uint64_t file_count;
    uint64_t last_file;
    int64_t oldest;
    int64_t newest;
    char *first_path;
    uint64_t first_record;
};

/** Files of one kind. */
struct input_count {
    uint64_t file_count;
    uint64_t size;
};

#define INPUT_COUNT (SNAPJAR_INPUT_SNAPSHOT + 1)

#define AGE_COUNT 10

struct census_options {
    int64_t now;
    /** Records older than this are stale; -1: none is. */
    int64_t stale_after;
    /** Everything is read and checked, not headers alone. */
    bool is_deep;
    /** NULL: nothing is judged. */
    const snapjar_policy *policy;
    /** NULL: objects are held against no contract. */
    const struct contract_set *contracts;
    size_t row_max;
    size_t list_max;
};

struct census {
    struct census_options options;
    struct tally group_keys;
    struct group *groups;
    /** What had no place among them. */
    struct group other_group;
    struct tally writer_keys;
    struct writer *writers;
    struct writer other_writer;
    struct tally layout_keys;
    struct layout *layouts;
    /** Layouts for which there was no room. */
    uint64_t layouts_left_out;
    struct concern concerns[CONCERN_COUNT];
    struct input_count inputs[INPUT_COUNT];
    /** All records in jars. */
    struct moments created;
    uint64_t record_count;
    uint64_t pickle_count;
    uint64_t size;
    uint64_t stored_size;
    uint64_t sealed_count;
    uint64_t migrated_count;
    uint64_t layout_count;
    uint64_t age_counts[AGE_COUNT];
    uint64_t file_count;
    /** Number of the file that is taken, from 1. */
    uint64_t file_number;
    uint64_t other_count;
};

/** Ages below `limit` seconds that are in no row before. The last row has no limit. */
struct age_info {
    int64_t limit;
    const char *name;
};

extern const struct age_info age_infos[AGE_COUNT];

/** Looks at a file; has the form of batch.look_source. Its state is a struct census, of which only options are read. */
void census_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                 struct outcome *outcome);

/** Tells a failure as a sighting; has the form of batch.fail. */
void census_fail(const struct batch *batch, struct outcome *outcome, const char *path, const snapjar_error *err);

void census_init(struct census *census, const struct census_options *options);
/** Takes what workers saw in a file; has the form of batch.take. */
void census_take(struct batch *batch, const char *path, struct outcome *outcome);
/** Takes what an interrupted write or a repair left behind; has the form of batch.leave_out. */
void census_leave_out(struct batch *batch, const char *path);
/** Sorts, and finds what drifted. `batch` has the other files. */
void census_finish(struct census *census, const struct batch *batch);
void census_free(struct census *census);

/** Names one more file with a trouble, if there is room; it is not counted. */
void census_name_item(const struct census *census, struct concern *concern, const char *path, uint64_t record,
                      snapjar_diagnostic diagnostic, const char *message, size_t message_size);

/** The layouts from `*first` on that are of one class in one group; `*first` goes behind them. 0 at the end. */
size_t census_next_class(const struct census *census, size_t *first);

/** Reads the next field of a layout from `*offset` on. False at the end. */
bool layout_field(const struct layout *layout, size_t *offset, snapjar_text *field);

/* ---- showing it ---- */

void census_print_text(struct cli *cli, struct census *census);
/** Only the first line of the tables. */
void census_print_summary(const struct census *census);
void census_print_json(struct census *census);
/** Adds a whole HTML page. */
void census_add_html(struct text *out, struct census *census, const struct string_list *paths);

#endif
