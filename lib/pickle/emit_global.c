/* SPDX-License-Identifier: MIT
 *
 * Names of globals at each protocol: save_global of CPython's Modules/_pickle.c. Below protocol 3 they are those of
 * Python 2, mapped back; below 4 a name has no dots, and what is inside a class is asked for with getattr.
 */
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/emit.h"

typedef struct helper_row {
    const char *module;
    const char *name;
} helper_row;

/** In the names of Python 3. SJ_HELPER_LATIN1 is a text. */
static const helper_row helper_rows[SJ_HELPER_COUNT] = {
    [SJ_HELPER_ENCODE] = {"_codecs", "encode"},
    [SJ_HELPER_BYTES] = {"builtins", "bytes"},
    [SJ_HELPER_BYTEARRAY] = {"builtins", "bytearray"},
    [SJ_HELPER_SET] = {"builtins", "set"},
    [SJ_HELPER_FROZENSET] = {"builtins", "frozenset"},
    [SJ_HELPER_GETATTR] = {"builtins", "getattr"},
    [SJ_HELPER_NEWOBJ] = {"copyreg", "__newobj__"},
    [SJ_HELPER_NEWOBJ_EX] = {"copyreg", "__newobj_ex__"},
    [SJ_HELPER_IOR] = {"operator", "ior"},
};

static snapjar_text text_of(const char *text)
{
    return (snapjar_text){text, strlen(text)};
}

static bool has_dot(snapjar_text text)
{
    return text.size > 0 && memchr(text.data, '.', text.size) != NULL;
}

static bool is_ascii(snapjar_text text)
{
    return sj_is_ascii((const uint8_t *)text.data, text.size);
}

void sj_emit_resolve(const sj_emitter *e, const sj_node *node, sj_name *name)
{
    memset(name, 0, sizeof *name);
    sj_graph_global(e->graph, node, &name->module, &name->name);
    name->has_nodes = node->count > 0;
    name->is_computed = name->has_nodes && (name->module.size == 0 || name->name.size == 0);
    if (sj_node_resolution(node) != SJ_RESOLUTION_MAPPED || name->is_computed)
        return;
    const char *mapped_module, *mapped_name;
    sj_names_map(name->module, name->name, &mapped_module, &mapped_name);
    name->has_nodes &= mapped_module == NULL;
    if (mapped_module != NULL)
        name->module = text_of(mapped_module);
    if (mapped_name != NULL)
        name->name = text_of(mapped_name);
}

/** The two names on two lines, which must be right for this protocol. */
static SJ_EMIT write_lines(sj_emitter *e, uint8_t opcode, snapjar_text module, snapjar_text name, uint64_t offset,
                           snapjar_error *err)
{
    char escaped[96];
    (void)snapjar_text_escape(escaped, sizeof escaped, name.data, name.size);
    if (!sj_is_canonical_name(module) || !sj_is_canonical_name(name) || has_dot(name))
        return sj_emit_refuse(e, offset, err, "the name \"%s\" has not the form that it needs on a line", escaped);
    if ((e->protocol < 3 || opcode == SJ_OP_INST) && (!is_ascii(module) || !is_ascii(name)))
        return sj_emit_refuse(e, offset, err, "the name \"%s\" or its module is not ASCII", escaped);
    if (e->protocol < 3 && !sj_names_unmap(module, name, &module, &name))
        return sj_emit_refuse(e, offset, err, "the name \"%s\" is another one of Python 2", escaped);
    SJ_TRY(sj_emit_opcode(e, opcode, err));
    SJ_TRY(sj_emit_write(e, module.data, module.size, err));
    SJ_TRY(sj_emit_opcode(e, '\n', err));
    SJ_TRY(sj_emit_write(e, name.data, name.size, err));
    return sj_emit_opcode(e, '\n', err);
}

static SJ_EMIT write_text(sj_emitter *e, const char *data, size_t size, uint64_t offset, snapjar_error *err)
{
    return sj_emit_text(e, (const uint8_t *)data, size, offset, err);
}

/** A global whose name has no dots, or protocol 4 and later. */
static SJ_EMIT write_global(sj_emitter *e, snapjar_text module, snapjar_text name, uint64_t offset, snapjar_error *err)
{
    if (e->protocol < 4)
        return write_lines(e, SJ_OP_GLOBAL, module, name, offset, err);
    SJ_TRY(write_text(e, module.data, module.size, offset, err));
    SJ_TRY(write_text(e, name.data, name.size, offset, err));
    return sj_emit_opcode(e, SJ_OP_STACK_GLOBAL, err);
}

/** getattr(getattr(A, "b"), "c") for A.b.c. */
static SJ_EMIT write_path(sj_emitter *e, const sj_name *name, uint64_t offset, snapjar_error *err)
{
    const char *end = name->name.data + name->name.size;
    const char *dot = memchr(name->name.data, '.', name->name.size);
    if (!sj_is_canonical_name(name->name))
        return sj_emit_refuse(e, offset, err, "a part of the name is empty or has not the form of one");
    for (const char *at = dot; at != NULL; at = memchr(at + 1, '.', (size_t)(end - at - 1))) {
        SJ_TRY(sj_emit_helper(e, SJ_HELPER_GETATTR, err));
        SJ_TRY(sj_emit_open_tuple(e, 2, err));
    }
    SJ_TRY(
        write_global(e, name->module, (snapjar_text){name->name.data, (size_t)(dot - name->name.data)}, offset, err));
    while (dot != NULL) {
        const char *part = dot + 1;
        dot = memchr(part, '.', (size_t)(end - part));
        SJ_TRY(write_text(e, part, (size_t)((dot != NULL ? dot : end) - part), offset, err));
        SJ_TRY(sj_emit_close_tuple(e, 2, err));
        SJ_TRY(sj_emit_opcode(e, SJ_OP_REDUCE, err));
        SJ_TRY(sj_emit_boundary(e, err));
    }
    return SNAPJAR_OK;
}

/** Whether the dots of a name mean what they meant: before protocol 4 it is one attribute, dots and all. */
static SJ_EMIT check_dots(const sj_emitter *e, const sj_node *node, const sj_name *name, snapjar_error *err)
{
    if (!has_dot(name->name) || sj_node_resolution(node) == SJ_RESOLUTION_DOTTED || name->is_computed)
        return SNAPJAR_OK;
    return sj_emit_refuse(e, node->offset, err, "the dots in the name of a global were no path before protocol 4");
}

SJ_EMIT sj_emit_name(sj_emitter *e, const sj_node *node, const sj_name *name, bool is_known, snapjar_error *err)
{
    SJ_TRY(check_dots(e, node, name, err));
    if (!is_known)
        SJ_TRY(sj_emit_effect(e, node->offset, err));
    if (e->protocol < 4 && has_dot(name->name))
        return write_path(e, name, node->offset, err);
    return write_global(e, name->module, name->name, node->offset, err);
}

SJ_EMIT sj_emit_inst(sj_emitter *e, const sj_node *class_node, uint64_t offset, snapjar_error *err)
{
    sj_name name;
    if (class_node->kind != SJ_NODE_GLOBAL)
        return sj_emit_refuse(e, offset, err, "the class of an instance is no global with a plain name");
    sj_emit_resolve(e, class_node, &name);
    SJ_TRY(check_dots(e, class_node, &name, err));
    /* From protocol 4 on the loader takes a path here too. */
    if (name.is_computed || has_dot(name.name))
        return sj_emit_refuse(e, offset, err, "the class of an instance is no global with a plain name");
    SJ_TRY(sj_emit_effect(e, offset, err));
    return write_lines(e, SJ_OP_INST, name.module, name.name, offset, err);
}

SJ_EMIT sj_emit_helper(sj_emitter *e, sj_helper helper, snapjar_error *err)
{
    uint32_t index;
    SJ_TRY(sj_emit_boundary(e, err));
    if (e->helpers[helper] != 0)
        return sj_emit_get(e, e->helpers[helper] - 1, err);
    if (helper == SJ_HELPER_LATIN1)
        SJ_TRY(write_text(e, "latin1", 6, 0, err));
    else
        SJ_TRY(write_global(e, text_of(helper_rows[helper].module), text_of(helper_rows[helper].name), 0, err));
    SJ_TRY(sj_emit_put(e, &index, err));
    e->helpers[helper] = index + 1;
    return SNAPJAR_OK;
}
