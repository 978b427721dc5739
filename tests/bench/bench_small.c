/* SPDX-License-Identifier: MIT
 *
 * What a small snapshot costs in process: pack, verify and unpack by the public interface with a kept context, against
 * the work that nobody can avoid (zstd with kept contexts, jansson on the same header). Blocks of both alternate.
 *
 * Usage: bench_small PICKLE [BLOCKS [ITERATIONS]]; prints one JSON object with nanoseconds per iteration.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <zstd.h>

#include <snapjar/snapjar.h>

#define PICKLE_MAX 65536
#define BLOCK_MAX 1000

static void fail(const char *what)
{
    fprintf(stderr, "bench_small: %s\n", what);
    exit(2);
}

static void check(snapjar_status status, const snapjar_error *err)
{
    if (status != SNAPJAR_OK)
        fail(err->message);
}

/* ---- ours ---- */

struct ours {
    snapjar_context *context;
    snapjar_sink *record;
    snapjar_sink *plain;
    snapjar_pack_options options;
};

static void ours_open(struct ours *ours)
{
    snapjar_error err;

    memset(ours, 0, sizeof(*ours));
    check(snapjar_context_new(&ours->context, NULL, &err), &err);
    check(snapjar_sink_to_memory(&ours->record, ours->context, &err), &err);
    check(snapjar_sink_to_memory(&ours->plain, ours->context, &err), &err);
    ours->options = (snapjar_pack_options)SNAPJAR_PACK_OPTIONS_INIT;
    ours->options.type = "payloads:Job";
    ours->options.schema_version = 3;
}

static void ours_close(struct ours *ours)
{
    snapjar_sink_free(ours->plain);
    snapjar_sink_free(ours->record);
    snapjar_context_free(ours->context);
}

static void ours_pack(struct ours *ours, const void *pickle, size_t size)
{
    snapjar_error err;
    snapjar_source *source;

    snapjar_sink_reset(ours->record);
    check(snapjar_source_from_memory(&source, ours->context, pickle, size, &err), &err);
    check(snapjar_pack(ours->context, source, 0, ours->record, &ours->options, NULL, &err), &err);
    snapjar_source_free(source);
}

/* `header` (may be NULL) gets a copy of the header's JSON. */
static void ours_unpack(struct ours *ours, char *header, size_t header_size)
{
    snapjar_error err;
    snapjar_source *source;
    snapjar_reader *reader;
    const snapjar_record *record;
    size_t size;
    const void *bytes = snapjar_sink_memory(ours->record, &size);

    snapjar_sink_reset(ours->plain);
    check(snapjar_source_from_memory(&source, ours->context, bytes, size, &err), &err);
    check(snapjar_reader_new(&reader, ours->context, source, NULL, &err), &err);
    check(snapjar_reader_next(reader, &record, &err), &err);
    check(snapjar_record_verify(reader, NULL, NULL, &err), &err);
    check(snapjar_record_unpack(reader, ours->plain, NULL, &err), &err);
    if (header) {
        snapjar_text json = snapjar_header_json(snapjar_record_header(record));
        snprintf(header, header_size, "%.*s", (int)json.size, json.data);
    }
    snapjar_reader_free(reader);
    snapjar_source_free(source);
}

/* ---- the peer ---- */

struct peer {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
    json_t *header;
    char packed[ZSTD_COMPRESSBOUND(PICKLE_MAX)];
    char plain[PICKLE_MAX];
};

static void peer_open(struct peer *peer, const char *header)
{
    peer->compressor = ZSTD_createCCtx();
    peer->decompressor = ZSTD_createDCtx();
    peer->header = json_loads(header, 0, NULL);
    if (!peer->compressor || !peer->decompressor || !peer->header)
        fail("cannot set the peer up");
    ZSTD_CCtx_setParameter(peer->compressor, ZSTD_c_compressionLevel, 3);
    ZSTD_CCtx_setParameter(peer->compressor, ZSTD_c_checksumFlag, 1);
}

static void peer_close(struct peer *peer)
{
    json_decref(peer->header);
    ZSTD_freeDCtx(peer->decompressor);
    ZSTD_freeCCtx(peer->compressor);
}

static void peer_run(struct peer *peer, const void *pickle, size_t size)
{
    char *text = json_dumps(peer->header, JSON_COMPACT);
    size_t packed = ZSTD_compress2(peer->compressor, peer->packed, sizeof(peer->packed), pickle, size);
    json_t *parsed = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!parsed || ZSTD_isError(packed))
        fail("the peer failed");
    if (ZSTD_decompressDCtx(peer->decompressor, peer->plain, sizeof(peer->plain), peer->packed, packed) != size)
        fail("the peer lost bytes");
    json_decref(parsed);
    free(text);
}

/* ---- measuring ---- */

struct times {
    double wall[BLOCK_MAX];
    double cpu[BLOCK_MAX];
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, size_t count)
{
    static double sorted[BLOCK_MAX];
    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_doubles);
    return sorted[count / 2];
}

static size_t read_pickle(const char *path, char *buffer)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("cannot open the pickle");
    size_t size = fread(buffer, 1, PICKLE_MAX, file);
    fclose(file);
    if (!size || size == PICKLE_MAX)
        fail("the pickle is empty or too large");
    return size;
}

static struct times ours_times;
static struct times peer_times;

static void start_clocks(struct times *times, size_t block)
{
    times->wall[block] = -seconds(CLOCK_MONOTONIC);
    times->cpu[block] = -seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop_clocks(struct times *times, size_t block)
{
    times->wall[block] += seconds(CLOCK_MONOTONIC);
    times->cpu[block] += seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void measure(struct ours *ours, struct peer *peer, const void *pickle, size_t size, size_t blocks,
                    size_t iterations)
{
    for (size_t block = 0; block < blocks; block++) {
        start_clocks(&ours_times, block);
        for (size_t i = 0; i < iterations; i++) {
            ours_pack(ours, pickle, size);
            ours_unpack(ours, NULL, 0);
        }
        stop_clocks(&ours_times, block);
        start_clocks(&peer_times, block);
        for (size_t i = 0; i < iterations; i++)
            peer_run(peer, pickle, size);
        stop_clocks(&peer_times, block);
    }
}

static void print_results(size_t blocks, size_t iterations)
{
    static double wall[BLOCK_MAX];
    static double cpu[BLOCK_MAX];
    double to_ns = 1e9 / (double)iterations;

    for (size_t i = 0; i < blocks; i++) {
        wall[i] = ours_times.wall[i] / peer_times.wall[i];
        cpu[i] = ours_times.cpu[i] / peer_times.cpu[i];
    }
    printf("{\"ours_ns\": %.0f, \"peer_ns\": %.0f, \"ratio_wall\": %.4f, \"ratio_cpu\": %.4f}\n",
           median(ours_times.wall, blocks) * to_ns, median(peer_times.wall, blocks) * to_ns, median(wall, blocks),
           median(cpu, blocks));
}

int main(int argc, char **argv)
{
    static char pickle[PICKLE_MAX];
    static char header[65536];
    static struct peer peer;
    struct ours ours;

    if (argc < 2)
        fail("usage: bench_small PICKLE [BLOCKS [ITERATIONS]]");
    size_t size = read_pickle(argv[1], pickle);
    size_t blocks = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 101;
    size_t iterations = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 500;
    if (!blocks || blocks > BLOCK_MAX || !iterations)
        fail("1 to 1000 blocks of at least 1 iteration");

    ours_open(&ours);
    ours_pack(&ours, pickle, size);
    ours_unpack(&ours, header, sizeof(header));
    size_t plain_size;
    const void *plain = snapjar_sink_memory(ours.plain, &plain_size);
    if (plain_size != size || memcmp(plain, pickle, size))
        fail("what was unpacked is not what was packed");
    peer_open(&peer, header);

    measure(&ours, &peer, pickle, size, blocks, iterations);
    print_results(blocks, iterations);
    peer_close(&peer);
    ours_close(&ours);
    return 0;
}
