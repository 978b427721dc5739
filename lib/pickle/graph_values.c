/* SPDX-License-Identifier: MIT
 *
 * Values without children: numbers, texts, bytes. Checks here that each says something, and the same to every loader, so
 * that nothing later has to.
 */
#include <string.h>

#include "pickle/builder.h"
#include "pickle/canonical.h"

static snapjar_status raise_argument(const sj_token *token, const char *what, snapjar_error *err)
{
    return sj_raise(err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_PICKLE_ARGUMENT_INVALID, SJ_AT_CONTENT(token->offset + 1),
                    "the argument of %s is not %s", sj_opcode_name(token->opcode), what);
}

/** Makes a node, or finds the one that there is already. */
static snapjar_status push_single(sj_builder *builder, const sj_token *token, sj_ref *known, sj_node_kind kind,
                                  snapjar_error *err)
{
    if (*known == 0)
        SJ_TRY(sj_build_node(builder, kind, token, known, err));
    return sj_build_push(builder, token, *known, err);
}

snapjar_status sj_build_single(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    switch (token->opcode) {
    case SJ_OP_NEWTRUE:
        return push_single(builder, token, &builder->singles[1], SJ_NODE_TRUE, err);
    case SJ_OP_NEWFALSE:
        return push_single(builder, token, &builder->singles[2], SJ_NODE_FALSE, err);
    case SJ_OP_EMPTY_TUPLE:
        return push_single(builder, token, &builder->singles[3], SJ_NODE_TUPLE, err);
    default:
        return push_single(builder, token, &builder->singles[0], SJ_NODE_NONE, err);
    }
}

snapjar_status sj_build_small(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    sj_ref *known = &builder->small[token->data[0]];
    if (*known == 0) {
        SJ_TRY(sj_build_node(builder, SJ_NODE_INT, token, known, err));
        builder->graph->nodes[*known].size = 1;
    }
    return sj_build_push(builder, token, *known, err);
}

static snapjar_status push_leaf(sj_builder *builder, const sj_token *token, sj_node_kind kind, snapjar_error *err)
{
    sj_ref ref;
    SJ_TRY(sj_build_node(builder, kind, token, &ref, err));
    builder->graph->nodes[ref].size = token->size;
    return sj_build_push(builder, token, ref, err);
}

snapjar_status sj_build_leaf(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    switch (token->opcode) {
    case SJ_OP_BINFLOAT:
        return push_leaf(builder, token, SJ_NODE_FLOAT, err);
    case SJ_OP_BINBYTES:
    case SJ_OP_SHORT_BINBYTES:
    case SJ_OP_BINBYTES8:
        return push_leaf(builder, token, SJ_NODE_BYTES, err);
    case SJ_OP_BYTEARRAY8:
        return push_leaf(builder, token, SJ_NODE_BYTEARRAY, err);
    case SJ_OP_NEXT_BUFFER:
        return push_leaf(builder, token, SJ_NODE_BUFFER, err);
    default:
        return push_leaf(builder, token, SJ_NODE_INT, err);
    }
}

snapjar_status sj_build_decimal(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    const size_t size = (size_t)token->size;
    bool is_bool = false;
    if (token->opcode == SJ_OP_LONG) {
        if (!sj_is_canonical_long(token->data, size))
            return raise_argument(token, "a decimal number as picklers write it", err);
    } else if (!sj_is_canonical_int(token->data, size, &is_bool)) {
        return raise_argument(token, "a decimal number as picklers write it", err);
    }
    if (!is_bool)
        return push_leaf(builder, token, SJ_NODE_INT, err);
    const bool value = token->data[1] == '1';
    return push_single(builder, token, &builder->singles[value ? 1 : 2], value ? SJ_NODE_TRUE : SJ_NODE_FALSE, err);
}

snapjar_status sj_build_float_text(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    if (!sj_is_canonical_float(token->data, (size_t)token->size))
        return raise_argument(token, "a decimal fraction as picklers write it", err);
    return push_leaf(builder, token, SJ_NODE_FLOAT, err);
}

snapjar_status sj_build_text(sj_builder *builder, const sj_token *token, snapjar_error *err)
{
    sj_text_form form = SJ_FORM_UTF8;
    sj_node_kind kind = SJ_NODE_STR;
    sj_text_check check;
    switch (token->opcode) {
    case SJ_OP_UNICODE:
        form = SJ_FORM_ESCAPED;
        break;
    case SJ_OP_STRING:
        form = SJ_FORM_QUOTED;
        kind = SJ_NODE_STR2;
        break;
    case SJ_OP_BINSTRING:
    case SJ_OP_SHORT_BINSTRING:
        form = SJ_FORM_BYTES;
        kind = SJ_NODE_STR2;
        break;
    }
    if (form != SJ_FORM_BYTES && (form != SJ_FORM_UTF8 || !sj_is_ascii(token->data, (size_t)token->size))) {
        sj_text_check_begin(&check, form);
        sj_text_check_add(&check, token->data, (size_t)token->size);
        sj_text_check_end(&check);
        if (check.is_invalid)
            return raise_argument(token, form == SJ_FORM_UTF8 ? "UTF-8" : "a text with whole quotes and escapes", err);
    }
    return push_leaf(builder, token, kind, err);
}
