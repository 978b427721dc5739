/* SPDX-License-Identifier: MIT
 *
 * The table of globals and the mapping of Python 2's names. Names are compared as bytes, exactly: no prefix, no case,
 * no normal form.
 */
#include "pickle/names.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)16)
#define KEPT_CAPACITY ((size_t)256)

typedef struct compat_name {
    const char *module;
    const char *name;
    const char *mapped_module;
    const char *mapped_name;
} compat_name;

static const compat_name compat_names[] = {
#define SJ_COMPAT_NAME(module, name, mapped_module, mapped_name) {module, name, mapped_module, mapped_name},
#include "pickle/compat.def"
#undef SJ_COMPAT_NAME
};

static const compat_name compat_modules[] = {
#define SJ_COMPAT_MODULE(module, mapped_module) {module, "", mapped_module, NULL},
#include "pickle/compat.def"
#undef SJ_COMPAT_MODULE
};

static int compare_text(snapjar_text text, const char *other)
{
    const size_t other_size = strlen(other);
    const int order = memcmp(text.data, other, text.size < other_size ? text.size : other_size);
    return order != 0 ? order : (text.size > other_size) - (text.size < other_size);
}

typedef struct compat_key {
    snapjar_text module;
    snapjar_text name;
} compat_key;

static int compare_compat(const void *key, const void *row)
{
    const compat_key *left = key;
    const compat_name *right = row;
    const int order = compare_text(left->module, right->module);
    return order != 0 ? order : compare_text(left->name, right->name);
}

void sj_names_map(snapjar_text module, snapjar_text name, const char **mapped_module, const char **mapped_name)
{
    const compat_key pair = {module, name};
    const compat_key alone = {module, {"", 0}};
    const compat_name *row =
        bsearch(&pair, compat_names, sizeof compat_names / sizeof *compat_names, sizeof *compat_names, compare_compat);
    if (row == NULL)
        row = bsearch(&alone, compat_modules, sizeof compat_modules / sizeof *compat_modules, sizeof *compat_modules,
                      compare_compat);
    *mapped_module = row != NULL ? row->mapped_module : NULL;
    *mapped_name = row != NULL ? row->mapped_name : NULL;
}

/**
 * Rows that no pickler goes back: another row maps to the same name and is the one that REVERSE_NAME_MAPPING or
 * REVERSE_IMPORT_MAPPING of Lib/_compat_pickle.py has, or Python 3's name is better left as it is. An empty name
 * stands for the row of a module.
 */
static const compat_name one_way[] = {
    {"UserDict", "UserDict", NULL, NULL},
    {"__builtin__", "basestring", NULL, NULL},
    {"exceptions", "StandardError", NULL, NULL},
    {"socket", "_socketobject", NULL, NULL},
    {"CGIHTTPServer", "", NULL, NULL},
    {"DocXMLRPCServer", "", NULL, NULL},
    {"FileDialog", "", NULL, NULL},
    {"SimpleDialog", "", NULL, NULL},
    {"SimpleHTTPServer", "", NULL, NULL},
    {"StringIO", "", NULL, NULL},
    {"Tix", "", NULL, NULL},
    {"UserDict", "", NULL, NULL},
    {"UserList", "", NULL, NULL},
    {"UserString", "", NULL, NULL},
    {"_elementtree", "", NULL, NULL},
    {"cPickle", "", NULL, NULL},
    {"cStringIO", "", NULL, NULL},
    {"whichdb", "", NULL, NULL},
};

static bool is_one_way(const compat_name *row)
{
    for (size_t i = 0; i < sizeof one_way / sizeof *one_way; i++) {
        if (strcmp(one_way[i].module, row->module) == 0 && strcmp(one_way[i].name, row->name) == 0)
            return true;
    }
    return false;
}

/** Whether a Python 3 loader finds this name under that one of Python 2. */
static bool maps_to(snapjar_text old_module, snapjar_text old_name, snapjar_text module, snapjar_text name)
{
    const char *mapped_module, *mapped_name;
    sj_names_map(old_module, old_name, &mapped_module, &mapped_name);
    const snapjar_text found_module =
        mapped_module != NULL ? (snapjar_text){mapped_module, strlen(mapped_module)} : old_module;
    const snapjar_text found_name = mapped_name != NULL ? (snapjar_text){mapped_name, strlen(mapped_name)} : old_name;
    return found_module.size == module.size && memcmp(found_module.data, module.data, module.size) == 0 &&
           found_name.size == name.size && memcmp(found_name.data, name.data, name.size) == 0;
}

bool sj_names_unmap(snapjar_text module, snapjar_text name, snapjar_text *old_module, snapjar_text *old_name)
{
    *old_module = module;
    *old_name = name;
    for (size_t i = 0; i < sizeof compat_names / sizeof *compat_names; i++) {
        const compat_name *row = &compat_names[i];
        if (compare_text(module, row->mapped_module) != 0 || compare_text(name, row->mapped_name) != 0 ||
            is_one_way(row))
            continue;
        *old_module = (snapjar_text){row->module, strlen(row->module)};
        *old_name = (snapjar_text){row->name, strlen(row->name)};
        return true;
    }
    for (size_t i = 0; i < sizeof compat_modules / sizeof *compat_modules; i++) {
        const compat_name *row = &compat_modules[i];
        const snapjar_text candidate = {row->module, strlen(row->module)};
        if (compare_text(module, row->mapped_module) != 0 || is_one_way(row) || !maps_to(candidate, name, module, name))
            continue;
        *old_module = candidate;
        return true;
    }
    return maps_to(module, name, module, name);
}

void sj_names_init(sj_names *names, sj_texts *texts, size_t count_max)
{
    memset(names, 0, sizeof *names);
    names->texts = texts;
    names->count_max = count_max;
}

void sj_names_clear(sj_names *names)
{
    sj_free(names->texts->context, names->globals);
    sj_free(names->texts->context, names->table);
}

void sj_names_reset(sj_names *names)
{
    if (names->table_capacity > KEPT_CAPACITY) {
        sj_free(names->texts->context, names->table);
        names->table = NULL;
        names->table_capacity = 0;
    } else if (names->count > 0) {
        memset(names->table, 0, names->table_capacity * sizeof *names->table);
    }
    names->count = 0;
}

/** Where a global is in the table, or belongs. */
static size_t find_slot(const sj_names *names, uint32_t module, uint32_t name, sj_resolution resolution)
{
    const size_t mask = names->table_capacity - 1;
    const uint64_t key = (uint64_t)module << 32 | name;
    size_t at = (size_t)sj_texts_mix(names->texts, key, (uint64_t)resolution) & mask;
    while (names->table[at] != 0) {
        const sj_global *global = &names->globals[names->table[at] - 1];
        if (global->module == module && global->name == name && global->resolution == resolution)
            break;
        at = (at + 1) & mask;
    }
    return at;
}

static snapjar_status grow(sj_names *names, snapjar_error *err)
{
    snapjar_context *context = names->texts->context;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? FIRST_CAPACITY : 2 * names->capacity;
        sj_global *globals = sj_realloc(context, names->globals, capacity * sizeof *globals);
        if (globals == NULL)
            return sj_raise_no_memory(err, capacity * sizeof *globals);
        names->globals = globals;
        names->capacity = capacity;
    }
    if (2 * (names->count + 1) <= names->table_capacity)
        return SNAPJAR_OK;
    size_t capacity = names->table_capacity == 0 ? 2 * FIRST_CAPACITY : 2 * names->table_capacity;
    uint32_t *table = sj_alloc_zero(context, capacity * sizeof *table);
    if (table == NULL)
        return sj_raise_no_memory(err, capacity * sizeof *table);
    sj_free(context, names->table);
    names->table = table;
    names->table_capacity = capacity;
    for (uint32_t i = 0; i < names->count; i++) {
        const sj_global *global = &names->globals[i];
        table[find_slot(names, global->module, global->name, global->resolution)] = i + 1;
    }
    return SNAPJAR_OK;
}

static snapjar_text text_of(const char *text)
{
    return (snapjar_text){text, strlen(text)};
}

static bool is_text(snapjar_text text, const char *other)
{
    return compare_text(text, other) == 0;
}

/** Sets the texts of one global. */
static void refresh(const sj_names *names, sj_global *global)
{
    snapjar_scan_global *info = &global->info;
    if (global->resolution == SJ_RESOLUTION_EXTENSION) {
        info->module = info->name = info->mapped_module = info->mapped_name = text_of("");
        return;
    }
    info->module = sj_texts_get(names->texts, global->module);
    info->name = sj_texts_get(names->texts, global->name);
    info->mapped_module = global->mapped_module != NULL ? text_of(global->mapped_module) : info->module;
    info->mapped_name = global->mapped_name != NULL ? text_of(global->mapped_name) : info->name;
}

static bool is_attribute(sj_resolution resolution)
{
    return resolution == SJ_RESOLUTION_ATTRIBUTE || resolution == SJ_RESOLUTION_ATTRIBUTE_MAPPED;
}

/** Fills in a new global. */
static void describe(const sj_names *names, sj_global *global, int protocol)
{
    snapjar_scan_global *info = &global->info;
    info->protocol = protocol;
    info->fields_are_whole = true;
    for (size_t i = 0; i < SNAPJAR_USE_COUNT; i++)
        info->uses[i].offset = SNAPJAR_OFFSET_NONE;
    if (global->resolution == SJ_RESOLUTION_EXTENSION)
        info->extension_code = global->name;
    if (global->resolution == SJ_RESOLUTION_MAPPED)
        sj_names_map(sj_texts_get(names->texts, global->module), sj_texts_get(names->texts, global->name),
                     &global->mapped_module, &global->mapped_name);
    info->is_attribute = is_attribute(global->resolution);
    if (info->is_attribute)
        global->mapped_module = names->globals[global->base].mapped_module;
    refresh(names, global);
    info->is_dotted = info->mapped_name.size > 0 && memchr(info->mapped_name.data, '.', info->mapped_name.size) != NULL;
    global->makes_first_argument =
        is_text(info->mapped_module, "copyreg") &&
        (is_text(info->mapped_name, "_reconstructor") || is_text(info->mapped_name, "__newobj__") ||
         is_text(info->mapped_name, "__newobj_ex__"));
    global->is_getattr = is_text(info->mapped_module, "builtins") && is_text(info->mapped_name, "getattr");
}

/** Finds the global that is like this one, or adds it. */
static snapjar_status find(sj_names *names, sj_global wanted, int protocol, uint64_t offset, uint32_t *index,
                           bool *is_new, snapjar_error *err)
{
    SJ_TRY(grow(names, err));
    const size_t slot = find_slot(names, wanted.module, wanted.name, wanted.resolution);
    *is_new = names->table[slot] == 0;
    if (!*is_new) {
        *index = names->table[slot] - 1;
        return SNAPJAR_OK;
    }
    if (names->count >= names->count_max)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_PICKLE_GLOBALS_LIMIT, SJ_AT_CONTENT(offset),
                        "the pickle names more than the limit of %zu globals", names->count_max);
    *index = (uint32_t)names->count++;
    names->table[slot] = *index + 1;
    names->globals[*index] = wanted;
    describe(names, &names->globals[*index], protocol);
    return SNAPJAR_OK;
}

snapjar_status sj_names_find(sj_names *names, uint32_t module, uint32_t name, int protocol, bool is_extension,
                             uint64_t offset, uint32_t *index, bool *is_new, snapjar_error *err)
{
    const sj_resolution resolution = is_extension    ? SJ_RESOLUTION_EXTENSION
                                     : protocol < 3  ? SJ_RESOLUTION_MAPPED
                                     : protocol == 3 ? SJ_RESOLUTION_PLAIN
                                                     : SJ_RESOLUTION_DOTTED;
    const sj_global wanted = {.module = module, .name = name, .resolution = resolution};
    return find(names, wanted, protocol, offset, index, is_new, err);
}

snapjar_status sj_names_find_attribute(sj_names *names, uint32_t base, uint32_t name, int protocol, uint64_t offset,
                                       uint32_t *index, snapjar_error *err)
{
    const sj_global *of = &names->globals[base];
    const bool is_mapped = of->resolution == SJ_RESOLUTION_MAPPED || of->resolution == SJ_RESOLUTION_ATTRIBUTE_MAPPED;
    const sj_global wanted = {.module = of->module,
                              .name = name,
                              .base = base,
                              .resolution = is_mapped ? SJ_RESOLUTION_ATTRIBUTE_MAPPED : SJ_RESOLUTION_ATTRIBUTE};
    bool is_new;
    return find(names, wanted, protocol, offset, index, &is_new, err);
}

void sj_names_refresh(sj_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        refresh(names, &names->globals[i]);
}
