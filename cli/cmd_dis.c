/* SPDX-License-Identifier: MIT
 *
 * snapjar dis: a pickle opcode by opcode.
 */
#include <inttypes.h>
#include <string.h>

#include <snapjar/dis.h>

#include "json_out.h"
#include "pickle_walk.h"
#include "sealing.h"
#include "terminal.h"

#define CHUNK_SIZE ((size_t)1 << 20)
/* Columns: offset, opcode; and of the argument where nobody said how much of it is wanted. */
#define OFFSET_WIDTH 8
#define OPCODE_WIDTH 16
#define ARGUMENT_WIDTH 22
#define ARGUMENT_TEXT 60

struct values {
    struct pickle_walk_values walk;
    struct option_number from;
    struct option_number to;
    struct option_number limit;
    struct option_number text;
    struct option_number stack;
    bool json;
    struct trusting_values trusting;
};

static const struct option_row rows[] = {
    {0, "from", "OFFSET", OPTION_NUMBER, offsetof(struct values, from), "begin at this byte of the pickle", NULL, 0,
     INT64_MAX},
    {0, "to", "OFFSET", OPTION_NUMBER, offsetof(struct values, to), "end before this byte", NULL, 1, INT64_MAX},
    {'n', "limit", "N", OPTION_NUMBER, offsetof(struct values, limit), "print N opcodes at most", NULL, 1, INT64_MAX},
    {0, "text", "N", OPTION_NUMBER, offsetof(struct values, text),
     "show up to N characters of an argument (default: what fits, or 60)", NULL, 1, 1024},
    {0, "stack", "N", OPTION_NUMBER, offsetof(struct values, stack),
     "show up to N values of the stack, the top ones (default 6)", NULL, 1, SNAPJAR_DIS_STACK_MAX},
    {0, "json", NULL, OPTION_FLAG, offsetof(struct values, json), "print JSON, one object for each opcode", NULL, 0, 0},
    PICKLE_WALK_OPTION_ROWS(struct values),
    TRUSTING_OPTION_ROWS(struct values, trusting),
    {0},
};

struct dis {
    struct pickle_walk *walk;
    const struct values *values;
    const char *path;
    const snapjar_pickles_item *item;
    struct text out;
    /* Columns of the terminal, 0: no limit. */
    size_t width;
    uint64_t printed;
    bool is_enough;
};

/* ---- for machines ---- */

static void add_json_strings(struct text *out, const char *key, const char *const *strings, size_t count)
{
    json_key(out, key);
    text_putc(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_putc(out, ',');
        json_quoted(out, strings[i], strlen(strings[i]));
    }
    text_putc(out, ']');
}

static void add_json_findings(struct text *out, const snapjar_dis_line *line)
{
    json_key(out, "findings");
    text_putc(out, '[');
    for (size_t i = 0; i < line->finding_count; i++) {
        if (i)
            text_putc(out, ',');
        text_putc(out, '{');
        json_string(out, "diagnostic", snapjar_diagnostic_name(line->findings[i].diagnostic));
        json_string(out, "message", line->findings[i].message);
        text_putc(out, '}');
    }
    text_putc(out, ']');
}

static void add_json(struct dis *dis, const snapjar_dis_line *line)
{
    struct text *out = &dis->out;

    pickle_walk_json(out, "opcode", dis->path, dis->item);
    json_number(out, "offset", line->offset);
    json_number(out, "index", line->index);
    json_string(out, "opcode", line->opcode->name);
    if (line->opcode->argument != SNAPJAR_ARGUMENT_NONE) {
        json_string(out, "argument", line->argument);
        json_number(out, "argument_size", line->argument_size);
    }
    if (line->memo_index != UINT64_MAX)
        json_number(out, "memo_index", line->memo_index);
    if (line->failure) {
        json_error(out, "error", line->failure);
    } else {
        json_number(out, "depth", line->depth);
        json_number(out, "marks", line->mark_count);
        add_json_strings(out, "stack", line->stack, line->stack_count);
        json_number(out, "stack_hidden", line->stack_hidden);
    }
    if (line->finding_count)
        add_json_findings(out, line);
    json_end(out);
}

/* ---- for people ---- */

/* The top of the stack that fits into `room` columns (0: all). */
static void add_stack(struct text *out, const snapjar_dis_line *line, size_t room)
{
    size_t first = line->stack_count;
    size_t used = 0;
    uint64_t hidden;

    while (first > 0) {
        size_t width = terminal_text_width(line->stack[first - 1]) + 1;
        /* "... 12345 " must fit before it, if anything is left out. */
        if (room && used + width + 8 > room && first < line->stack_count)
            break;
        used += width;
        first--;
    }
    hidden = line->stack_hidden + first;
    if (hidden)
        text_printf(out, "..%" PRIu64, hidden);
    for (size_t i = first; i < line->stack_count; i++) {
        if (hidden || i > first)
            text_putc(out, ' ');
        text_puts(out, line->stack[i]);
    }
    if (!hidden && !line->stack_count)
        text_puts(out, "-");
}

static void add_notes(struct dis *dis, const snapjar_dis_line *line)
{
    struct text *out = &dis->out;
    bool has_colour = dis->walk->cli->report.stdout_has_colour;

    for (size_t i = 0; i < line->finding_count; i++) {
        text_repeat(out, ' ', OFFSET_WIDTH);
        terminal_begin(out, has_colour, STYLE_CHANGED);
        text_printf(out, "  ^ %s [%s]", line->findings[i].message,
                    snapjar_diagnostic_name(line->findings[i].diagnostic));
        terminal_end(out, has_colour, STYLE_CHANGED);
        text_putc(out, '\n');
    }
    if (line->failure) {
        text_repeat(out, ' ', OFFSET_WIDTH);
        terminal_begin(out, has_colour, STYLE_BAD);
        text_printf(out, "  ^ %s [%s]", line->failure->message, snapjar_diagnostic_name(line->failure->diagnostic));
        terminal_end(out, has_colour, STYLE_BAD);
        text_putc(out, '\n');
    }
}

static void add_line(struct dis *dis, const snapjar_dis_line *line)
{
    struct text *out = &dis->out;
    bool has_colour = dis->walk->cli->report.stdout_has_colour;
    size_t column = OFFSET_WIDTH + 2 + OPCODE_WIDTH + 1 + ARGUMENT_WIDTH;
    size_t width;

    terminal_begin(out, has_colour, STYLE_DIM);
    text_printf(out, "%*" PRIu64 "  ", OFFSET_WIDTH, line->offset);
    terminal_end(out, has_colour, STYLE_DIM);
    text_puts(out, line->opcode->name);
    if (line->failure && line->opcode->argument == SNAPJAR_ARGUMENT_NONE) {
        text_putc(out, '\n');
        return;
    }
    text_repeat(out, ' ', OPCODE_WIDTH + 1 - strlen(line->opcode->name));
    width = terminal_text_width(line->argument);
    text_puts(out, line->argument);
    if (line->memo_index != UINT64_MAX) {
        size_t before = out->size;
        text_printf(out, "as %" PRIu64, line->memo_index);
        width += out->size - before;
    }
    if (line->failure) {
        text_putc(out, '\n');
        return;
    }
    text_repeat(out, ' ', width < ARGUMENT_WIDTH ? ARGUMENT_WIDTH - width : 0);
    text_puts(out, "  ");
    if (width > ARGUMENT_WIDTH)
        column += width - ARGUMENT_WIDTH;
    terminal_begin(out, has_colour, STYLE_DIM);
    add_stack(out, line, !dis->width ? 0 : dis->width > column + 12 ? dis->width - column - 2 : 10);
    terminal_end(out, has_colour, STYLE_DIM);
    text_putc(out, '\n');
}

static snapjar_status take(void *state, const snapjar_dis_line *line, snapjar_error *err)
{
    struct dis *dis = state;

    if (dis->values->limit.is_given && dis->printed == (uint64_t)dis->values->limit.value) {
        dis->is_enough = true;
        report_make(err, SNAPJAR_CANCELLED, SNAPJAR_DIAG_CANCELLED, "enough");
        return err->status;
    }
    dis->printed++;
    text_clear(&dis->out);
    if (dis->values->json) {
        add_json(dis, line);
    } else {
        add_line(dis, line);
        add_notes(dis, line);
    }
    report_print(&dis->out);
    return SNAPJAR_OK;
}

/* ---- pickles ---- */

static snapjar_status feed(struct dis *dis, snapjar_dis *machine, snapjar_content *content, bool is_record,
                           snapjar_error *err)
{
    uint64_t size;
    uint64_t pickle_size;
    const unsigned char *data = snapjar_content_data(content, &size, &pickle_size);
    uint64_t wanted = is_record ? pickle_size : size;
    snapjar_status status = SNAPJAR_OK;

    for (uint64_t done = 0; done < wanted && status == SNAPJAR_OK && !snapjar_dis_is_done(machine);) {
        size_t consumed;
        size_t piece = wanted - done < CHUNK_SIZE ? (size_t)(wanted - done) : CHUNK_SIZE;
        status = snapjar_dis_feed(machine, data + done, piece, &consumed, err);
        done += piece;
    }
    if (status == SNAPJAR_OK)
        status = snapjar_dis_finish(machine, err);
    return dis->is_enough ? SNAPJAR_OK : status;
}

/* Adds the width that is left to what fits. */
static unsigned text_max(const struct dis *dis)
{
    if (dis->values->text.is_given)
        return (unsigned)dis->values->text.value;
    return dis->width ? ARGUMENT_WIDTH - 2 : ARGUMENT_TEXT;
}

static snapjar_status look(struct pickle_walk *walk, const char *path, snapjar_pickles *pickles,
                           const snapjar_pickles_item *item, snapjar_error *err)
{
    const struct values *values = walk->state;
    struct dis dis = {.walk = walk, .values = values, .path = path, .item = item, .width = terminal_width()};
    snapjar_scan_options scan = SNAPJAR_SCAN_OPTIONS_INIT;
    snapjar_dis_options options = SNAPJAR_DIS_OPTIONS_INIT;
    snapjar_content *content = NULL;
    snapjar_dis *machine = NULL;
    snapjar_status status;

    scan.string_encoding = item->string_encoding;
    scan.base_offset = item->base_offset;
    options.scan = &scan;
    options.from = (uint64_t)values->from.value;
    options.to = (uint64_t)values->to.value;
    options.text_max = text_max(&dis);
    options.stack_max = (unsigned)values->stack.value;
    options.is_unicode = values->json || text_speaks_utf8();
    if (walk->has_titles && !values->json) {
        pickle_walk_title(&dis.out, path, item);
        text_putc(&dis.out, '\n');
        report_print(&dis.out);
    }
    /* What is wrong with a bare pickle is what there is to see; a record hands out nothing that is damaged. */
    if (item->header)
        status = snapjar_pickles_load(pickles, &content, err);
    else
        status = snapjar_pickles_load_rest(pickles, &content, err);
    if (status == SNAPJAR_OK)
        status = snapjar_dis_new(&machine, walk->context, &options, take, &dis, err);
    if (status == SNAPJAR_OK)
        status = feed(&dis, machine, content, item->header != NULL, err);
    snapjar_dis_free(machine);
    snapjar_content_free(content);
    text_free(&dis.out);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct values values = {0};
    struct string_list paths = {0};
    struct trusting trusting = {.trust = NULL};
    int code = options_parse(cli, &values, &paths, argc, argv);

    if (code < 0 && !paths.count)
        code = report_usage(cli, "no file given: name files or directories, or - for standard input");
    if (code < 0 && values.to.is_given && values.from.value >= values.to.value)
        code = report_usage(cli, "--from %" PRId64 " is not below --to %" PRId64, values.from.value, values.to.value);
    if (code < 0)
        code = trusting_make(&trusting, cli, &values.trusting);
    if (code < 0) {
        struct pickle_walk walk = {.cli = cli,
                                   .state = &values,
                                   .values = &values.walk,
                                   .is_json = values.json,
                                   .has_titles = true,
                                   .look = look,
                                   .seal = trusting_demand(&trusting)};
        pickle_walk_run(&walk, &paths);
        code = cli->report.exit_code;
    }
    trusting_clear(&trusting);
    trusting_free_values(&values.trusting);
    string_list_free(&paths);
    return code;
}

static const struct example examples[] = {
    {"Where does it break", "snapjar dis job.pkl | tail"},
    {"The opcodes around byte 4711", "snapjar dis --from 4650 --to 4800 job.snapjar"},
    {NULL, NULL},
};

const struct command command_dis = {
    "dis",
    "list a pickle's opcodes, and the stack after each",
    "[OPTION]... PATH...",
    "Prints every opcode of a pickle: its offset, name and argument, and what a loader would have on its stack "
    "afterwards, the top on the right. \"(\" is a mark, 'abc' a text, int an integer, os:system a global, <app:Job> "
    "what "
    "that made; ..3 stands for three more below. Nothing is run. What no pickler writes is told below the opcode that "
    "does it, and a pickle that no loader can load is listed up to the opcode where it fails.\n\n"
    "PATH is a snapshot, a file of pickles, or either of them compressed; in directories every file is looked at.",
    rows,
    OPERAND_FILE,
    examples,
    run,
};
