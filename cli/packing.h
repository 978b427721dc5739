/* SPDX-License-Identifier: MIT
 *
 * What pack and append share: the options about records, and the way from an input file to records in a sink.
 */
#ifndef CLI_PACKING_H
#define CLI_PACKING_H

#include <stdbool.h>

#include <snapjar/snapjar.h>

#include "command.h"
#include "progress.h"
#include "sealing.h"

/** The options of both; the member `packing` of their structs of options. */
struct packing_values {
    const char *type;
    struct option_number schema_version;
    struct string_list labels;
    struct string_list build;
    int string_encoding;
    struct option_number level;
    bool raw;
    bool compress;
    struct option_number threads;
    uint64_t frame_size;
    const char *created;
    uint64_t max_size;
    uint64_t max_line;
    bool json;
    bool no_sync;
    const char *contract;
    struct sealing_values sealing;
};

#define PACKING_ROW(values_type, short_name, name, argument, kind, member, help, choices, minimum, maximum)            \
    {                                                                                                                  \
        short_name, name, argument, kind, offsetof(values_type, packing.member), help, choices, minimum, maximum       \
    }

#define PACKING_OPTION_ROWS(values_type)                                                                               \
    PACKING_ROW(values_type, 't', "type", "NAME", OPTION_TEXT, type,                                                   \
                "what the object is, as app.jobs:JobState (default: told from the pickle)", NULL, 0, 0),               \
        PACKING_ROW(values_type, 's', "schema-version", "N", OPTION_NUMBER, schema_version,                            \
                    "your version number of the object's layout (default: 0)", NULL, 0, INT64_MAX),                    \
        PACKING_ROW(                                                                                                   \
            values_type, 0, "contract", "FILE", OPTION_FILE, contract,                                                 \
            "refuse what is not as the contract FILE says for its version; type and version are the contract's "       \
            "unless they are given",                                                                                   \
            NULL, 0, 0),                                                                                               \
        PACKING_ROW(values_type, 0, "label", "KEY=VALUE", OPTION_LIST, labels,                                         \
                    "add a label with a text; KEY:=VALUE for a JSON number, true, false or null; repeatable", NULL, 0, \
                    0),                                                                                                \
        PACKING_ROW(values_type, 0, "build", "KEY=VALUE", OPTION_LIST, build,                                          \
                    "say who wrote the pickle: app, version, commit, python, platform or packages.NAME; repeatable",   \
                    NULL, 0, 0),                                                                                       \
        PACKING_ROW(values_type, 0, "string-encoding", "NAME", OPTION_CHOICE, string_encoding,                         \
                    "how text of Python 2 is read", "ascii|latin1|bytes", 0, 0),                                       \
        PACKING_ROW(values_type, 'l', "level", "N", OPTION_NUMBER, level,                                              \
                    "zstd level, -7 to 22 (default: 3, or 1 up to 4 KiB)", NULL, -7, 22),                              \
        PACKING_ROW(values_type, 0, "raw", NULL, OPTION_FLAG, raw, "store without compressing", NULL, 0, 0),           \
        PACKING_ROW(values_type, 0, "compress", NULL, OPTION_FLAG, compress,                                           \
                    "compress even where it gains next to nothing", NULL, 0, 0),                                       \
        PACKING_ROW(                                                                                                   \
            values_type, 'T', "threads", "N", OPTION_NUMBER, threads,                                                  \
            "compress with N threads beside the one that reads and writes; 0: one for each processor (default: 1)",    \
            NULL, 0, 64),                                                                                              \
        PACKING_ROW(values_type, 0, "frame-size", "SIZE", OPTION_SIZE, frame_size,                                     \
                    "content of a frame: a power of two from 64K to 8M (default: 4M)", NULL, 0, 0),                    \
        PACKING_ROW(values_type, 0, "created", "TIME", OPTION_TEXT, created,                                           \
                    "time of creation, as 2026-01-31T12:00:00Z (default: now)", NULL, 0, 0),                           \
        PACKING_ROW(values_type, 0, "max-size", "SIZE", OPTION_SIZE, max_size,                                         \
                    "refuse an input larger than SIZE once decompressed (default: 64G)", NULL, 0, 0),                  \
        PACKING_ROW(values_type, 0, "max-line", "SIZE", OPTION_SIZE, max_line,                                         \
                    "refuse a pickle with a longer line of text than SIZE (default 64M)", NULL, 0, 0),                 \
        SEALING_OPTION_ROWS(values_type, packing.sealing),                                                             \
        PACKING_ROW(values_type, 0, "no-sync", NULL, OPTION_FLAG, no_sync, "do not wait until the disk has it", NULL,  \
                    0, 0),                                                                                             \
        PACKING_ROW(values_type, 0, "json", NULL, OPTION_FLAG, json, "print JSON, one object for each record written", \
                    NULL, 0, 0)

/** What the options come to. */
struct packing {
    struct cli *cli;
    const struct packing_values *values;
    snapjar_context *context;
    snapjar_scan *scan;
    snapjar_limits limits;
    snapjar_pack_options options;
    struct text labels_json;
    struct text build_json;
    struct progress progress;
    /** NULL: none. */
    snapjar_contract *contract;
    /** The keys; shared by all threads. */
    struct sealing sealing;
};

/** An input, opened and decompressed. */
struct packing_input {
    const char *name;
    snapjar_source *source;
    /** The decompressed input, or NULL. */
    snapjar_source *plain;
    snapjar_input_kind kind;
    uint64_t size;
    /** Records that were written of it, for --json. */
    struct text json;
    uint64_t record_count;
};

/** Checks the options. Returns -1 to go on, or an exit code. Clear in any case. */
int packing_init(struct packing *packing, struct cli *cli, const struct packing_values *values);
void packing_clear(struct packing *packing);

/** The same for another thread: with a context and scan of its own, texts borrowed from `packing`. Free with
 * packing_clear_copy.
 */
snapjar_status packing_copy(struct packing *copy, const struct packing *packing, snapjar_error *err);
void packing_clear_copy(struct packing *copy);

/** Opens `name` ("-": standard input). Close in any case. */
snapjar_status packing_open(struct packing *packing, struct packing_input *input, const char *name, snapjar_error *err);

/** Writes every pickle of the input to `sink` as a record. `output` is the name for --json. */
snapjar_status packing_write(struct packing *packing, struct packing_input *input, snapjar_sink *sink,
                             const char *output, snapjar_error *err);
void packing_close(struct packing_input *input);

/** What offsets in errors about the input are offsets of; NULL: of the file itself. */
const char *packing_content(const struct packing_input *input);

/** Tells a failure, on standard error and with --json as an object. */
void packing_fail(struct packing *packing, const struct packing_input *input, const char *name,
                  const snapjar_error *err);

#endif
