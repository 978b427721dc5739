/* SPDX-License-Identifier: MIT
 *
 * snapjar unseal: signatures taken off.
 */
#include <string.h>

#include "resealing.h"

struct values {
    const char *key_id;
    struct resealing_values resealing;
};

static const struct option_row rows[] = {
    {0, "key-id", "ID", OPTION_TEXT, offsetof(struct values, key_id),
     "only the signatures of the key with this id, 32 hex digits (info shows it)", NULL, 0, 0},
    RESEALING_OPTION_ROWS(struct values, resealing),
    {0},
};

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && values.key_id &&
        (strlen(values.key_id) != SNAPJAR_KEY_ID_SIZE ||
         strspn(values.key_id, "0123456789abcdef") != SNAPJAR_KEY_ID_SIZE))
        code =
            report_usage(cli, "--key-id needs the 32 lower-case hex digits of a key's id, not \"%s\"", values.key_id);
    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories");
    if (code < 0) {
        const struct resealing resealing = {
            .cli = cli,
            .values = &values.resealing,
            .verb = "unsealing",
            .kind = "unsealed",
            .counted = "signatures",
            .key_id = values.key_id,
            .options = SNAPJAR_SEAL_OPTIONS_INIT,
        };
        code = resealing_run(&resealing, &paths);
    }
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Take every seal off", "snapjar unseal job.snapjar"},
    {"Remove a detached seal", "snapjar unseal --detached job.snapjar"},
    {"Retire a key", "snapjar unseal --key-id 1ce0c602d5ce103a8b0acf9ae93deb10 /var/lib/jobs"},
    {NULL, NULL},
};

const struct command command_unseal = {
    "unseal",
    "take signatures off",
    "[OPTION]... PATH...",
    "Takes the signatures off every record of the files, or only those of one key. All else stays as it is, and the "
    "files are replaced as seal does it. A file without such signatures is not touched. The signatures are not "
    "checked.\n\n"
    "With --detached the signatures are taken off FILE.seal, which is removed when none is left.\n\n"
    "Directories are walked: of the files in them those called *.snapjar are looked at.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
