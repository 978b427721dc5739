/* SPDX-License-Identifier: MIT
 *
 * The opcodes that name a global: load_global, load_stack_global, load_inst, load_extension and find_class of CPython's
 * Modules/_pickle.c.
 */
#include "pickle/effects.h"

#include <string.h>

/** The longest argument of GLOBAL and INST: two names and the newline between them. */
#define PAIR_SIZE_MAX (2 * SNAPJAR_SCAN_NAME_SIZE_MAX + 1)

/** Notes whatever names do not have. Once for each global. */
static snapjar_status check_names(sj_machine *machine, const sj_token *token, const sj_global *global,
                                  snapjar_error *err)
{
    const snapjar_text texts[2] = {global->info.module, global->info.name};
    char escaped[96];
    for (size_t i = 0; i < 2; i++) {
        const char *what = i == 0 ? "module" : "name";
        (void)snapjar_text_escape(escaped, sizeof escaped, texts[i].data, texts[i].size);
        if (!sj_is_canonical_name(texts[i]))
            SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_NAME, token->offset, err,
                                   "\"%s\" has not the form of a %s", escaped, what));
        /* Python 2 and the picklers of protocol 0 to 2 write ASCII. */
        else if (machine->protocol < 3 && !sj_is_ascii((const uint8_t *)texts[i].data, texts[i].size))
            SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_NAME, token->offset, err,
                                   "%s \"%s\" is not ASCII, in protocol %d", what, escaped, machine->protocol));
        else if (i == 1 && machine->protocol < 4 && memchr(texts[i].data, '.', texts[i].size) != NULL)
            SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_NAME, token->offset, err,
                                   "name \"%s\" has a dot, in protocol %d", escaped, machine->protocol));
    }
    return SNAPJAR_OK;
}

/** Looks up the global, notes its import and gives its tag. */
static snapjar_status import(sj_machine *machine, const sj_token *token, uint32_t module, uint32_t name,
                             bool is_extension, sj_tag *tag, snapjar_error *err)
{
    uint32_t index;
    bool is_new;
    SJ_TRY(sj_names_find(&machine->names, module, name, machine->protocol, is_extension, token->offset, &index, &is_new,
                         err));
    sj_global *global = &machine->names.globals[index];
    sj_use_add(&global->info.uses[SNAPJAR_USE_IMPORT], token->offset);
    *tag = sj_tag_make(SJ_KIND_GLOBAL, index);
    return is_new && !is_extension ? check_names(machine, token, global, err) : SNAPJAR_OK;
}

/** Takes the two lines of GLOBAL and INST apart and looks the global up. */
static snapjar_status import_lines(sj_machine *machine, const sj_token *token, sj_tag *tag, snapjar_error *err)
{
    const char *data = (const char *)(token->data != NULL ? token->data : machine->gathered);
    const char *newline = memchr(data, '\n', (size_t)sj_min(token->size, PAIR_SIZE_MAX));
    if (newline == NULL || token->size > PAIR_SIZE_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SJ_AT_CONTENT(token->offset),
                        "%llu bytes of names exceed the limit of %d each", (unsigned long long)token->size,
                        SNAPJAR_SCAN_NAME_SIZE_MAX);
    const snapjar_text texts[2] = {{data, (size_t)(newline - data)},
                                   {newline + 1, (size_t)token->size - (size_t)(newline - data) - 1}};
    uint32_t places[2];
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *bytes = (const uint8_t *)texts[i].data;
        if (texts[i].size > SNAPJAR_SCAN_NAME_SIZE_MAX)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SJ_AT_CONTENT(token->offset),
                            "a name of %zu bytes exceeds the limit of %d", texts[i].size, SNAPJAR_SCAN_NAME_SIZE_MAX);
        if (texts[i].size == 0)
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset),
                            "the %s's name is empty", i == 0 ? "module" : "global");
        if (token->opcode == SJ_OP_INST ? !sj_is_ascii(bytes, texts[i].size) : !sj_is_utf8(bytes, texts[i].size))
            return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset),
                            "the %s's name is not %s", i == 0 ? "module" : "global",
                            token->opcode == SJ_OP_INST ? "ASCII" : "UTF-8");
        SJ_TRY(sj_texts_intern(&machine->texts, texts[i].data, texts[i].size, token->offset, &places[i], err));
    }
    return import(machine, token, places[0], places[1], false, tag, err);
}

snapjar_status sj_do_global(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_tag tag;
    SJ_TRY(import_lines(machine, token, &tag, err));
    return sj_push(machine, token, tag, err);
}

snapjar_status sj_do_inst(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    sj_value *first;
    sj_tag tag;
    SJ_TRY(sj_take_mark(machine, token, &first, err));
    SJ_TRY(import_lines(machine, token, &tag, err));
    sj_global *global = &machine->names.globals[sj_tag_payload(tag)];
    sj_mark_arguments(machine, token, first, machine->top);
    machine->top = first;
    sj_use_add(&global->info.uses[SNAPJAR_USE_CALL], token->offset);
    if (!global->makes_first_argument)
        return sj_push(machine, token, sj_tag_make(SJ_KIND_INSTANCE, sj_tag_payload(tag)), err);
    /* No pickler calls these so, and which class it makes an instance of is not looked for here. */
    sj_use_add(&machine->summary.computed_calls, token->offset);
    return sj_push(machine, token, sj_tag_make(SJ_KIND_COMPUTED, 0), err);
}

snapjar_status sj_do_stack_global(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    uint32_t places[2];
    bool is_computed = false;
    sj_tag tag;
    SJ_TRY(sj_need(machine, token, 2, err));
    sj_value *operands = machine->top - 2;
    for (size_t i = 0; i < 2; i++) {
        if (!sj_tag_is_text(operands[i].tag) && !sj_tag_is_opaque(operands[i].tag))
            return sj_raise_operand(token, i == 0 ? "the module's name" : "the global's name", operands[i].tag, err);
        is_computed |= sj_tag_is_opaque(operands[i].tag);
    }
    for (size_t i = 0; i < 2 && !is_computed; i++) {
        SJ_TRY(sj_machine_intern(machine, &operands[i], token->offset, &places[i], err));
        if (places[i] == 0)
            return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SJ_AT_CONTENT(token->offset),
                            "the %s's name is longer than %d bytes or was not remembered", i == 0 ? "module" : "global",
                            SNAPJAR_SCAN_NAME_SIZE_MAX);
    }
    machine->top = operands;
    if (!is_computed) {
        SJ_TRY(import(machine, token, places[0], places[1], false, &tag, err));
        return sj_push(machine, token, tag, err);
    }
    SJ_TRY(sj_machine_find(machine, SNAPJAR_DIAG_NON_CANONICAL_OPERAND, token->offset, err,
                           "the name of a global is not a text of the pickle"));
    return sj_push(machine, token, sj_tag_make(SJ_KIND_COMPUTED, 0), err);
}

snapjar_status sj_do_extension(sj_machine *machine, const sj_token *token, snapjar_error *err)
{
    const uint32_t code = token->opcode == SJ_OP_EXT1   ? token->data[0]
                          : token->opcode == SJ_OP_EXT2 ? sj_read_le16(token->data)
                                                        : sj_read_le32(token->data);
    sj_tag tag;
    if (code == 0 || code > INT32_MAX)
        return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset),
                        "extension code %lld is not above 0", code == 0 ? 0LL : (long long)code - (1LL << 32));
    SJ_TRY(import(machine, token, 0, code, true, &tag, err));
    return sj_push(machine, token, tag, err);
}

/** Whether the value is builtins.getattr itself. */
static bool is_getattr(sj_machine *machine, const sj_value *value)
{
    return sj_tag_kind(value->tag) == SJ_KIND_GLOBAL &&
           machine->names.globals[sj_tag_payload(sj_machine_tag(machine, value))].is_getattr;
}

/** Interns "base.attribute"; `*place` is 0 if that is no path of names. */
static snapjar_status intern_path(sj_machine *machine, const sj_global *base, uint32_t attribute, uint64_t offset,
                                  uint32_t *place, snapjar_error *err)
{
    char path[2 * SNAPJAR_SCAN_NAME_SIZE_MAX + 1];
    const snapjar_text first = sj_texts_get(&machine->texts, base->name);
    const snapjar_text last = sj_texts_get(&machine->texts, attribute);
    *place = 0;
    if (!sj_is_canonical_name(last) || memchr(last.data, '.', last.size) != NULL ||
        first.size + 1 + last.size > SNAPJAR_SCAN_NAME_SIZE_MAX)
        return SNAPJAR_OK;
    memcpy(path, first.data, first.size);
    path[first.size] = '.';
    memcpy(path + first.size + 1, last.data, last.size);
    return sj_texts_intern(&machine->texts, path, first.size + 1 + last.size, offset, place, err);
}

snapjar_status sj_pair_attribute(sj_machine *machine, const sj_token *token, sj_value *first, sj_tag *tag,
                                 snapjar_error *err)
{
    uint32_t attribute, path, index;
    if (first <= sj_machine_fence(machine) || sj_tag_kind(first->tag) != SJ_KIND_GLOBAL ||
        !sj_tag_is_text(first[1].tag) || !is_getattr(machine, first - 1))
        return SNAPJAR_OK;
    const uint32_t base = sj_tag_payload(sj_machine_tag(machine, first));
    /* What a code stands for has no name, and a name that is mapped would need a second path. */
    if (machine->names.globals[base].resolution == SJ_RESOLUTION_EXTENSION ||
        machine->names.globals[base].mapped_name != NULL)
        return SNAPJAR_OK;
    SJ_TRY(sj_machine_intern(machine, &first[1], token->offset, &attribute, err));
    if (attribute == 0)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_TEXT_LIMIT, SJ_AT_CONTENT(token->offset),
                        "an attribute's name is longer than %d bytes or was not remembered",
                        SNAPJAR_SCAN_NAME_SIZE_MAX);
    SJ_TRY(intern_path(machine, &machine->names.globals[base], attribute, token->offset, &path, err));
    if (path == 0)
        return SNAPJAR_OK;
    SJ_TRY(sj_names_find_attribute(&machine->names, base, path, machine->protocol, token->offset, &index, err));
    sj_use_add(&machine->names.globals[index].info.uses[SNAPJAR_USE_IMPORT], token->offset);
    *tag = sj_tag_make(SJ_KIND_TUPLE_ATTRIBUTE, index);
    return SNAPJAR_OK;
}
