/* SPDX-License-Identifier: MIT
 *
 * snapjar migrate: old files into records of the current format, in place.
 */
#include <stdlib.h>
#include <string.h>

#include "contracts.h"
#include "limits.h"
#include "many.h"
#include "migrating.h"
#include "sealing.h"

#define CHANGES_DEFAULT 100

struct values {
    const char *contract;
    struct option_number protocol;
    bool dry_run;
    bool summary;
    struct option_number changes;
    bool backup;
    const char *backup_suffix;
    bool drop_seal;
    struct sealing_values sealing;
    struct string_list trust;
    struct string_list trust_keys;
    const char *type;
    struct option_number schema_version;
    int encoding;
    int old_header;
    const char *type_field;
    const char *version_field;
    const char *created_field;
    const char *labels_field;
    const char *size_field;
    struct string_list build_fields;
    struct string_list checksum_fields;
    struct option_number jobs;
    uint64_t max_size;
    struct header_limit_values header;
    bool no_sync;
    bool quiet;
    bool json;
};

#define ROW(short_name, name, argument, kind, member, help)                                                            \
    {                                                                                                                  \
        short_name, name, argument, kind, offsetof(struct values, member), help, NULL, 0, 0                            \
    }

static const struct option_row rows[] = {
    ROW('c', "contract", "FILE", OPTION_FILE, contract,
        "apply the migrations of the contract FILE to objects of its type that are of older versions"),
    {'p', "protocol", "N", OPTION_NUMBER, offsetof(struct values, protocol),
     "write pickles again at protocol N, 0 to 5", NULL, 0, 5},
    ROW('n', "dry-run", NULL, OPTION_FLAG, dry_run, "write nothing: print what would change, as diff does"),
    ROW(0, "summary", NULL, OPTION_FLAG, summary, "print only how many records change in which way"),
    {0, "max-changes", "N", OPTION_NUMBER, offsetof(struct values, changes),
     "with --dry-run, print N changes of each record and count the rest (default 100)", NULL, 0, INT64_MAX},
    ROW('b', "backup", NULL, OPTION_FLAG, backup, "keep each old file as FILE~"),
    ROW(0, "backup-suffix", "SUFFIX", OPTION_TEXT, backup_suffix, "keep each old file under its name and SUFFIX"),
    ROW(0, "drop-seal", NULL, OPTION_FLAG, drop_seal,
        "do not look at the seals of sealed records, and do not keep them (without this and --key they are refused)"),
    SEALING_OPTION_ROWS(struct values, sealing),
    ROW(0, "trust", "FILE", OPTION_LIST, trust,
        "migrate only what is sealed by a key that the trust file FILE names, or by the public key in FILE, for any "
        "type; repeatable"),
    ROW(0, "trust-key", "FILE", OPTION_LIST, trust_keys,
        "the secret of a MAC key that a trust file names by its id; repeatable"),
    ROW('t', "type", "NAME", OPTION_TEXT, type,
        "what objects in bare pickles are, as app.jobs:JobState (default: told from the pickle)"),
    {'s', "schema-version", "N", OPTION_NUMBER, offsetof(struct values, schema_version),
     "your version number of objects in bare pickles (default: 0)", NULL, 0, INT64_MAX},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct values, encoding),
     "how to read strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "old-header", "LENGTH", OPTION_CHOICE, offsetof(struct values, old_header),
     "how the length before a JSON header is written, in bits, or none (default: told from the bytes)",
     "le32|be32|le64|be64|none", 0, 0},
    ROW(0, "type-field", "FIELD", OPTION_TEXT, type_field, "the field of an old header that has the type"),
    ROW(0, "version-field", "FIELD", OPTION_TEXT, version_field, "the field with the schema version"),
    ROW(0, "created-field", "FIELD", OPTION_TEXT, created_field,
        "the field with the time: as 2026-01-31T12:00:00Z, or seconds since 1970"),
    ROW(0, "labels-field", "FIELD", OPTION_TEXT, labels_field, "the field with an object of labels"),
    ROW(0, "size-field", "FIELD", OPTION_TEXT, size_field, "the field with the size of what stands behind the header"),
    ROW(0, "build-field", "KEY=FIELD", OPTION_LIST, build_fields,
        "a field for the build info: KEY is app, version, commit, python, platform, packages or packages.NAME; "
        "repeatable"),
    ROW(0, "checksum-field", "KIND=FIELD", OPTION_LIST, checksum_fields,
        "check the field against what stands behind the header: KIND is crc32, adler32, xxh64, xxh3-64, xxh3-128, md5 "
        "or sha256; repeatable"),
    MANY_OPTION_ROW(struct values, jobs),
    ROW(0, "max-size", "SIZE", OPTION_SIZE, max_size,
        "refuse an input larger than SIZE once decompressed (default 64G)"),
    HEADER_LIMIT_ROWS(struct values, header),
    ROW(0, "no-sync", NULL, OPTION_FLAG, no_sync, "do not wait until the disk has it"),
    ROW('q', "quiet", NULL, OPTION_FLAG, quiet, "print no line for each file, only the sum"),
    ROW(0, "json", NULL, OPTION_FLAG, json, "print JSON, one object for each record and file, and one for the sum"),
    {0},
};

/* ---- options ---- */

/* Splits KEY=FIELD; the key is a copy. */
static int split(struct cli *cli, const char *option, const char *item, char **key, const char **field)
{
    const char *equals = strchr(item, '=');

    if (!equals || equals == item || !equals[1])
        return report_usage(cli, "%s needs %s=FIELD, not \"%s\"", option,
                            strcmp(option, "--build-field") ? "KIND" : "KEY", item);
    *key = memory_string(item);
    (*key)[equals - item] = '\0';
    *field = equals + 1;
    return -1;
}

struct fields {
    snapjar_old_build *build;
    snapjar_old_checksum *checksums;
    char **keys;
    size_t key_count;
};

static int read_fields(struct cli *cli, const struct values *values, struct fields *fields)
{
    size_t build_count = values->build_fields.count;
    size_t checksum_count = values->checksum_fields.count;
    int code = -1;

    fields->build = memory_get((build_count + 1) * sizeof(*fields->build));
    fields->checksums = memory_get((checksum_count + 1) * sizeof(*fields->checksums));
    fields->keys = memory_get((build_count + checksum_count + 1) * sizeof(*fields->keys));
    for (size_t i = 0; i < build_count && code < 0; i++) {
        char **key = &fields->keys[fields->key_count++];
        code = split(cli, "--build-field", values->build_fields.items[i], key, &fields->build[i].field);
        fields->build[i].key = *key;
    }
    for (size_t i = 0; i < checksum_count && code < 0; i++) {
        char **key = &fields->keys[fields->key_count++];
        code = split(cli, "--checksum-field", values->checksum_fields.items[i], key, &fields->checksums[i].field);
        fields->checksums[i].algorithm = *key;
    }
    return code;
}

static void free_fields(struct fields *fields)
{
    for (size_t i = 0; i < fields->key_count; i++)
        free(fields->keys[i]);
    free(fields->keys);
    free(fields->build);
    free(fields->checksums);
}

static void set_options(struct migrate *migrate, const struct values *values, const struct fields *fields)
{
    snapjar_migrate_options *options = &migrate->options;
    snapjar_old_options *old = &migrate->old;

    options->has_protocol = values->protocol.is_given;
    options->protocol = (int)values->protocol.value;
    options->drop_seal = values->drop_seal;
    options->string_encoding = (snapjar_string_encoding)(values->encoding ? values->encoding - 1 : 0);
    options->type = values->type;
    options->has_schema_version = values->schema_version.is_given;
    options->schema_version = values->schema_version.value;
    /* The words of the option stand in the order of the enum. */
    old->length = (snapjar_old_length)values->old_header;
    old->type_field = values->type_field;
    old->schema_version_field = values->version_field;
    old->created_field = values->created_field;
    old->labels_field = values->labels_field;
    old->size_field = values->size_field;
    old->build = fields->build;
    old->build_count = values->build_fields.count;
    old->checksums = fields->checksums;
    old->checksum_count = values->checksum_fields.count;
    migrate->limits.content_size_max = values->max_size;
    header_limits_set(&migrate->limits, &values->header);
}

static int check_usage(struct cli *cli, const struct values *values, const struct string_list *paths)
{
    const char *suffix = values->backup_suffix;

    if (!paths->count)
        return report_usage(cli, "no PATH given");
    for (size_t i = 0; i < paths->count; i++) {
        if (!strcmp(paths->items[i], "-"))
            return report_usage(cli, "files are migrated in place: standard input cannot be");
    }
    if (suffix && (!*suffix || strchr(suffix, '/')))
        return report_usage(cli, "--backup-suffix must be part of a name, not \"%s\"", suffix);
    if (values->type &&
        (!*values->type || strlen(values->type) > 1024 || !text_is_utf8(values->type, strlen(values->type))))
        return report_usage(cli, "--type must be UTF-8 of 1 to 1024 bytes");
    return -1;
}

/* What the library would refuse for every file is said once. */
static int check_options(struct cli *cli, struct migrate *migrate)
{
    static const char nothing[] = "";
    snapjar_context *context = NULL;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;
    snapjar_migration migration;
    snapjar_error err;
    int code = -1;

    migrate->options.old = &migrate->old;
    migrate->options.limits = &migrate->limits;
    snapjar_status status = snapjar_context_new(&context, NULL, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_source_from_memory(&source, context, nothing, 0, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_to_memory(&sink, context, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_migrate(context, source, sink, &migrate->options, &migration, &err);
    if (status == SNAPJAR_INVALID_ARGUMENT)
        code = report_usage(cli, "%s", err.message);
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    snapjar_context_free(context);
    return code;
}

/* Whose seals are demanded, and who seals. */
static int read_keys(struct cli *cli, const struct values *values, struct migrate *migrate, struct sealing *sealing,
                     struct trusting *trusting)
{
    const bool has_trust = values->trust.count > 0;
    const struct trusting_values trusted = {
        .files = values->trust,
        .keys = values->trust_keys,
        .seal_context = has_trust ? values->sealing.seal_context : NULL,
        .passphrase = values->sealing.passphrase,
    };
    struct sealing_values own = values->sealing;
    int code;

    if (!has_trust && values->trust_keys.count)
        return report_usage(cli, "--trust-key is for a --trust, and none was given");
    /* What may also be meant for the trust set is no mistake without a key. */
    if (has_trust && !own.keys.count)
        own = (struct sealing_values){.seal_context = NULL};
    code = trusting_make(trusting, cli, &trusted);
    if (code < 0)
        code = sealing_load(sealing, cli, &own);
    migrate->options.seal = trusting_demand(trusting);
    migrate->sealing = sealing;
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct sealing sealing = {0};
    struct trusting trusting = {.trust = NULL};
    struct string_list paths = {0};
    struct fields fields = {0};
    struct migrate migrate = {.cli = cli,
                              .options = SNAPJAR_MIGRATE_OPTIONS_INIT,
                              .old = SNAPJAR_OLD_OPTIONS_INIT,
                              .limits = SNAPJAR_LIMITS_INIT};
    snapjar_context *context = NULL;
    snapjar_contract *contract = NULL;
    snapjar_error err;
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0)
        code = check_usage(cli, &values, &paths);
    if (code < 0)
        code = read_fields(cli, &values, &fields);
    if (code < 0)
        code = read_keys(cli, &values, &migrate, &sealing, &trusting);
    if (code < 0 && values.contract) {
        code = snapjar_context_new(&context, NULL, &err) == SNAPJAR_OK
                   ? contracts_read(cli, context, values.contract, &contract, NULL)
                   : report_failure(cli, NULL, &err, NULL);
        migrate.options.contract = contract;
    }
    if (code < 0) {
        set_options(&migrate, &values, &fields);
        code = check_options(cli, &migrate);
    }
    if (code < 0) {
        cli->report.has_no_hints = values.json;
        migrate.is_dry = values.dry_run;
        migrate.is_summary = values.summary;
        migrate.is_quiet = values.quiet || (values.summary && !values.json);
        migrate.is_json = values.json;
        migrate.no_sync = values.no_sync;
        migrate.change_count_max = values.changes.is_given ? (uint64_t)values.changes.value : CHANGES_DEFAULT;
        migrate.backup_suffix = values.backup_suffix ? values.backup_suffix : values.backup ? "~" : NULL;
        migrate.jobs = many_jobs(&values.jobs, SIZE_MAX);
        migrate_run(&migrate, &paths);
        code = cli->report.exit_code;
    }
    snapjar_contract_free(contract);
    snapjar_context_free(context);
    free_fields(&fields);
    trusting_clear(&trusting);
    sealing_clear(&sealing);
    sealing_free_values(&values.sealing);
    string_list_free(&values.trust);
    string_list_free(&values.trust_keys);
    string_list_free(&values.build_fields);
    string_list_free(&values.checksum_fields);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Show what a contract would change in a folder of snapshots",
     "snapjar migrate --contract job.json --dry-run jobs/"},
    {"Make records of files with a length and a JSON header before the pickle, whose checksum must hold",
     "snapjar migrate --version-field version --checksum-field sha256=digest --backup jobs/"},
    {"Migrate sealed snapshots, of which each must be sealed by a trusted key, and seal them again",
     "snapjar migrate --contract job.json --trust trust.json --key build.key jobs/"},
    {NULL, NULL},
};

const struct command command_migrate = {
    "migrate",
    "make old files current, in place",
    "[OPTION]... PATH...",
    "With --contract, applies the contract's migrations to the records of its type that are of older versions. The "
    "pickle is judged by the contract's policy, compared with what the contract says of its version, changed step by "
    "step, "
    "and compared and judged again; the history in its header gets an entry for each migration. Records of current or "
    "accepted versions stay as they are, and so do other types, which are counted as other files.\n\n"
    "Makes records of the current format of what is in each file, or in each file of a directory: bare pickles, one or "
    "several, compressed or not (gzip, bzip2, xz, lzma, zlib, zstd), and the layout that many programs made for "
    "themselves: the length of a header in 4 or 8 bytes, the header as JSON, and the pickle, compressed or not. What a "
    "file is is told from its bytes, never from its name; what could be two things is refused. Nothing is loaded or "
    "executed.\n\n"
    "Of an old header, the fields that the options name become the type, the schema version, the time of creation and "
    "the build info; without options, fields that are called type, schema_version, created and labels are taken. All "
    "other fields become labels. With --protocol, pickles in records are written again as well, as transcode does; "
    "labels, build info, history and what else is in a record's header go with them. Files that need nothing are not "
    "touched.\n\n"
    "Every file is replaced in one step, and only when the new bytes have been read again, checked, analysed and "
    "compared with what they were meant to be: whatever happens meanwhile, its path leads to the old file or to the "
    "new "
    "one, whole. Many files share two syncs. Locks are those of append. After an interruption, run the same command "
    "again: what was left behind is removed, and what is done already is current.\n\n"
    "A seal does not outlive a change of what it seals, so sealed records are refused, unless --key renews their "
    "seals: "
    "then every record of a file that changes is sealed by the keys, the records are one stream, and the history says "
    "so. What was sealed must have held before: by a key that --trust names, and then files without a seal are "
    "refused; "
    "without --trust, by one of the keys that seal again, in the same context, and then files that have no seal at all "
    "get one, as pack does. Files that are current are not sealed: that is for seal.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
