/* SPDX-License-Identifier: MIT
 *
 * Options, paths, and what a policy has to say about one value.
 */
#include "pickle/show.h"

#include <string.h>

#include "util/options.h"

#define DEPTH_DEFAULT 8
#define LENGTH_DEFAULT 30
#define TEXT_DEFAULT 60
/** A leaf with more bytes than this is told once, if it is shared. */
#define LONG_LEAF 256

bool sj_show_is_numbered(const sj_show *show, sj_ref ref)
{
    const sj_node *node = sj_graph_node(show->graph, ref);
    size_t size;
    if ((node->flags & SJ_NODE_IS_SHARED) == 0)
        return false;
    const sj_seen seen = sj_picture_see(show->graph, ref);
    if (!sj_form_is_leaf(seen.form))
        return node->count > 0 || node->changes != 0 || seen.form == SJ_SEEN_OBJECT;
    if (seen.form == SJ_SEEN_GLOBAL)
        return false;
    (void)sj_graph_span(show->graph, sj_graph_node(show->graph, seen.text != 0 ? seen.text : ref), &size);
    return size > LONG_LEAF || seen.form == SJ_SEEN_BYTEARRAY;
}

/* ---- what is denied ---- */

/** The uses of a global that are not allowed, whatever it is an attribute of. */
static unsigned denied_itself(const sj_show *show, sj_ref ref, unsigned uses)
{
    const sj_node *node = sj_graph_node(show->graph, ref);
    const snapjar_policy *policy = show->options.policy;
    snapjar_text module, name;
    uses |= SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    char text[4 * SJ_PICTURE_NAME_SIZE];
    if (node->kind == SJ_NODE_GLOBAL) {
        sj_picture_names(show->graph, node, &module, &name);
    } else if (sj_picture_is_name(show->graph, ref)) {
        /* "module:Outer.Inner". What needs an escape is in no rule. */
        sj_out out;
        sj_out_to_text(&out, text, sizeof text, true);
        sj_picture_global(&out, show->graph, ref);
        const size_t size = sj_out_end(&out);
        const size_t module_size = strcspn(text, ":");
        module = (snapjar_text){text, module_size};
        name = (snapjar_text){text + module_size + 1, size - sj_min(size, module_size + 1)};
    } else if (node->kind == SJ_NODE_EXTENSION) {
        const sj_literal literal = sj_picture_literal(show->graph, node);
        const sj_extension *extension = sj_policy_extension(policy, (uint32_t)sj_literal_unsigned(&literal));
        if (extension == NULL)
            return SJ_DENIED_EXTENSION;
        module = (snapjar_text){extension->module, strlen(extension->module)};
        name = (snapjar_text){extension->name, strlen(extension->name)};
    } else {
        return SJ_DENIED_COMPUTED;
    }
    const unsigned allowed = sj_policy_uses(policy, module, name);
    return (uses & ~allowed) | (allowed == 0 ? SJ_DENIED_ALL : 0);
}

/** With an attribute, getattr and all that it is in are imported as well. */
static unsigned denied_uses(const sj_show *show, sj_ref ref, unsigned uses)
{
    unsigned denied = denied_itself(show, ref, uses);
    sj_ref name;
    if (!sj_picture_is_name(show->graph, ref))
        return denied;
    for (sj_ref owner; (owner = sj_picture_owner(show->graph, ref, &name)) != 0; ref = owner) {
        const sj_ref getattr = show->graph->words[sj_graph_node(show->graph, ref)->first];
        denied |= (denied_itself(show, owner, 0) | denied_itself(show, getattr, 0)) & SNAPJAR_USES(SNAPJAR_USE_IMPORT);
    }
    return denied;
}

/** Uses that the changes of an object are, or SJ_DENIED_TARGET where picklers change nothing. */
static unsigned changes_of(const snapjar_graph *graph, const sj_node *node)
{
    unsigned uses = 0;
    for (uint32_t place = sj_graph_first_change(graph, node); place != 0;
         place = sj_graph_next_change(graph, node, place)) {
        switch (sj_graph_change(graph, place).op) {
        case SJ_OP_BUILD:
            uses |= SNAPJAR_USES(SNAPJAR_USE_BUILD);
            break;
        case SJ_OP_SETITEM:
        case SJ_OP_SETITEMS:
            uses |= SNAPJAR_USES(SNAPJAR_USE_SETITEM);
            break;
        case SJ_OP_APPEND:
        case SJ_OP_APPENDS:
        case SJ_OP_ADDITEMS:
            uses |= SNAPJAR_USES(SNAPJAR_USE_APPEND);
            break;
        default:
            break;
        }
    }
    return uses;
}

static unsigned denied_object(const sj_show *show, const sj_node *node)
{
    const snapjar_graph *graph = show->graph;
    const bool is_new = node->kind == SJ_NODE_NEW || node->kind == SJ_NODE_NEW_EX;
    const sj_ref callable = graph->words[node->first];
    const unsigned changes = changes_of(graph, node);
    uint32_t skipped;
    const sj_ref class = sj_picture_class(graph, node, &skipped);
    const unsigned use = SNAPJAR_USES(is_new ? SNAPJAR_USE_NEW : SNAPJAR_USE_CALL);
    if (class == 0 || class == callable)
        return denied_uses(show, callable, use | changes);
    return denied_uses(show, callable, use) | denied_uses(show, class, SNAPJAR_USES(SNAPJAR_USE_NEW) | changes);
}

unsigned sj_show_denied(const sj_show *show, sj_ref ref, bool is_root)
{
    const sj_node *node = sj_graph_node(show->graph, ref);
    const snapjar_policy *policy = show->options.policy;
    const unsigned target = node->changes != 0 && changes_of(show->graph, node) != 0 ? SJ_DENIED_TARGET : 0;
    if (policy == NULL)
        return 0;
    switch ((sj_node_kind)node->kind) {
    case SJ_NODE_CALL:
    case SJ_NODE_NEW:
    case SJ_NODE_NEW_EX:
    case SJ_NODE_INSTANCE:
        if (sj_picture_is_name(show->graph, ref))
            return denied_uses(show, ref, is_root ? 0 : SNAPJAR_USES(SNAPJAR_USE_ARGUMENT));
        return denied_object(show, node);
    case SJ_NODE_GLOBAL:
    case SJ_NODE_EXTENSION:
        return target | denied_uses(show, ref, is_root ? 0 : SNAPJAR_USES(SNAPJAR_USE_ARGUMENT));
    case SJ_NODE_PERSISTENT:
        return target | (policy->allows_persistent_ids ? 0 : SJ_DENIED_PERSISTENT);
    case SJ_NODE_BUFFER:
        return target | (policy->allows_buffers ? 0 : SJ_DENIED_BUFFER);
    case SJ_NODE_LIST:
    case SJ_NODE_DICT:
    case SJ_NODE_SET:
        return 0;
    default:
        return target;
    }
}

void sj_show_put_denied(sj_out *out, unsigned denied, const char *quote, const char *between)
{
    static const struct {
        unsigned bit;
        const char *name;
    } others[] = {
        {SJ_DENIED_COMPUTED, "computed call"},   {SJ_DENIED_PERSISTENT, "persistent id"}, {SJ_DENIED_BUFFER, "buffer"},
        {SJ_DENIED_EXTENSION, "extension code"}, {SJ_DENIED_TARGET, "changed"},
    };
    const char *separator = "";
    for (unsigned use = 0; use < SNAPJAR_USE_COUNT; use++) {
        if ((denied & SNAPJAR_USES(use)) == 0)
            continue;
        sj_out_format(out, "%s%s%s%s", separator, quote, snapjar_use_name((snapjar_use)use), quote);
        separator = between;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if ((denied & others[i].bit) == 0)
            continue;
        sj_out_format(out, "%s%s%s%s", separator, quote, others[i].name, quote);
        separator = between;
    }
}

/* ---- the public face ---- */

static snapjar_status read_options(snapjar_show_options *own, const snapjar_show_options *options, snapjar_error *err)
{
    SJ_TRY(sj_options_read(own, sizeof *own, options, "snapjar_show_options", err));
    const bool is_json = own->form == SNAPJAR_SHOW_JSON;
    if ((unsigned)own->form > SNAPJAR_SHOW_JSON)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "form %d is none",
                        (int)own->form);
    own->is_unicode |= is_json;
    if (own->depth_max == 0)
        own->depth_max = is_json ? SNAPJAR_SHOW_ALL : DEPTH_DEFAULT;
    if (own->length_max == 0)
        own->length_max = is_json ? SNAPJAR_SHOW_ALL : LENGTH_DEFAULT;
    if (own->text_max == 0)
        own->text_max = TEXT_DEFAULT;
    return SNAPJAR_OK;
}

static snapjar_status find_root(const snapjar_graph *graph, const char *path, sj_ref *root, snapjar_error *err)
{
    size_t valid_size;
    char escaped[160];
    *root = graph->root;
    if (path == NULL || path[0] == '\0')
        return SNAPJAR_OK;
    sj_view_follow(graph, graph->root, path, root, &valid_size);
    if (*root != 0)
        return SNAPJAR_OK;
    (void)snapjar_text_escape(escaped, sizeof escaped, path + valid_size, strlen(path + valid_size));
    return sj_raise(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_PICKLE_PATH_MISSING, SJ_NOWHERE,
                    valid_size == 0 ? "the value has no \"%s\""
                                    : "nothing is at \"%s\" behind the first %zu bytes of the path",
                    escaped, valid_size);
}

snapjar_status snapjar_graph_show(const snapjar_graph *graph, snapjar_sink *sink, const snapjar_show_options *options,
                                  snapjar_show_summary *summary, snapjar_error *err)
{
    snapjar_show_options own;
    sj_ref root;
    if (summary != NULL)
        memset(summary, 0, sizeof *summary);
    if (graph == NULL || sink == NULL)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE, "%s is NULL",
                        graph == NULL ? "graph" : "sink");
    SJ_TRY(read_options(&own, options, err));
    SJ_TRY(find_root(graph, own.path, &root, err));
    sj_show *show = sj_alloc_zero(graph->context, sizeof *show);
    if (show == NULL)
        return sj_raise_no_memory(err, sizeof *show);
    show->graph = graph;
    show->options = own;
    show->numbers = sj_alloc_zero(graph->context, graph->node_count * sizeof *show->numbers);
    snapjar_status status = SNAPJAR_OK;
    if (show->numbers == NULL)
        status = sj_raise_no_memory(err, graph->node_count * sizeof *show->numbers);
    sj_out_to_sink(&show->out, sink, show->buffer, sizeof show->buffer, own.is_unicode, err);
    if (status == SNAPJAR_OK)
        status = own.form == SNAPJAR_SHOW_JSON ? sj_show_json(show, root, err) : sj_show_text(show, root, err);
    if (status == SNAPJAR_OK)
        status = sj_out_finish(&show->out);
    if (status == SNAPJAR_OK && summary != NULL)
        *summary = show->summary;
    sj_free(graph->context, show->numbers);
    sj_free(graph->context, show);
    return status;
}
