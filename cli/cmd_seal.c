/* SPDX-License-Identifier: MIT
 *
 * snapjar seal: signatures for snapshots that exist.
 */
#include "resealing.h"

struct values {
    struct sealing_values sealing;
    bool replace;
    bool stream;
    struct resealing_values resealing;
};

static const struct option_row rows[] = {
    SEALING_OPTION_ROWS(struct values, sealing),
    {0, "replace", NULL, OPTION_FLAG, offsetof(struct values, replace), "drop the signatures that are there", NULL, 0,
     0},
    {0, "stream", NULL, OPTION_FLAG, offsetof(struct values, stream),
     "tie the records together even if there is one only, so that others can be appended", NULL, 0, 0},
    RESEALING_OPTION_ROWS(struct values, resealing),
    {0},
};

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct sealing sealing = {0};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && !values.sealing.keys.count)
        code = report_usage(cli, "--key FILE is needed: the secret key to seal with (`snapjar keygen` makes one)");
    if (code < 0 && values.stream && values.resealing.is_detached)
        code = report_usage(cli, "--stream ties records together inside the file, which --detached leaves as it is");
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories");
    if (code < 0)
        code = sealing_load(&sealing, cli, &values.sealing);
    if (code < 0) {
        struct resealing resealing = {
            .cli = cli,
            .values = &values.resealing,
            .verb = "sealing",
            .kind = "sealed",
            .counted = "records",
            .sealing = &sealing,
            .options = SNAPJAR_SEAL_OPTIONS_INIT,
        };
        resealing.options.replace = values.replace;
        resealing.options.stream = values.stream;
        code = resealing_run(&resealing, &paths);
    }
    sealing_clear(&sealing);
    sealing_free_values(&values.sealing);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Seal a snapshot", "snapjar seal --key build.key job.snapjar"},
    {"Seal a snapshot and leave it as it is", "snapjar seal --detached --key build.key job.snapjar"},
    {"Let a second key sign everything below a directory",
     "snapjar seal --key new.key --passphrase-file p.txt /var/lib/jobs"},
    {NULL, NULL},
};

const struct command command_seal = {
    "seal",
    "sign snapshots that exist",
    "--key FILE [OPTION]... PATH...",
    "Adds a signature by each key to every record of the files, beside those that are there; one by the same key is "
    "replaced. The payload is neither decompressed nor compressed: its checksum is checked, and the file is replaced "
    "by one with a larger header, under the lock that append takes, with its mode, owner and extended attributes.\n\n"
    "Records of a file with several get a note which one of its file each is, so that none can be taken out of the "
    "middle, repeated or exchanged without it showing; that the last ones are missing does not show. Records that are "
    "sealed already cannot get such a note unless their signatures are dropped (--replace).\n\n"
    "With --detached nothing is written but FILE.seal, which lists all records of FILE in their order, and is signed "
    "as a whole: it also shows that records are missing at the end, or that others were added. Readers must ask for it "
    "(verify --trust --detached). When FILE has changed since, --replace makes a new one.\n\n"
    "A seal says who made the file. It does not say that loading it is safe, and it hides nothing. Directories are "
    "walked: of the files in them those called *.snapjar are sealed.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
