/* SPDX-License-Identifier: MIT
 *
 * Packs a pickle into a snapshot file, looks at its label, verifies it and gets the pickle back.
 * Usage: roundtrip PICKLE SNAPSHOT
 */
#include <stdio.h>

#include <snapjar/snapjar.h>

static snapjar_status pack(snapjar_context *context, const char *pickle, const char *snapshot, snapjar_error *err)
{
    snapjar_pack_options options = SNAPJAR_PACK_OPTIONS_INIT;
    snapjar_source *source = NULL;
    snapjar_sink *sink = NULL;

    options.type = "model:JobState";
    options.schema_version = 3;
    options.labels_json = "{\"customer\":\"acme\"}";

    snapjar_status status = snapjar_source_open_path(&source, context, pickle, 0, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_open_path(&sink, context, snapshot, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_pack(context, source, 0, sink, &options, NULL, err);
    if (status == SNAPJAR_OK)
        status = snapjar_sink_finish(sink, err); /* only now the file is there, whole and synced */
    snapjar_sink_free(sink);
    snapjar_source_free(source);
    return status;
}

static snapjar_status read_back(snapjar_context *context, const char *snapshot, snapjar_error *err)
{
    snapjar_source *source = NULL;
    snapjar_reader *reader = NULL;
    const snapjar_record *record = NULL;

    snapjar_status status = snapjar_source_open_path(&source, context, snapshot, 0, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_new(&reader, context, source, NULL, err);
    while (status == SNAPJAR_OK) {
        status = snapjar_reader_next(reader, &record, err); /* checks the header, reads no payload */
        if (status != SNAPJAR_OK || !record)
            break;
        const snapjar_header *header = snapjar_record_header(record);
        snapjar_text type = snapjar_header_type(header);
        printf("%.*s, schema version %lld\n", (int)type.size, type.data,
               (long long)snapjar_header_schema_version(header));

        snapjar_content *content = NULL;
        status = snapjar_record_load(reader, &content, NULL, err); /* everything is checked before it returns */
        if (status == SNAPJAR_OK) {
            uint64_t size, pickle_size;
            const void *bytes = snapjar_content_data(content, &size, &pickle_size);
            (void)bytes; /* hand it to whatever reads pickles */
            printf("%llu bytes of pickle, whole\n", (unsigned long long)pickle_size);
        }
        snapjar_content_free(content);
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
    return status;
}

static int complain(const snapjar_error *err)
{
    fprintf(stderr, "%s: %s [%s]", err->place, err->message, snapjar_diagnostic_name(err->diagnostic));
    if (err->space == SNAPJAR_SPACE_FILE)
        fprintf(stderr, " at byte %llu of the file", (unsigned long long)err->offset);
    fprintf(stderr, "\n%s\n", snapjar_diagnostic_hint(err->diagnostic));
    return err->status == SNAPJAR_IO || err->status == SNAPJAR_NO_MEMORY ? 2 : 1;
}

int main(int argc, char **argv)
{
    snapjar_context *context = NULL;
    snapjar_error err;

    if (argc != 3) {
        fprintf(stderr, "usage: roundtrip PICKLE SNAPSHOT\n");
        return 2;
    }
    snapjar_status status = snapjar_context_new(&context, NULL, &err);
    if (status == SNAPJAR_OK)
        status = pack(context, argv[1], argv[2], &err);
    if (status == SNAPJAR_OK)
        status = read_back(context, argv[2], &err);
    snapjar_context_free(context);
    return status == SNAPJAR_OK ? 0 : complain(&err);
}
