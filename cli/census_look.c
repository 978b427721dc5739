/* SPDX-License-Identifier: MIT
 *
 * Looking at one file for snapjar report, on a worker's thread: sightings of its records and pickles, and of what is
 * wrong, packed one after another into the outcome's text.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "contracts.h"
#include "pickle_files.h"
#include "seal_check.h"
#include "sightings.h"

/* ---- headers ---- */

static void add_size(struct text *out, size_t size)
{
    uint32_t number = (uint32_t)size;
    text_add(out, (const char *)&number, sizeof(number));
}

static void end_class(struct gathering *seen)
{
    if (!seen->has_class)
        return;
    uint32_t size = (uint32_t)(seen->layout.size - seen->class_at - 2 * sizeof(size) - seen->class_size);
    memcpy(seen->layout.data + seen->class_at + sizeof(size), &size, sizeof(size));
    seen->has_class = false;
}

/* "layout.app.jobs:Job[2]": the fields of a class come one after another. */
static void visit_layout(struct gathering *seen, const char *path, snapjar_text value)
{
    const char *name = path + strlen("layout.");
    const char *bracket = strrchr(name, '[');

    if (!bracket)
        return;
    size_t size = (size_t)(bracket - name);
    if (!strcmp(bracket, "[0]")) {
        end_class(seen);
        seen->class_at = seen->layout.size;
        seen->class_size = size;
        seen->has_class = true;
        add_size(&seen->layout, size);
        add_size(&seen->layout, 0);
        text_add(&seen->layout, name, size);
    }
    if (!seen->has_class)
        return;
    add_size(&seen->layout, value.size);
    text_add(&seen->layout, value.data, value.size);
}

static snapjar_status visit(void *state, const char *path, snapjar_text value, int is_string)
{
    static const struct {
        const char *path;
        enum sighting_text text;
    } wanted[] = {
        {"build.tool.name", SEEN_TOOL}, {"build.tool.version", SEEN_TOOL}, {"build.app", SEEN_APP},
        {"build.version", SEEN_APP},    {"build.python", SEEN_PYTHON},
    };
    struct gathering *seen = state;

    (void)is_string;
    if (!strncmp(path, "layout.", 7)) {
        visit_layout(seen, path, value);
    } else if (!strncmp(path, "history[", 8)) {
        seen->sighting.is_migrated = true;
    } else if (!strncmp(path, "build.", 6)) {
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            struct text *text = &seen->texts[wanted[i].text];
            if (strcmp(path, wanted[i].path) != 0)
                continue;
            if (text->size)
                text_putc(text, ' ');
            text_add(text, value.data, value.size);
        }
    }
    return SNAPJAR_OK;
}

/* Where a record's schema version stands in its contract. */
static void add_standing(const struct batch *batch, struct outcome *outcome, struct sighting *sighting,
                         snapjar_text type)
{
    const struct contract_set *contracts = census_options_of(batch)->contracts;
    const int64_t version = sighting->schema_version;
    struct text message = {0};

    if (!contracts)
        return;
    const snapjar_contract *contract = contract_set_find(contracts, type.data, type.size, version);
    if (!contract) {
        sighting_concern(outcome, CONCERN_NO_CONTRACT, sighting->record, SNAPJAR_DIAG_NONE, "");
    } else if (snapjar_contract_accepts(contract, version)) {
        /* As it should be. */
    } else if (snapjar_contract_chain(contract, version, NULL)) {
        sighting->is_behind = true;
        text_puts(&message, "schema version ");
        contracts_add_chain(&message, contract, version);
        sighting_concern(outcome, CONCERN_BEHIND, sighting->record, SNAPJAR_DIAG_NONE, text_string(&message));
    } else {
        text_printf(&message, "schema version %" PRId64 ", the contract is at %" PRId64, version,
                    snapjar_contract_schema_version(contract));
        sighting_concern(outcome, CONCERN_UNKNOWN_VERSION, sighting->record, SNAPJAR_DIAG_CONTRACT_VERSION,
                         text_string(&message));
    }
    text_free(&message);
}

/* Packs what a header says. */
static snapjar_status add_record(const struct batch *batch, struct outcome *outcome, const snapjar_header *header,
                                 uint64_t index, snapjar_input_kind input, snapjar_error *err)
{
    const struct census_options *options = census_options_of(batch);
    snapjar_text type = snapjar_header_type(header);
    snapjar_text created = snapjar_header_created(header);
    struct gathering seen = {.sighting = {.kind = SIGHTING_RECORD,
                                          .input = input,
                                          .record = index,
                                          .schema_version = snapjar_header_schema_version(header),
                                          .size = snapjar_header_size(header),
                                          .stored_size = snapjar_header_stored_size(header),
                                          .protocol = snapjar_header_protocol(header),
                                          .is_sealed = snapjar_header_seal_size(header) > 0}};
    snapjar_status status = snapjar_header_each(header, visit, &seen, err);

    if (status == SNAPJAR_OK) {
        end_class(&seen);
        text_add(&seen.texts[SEEN_TYPE], type.data, type.size);
        (void)moment_read(&seen.sighting.created, created.data, created.size);
        add_standing(batch, outcome, &seen.sighting, type);
        gathering_pack(&outcome->out, &seen);
        if (options->stale_after >= 0 && options->now - seen.sighting.created > options->stale_after)
            outcome->exit_code = outcome->exit_code ? outcome->exit_code : EXIT_NO;
    }
    gathering_free(&seen);
    return status;
}

/* Whether a trusted key has sealed the record that the walk has come to. A file is told once. */
static void look_at_seal(const struct batch *batch, const char *path, struct seal_check *seals, uint64_t index,
                         struct outcome *outcome)
{
    const char *key_id;
    snapjar_error err;

    if (!seals->reader || seals->failure.status != SNAPJAR_OK ||
        seal_check_next(seals, census_options_of(batch)->is_deep, &key_id, &err) == SNAPJAR_OK)
        return;
    /* Whatever else is wrong with the record is told by those who read it. */
    if (err.status != SNAPJAR_BAD_SEAL)
        return;
    err.record_index = index;
    census_fail(batch, outcome, path, &err);
}

/* The records of a snapshot. */
static void look_at_records(const struct batch *batch, snapjar_context *context, snapjar_source *source,
                            const char *path, struct outcome *outcome)
{
    snapjar_reader *reader = NULL;
    struct seal_check seals;
    snapjar_error last = {.status = SNAPJAR_OK};
    snapjar_error err;
    snapjar_status status = seal_check_begin(&seals, context, source, &batch->limits, batch->seal, &err);

    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, &batch->limits, &err);

    while (status == SNAPJAR_OK) {
        const snapjar_record *record;
        status = snapjar_reader_next(reader, &record, &err);
        if (status != SNAPJAR_OK || !record)
            break;
        const uint64_t index = snapjar_record_index(record);
        outcome->record_count++;
        last.status = SNAPJAR_OK;
        look_at_seal(batch, path, &seals, index, outcome);
        status = add_record(batch, outcome, snapjar_record_header(record), index, SNAPJAR_INPUT_SNAPSHOT, &err);
        if (status == SNAPJAR_OK && census_options_of(batch)->is_deep)
            check_record(batch, outcome, path, context, reader, record, &last);
    }
    /* Moving on meets again what the check of the record has met. */
    if (status != SNAPJAR_OK &&
        (last.status == SNAPJAR_OK || err.diagnostic != last.diagnostic || err.offset != last.offset))
        census_fail(batch, outcome, path, &err);
    snapjar_reader_free(reader);
    seal_check_free(&seals);
}

/* ---- pickles in no jar ---- */

static int64_t changed(const char *path)
{
    struct stat info;
    return strcmp(path, "-") != 0 && stat(path, &info) == 0 ? (int64_t)info.st_mtime : moment_now();
}

/* One that was scanned (`type` is its root's then), or of which only the start was looked at. */
static void add_pickle(struct outcome *outcome, const char *path, struct sighting sighting, const struct text *type)
{
    struct gathering seen = {.sighting = sighting};

    seen.sighting.kind = SIGHTING_PICKLE;
    seen.sighting.created = changed(path);
    if (type)
        text_add(&seen.texts[SEEN_TYPE], text_string(type), type->size);
    gathering_pack(&outcome->out, &seen);
    gathering_free(&seen);
}

/* One pickle of a walk. A failure is the caller's to tell. */
static snapjar_status look_at_pickle(const struct batch *batch, const char *path, snapjar_context *context,
                                     snapjar_pickles *pickles, struct outcome *outcome, uint64_t file_size,
                                     snapjar_error *err)
{
    const snapjar_pickles_item *item = outcome->item;
    const snapjar_input_kind input = snapjar_pickles_kind(pickles);
    struct text type = {0};
    snapjar_status status = SNAPJAR_OK;

    if (item->header)
        status = add_record(batch, outcome, item->header, item->index, input, err);
    if (item->header && batch->seal)
        sighting_concern(outcome, CONCERN_BAD_SEAL, item->index, SNAPJAR_DIAG_NONE,
                         "seals inside compressed files are not checked");
    if (status == SNAPJAR_OK)
        status = snapjar_pickles_scan(pickles, outcome->scan, err);
    if (status != SNAPJAR_OK)
        return status;
    if (item->header) {
        const snapjar_text said = snapjar_header_type(item->header);
        text_add(&type, said.data, said.size);
    } else {
        const snapjar_scan_summary *summary = snapjar_scan_summarize(outcome->scan);
        struct sighting seen = {.input = input,
                                .record = item->index,
                                .size = summary->size,
                                .stored_size = input == SNAPJAR_INPUT_PICKLE ? summary->size : file_size,
                                .protocol = summary->protocol};
        pickle_add_type(&type, outcome->scan);
        add_pickle(outcome, path, seen, &type);
    }
    check_pickle(batch, outcome, path, context, pickles, &type);
    text_free(&type);
    return SNAPJAR_OK;
}

/* What no pickle begins like is not looked at further: text of which the first letters are opcodes, an archive. */
static bool is_foreign(const struct outcome *outcome, const snapjar_error *err)
{
    return outcome->is_found && !outcome->record_count &&
           (err->diagnostic == SNAPJAR_DIAG_INPUT_NOT_PICKLE || pickle_is_harmless_text(outcome, err));
}

static void look_at_pickles(const struct batch *batch, snapjar_context *context, snapjar_source *source,
                            uint64_t file_size, const char *path, struct outcome *outcome)
{
    snapjar_pickles_options options = SNAPJAR_PICKLES_OPTIONS_INIT;
    snapjar_pickles *pickles = NULL;
    snapjar_error err;

    options.limits = &batch->limits;
    options.threads = batch->inner_threads;
    options.string_encoding = batch->string_encoding;
    outcome->content = NULL;
    snapjar_status status = snapjar_pickles_open(&pickles, context, source, &options, &err);
    while (status == SNAPJAR_OK) {
        status = snapjar_pickles_next(pickles, &outcome->item, &err);
        if (status != SNAPJAR_OK || !outcome->item)
            break;
        outcome->content = pickle_content(pickles, outcome->item);
        status = look_at_pickle(batch, path, context, pickles, outcome, file_size, &err);
        file_size = 0;
        if (status == SNAPJAR_OK) {
            outcome->record_count++;
        } else if (outcome->item->header && is_malformed(outcome->scan, &err)) {
            /* The record is whole: the next one can be found. */
            sighting_failure(batch, outcome, path, &err, CONCERN_MALFORMED);
            status = SNAPJAR_OK;
        }
    }
    if (status != SNAPJAR_OK && is_foreign(outcome, &err))
        outcome->is_other = true;
    else if (status != SNAPJAR_OK)
        sighting_failure(batch, outcome, path, &err,
                         is_malformed(outcome->scan, &err) ? CONCERN_MALFORMED : concern_of(&err));
    snapjar_pickles_free(pickles);
}

/* ---- any file ---- */

static bool is_called_snapjar(const char *path)
{
    static const char suffix[] = ".snapjar";
    size_t size = strlen(path);
    return size >= sizeof(suffix) - 1 && !strcmp(path + size - (sizeof(suffix) - 1), suffix);
}

/* A pickle from protocol 2 on says so in two bytes; older ones look like any text and must be read. */
static bool is_surely_pickle(snapjar_source *source, int *protocol)
{
    uint8_t start[2];
    size_t got;

    if (snapjar_source_read_at(source, start, sizeof(start), 0, &got, NULL) != SNAPJAR_OK || got < sizeof(start))
        return false;
    *protocol = start[1];
    return start[0] == 0x80 && start[1] >= 2 && start[1] <= 5;
}

void census_look(struct batch *batch, snapjar_context *context, snapjar_source *source, const char *path,
                 struct outcome *outcome)
{
    const bool is_deep = census_options_of(batch)->is_deep;
    snapjar_input_kind kind = SNAPJAR_INPUT_PICKLE;
    snapjar_error err;
    uint64_t size = 0;
    int protocol = -1;
    snapjar_status status = snapjar_input_detect(source, &kind, &err);

    if (is_called_snapjar(path) || (status == SNAPJAR_OK && kind == SNAPJAR_INPUT_SNAPSHOT)) {
        look_at_records(batch, context, source, path, outcome);
        return;
    }
    /* An empty file is nothing yet. */
    if (status != SNAPJAR_OK && outcome->is_found &&
        (err.diagnostic == SNAPJAR_DIAG_INPUT_NOT_PICKLE || err.diagnostic == SNAPJAR_DIAG_PICKLE_EMPTY)) {
        outcome->is_other = true;
        return;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_source_size(source, &size, &err);
    if (status != SNAPJAR_OK) {
        outcome->content = NULL;
        census_fail(batch, outcome, path, &err);
    } else if (is_deep || (kind == SNAPJAR_INPUT_PICKLE && !is_surely_pickle(source, &protocol))) {
        look_at_pickles(batch, context, source, size, path, outcome);
    } else {
        struct sighting seen = {.input = kind,
                                .record = SNAPJAR_OFFSET_NONE,
                                .size = kind == SNAPJAR_INPUT_PICKLE ? size : 0,
                                .stored_size = size,
                                .protocol = protocol};
        add_pickle(outcome, path, seen, NULL);
        if (kind != SNAPJAR_INPUT_PICKLE)
            sighting_concern(outcome, CONCERN_UNOPENED, SNAPJAR_OFFSET_NONE, SNAPJAR_DIAG_NONE,
                             snapjar_input_kind_name(kind));
    }
}
