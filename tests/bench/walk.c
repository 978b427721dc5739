/* SPDX-License-Identifier: MIT
 *
 * How fast a pickle can be walked over at all with its stack, marks and memo in view, beside the library's scan of the
 * same bytes: walk [--pairs N] [--json] FILE... The walk keeps a kind for each value and checks nothing but that it
 * stays inside its arrays: it is the limit that scan is measured against, not a reader of pickles one could trust.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <snapjar/scan.h>

#define PAIRS_MAX 99

typedef struct walker {
    uint8_t *stack;
    uint32_t *marks;
    uint8_t *memo;
    size_t depth_max, memo_max;
} walker;

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t read64(const uint8_t *p)
{
    return (uint64_t)read32(p) | (uint64_t)read32(p + 4) << 32;
}

/** Walks to STOP; returns the number of opcodes, 0 if it met something it does not know or left its arrays. */
static uint64_t run_walk(walker *walk, const uint8_t *bytes, size_t size)
{
    const uint8_t *position = bytes, *end = bytes + size;
    uint8_t *top = walk->stack, *stack_end = walk->stack + walk->depth_max - 4;
    size_t mark_count = 0, memo_count = 0;
    uint64_t count = 0, length;
    while (position < end && top < stack_end && top >= walk->stack && mark_count < walk->depth_max - 4) {
        count++;
        switch (*position++) {
        case 0x80: /* PROTO */
            position += 1;
            break;
        case 0x95: /* FRAME */
            position += 8;
            break;
        case '.':
            return count;
        case 'N':
        case 0x88:
        case 0x89:
            *top++ = 1;
            break;
        case 'K':
            position += 1;
            *top++ = 2;
            break;
        case 'M':
            position += 2;
            *top++ = 2;
            break;
        case 'J':
            position += 4;
            *top++ = 2;
            break;
        case 'G':
            position += 8;
            *top++ = 3;
            break;
        case 0x8a: /* LONG1 */
        case 0x8c: /* SHORT_BINUNICODE */
        case 'C':
        case 'U':
            position += 1 + *position;
            *top++ = 4;
            break;
        case 'X':
        case 'B':
        case 'T':
            position += 4 + (size_t)read32(position);
            *top++ = 4;
            break;
        case 0x8d:
        case 0x8e:
        case 0x96:
            length = read64(position);
            if (length > (uint64_t)(end - position))
                return 0;
            position += 8 + length;
            *top++ = 4;
            break;
        case '}':
        case ']':
        case ')':
        case 0x8f:
            *top++ = 5;
            break;
        case '(':
            walk->marks[mark_count++] = (uint32_t)(top - walk->stack);
            break;
        case 0x94: /* MEMOIZE */
            if (memo_count >= walk->memo_max || top == walk->stack)
                return 0;
            walk->memo[memo_count++] = top[-1];
            break;
        case 'q':
            walk->memo[*position++] = top[-1];
            break;
        case 'r':
            length = read32(position);
            if (length >= walk->memo_max)
                return 0;
            position += 4;
            walk->memo[length] = top[-1];
            break;
        case 'h':
            *top++ = walk->memo[*position++];
            break;
        case 'j':
            length = read32(position);
            if (length >= walk->memo_max)
                return 0;
            position += 4;
            *top++ = walk->memo[length];
            break;
        case 'u':
        case 'e':
        case 0x90:
            if (mark_count == 0)
                return 0;
            top = walk->stack + walk->marks[--mark_count];
            break;
        case 't':
        case 'l':
        case 'd':
        case 0x91:
            if (mark_count == 0)
                return 0;
            top = walk->stack + walk->marks[--mark_count];
            *top++ = 6;
            break;
        case 0x85:
            top[-1] = 6;
            break;
        case 0x86:
        case 0x93:
        case 0x81:
        case 'R':
            top -= 1;
            top[-1] = 7;
            break;
        case 0x87:
            top -= 2;
            top[-1] = 6;
            break;
        case 'b':
        case 'a':
        case '0':
            top -= 1;
            break;
        case 's':
            top -= 2;
            break;
        case 'c':
            for (int lines = 0; lines < 2 && position < end; position++)
                lines += *position == '\n';
            *top++ = 8;
            break;
        default:
            return 0;
        }
    }
    return 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        const long end = ftell(file);
        rewind(file);
        bytes = end > 0 ? malloc((size_t)end + 16) : NULL;
        *size = bytes != NULL ? fread(bytes, 1, (size_t)end, file) : 0;
    }
    if (file != NULL)
        fclose(file);
    return bytes;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/** One pair: seconds for enough repetitions of each to be measured. */
static void measure_pair(walker *walk, snapjar_scan *scan, const uint8_t *bytes, size_t size, unsigned repeats,
                         double *walk_time, double *scan_time, uint64_t *opcodes)
{
    snapjar_error err;
    double start = now();
    for (unsigned i = 0; i < repeats; i++)
        *opcodes = run_walk(walk, bytes, size);
    *walk_time = (now() - start) / repeats;
    start = now();
    for (unsigned i = 0; i < repeats; i++) {
        if (snapjar_scan_pickle(scan, bytes, size, &err) != SNAPJAR_OK) {
            fprintf(stderr, "scan failed: %s\n", err.message);
            exit(1);
        }
    }
    *scan_time = (now() - start) / repeats;
}

static int measure_file(const char *path, walker *walk, snapjar_scan *scan, unsigned pairs, int json)
{
    double walks[PAIRS_MAX], scans[PAIRS_MAX], ratios[PAIRS_MAX];
    size_t size = 0;
    uint64_t opcodes = 0;
    uint8_t *bytes = read_file(path, &size);
    if (bytes == NULL) {
        perror(path);
        return 1;
    }
    const unsigned repeats = size < 20000000 ? (unsigned)(20000000 / (size + 100)) + 1 : 1;
    measure_pair(walk, scan, bytes, size, 1, &walks[0], &scans[0], &opcodes);
    for (unsigned i = 0; i < pairs; i++) {
        measure_pair(walk, scan, bytes, size, repeats, &walks[i], &scans[i], &opcodes);
        ratios[i] = walks[i] / scans[i];
    }
    free(bytes);
    qsort(walks, pairs, sizeof *walks, compare);
    qsort(scans, pairs, sizeof *scans, compare);
    qsort(ratios, pairs, sizeof *ratios, compare);
    const double walk_time = walks[pairs / 2], scan_time = scans[pairs / 2];
    const uint64_t memo_count = snapjar_scan_summarize(scan)->memo_count;
    printf(json ? "{\"file\":\"%s\",\"size\":%zu,\"opcodes\":%" PRIu64 ",\"memo_entries\":%" PRIu64
                  ",\"walk_s\":%.9f,\"scan_s\":%.9f,\"ratio\":%.3f}\n"
                : "%s: %zu bytes, %" PRIu64 " opcodes, %" PRIu64 " memo entries, walk %.6f s, scan %.6f s, ratio %.3f",
           path, size, opcodes, memo_count, walk_time, scan_time, ratios[pairs / 2]);
    if (!json)
        printf(" (%.0f and %.0f M opcodes/s)\n", (double)opcodes / walk_time / 1e6, (double)opcodes / scan_time / 1e6);
    return opcodes == 0;
}

int main(int argument_count, char **arguments)
{
    unsigned pairs = 7;
    int json = 0, result = 0;
    walker walk = {.depth_max = (size_t)1 << 24, .memo_max = (size_t)1 << 26};
    snapjar_context *context;
    snapjar_scan *scan;
    walk.stack = malloc(walk.depth_max);
    walk.marks = malloc(walk.depth_max * sizeof *walk.marks);
    walk.memo = malloc(walk.memo_max);
    if (walk.stack == NULL || walk.marks == NULL || walk.memo == NULL ||
        snapjar_context_new(&context, NULL, NULL) != SNAPJAR_OK ||
        snapjar_scan_new(&scan, context, NULL, NULL) != SNAPJAR_OK)
        return 2;
    for (int i = 1; i < argument_count && result == 0; i++) {
        if (strcmp(arguments[i], "--json") == 0)
            json = 1;
        else if (strcmp(arguments[i], "--pairs") == 0 && i + 1 < argument_count)
            pairs = (unsigned)strtoul(arguments[++i], NULL, 10);
        else
            result = pairs < 1 || pairs > PAIRS_MAX ? 2 : measure_file(arguments[i], &walk, scan, pairs, json);
    }
    snapjar_scan_free(scan);
    snapjar_context_free(context);
    free(walk.stack);
    free(walk.marks);
    free(walk.memo);
    return result;
}
