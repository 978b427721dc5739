/* SPDX-License-Identifier: MIT
 *
 * Runs the library over the assembled vectors of spec/vectors and compares with what each recipe expects: status,
 * diagnostic, space, offset, record, and the content of good ones. Uses the public headers only.
 * run_vectors FOLDER, where spec/vectors/assemble.py wrote index.tsv.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snapjar/snapjar.h>

#define COLUMN_COUNT 7
#define LINE_SIZE 512
#define PATH_SIZE 4096

/* One line of index.tsv, or what the library said, as text. */
typedef struct outcome {
    char status[32];
    char diagnostic[64];
    char space[16];
    char offset[24];
    char record_index[24];
    /* Records that were whole before the end or the first error. */
    char records[24];
} outcome;

/* The two ways through the gate: bounded memory, and content handed out. Both must say the same. */
typedef enum way { WAY_VERIFY, WAY_VERIFY_THREADS, WAY_LOAD, WAY_COUNT } way;

static const char *const way_names[WAY_COUNT] = {"verify", "verify with 2 threads", "load"};

static const char *space_name(snapjar_space space)
{
    switch (space) {
    case SNAPJAR_SPACE_NONE:
        return "none";
    case SNAPJAR_SPACE_FILE:
        return "file";
    case SNAPJAR_SPACE_CONTENT:
        return "content";
    }
    return "unknown";
}

static void print_number(char *out, size_t out_size, uint64_t value)
{
    if (value == SNAPJAR_OFFSET_NONE)
        (void)snprintf(out, out_size, "-");
    else
        (void)snprintf(out, out_size, "%" PRIu64, value);
}

static void describe(outcome *got, snapjar_status status, const snapjar_error *err, uint64_t records)
{
    memset(got, 0, sizeof(*got));
    (void)snprintf(got->status, sizeof(got->status), "%s", snapjar_status_name(status));
    print_number(got->records, sizeof(got->records), records);
    if (status == SNAPJAR_OK) {
        (void)snprintf(got->diagnostic, sizeof(got->diagnostic), "none");
        (void)snprintf(got->space, sizeof(got->space), "none");
        (void)snprintf(got->offset, sizeof(got->offset), "-");
        (void)snprintf(got->record_index, sizeof(got->record_index), "-");
        return;
    }
    (void)snprintf(got->diagnostic, sizeof(got->diagnostic), "%s", snapjar_diagnostic_name(err->diagnostic));
    (void)snprintf(got->space, sizeof(got->space), "%s", space_name(err->space));
    print_number(got->offset, sizeof(got->offset), err->offset);
    print_number(got->record_index, sizeof(got->record_index), err->record_index);
}

/* The whole file, or NULL if there is none. */
static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;

    *size = 0;
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        bytes = end < 0 ? NULL : malloc((size_t)end + 1);
        if (bytes)
            *size = fread(bytes, 1, (size_t)end, file);
    }
    (void)fclose(file);
    return bytes;
}

/* Whether NAME.INDEX.content holds what was loaded; large ones are not there, their checksum has to do. */
static int is_content_right(const char *folder, const char *name, uint64_t index, snapjar_content *content)
{
    char path[PATH_SIZE];
    uint64_t size = 0;
    uint64_t pickle_size = 0;
    size_t expected_size = 0;
    const void *data = snapjar_content_data(content, &size, &pickle_size);

    (void)snprintf(path, sizeof(path), "%s/%s.%" PRIu64 ".content", folder, name, index);
    unsigned char *expected = read_file(path, &expected_size);
    if (!expected)
        return 1;
    int is_right = size == expected_size && pickle_size <= size && !memcmp(data, expected, expected_size);
    free(expected);
    return is_right;
}

static snapjar_status check_record(snapjar_reader *reader, way by, const char *folder, const char *name, uint64_t index,
                                   int *content_ok, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    snapjar_content *content = NULL;

    if (by != WAY_LOAD) {
        options.threads = by == WAY_VERIFY_THREADS ? 2 : 1;
        return snapjar_record_verify(reader, &options, NULL, err);
    }
    snapjar_status status = snapjar_record_load(reader, &content, &options, err);
    if (status == SNAPJAR_OK)
        *content_ok = *content_ok && is_content_right(folder, name, index, content);
    snapjar_content_free(content);
    return status;
}

/* Reads the vector to its end or first error. */
static void run(snapjar_context *context, const char *folder, const char *name, way by, outcome *got, int *content_ok)
{
    char path[PATH_SIZE];
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;
    snapjar_error err;
    uint64_t records = 0;

    memset(&err, 0, sizeof(err));
    (void)snprintf(path, sizeof(path), "%s/%s.snapjar", folder, name);
    snapjar_status status = snapjar_source_open_path(&source, context, path, 0, &err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, &err);
    while (status == SNAPJAR_OK) {
        status = snapjar_reader_next(reader, &record, &err);
        if (status != SNAPJAR_OK || !record)
            break;
        status = check_record(reader, by, folder, name, records, content_ok, &err);
        records += status == SNAPJAR_OK;
    }
    describe(got, status, &err, records);
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    if (status != SNAPJAR_OK && err.message[0] == '\0')
        (void)snprintf(got->status, sizeof(got->status), "no message");
}

static void print_outcome(const outcome *o)
{
    (void)printf("%s %s %s %s record %s after %s", o->status, o->diagnostic, o->space, o->offset, o->record_index,
                 o->records);
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

static int run_vector(snapjar_context *context, const char *folder, char *columns[COLUMN_COUNT])
{
    outcome want;
    outcome got;
    int failures = 0;

    memset(&want, 0, sizeof(want));
    (void)snprintf(want.status, sizeof(want.status), "%s", columns[1]);
    (void)snprintf(want.diagnostic, sizeof(want.diagnostic), "%s", columns[2]);
    (void)snprintf(want.space, sizeof(want.space), "%s", columns[3]);
    (void)snprintf(want.offset, sizeof(want.offset), "%s", columns[4]);
    (void)snprintf(want.record_index, sizeof(want.record_index), "%s", columns[5]);
    (void)snprintf(want.records, sizeof(want.records), "%s", columns[6]);
    for (int by = 0; by < WAY_COUNT; by++) {
        int content_ok = 1;
        run(context, folder, columns[0], (way)by, &got, &content_ok);
        if (memcmp(&want, &got, sizeof(want)) != 0) {
            (void)printf("%s: expected ", columns[0]);
            print_outcome(&want);
            (void)printf(" got ");
            print_outcome(&got);
            (void)printf(" (%s)\n", way_names[by]);
            failures = 1;
        } else if (!content_ok) {
            (void)printf("%s: expected its content got another (%s)\n", columns[0], way_names[by]);
            failures = 1;
        }
    }
    return failures;
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
        (void)fprintf(stderr, "usage: run_vectors FOLDER\n");
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/index.tsv", argv[1]);
    FILE *index = fopen(path, "r");
    if (!index) {
        (void)fprintf(stderr, "run_vectors: %s: %s\n", path, strerror(errno));
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
        if (split(line, columns) != COLUMN_COUNT) {
            (void)printf("index.tsv: a line without %d columns\n", COLUMN_COUNT);
            failures++;
            continue;
        }
        failures += run_vector(context, argv[1], columns);
        count++;
    }
    (void)fclose(index);
    snapjar_context_free(context);
    (void)printf("%d passed, %d failed\n", count - failures, failures);
    return failures || !count ? 1 : 0;
}
