/* SPDX-License-Identifier: MIT
 *
 * Runs the scan and the policy over the assembled vectors of spec/pickle.md and compares all that is said with what
 * each recipe expects: verdict, faults, globals with their uses. Uses the public headers only. run_pickle_vectors
 * FOLDER, where spec/vectors/assemble_pickles.py wrote index.tsv.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/snapjar.h>

#define COLUMN_COUNT 7
#define LINE_SIZE 1024
#define PATH_SIZE 4096
#define TEXT_SIZE ((size_t)1 << 16)

/* An answer as text, in the form of NAME.expected. */
typedef struct answer {
    char text[TEXT_SIZE];
    size_t size;
} answer;

__attribute__((format(printf, 2, 3))) static void add(answer *out, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(out->text + out->size, TEXT_SIZE - out->size, format, arguments);
    va_end(arguments);
    if (size > 0)
        out->size += (size_t)size < TEXT_SIZE - out->size ? (size_t)size : TEXT_SIZE - out->size - 1;
}

/* What is no printable ASCII is written as \xNN. */
static void add_name(answer *out, snapjar_text module, snapjar_text name)
{
    const snapjar_text texts[2] = {module, name};

    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < texts[i].size; j++) {
            unsigned char byte = (unsigned char)texts[i].data[j];
            if (byte > ' ' && byte != '\\' && byte < 0x7f)
                add(out, "%c", byte);
            else
                add(out, "\\x%02x", byte);
        }
        add(out, "%s", i == 0 ? ":" : "");
    }
}

static void add_global(answer *out, const snapjar_scan_global *global)
{
    add(out, "global ");
    if (global->extension_code != 0) {
        add(out, "extension-%" PRIu32 " extension-%" PRIu32, global->extension_code, global->extension_code);
    } else {
        add_name(out, global->module, global->name);
        add(out, " ");
        add_name(out, global->mapped_module, global->mapped_name);
    }
    for (int use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if (global->uses[use].count > 0)
            add(out, " %s@%" PRIu64, snapjar_use_name((snapjar_use)use), global->uses[use].offset);
    }
    add(out, "\n");
}

/* What is said of a pickle that was judged, or why it was not analysed. */
static void describe(answer *out, snapjar_scan *scan, const snapjar_judgement *judgement)
{
    snapjar_verdict verdict = snapjar_judgement_verdict(judgement);
    snapjar_denial denial;

    add(out, "verdict %s\n", snapjar_verdict_name(verdict));
    if (verdict == SNAPJAR_VERDICT_NOT_ANALYSED) {
        const snapjar_error *failure = snapjar_scan_failure(scan);
        add(out, "fault %s %" PRIu64 "\n", snapjar_diagnostic_name(failure->diagnostic), failure->offset);
        return;
    }
    for (size_t i = 0; i < snapjar_judgement_denial_count(judgement); i++) {
        snapjar_judgement_describe(judgement, i, &denial);
        add(out, "fault %s %" PRIu64 "\n", snapjar_diagnostic_name(denial.diagnostic), denial.offset);
    }
    for (size_t i = 0; i < snapjar_scan_global_count(scan); i++)
        add_global(out, snapjar_scan_global_at(scan, i));
}

/* The whole file, or NULL if there is none. */
static unsigned char *read_file(const char *folder, const char *name, const char *suffix, size_t *size)
{
    char path[PATH_SIZE];
    unsigned char *bytes = NULL;

    *size = 0;
    (void)snprintf(path, sizeof(path), "%s/%s.%s", folder, name, suffix);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        bytes = end < 0 ? NULL : calloc((size_t)end + 1, 1);
        if (bytes)
            *size = fread(bytes, 1, (size_t)end, file);
    }
    (void)fclose(file);
    return bytes;
}

static int read_limits(char *text, snapjar_scan_options *options)
{
    char *rest = NULL;

    if (strcmp(text, "-") == 0)
        return 1;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(part, '=');
        if (!equals)
            return 0;
        *equals = '\0';
        uint64_t value = strtoull(equals + 1, NULL, 10);
        if (strcmp(part, "stack_depth") == 0)
            options->stack_depth_max = value;
        else if (strcmp(part, "memo_count") == 0)
            options->memo_count_max = value;
        else if (strcmp(part, "global_count") == 0)
            options->global_count_max = value;
        else if (strcmp(part, "text_size") == 0)
            options->text_size_max = value;
        else if (strcmp(part, "line_size") == 0)
            options->line_size_max = value;
        else
            return 0;
    }
    return 1;
}

/* Feeds pieces of `step` bytes and judges; the answer's status is that of the scan. */
static snapjar_status run(snapjar_scan *scan, const snapjar_policy *policy, const unsigned char *bytes, size_t size,
                          size_t step, answer *out)
{
    snapjar_judgement *judgement = NULL;
    snapjar_error err;
    snapjar_status status = SNAPJAR_OK;
    size_t consumed = 0;

    snapjar_scan_reset(scan, 0);
    for (size_t at = 0; at < size && status == SNAPJAR_OK; at += step) {
        size_t piece_size = size - at < step ? size - at : step;
        status = snapjar_scan_feed(scan, bytes + at, piece_size, &consumed, &err);
        if (consumed < piece_size)
            break;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_scan_finish(scan, size, &err);
    out->size = 0;
    if (snapjar_policy_judge(policy, scan, &judgement, &err) != SNAPJAR_OK)
        add(out, "no judgement: %s\n", err.message);
    else
        describe(out, scan, judgement);
    snapjar_judgement_free(judgement);
    return status;
}

/*
 * With values before STOP that come and go: an implementation may have a faster way for what is far from the end.
 * NULL where that would change the answer.
 */
static unsigned char *pad(const char *limits, const unsigned char *bytes, size_t size, const char *expected,
                          size_t *padded_size)
{
    static const char padding[] = "N0N0N0N0N0N0N0N0N0N0.";
    char at_stop[32];

    if (size < 2 || bytes[size - 1] != '.' || strcmp(limits, "-") != 0 || memchr(bytes, 0x95, size))
        return NULL;
    (void)snprintf(at_stop, sizeof(at_stop), " %zu\n", size - 1);
    if (strstr(expected, at_stop) || strstr(expected, "pickle-cut-short") || strstr(expected, "pickle-size-mismatch"))
        return NULL;
    (void)snprintf(at_stop, sizeof(at_stop), "@%zu", size - 1);
    if (strstr(expected, at_stop))
        return NULL;
    *padded_size = size - 1 + sizeof(padding) - 1;
    unsigned char *padded = malloc(*padded_size);
    if (padded) {
        memcpy(padded, bytes, size - 1);
        memcpy(padded + size - 1, padding, sizeof(padding) - 1);
    }
    return padded;
}

/* Whole, byte by byte, and in small pieces, and whole with padding: the same. */
static int compare(char *columns[COLUMN_COUNT], snapjar_scan *scan, const snapjar_policy *policy,
                   const unsigned char *bytes, size_t size, const char *expected)
{
    static answer got;
    static const size_t steps[] = {SIZE_MAX / 2, 1, 7, SIZE_MAX / 2};
    size_t padded_size = 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        int is_last = i + 1 == sizeof(steps) / sizeof(*steps);
        unsigned char *padded = is_last ? pad(columns[2], bytes, size, expected, &padded_size) : NULL;
        snapjar_status status = run(scan, policy, padded ? padded : bytes, padded ? padded_size : size, steps[i], &got);
        free(padded);
        if (strcmp(got.text, expected) != 0 || strcmp(snapjar_status_name(status), columns[4]) != 0) {
            (void)printf("%s: expected %s\n%sgot %s\n%s", columns[0], columns[4], expected, snapjar_status_name(status),
                         got.text);
            return 1;
        }
    }
    return 0;
}

static int run_vector(snapjar_context *context, const char *folder, char *columns[COLUMN_COUNT])
{
    snapjar_scan_options options = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_scan *scan = NULL;
    snapjar_policy *policy = NULL;
    size_t size, policy_size, expected_size;
    int failures = 1;
    unsigned char *bytes = read_file(folder, columns[0], "pickle", &size);
    unsigned char *rules = read_file(folder, columns[0], "policy", &policy_size);
    unsigned char *expected = read_file(folder, columns[0], "expected", &expected_size);

    options.string_encoding = strcmp(columns[1], "latin1") == 0  ? SNAPJAR_STRING_LATIN1
                              : strcmp(columns[1], "bytes") == 0 ? SNAPJAR_STRING_BYTES
                                                                 : SNAPJAR_STRING_ASCII;
    if (!bytes || !rules || !expected || !read_limits(columns[2], &options) ||
        snapjar_scan_new(&scan, context, &options, NULL) != SNAPJAR_OK ||
        snapjar_policy_new(&policy, context, NULL) != SNAPJAR_OK ||
        snapjar_policy_read(policy, (const char *)rules, policy_size, NULL) != SNAPJAR_OK)
        (void)printf("%s: cannot be run\n", columns[0]);
    else
        failures = compare(columns, scan, policy, bytes, size, (const char *)expected);
    snapjar_policy_free(policy);
    snapjar_scan_free(scan);
    free(expected);
    free(rules);
    free(bytes);
    return failures;
}

/* Cuts a line at its tabs. */
static size_t split(char *line, char *columns[COLUMN_COUNT])
{
    size_t count = 0;

    line[strcspn(line, "\n")] = '\0';
    while (line && count < COLUMN_COUNT) {
        columns[count++] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
    }
    return count;
}

int main(int argc, char **argv)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    char *columns[COLUMN_COUNT];
    snapjar_context *context = NULL;
    int failures = 0;
    int count = 0;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: run_pickle_vectors FOLDER\n");
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/index.tsv", argv[1]);
    FILE *index = fopen(path, "r");
    if (!index) {
        perror(path);
        return 2;
    }
    if (snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK) {
        (void)fclose(index);
        return 2;
    }
    /* The first line names the columns. */
    if (!fgets(line, sizeof(line), index))
        line[0] = '\0';
    while (fgets(line, sizeof(line), index)) {
        failures += split(line, columns) == COLUMN_COUNT ? run_vector(context, argv[1], columns) : 1;
        count++;
    }
    (void)fclose(index);
    snapjar_context_free(context);
    (void)printf("%d passed, %d failed\n", count - failures, failures);
    return failures || !count ? 1 : 0;
}
