/* SPDX-License-Identifier: MIT
 *
 * Reading options by their rows.
 */
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "docs.h"
#include "text.h"

#define OPTION_MAX 40
#define WORD_MAX 40
/* Values that getopt_long returns for rows: above all characters. */
#define FIRST_VALUE 256

const struct option_row option_help_row = {'h', "help", NULL, OPTION_FLAG, 0, "show this help", NULL, 0, 0};

void string_list_add(struct string_list *list, const char *string)
{
    /* Powers of two only, so that the count tells the capacity. */
    if (!(list->count & (list->count - 1)))
        list->items = memory_resize(list->items, (list->count ? list->count * 2 : 1) * sizeof(*list->items));
    list->items[list->count++] = string;
}

void string_list_free(struct string_list *list)
{
    free(list->items);
    *list = (struct string_list){0};
}

size_t word_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    size_t rows[3][WORD_MAX + 1];

    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && rows[(i - 2) % 3][j - 2] + 1 < best)
                best = rows[(i - 2) % 3][j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_size % 3][b_size];
}

int word_is_near(const char *typed, size_t distance)
{
    size_t size = strlen(typed);
    return distance <= (size < 3 ? 1 : size < 6 ? 2 : 3) && distance < size;
}

static int choice_of(const char *choices, const char *word)
{
    size_t size = strlen(word);
    int number = 1;

    for (const char *p = choices; *p; number++) {
        size_t length = strcspn(p, "|");
        if (length == size && !memcmp(p, word, size))
            return number;
        p += length;
        p += *p == '|';
    }
    return 0;
}

static bool parse_number(int64_t *number, const char *word)
{
    char *end;

    if (!((*word >= '0' && *word <= '9') || (*word == '-' && word[1] >= '0' && word[1] <= '9')))
        return false;
    errno = 0;
    intmax_t value = strtoimax(word, &end, 10);
    if (*end || errno)
        return false;
    *number = (int64_t)value;
    return true;
}

static bool parse_size(uint64_t *size, const char *word)
{
    static const char units[] = "kKmMgGtT";
    char *end;

    if (*word < '0' || *word > '9')
        return false;
    errno = 0;
    uintmax_t value = strtoumax(word, &end, 10);
    if (errno)
        return false;
    unsigned shift = 0;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        shift = 10u * (unsigned)((unit - units) / 2 + 1);
        end++;
        if (end[0] == 'i' && end[1] == 'B')
            end += 2;
    } else if (*end == 'B') {
        end++;
    }
    /* 0 would mean the default to the library. */
    if (*end || !value || value > UINT64_MAX >> shift)
        return false;
    *size = (uint64_t)value << shift;
    return true;
}

/* Returns -1, or the exit code after a complaint. */
static int set_value(struct cli *cli, const struct option_row *row, void *values, const char *argument)
{
    void *to = (char *)values + row->offset;
    struct option_number number = {0, 1};

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return -1;
    case OPTION_TEXT:
    case OPTION_FILE:
        *(const char **)to = argument;
        return -1;
    case OPTION_LIST:
        string_list_add(to, argument);
        return -1;
    case OPTION_NUMBER:
        if (!parse_number(&number.value, argument))
            return report_usage(cli, "--%s needs a whole number, not \"%s\"", row->long_name, argument);
        if (number.value < row->minimum || number.value > row->maximum)
            return report_usage(cli, "--%s must be from %" PRId64 " to %" PRId64 ", not %s", row->long_name,
                                row->minimum, row->maximum, argument);
        *(struct option_number *)to = number;
        return -1;
    case OPTION_SIZE:
        if (!parse_size(to, argument))
            return report_usage(cli, "--%s needs a size as 4096, 64K, 16M or 2G, not \"%s\"", row->long_name, argument);
        return -1;
    case OPTION_CHOICE:
        *(int *)to = choice_of(row->choices, argument);
        if (!*(int *)to)
            return report_usage(cli, "--%s must be one of %s, not \"%s\"", row->long_name, row->choices, argument);
        return -1;
    }
    return -1;
}

static int complain_unknown(struct cli *cli, const char *word)
{
    const struct option_row *best = NULL;
    size_t best_distance = SIZE_MAX;
    char name[WORD_MAX + 1];
    size_t length = strcspn(word, "=");

    if (length <= WORD_MAX) {
        memcpy(name, word, length);
        name[length] = '\0';
        for (const struct option_row *row = cli->command->options; row->long_name; row++) {
            size_t distance = word_distance(name, row->long_name);
            if (distance < best_distance) {
                best_distance = distance;
                best = row;
            }
        }
        if (best && word_is_near(name, best_distance))
            return report_usage(cli, "unknown option --%s: did you mean --%s?", word, best->long_name);
    }
    return report_usage(cli, "unknown option --%s", word);
}

static const struct option_row *row_of(const struct option_row *rows, int value)
{
    if (value >= FIRST_VALUE)
        return &rows[value - FIRST_VALUE];
    for (const struct option_row *row = rows; row->long_name; row++) {
        if (value && row->short_name == (char)value)
            return row;
    }
    return NULL;
}

/* What getopt_long calls '?' and ':'. */
static int complain(struct cli *cli, int kind, const char *word)
{
    const struct option_row *row = optopt ? row_of(cli->command->options, optopt) : NULL;

    if (kind == ':' && row)
        return report_usage(cli, "--%s needs an argument: %s", row->long_name, row->argument);
    if (row && !row->argument)
        return report_usage(cli, "--%s takes no argument", row->long_name);
    if (optopt)
        return report_usage(cli, "unknown option -%c", optopt);
    return complain_unknown(cli, word[0] == '-' && word[1] == '-' ? word + 2 : word);
}

static void make_getopt_tables(const struct option_row *rows, struct option *longs, char *shorts)
{
    size_t count = 0;

    *shorts++ = ':';
    for (; count < OPTION_MAX && rows[count].long_name; count++) {
        int has_argument = rows[count].argument ? required_argument : no_argument;
        longs[count] = (struct option){rows[count].long_name, has_argument, NULL, FIRST_VALUE + (int)count};
        if (!rows[count].short_name)
            continue;
        *shorts++ = rows[count].short_name;
        if (rows[count].argument)
            *shorts++ = ':';
    }
    longs[count] = (struct option){option_help_row.long_name, no_argument, NULL, 'h'};
    *shorts++ = 'h';
    *shorts = '\0';
}

int options_parse(struct cli *cli, void *values, struct string_list *operands, int argc, char **argv)
{
    struct option longs[OPTION_MAX + 2] = {0};
    char shorts[2 * OPTION_MAX + 3];
    const struct option_row *rows = cli->command->options;

    make_getopt_tables(rows, longs, shorts);
    opterr = 0;
    optind = 0; /* glibc and musl: begin anew */
    for (;;) {
        optopt = 0;
        int value = getopt_long(argc, argv, shorts, longs, NULL);
        if (value < 0)
            break;
        if (value == 'h' && !row_of(rows, 'h'))
            return docs_print_help(cli, cli->command);
        int code = -1;
        if (value == '?' || value == ':') {
            code = complain(cli, value, argv[optind - 1]);
        } else {
            const struct option_row *row = row_of(rows, value);
            assert(row); /* getopt_long gives back what its tables were made of. */
            code = set_value(cli, row, values, optarg);
        }
        if (code >= 0)
            return code;
    }
    for (int i = optind; i < argc; i++)
        string_list_add(operands, argv[i]);
    return -1;
}
