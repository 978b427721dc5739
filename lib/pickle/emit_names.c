/* SPDX-License-Identifier: MIT
 *
 * Writes the names of globals so that a loader resolves them as it resolved the original: below protocol 3 it maps
 * Python 2's names, from 4 on it takes a name as a path of attributes (find_class of CPython's Modules/_pickle.c).
 * Whatever is written is checked by mapping it forth again.
 */
#include <string.h>

#include "pickle/canonical.h"
#include "pickle/emit.h"
#include "pickle/names.h"

typedef struct compat_row {
    const char *module;
    const char *name;
    const char *mapped_module;
    const char *mapped_name;
} compat_row;

static const compat_row name_rows[] = {
#define SJ_COMPAT_NAME(module, name, mapped_module, mapped_name) {module, name, mapped_module, mapped_name},
#include "pickle/compat.def"
#undef SJ_COMPAT_NAME
};

static const compat_row module_rows[] = {
#define SJ_COMPAT_MODULE(module, mapped_module) {module, NULL, mapped_module, NULL},
#include "pickle/compat.def"
#undef SJ_COMPAT_MODULE
};

/** Modules that Python 2 has by the same name: REVERSE_IMPORT_MAPPING of Lib/_compat_pickle.py leaves them alone. */
static const char *const unmapped[] = {"collections", "io", "pickle", "xml.etree.ElementTree"};

static bool is_text(snapjar_text text, const char *other)
{
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

static bool is_same(snapjar_text a, snapjar_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static snapjar_text text_of(const char *text)
{
    return (snapjar_text){text, strlen(text)};
}

/** What a loader makes of a name below protocol 3. */
static void map(snapjar_text *module, snapjar_text *name)
{
    const char *mapped_module, *mapped_name;
    sj_names_map(*module, *name, &mapped_module, &mapped_name);
    if (mapped_name != NULL)
        *name = text_of(mapped_name);
    if (mapped_module != NULL)
        *module = text_of(mapped_module);
}

static bool maps_to(snapjar_text module, snapjar_text name, snapjar_text wanted_module, snapjar_text wanted_name)
{
    map(&module, &name);
    return is_same(module, wanted_module) && is_same(name, wanted_name);
}

/** A name that a loader maps to this one; false if there is none. Among several, the one that Python 2 would find. */
static bool map_back(snapjar_text *module, snapjar_text *name)
{
    const compat_row *found = NULL;
    for (size_t i = 0; i < sizeof name_rows / sizeof *name_rows; i++) {
        const compat_row *row = &name_rows[i];
        if (!is_text(*module, row->mapped_module) || !is_text(*name, row->mapped_name))
            continue;
        /* The last row is the better one, but the same name is best: `unicode` before `basestring`. */
        if (found == NULL || !is_text(*name, found->name))
            found = row;
    }
    if (found != NULL) {
        *module = text_of(found->module);
        *name = text_of(found->name);
        return true;
    }
    bool is_unmapped = false;
    for (size_t i = 0; i < sizeof unmapped / sizeof *unmapped; i++)
        is_unmapped = is_unmapped || is_text(*module, unmapped[i]);
    for (size_t i = 0; !is_unmapped && i < sizeof module_rows / sizeof *module_rows; i++) {
        const compat_row *row = &module_rows[i];
        if (is_text(*module, row->mapped_module) && maps_to(text_of(row->module), *name, *module, *name)) {
            *module = text_of(row->module);
            return true;
        }
    }
    return maps_to(*module, *name, *module, *name);
}

/** GLOBAL, or INST. */
static SJ_EMIT emit_lines(sj_emit *emit, const sj_node *node, uint8_t opcode, snapjar_text module, snapjar_text name,
                          snapjar_error *err)
{
    if (module.size == 0 || name.size == 0 || memchr(module.data, '\n', module.size) != NULL ||
        memchr(name.data, '\n', name.size) != NULL)
        return sj_emit_refuse(emit, node, "a name is empty or has a line end", err);
    SJ_TRY(sj_emit_byte(emit, opcode, err));
    SJ_TRY(sj_emit_bytes(emit, module.data, module.size, err));
    SJ_TRY(sj_emit_byte(emit, '\n', err));
    SJ_TRY(sj_emit_bytes(emit, name.data, name.size, err));
    return sj_emit_byte(emit, '\n', err);
}

/** STACK_GLOBAL; the text of a module is written once. */
static SJ_EMIT emit_stack_global(sj_emit *emit, const sj_node *node, snapjar_text module, snapjar_text name,
                                 snapjar_error *err)
{
    size_t i = 0;
    while (i < emit->module_count && !is_same(emit->modules[i].text, module))
        i++;
    if (i < emit->module_count) {
        SJ_TRY(sj_emit_get(emit, emit->modules[i].memo, err));
    } else {
        SJ_TRY(sj_emit_text(emit, node, (const uint8_t *)module.data, module.size, err));
        if (i < SJ_MODULES_KEPT) {
            emit->modules[i].text = module;
            SJ_TRY(sj_emit_put(emit, &emit->modules[i].memo, err));
            emit->module_count++;
        }
    }
    SJ_TRY(sj_emit_text(emit, node, (const uint8_t *)name.data, name.size, err));
    return sj_emit_byte(emit, SJ_OP_STACK_GLOBAL, err);
}

/** A name as Python 3 knows it, without dots that are a path. */
static SJ_EMIT emit_plain(sj_emit *emit, const sj_node *node, snapjar_text module, snapjar_text name,
                          snapjar_error *err)
{
    if (emit->protocol >= 4)
        return emit_stack_global(emit, node, module, name, err);
    if (emit->protocol == 3)
        return emit_lines(emit, node, SJ_OP_GLOBAL, module, name, err);
    if (!sj_is_ascii((const uint8_t *)module.data, module.size) ||
        !sj_is_ascii((const uint8_t *)name.data, name.size))
        return sj_emit_refuse(emit, node, "its name is not ASCII", err);
    if (!map_back(&module, &name))
        return sj_emit_refuse(emit, node, "loaders take its name for a module of Python 2", err);
    return emit_lines(emit, node, SJ_OP_GLOBAL, module, name, err);
}

/** `getattr(getattr(module.A, "B"), "C")` for the path "A.B.C". */
static SJ_EMIT emit_path(sj_emit *emit, const sj_node *node, snapjar_text module, snapjar_text name,
                         snapjar_error *err)
{
    size_t part_count = 0;
    for (size_t i = 0; i < name.size; i++)
        part_count += name.data[i] == '.';
    for (size_t i = 0; i < part_count; i++) {
        SJ_TRY(sj_emit_helper(emit, SJ_HELPER_GETATTR, err));
        SJ_TRY(sj_emit_open_tuple(emit, 2, err));
    }
    const char *end = name.data + name.size;
    const char *dot = memchr(name.data, '.', name.size);
    SJ_TRY(emit_plain(emit, node, module, (snapjar_text){name.data, (size_t)(dot - name.data)}, err));
    while (dot != NULL) {
        const char *start = dot + 1;
        dot = memchr(start, '.', (size_t)(end - start));
        const size_t size = (size_t)((dot != NULL ? dot : end) - start);
        SJ_TRY(sj_emit_text(emit, node, (const uint8_t *)start, size, err));
        SJ_TRY(sj_emit_close_tuple(emit, 2, err));
        SJ_TRY(sj_emit_byte(emit, SJ_OP_REDUCE, err));
    }
    return SNAPJAR_OK;
}

snapjar_status sj_emit_global(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    snapjar_text module, name;
    sj_graph_global(emit->graph, node, &module, &name);
    const bool has_dots = name.size > 0 && memchr(name.data, '.', name.size) != NULL;
    if (node->protocol < 3 && emit->protocol < 3)
        return emit_lines(emit, node, SJ_OP_GLOBAL, module, name, err);
    if (node->protocol < 3)
        map(&module, &name);
    if (node->protocol >= 4 && emit->protocol < 4 && has_dots)
        return emit_path(emit, node, module, name, err);
    /* Before protocol 4 a dot is part of the name. Mapped names have none. */
    if (node->protocol < 4 && emit->protocol >= 4 && has_dots)
        return sj_emit_refuse(emit, node, "its name has a dot that is no path", err);
    return emit_plain(emit, node, module, name, err);
}

snapjar_status sj_emit_inst(sj_emit *emit, const sj_node *node, snapjar_error *err)
{
    snapjar_text module, name;
    if (node->kind != SJ_NODE_GLOBAL)
        return sj_emit_refuse(emit, node, "INST names its class, and this one is computed", err);
    sj_graph_global(emit->graph, node, &module, &name);
    if (node->protocol >= 4 && memchr(name.data, '.', name.size) != NULL)
        return sj_emit_refuse(emit, node, "INST cannot name a class inside another", err);
    if (!sj_is_ascii((const uint8_t *)module.data, module.size) ||
        !sj_is_ascii((const uint8_t *)name.data, name.size))
        return sj_emit_refuse(emit, node, "its name is not ASCII", err);
    if (node->protocol >= 3 && !map_back(&module, &name))
        return sj_emit_refuse(emit, node, "loaders take its name for a module of Python 2", err);
    return emit_lines(emit, node, SJ_OP_INST, module, name, err);
}

snapjar_status sj_emit_helper(sj_emit *emit, sj_helper helper, snapjar_error *err)
{
    static const struct {
        const char *module;
        const char *name;
    } rows[SJ_HELPER_COUNT] = {
        [SJ_HELPER_SET] = {"builtins", "set"},
        [SJ_HELPER_FROZENSET] = {"builtins", "frozenset"},
        [SJ_HELPER_BYTES] = {"builtins", "bytes"},
        [SJ_HELPER_BYTEARRAY] = {"builtins", "bytearray"},
        [SJ_HELPER_GETATTR] = {"builtins", "getattr"},
        [SJ_HELPER_NEWOBJ] = {"copyreg", "__newobj__"},
        [SJ_HELPER_NEWOBJ_EX] = {"copyreg", "__newobj_ex__"},
        [SJ_HELPER_ENCODE] = {"_codecs", "encode"},
        [SJ_HELPER_LATIN1] = {NULL, "latin1"},
    };
    const sj_node nowhere = {.kind = SJ_NODE_GLOBAL, .form = SJ_OP_GLOBAL};
    const snapjar_text name = text_of(rows[helper].name);
    if (emit->helpers[helper] != 0)
        return sj_emit_get(emit, emit->helpers[helper], err);
    if (rows[helper].module == NULL)
        SJ_TRY(sj_emit_text(emit, &nowhere, (const uint8_t *)name.data, name.size, err));
    else
        SJ_TRY(emit_plain(emit, &nowhere, text_of(rows[helper].module), name, err));
    return sj_emit_put(emit, &emit->helpers[helper], err);
}
