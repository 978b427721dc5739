/* SPDX-License-Identifier: MIT
 *
 * snapjar pack: pickles in, snapshot files out.
 */
#include <stdlib.h>
#include <string.h>

#include "many.h"
#include "output.h"
#include "packing.h"

struct values {
    struct packing_values packing;
    const char *output;
    bool force;
    struct option_number jobs;
};

static const struct option_row rows[] = {
    {'o', "output", "OUTPUT", OPTION_FILE, offsetof(struct values, output),
     "write to OUTPUT: a file, a directory, or - for standard output", NULL, 0, 0},
    {'f', "force", NULL, OPTION_FLAG, offsetof(struct values, force), "replace an output file that exists", NULL, 0, 0},
    MANY_OPTION_ROW(struct values, jobs),
    PACKING_OPTION_ROWS(struct values),
    {0},
};

static const char *const compressed_suffixes[] = {".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".zz", ".z", NULL};
static const char *const pickle_suffixes[] = {".pkl", ".pickle", NULL};

/* ---- where to ---- */

static char *output_name(const struct values *values, const char *input)
{
    bool is_folder = values->output && path_is_directory(values->output);

    if (values->output && !is_folder)
        return memory_string(values->output);
    if (!strcmp(input, "-"))
        return is_folder ? path_derive("stdin", NULL, NULL, ".snapjar", values->output) : memory_string("-");
    return path_derive(input, compressed_suffixes, pickle_suffixes, ".snapjar", values->output);
}

static int check_usage(struct cli *cli, const struct values *values, const struct string_list *inputs,
                       char *const *names)
{
    bool is_folder = values->output && path_is_directory(values->output);

    if (values->output && inputs->count > 1 && !is_folder)
        return report_usage(cli, "-o must be a directory that exists when there are several inputs: %s",
                            values->output);
    for (size_t i = 0; i < inputs->count; i++) {
        if (values->packing.json && !strcmp(names[i], "-"))
            return report_usage(cli, "--json and the snapshot cannot both go to standard output: use -o FILE");
    }
    return output_check_names(cli, names, inputs->count);
}

/* ---- packing ---- */

static snapjar_status write_output(struct packing *packing, struct packing_input *input, struct output *output,
                                   const char *name, uint64_t *links, snapjar_error *err)
{
    if (packing->options.sealer)
        snapjar_sealer_begin(packing->options.sealer);
    snapjar_status status = packing_write(packing, input, output->sink, name, err);
    return status == SNAPJAR_OK ? output_commit(output, links, err) : status;
}

static void pack_one(struct packing *packing, const struct values *values, const char *input_name, const char *name)
{
    struct packing_input input;
    struct output output;
    snapjar_error err;
    uint64_t links = 0;

    if (packing_open(packing, &input, input_name, &err) != SNAPJAR_OK) {
        packing_fail(packing, &input, input_name, &err);
        packing_close(&input);
        return;
    }
    struct output_options options = {
        .force = values->force,
        .no_sync = values->packing.no_sync,
        .needs_stage = true,
        .size_hint = input.size,
        .input = input_name,
    };
    if (output_open(&output, packing->context, name, &options, &err) != SNAPJAR_OK) {
        packing_fail(packing, &input, name, &err);
        packing_close(&input);
        return;
    }
    snapjar_status status = write_output(packing, &input, &output, name, &links, &err);
    bool is_output_error = status == SNAPJAR_IO && err.diagnostic != SNAPJAR_DIAG_READ_FAILED;
    if (status != SNAPJAR_OK)
        packing_fail(packing, &input, is_output_error ? name : input_name, &err);
    else
        report_print(&input.json);
    if (links)
        report_remark(packing->cli, name, "%llu other hard link%s to the replaced file keep%s the old bytes",
                      (unsigned long long)links, links == 1 ? "" : "s", links == 1 ? "s" : "");
    output_close(&output);
    packing_close(&input);
}

/* Of the files in a directory those are packed that are called *.pkl or *.pickle, compressed or not. */
static bool is_pickle_name(const char *path)
{
    char *outer = path_derive(path, compressed_suffixes, NULL, "", NULL);
    char *inner = path_derive(outer, pickle_suffixes, NULL, "", NULL);
    bool is_pickle = strcmp(outer, inner) != 0;

    free(outer);
    free(inner);
    return is_pickle;
}

struct jobs {
    /** One for each worker. */
    struct packing *packings;
    const struct values *values;
    const struct string_list *inputs;
    char **names;
};

static void work(void *state, unsigned worker, size_t index)
{
    const struct jobs *jobs = state;

    pack_one(&jobs->packings[worker], jobs->values, jobs->inputs->items[index], jobs->names[index]);
}

static int run_jobs(struct cli *cli, const struct values *values, const struct string_list *inputs, char **names,
                    const struct packing *packing)
{
    struct many many = {.cli = cli, .verb = "packing", .count = inputs->count, .work = work};
    snapjar_error err;
    int code = -1;

    many.jobs = many_jobs(&values->jobs, inputs->count);
    struct jobs jobs = {memory_get(many.jobs * sizeof(*jobs.packings)), values, inputs, names};
    many.state = &jobs;
    for (unsigned i = 0; i < many.jobs && code < 0; i++) {
        if (packing_copy(&jobs.packings[i], packing, &err) != SNAPJAR_OK)
            code = report_failure(cli, NULL, &err, NULL);
    }
    if (code < 0) {
        many_run(&many);
        code = cli->report.exit_code;
    }
    for (unsigned i = 0; i < many.jobs; i++)
        packing_clear_copy(&jobs.packings[i]);
    free(jobs.packings);
    return code;
}

static int pack_all(struct cli *cli, const struct values *values, const struct string_list *inputs)
{
    struct packing packing;
    char **names = memory_get(inputs->count * sizeof(*names));

    for (size_t i = 0; i < inputs->count; i++)
        names[i] = output_name(values, inputs->items[i]);
    int code = packing_init(&packing, cli, &values->packing);
    if (code < 0)
        code = check_usage(cli, values, inputs, names);
    if (code < 0)
        code = run_jobs(cli, values, inputs, names, &packing);
    packing_clear(&packing);
    for (size_t i = 0; i < inputs->count; i++)
        free(names[i]);
    free(names);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list inputs = {0};
    struct string_list files = {0};
    struct walk walk = {0};
    int code = options_parse(cli, &values, &inputs, argc, argv);

    if (code < 0) {
        if (!inputs.count)
            string_list_add(&inputs, "-");
        many_expand(cli, &walk, &files, &inputs, is_pickle_name, "file called *.pkl or *.pickle");
        code = pack_all(cli, &values, &files);
    }
    walk_free(&walk);
    string_list_free(&files);
    string_list_free(&values.packing.labels);
    string_list_free(&values.packing.build);
    sealing_free_values(&values.packing.sealing);
    string_list_free(&inputs);
    return code;
}

static const struct example examples[] = {
    {"Wrap a pickle; writes job.snapjar", "snapjar pack -t app.jobs:JobState -s 3 job.pkl"},
    {"With labels and build info", "snapjar pack --label host=web1 --label try:=2 --build app=etl job.pkl"},
    {"From one program to another", "dump-state | snapjar pack -t state -o - | ssh host 'cat > s.snapjar'"},
    {NULL, NULL},
};

const struct command command_pack = {
    "pack",
    "wrap pickles in snapshot files",
    "[OPTION]... [INPUT]...",
    "Reads each INPUT (or standard input) and writes a snapshot file: INPUT without .pkl or .pickle and without the "
    "suffix of a compression, with .snapjar. The bytes of the pickle are kept exactly as they are; the input is never "
    "changed.\n\n"
    "An input is a pickle of protocol 0 to 5, several of them one after another (each becomes a record), or either "
    "compressed with gzip, bzip2, xz, lzma, zlib or zstd; content decides, not the name. What is not whole pickles to "
    "its last byte is refused, and then nothing is written. Any whole pickle is stored, whatever it would do: it is "
    "analysed without being run, and a remark says if no Python could load it or no pickler would write it.\n\n"
    "Without --type the type is that of the root object. The field names of the pickle's classes go into the header "
    "as its layout, up to 64 KiB.\n\n"
    "Directories are walked: of the files in them those called *.pkl or *.pickle, compressed or not, are packed.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
