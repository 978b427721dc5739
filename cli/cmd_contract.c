/* SPDX-License-Identifier: MIT
 *
 * snapjar contract: contracts made from snapshots, and snapshots checked by them.
 */
#include <string.h>

#include "contract.h"

static const struct option_row rows[] = {
    BATCH_OPTION_ROWS(struct contract_values),
    {0, "as-version", "N", OPTION_NUMBER, offsetof(struct contract_values, as_version),
     "take bare pickles for objects of schema version N (default: the first version that fits)", NULL, 0, INT64_MAX},
    {0, "current", NULL, OPTION_FLAG, offsetof(struct contract_values, current),
     "check: the answer is no for what has to be migrated, too", NULL, 0, 0},
    {0, "encoding", "NAME", OPTION_CHOICE, offsetof(struct contract_values, encoding),
     "how to read strings of Python 2 in bare pickles (default ascii)", "ascii|latin1|bytes", 0, 0},
    {0, "max-size", "SIZE", OPTION_SIZE, offsetof(struct contract_values, max_size),
     "refuse a pickle larger than SIZE (default 64G)", NULL, 0, 0},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(struct contract_values, quiet), "check: print nothing, only exit", NULL,
     0, 0},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct contract_values, json),
     "check: print JSON, one object for each pickle and a summary", NULL, 0, 0},
    {0},
};

static const struct action {
    const char *name;
    int (*run)(struct cli *cli, const struct contract_values *values, const struct string_list *operands);
} actions[] = {
    {"infer", contract_infer},
    {"check", contract_check},
    {"bump", contract_bump},
};

static int run_action(struct cli *cli, const struct contract_values *values, const struct string_list *operands)
{
    const struct string_list rest = {operands->items + 1, operands->count ? operands->count - 1 : 0};

    if (!operands->count)
        return report_usage(cli, "say what to do: infer, check or bump");
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (!strcmp(operands->items[0], actions[i].name))
            return actions[i].run(cli, values, &rest);
    }
    return report_usage(cli, "%s is nothing that can be done with contracts: infer, check, bump", operands->items[0]);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct contract_values values = {0};
    struct string_list operands = {0};
    int code = options_parse(cli, &values, &operands, argc, argv);

    if (code < 0 && values.json && values.quiet)
        code = report_usage(cli, "--json and --quiet: only one of them at a time");
    if (code < 0)
        code = run_action(cli, &values, &operands);
    string_list_free(&operands);
    return code;
}

static const struct example examples[] = {
    {"Write a contract from snapshots that are known to be good", "snapjar contract infer good/ > jobs.contract.json"},
    {"Do all snapshots of a directory fit the contract", "snapjar contract check jobs.contract.json snapshots/"},
    {"The same, and none has to be migrated", "snapjar contract check --current jobs.contract.json snapshots/"},
    {"Begin the next version, from an object before and after the change",
     "snapjar contract bump jobs.contract.json old.snapjar new.pkl > next.contract.json"},
    {NULL, NULL},
};

const struct command command_contract = {
    "contract",
    "make contracts, and check objects by them",
    "infer|check|bump [OPTION]... [CONTRACT] PATH...",
    "A contract is a JSON document about one type of object, kept with the program's code: its current schema version, "
    "its classes with their fields and rules on the values, what its pickles may do, how older versions looked, and "
    "the "
    "steps that lead from those to the current one. spec/contract.md describes the language.\n\n"
    "infer writes a contract that all objects in the PATHs are current by, to standard output: their classes with the "
    "fields and types that were seen, and what their pickles use, with a reason to be filled in. All must be of one "
    "type "
    "and schema version; bare pickles are of version 0, unless --as-version says theirs. What it writes is a "
    "beginning: "
    "rules on values, and which fields may be missing, are a human's to say.\n\n"
    "check says of every object in the PATHs, which may be snapshots, bare pickles and directories: current; accepted, "
    "an older version that is loaded as it is; migratable, and through which versions; drifted: its fields or values "
    "are "
    "not those of its version, with both lists of fields; or unknown: of another type, or of a version that the "
    "contract "
    "does not know. What an object may not do by the contract, which admits what its migrations change, is told as "
    "denied. The version "
    "is "
    "the header's; bare pickles are compared with all versions that are described, the current one first, unless "
    "--as-version says theirs.\n\n"
    "bump CONTRACT OLD NEW writes the next version of the contract to standard output, for a human to finish: what it "
    "says "
    "now becomes an older version, the classes are as the object in NEW shows them, and a migration has the steps that "
    "can be told from OLD and NEW: classes and enumerations that moved, fields that went, came (with the value in NEW) "
    "or "
    "changed their type, members of what the contract calls an enumeration. The entries of a root that is a dict are "
    "fields if the contract names them. What is a guess says TODO in its description. OLD and NEW may be directories "
    "of such objects.\n\n"
    "Exit code 0: all objects are current, accepted or migratable. 1: one is drifted, unknown, denied or damaged, or, "
    "with "
    "--current, has to be migrated. 2: trouble; a contract that is wrong is trouble.",
    rows,
    OPERAND_CONTRACT,
    examples,
    run,
};
