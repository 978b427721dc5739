/* SPDX-License-Identifier: MIT
 *
 * Runs the machine of the scan one token at a time and tells each. What a line holds is made in buffers of fixed size.
 */
#include <string.h>

#include <snapjar/dis.h>

#include "pickle/literal.h"
#include "pickle/machine.h"
#include "pickle/scan.h"
#include "util/options.h"

#define TEXT_DEFAULT 60
#define TEXT_MAX 1024
#define STACK_DEFAULT 6
/** Characters of a text on the stack, and bytes of anything there. */
#define ITEM_TEXT_MAX 24
#define ITEM_SIZE 128
/** An escape is 10 bytes at most. */
#define ARGUMENT_SIZE (10 * 2 * TEXT_MAX + 64)

struct snapjar_dis {
    sj_machine machine;
    snapjar_dis_options options;
    snapjar_dis_take *take;
    void *state;
    snapjar_error failure;
    uint64_t line_index;
    /** Of findings that were told. */
    size_t finding_count;
    /** The range is at its end. */
    bool is_past;
    char argument[ARGUMENT_SIZE];
    char items[SNAPJAR_DIS_STACK_MAX][ITEM_SIZE];
    const char *stack[SNAPJAR_DIS_STACK_MAX];
};

/* ---- the stack ---- */

static const char *kind_word(sj_kind kind)
{
    switch (kind) {
    case SJ_KIND_NONE:
        return "None";
    case SJ_KIND_BOOL:
        return "bool";
    case SJ_KIND_INT:
        return "int";
    case SJ_KIND_FLOAT:
        return "float";
    case SJ_KIND_BYTES:
        return "bytes";
    case SJ_KIND_BYTEARRAY:
        return "bytearray";
    case SJ_KIND_TUPLE:
    case SJ_KIND_TUPLE_GLOBAL:
    case SJ_KIND_TUPLE_ATTRIBUTE:
        return "tuple";
    case SJ_KIND_LIST:
        return "list";
    case SJ_KIND_DICT:
        return "dict";
    case SJ_KIND_SET:
        return "set";
    case SJ_KIND_FROZENSET:
        return "frozenset";
    case SJ_KIND_BUFFER:
        return "buffer";
    case SJ_KIND_COMPUTED:
        return "computed";
    case SJ_KIND_PERSISTENT:
        return "persistent";
    case SJ_KIND_STR_HERE:
    case SJ_KIND_STR_KEPT:
    case SJ_KIND_STR_NAME:
    case SJ_KIND_STR_LOST:
        return "str";
    case SJ_KIND_ABSENT:
    case SJ_KIND_REDEFINED:
    case SJ_KIND_INSTANCE:
    case SJ_KIND_GLOBAL:
        break;
    }
    return "?";
}

/** "module:name", or "ext(5)". */
static void write_global(sj_out *out, const sj_machine *machine, uint32_t index)
{
    const sj_global *global = &machine->names.globals[index];
    if (global->resolution == SJ_RESOLUTION_EXTENSION) {
        sj_out_format(out, "ext(%lu)", (unsigned long)global->name);
        return;
    }
    const snapjar_text module = sj_texts_get(&machine->texts, global->module);
    const snapjar_text name = sj_texts_get(&machine->texts, global->name);
    sj_out_escaped(out, module.data, module.size, ITEM_SIZE);
    sj_out_text(out, ":");
    sj_out_escaped(out, name.data, name.size, ITEM_SIZE);
}

static void write_value(snapjar_dis *dis, char item[ITEM_SIZE], const sj_value *value)
{
    sj_machine *machine = &dis->machine;
    uint8_t buffer[SNAPJAR_SCAN_NAME_SIZE_MAX];
    const sj_tag tag = sj_machine_tag(machine, value);
    const sj_kind kind = sj_tag_kind(tag);
    const snapjar_text text = sj_machine_text(machine, value, buffer);
    sj_out out;
    sj_out_to_text(&out, item, ITEM_SIZE, dis->options.is_unicode);
    if (text.data != NULL) {
        sj_literal literal = {SJ_OP_BINUNICODE, (const uint8_t *)text.data, text.size, text.size, false};
        size_t at = 0;
        uint32_t point;
        bool is_byte;
        sj_out_text(&out, "'");
        for (size_t count = 0; count < ITEM_TEXT_MAX && sj_literal_point(&literal, &at, &point, &is_byte); count++)
            sj_out_point(&out, point, '\'', is_byte);
        sj_out_text(&out, at < text.size ? "'..." : "'");
    } else if (kind == SJ_KIND_GLOBAL) {
        write_global(&out, machine, sj_tag_payload(tag));
    } else if (kind == SJ_KIND_INSTANCE) {
        sj_out_text(&out, "<");
        write_global(&out, machine, sj_tag_payload(tag));
        sj_out_text(&out, ">");
    } else {
        sj_out_text(&out, kind_word(kind));
    }
    (void)sj_out_end(&out);
}

/** The top of the stack, marks among the values. */
static void show_stack(snapjar_dis *dis, snapjar_dis_line *line)
{
    const sj_machine *machine = &dis->machine;
    size_t depth = (size_t)(machine->top - machine->stack);
    size_t mark_count = machine->mark_count;
    size_t first = dis->options.stack_max;
    line->depth = depth;
    line->mark_count = mark_count;
    while (first > 0 && depth + mark_count > 0) {
        first--;
        dis->stack[first] = dis->items[first];
        if (mark_count > 0 && machine->marks[mark_count - 1] == depth) {
            mark_count--;
            memcpy(dis->items[first], "(", 2);
        } else {
            depth--;
            write_value(dis, dis->items[first], machine->stack + depth);
        }
    }
    line->stack = dis->stack + first;
    line->stack_count = dis->options.stack_max - first;
    line->stack_hidden = depth + mark_count;
}

/* ---- lines ---- */

static void show_argument(snapjar_dis *dis, const sj_token *token)
{
    const sj_literal literal = {
        token->opcode,
        token->data != NULL ? token->data : dis->machine.gathered,
        token->data != NULL ? (size_t)token->size : (size_t)sj_min(token->size, dis->machine.gathered_size),
        token->size,
        sj_machine_reads_bytes(&dis->machine),
    };
    sj_out out;
    sj_out_to_text(&out, dis->argument, sizeof dis->argument, dis->options.is_unicode);
    if (snapjar_opcode_find(token->opcode)->argument != SNAPJAR_ARGUMENT_NONE)
        sj_literal_write(&out, &literal, dis->options.text_max);
    (void)sj_out_end(&out);
}

/** One token: its line is made of what is known before and after it is executed. */
static snapjar_status step(snapjar_dis *dis, const sj_token *token, snapjar_error *err)
{
    sj_machine *machine = &dis->machine;
    snapjar_dis_line line;
    snapjar_error failure;
    memset(&line, 0, sizeof line);
    const bool is_told = token->offset >= dis->options.from;
    if (is_told)
        show_argument(dis, token);
    line.memo_index = token->opcode == SJ_OP_MEMOIZE ? machine->memo_count : UINT64_MAX;
    const snapjar_status status = sj_machine_apply(machine, token, &failure);
    line.index = dis->line_index++;
    if (!is_told && status == SNAPJAR_OK) {
        dis->finding_count = machine->finding_count;
        return SNAPJAR_OK;
    }
    if (!is_told)
        show_argument(dis, token);
    line.offset = token->offset;
    line.opcode = snapjar_opcode_find(token->opcode);
    line.argument_size = token->size;
    line.argument = dis->argument;
    line.finding_count = machine->finding_count - dis->finding_count;
    if (line.finding_count > 0)
        line.findings = machine->findings + dis->finding_count;
    dis->finding_count = machine->finding_count;
    if (status == SNAPJAR_OK) {
        show_stack(dis, &line);
        return dis->take(dis->state, &line, err);
    }
    line.failure = &failure;
    SJ_TRY(dis->take(dis->state, &line, err));
    if (err != NULL)
        *err = failure;
    return status;
}

static snapjar_status feed(snapjar_dis *dis, const uint8_t *bytes, size_t size, size_t *consumed, snapjar_error *err)
{
    sj_machine *machine = &dis->machine;
    *consumed = 0;
    sj_lexer_feed(&machine->lexer, bytes, size);
    while (!snapjar_dis_is_done(dis)) {
        sj_token token;
        SJ_TRY(sj_machine_fetch(machine, &token, err));
        if (!token.is_whole)
            break;
        if (dis->options.to != 0 && token.offset >= dis->options.to)
            dis->is_past = true;
        else
            SJ_TRY(step(dis, &token, err));
    }
    *consumed = (size_t)(machine->lexer.position - machine->lexer.chunk);
    return snapjar_dis_is_done(dis) ? SNAPJAR_OK : sj_machine_settle(machine, err);
}

/* ---- the public face ---- */

static snapjar_status read_options(snapjar_dis_options *own, const snapjar_dis_options *options, snapjar_error *err)
{
    SJ_TRY(sj_options_read(own, sizeof *own, options, "snapjar_dis_options", err));
    own->text_max = own->text_max == 0 ? TEXT_DEFAULT : own->text_max;
    own->stack_max = own->stack_max == 0 ? STACK_DEFAULT : own->stack_max;
    if (own->text_max > TEXT_MAX || own->stack_max > SNAPJAR_DIS_STACK_MAX)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s %u is above %d",
                        own->text_max > TEXT_MAX ? "text_max" : "stack_max",
                        own->text_max > TEXT_MAX ? own->text_max : own->stack_max,
                        own->text_max > TEXT_MAX ? TEXT_MAX : SNAPJAR_DIS_STACK_MAX);
    return SNAPJAR_OK;
}

snapjar_status snapjar_dis_new(snapjar_dis **dis, snapjar_context *context, const snapjar_dis_options *options,
                               snapjar_dis_take *take, void *state, snapjar_error *err)
{
    snapjar_dis_options own;
    snapjar_scan_options scan;
    if (dis != NULL)
        *dis = NULL;
    if (dis == NULL || context == NULL || take == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        dis == NULL       ? "dis"
                        : context == NULL ? "context"
                                          : "take");
    SJ_TRY(read_options(&own, options, err));
    SJ_TRY(sj_scan_options_read(&scan, own.scan, err));
    snapjar_dis *made = sj_alloc(context, sizeof *made);
    if (made == NULL)
        return sj_raise_no_memory(err, sizeof *made);
    sj_machine_init(&made->machine, context, &scan);
    made->options = own;
    made->options.scan = NULL;
    made->take = take;
    made->state = state;
    snapjar_dis_reset(made, scan.base_offset);
    *dis = made;
    return SNAPJAR_OK;
}

void snapjar_dis_free(snapjar_dis *dis)
{
    if (dis == NULL)
        return;
    snapjar_context *context = dis->machine.context;
    sj_machine_clear(&dis->machine);
    sj_free(context, dis);
}

void snapjar_dis_reset(snapjar_dis *dis, uint64_t base_offset)
{
    sj_machine_reset(&dis->machine, base_offset);
    memset(&dis->failure, 0, sizeof dis->failure);
    dis->line_index = 0;
    dis->finding_count = 0;
    dis->is_past = false;
}

bool snapjar_dis_is_done(const snapjar_dis *dis)
{
    return dis->is_past || dis->machine.summary.is_complete;
}

snapjar_status snapjar_dis_feed(snapjar_dis *dis, const void *bytes, size_t size, size_t *consumed, snapjar_error *err)
{
    size_t done = 0;
    if (consumed != NULL)
        *consumed = 0;
    if (dis == NULL || (bytes == NULL && size > 0))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        dis == NULL ? "dis" : "bytes");
    while (done < size && dis->failure.status == SNAPJAR_OK && !snapjar_dis_is_done(dis)) {
        const size_t piece = (size_t)sj_min(size - done, SJ_CHUNK_SIZE_MAX);
        size_t taken;
        snapjar_error failure;
        if (feed(dis, (const uint8_t *)bytes + done, piece, &taken, &failure) != SNAPJAR_OK)
            dis->failure = failure;
        done += taken;
    }
    if (consumed != NULL)
        *consumed = done;
    if (dis->failure.status != SNAPJAR_OK && err != NULL)
        *err = dis->failure;
    return dis->failure.status;
}

snapjar_status snapjar_dis_finish(snapjar_dis *dis, snapjar_error *err)
{
    if (dis == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "dis is NULL");
    if (dis->failure.status != SNAPJAR_OK && err != NULL)
        *err = dis->failure;
    if (dis->failure.status != SNAPJAR_OK || snapjar_dis_is_done(dis))
        return dis->failure.status;
    return sj_lexer_raise_end(&dis->machine.lexer, err);
}
