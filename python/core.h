/* SPDX-License-Identifier: MIT
 *
 * What the files of the extension share: the module's state, workspaces, and the types. Built on libsnapjar's public
 * headers and CPython's stable ABI; never relies on anything private of either.
 */
#ifndef SNAPJAR_PYTHON_CORE_H
#define SNAPJAR_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include <snapjar/snapjar.h>

/** Work on less than this keeps the interpreter lock: giving it up and getting it back costs more than it frees. */
#define RELEASE_SIZE ((uint64_t)64 << 10)
/** Workspaces kept for the next call. */
#define SPARE_MAX 8
/** Threads for large payloads by default, where there are so many processors. */
#define THREADS_DEFAULT_MAX 4U
/** Plans (what the globals of a kind of pickle resolve to) that are kept. */
#define PLAN_COUNT 16
/** Environments that are kept: one for each type whose records are loaded in turn. */
#define ENVIRONMENT_COUNT 8
/** What quick.c knows by name. */
#define QUICK_KEYWORD_COUNT 9
#define QUICK_COMPRESSION_COUNT 3

/** What the globals of one kind of pickle are, found once and used as long as the modules still say the same. */
typedef struct plan {
    /** Everything it depends on but the policy: names, uses and fields of the globals. NULL: free. */
    char *signature;
    size_t signature_size;
    PyObject *policy;
    /** {(module, name): object}: all that find_class knows. */
    PyObject *table;
    /** [(module, (name, ...), object)]: where each must still be found. */
    PyObject *places;
} plan;

/** What was made of the last pickle that a scan has read: it serves for the next if the scan's generation stays. */
typedef struct recent {
    /** 0: nothing. */
    uint64_t plan_generation;
    int layout;
    int64_t schema_version;
    PyObject *policy;
    PyObject *table;
    PyObject *places;
    uint64_t build_generation;
    PyObject *build_json;
} recent;

/**
 * A context and what is kept beside it. One call, reader or writer has it at a time; content that outlives the call
 * holds a reference, since it is freed through the context.
 */
typedef struct workspace {
    size_t references;
    snapjar_context *context;
    /** A memory sink for small records, or NULL until it is needed. */
    snapjar_sink *record;
    /** Or NULL until it is needed. */
    snapjar_scan *scan;
    /** By that scan. */
    recent recent;
    /** Out-of-band buffers of a dump under way, and the keywords with the callback that fills it; or NULL. */
    PyObject *buffers;
    PyObject *keywords;
} workspace;

/** The start of a header whose environment was found to be this one, and by which rules. */
typedef struct environment {
    /** NULL: none. */
    PyObject *rules;
    char *header;
    size_t header_size;
} environment;

typedef struct module_state {
    PyTypeObject *policy_type;
    PyTypeObject *stream_type;
    PyTypeObject *buffer_type;
    PyTypeObject *content_type;
    PyTypeObject *reader_type;
    PyTypeObject *writer_type;
    PyTypeObject *unpickler_type;
    PyTypeObject *key_type;
    PyTypeObject *trust_type;
    /** Where an unpickler keeps its table. */
    Py_ssize_t table_offset;
    /** The type keeps a pointer to them. */
    PyMethodDef unpickler_methods[2];
    PyObject *pickle_dumps;
    /** Functions of the Python side, set once by `configure`. */
    PyObject *hooks[12];
    /** Names that are looked up, interned. */
    PyObject *callback_name;
    PyObject *raw_name;
    PyObject *module_name;
    PyObject *qualname_name;
    PyObject *schema_name;
    PyObject *load_name;
    /** Keywords and compressions, interned, and default values. */
    PyObject *quick_keywords[QUICK_KEYWORD_COUNT];
    PyObject *quick_compressions[QUICK_COMPRESSION_COUNT];
    PyObject *quick_numbers[QUICK_COMPRESSION_COUNT];
    PyObject *quick_protocol;
    PyObject *quick_nothing;
    /** Module and name of the class dumped last, and "module:name" in bytes. */
    PyObject *typed_module;
    PyObject *typed_name;
    PyObject *typed_text;
    /** For `threads=None`. */
    unsigned threads;
    workspace *spare[SPARE_MAX];
    size_t spare_count;
    plan plans[PLAN_COUNT];
    size_t plan_next;
    /** Headers of which the environment was found to be this one. */
    environment environments[ENVIRONMENT_COUNT];
    size_t environment_next;
    /** The modules that the last pickle's globals are in, and what build info (JSON, as bytes) that gave. */
    char *build_modules;
    size_t build_modules_size;
    PyObject *build_json;
} module_state;

enum hook {
    /** (fields of a snapjar_error...) -> exception */
    HOOK_MAKE_ERROR,
    /** (verdict, denials) -> exception */
    HOOK_MAKE_DENIAL,
    /** (globals, policy, layout mode, schema version) -> (table, places, may be kept) */
    HOOK_RESOLVE,
    /** (header JSON, mode) -> True if there is nothing to say */
    HOOK_CHECK_ENVIRONMENT,
    /** (module names) -> build info as JSON in bytes */
    HOOK_DESCRIBE_BUILD,
    /** (object, exception) -> exception */
    HOOK_EXPLAIN_PICKLING,
    /** (exception, offset) -> exception */
    HOOK_EXPLAIN_UNPICKLING,
    /** (header JSON, expected) raises if the header is not as expected */
    HOOK_CHECK_EXPECTED,
    /** dumps and loads with all their keywords */
    HOOK_DUMPS,
    HOOK_LOADS,
    /** (allow, policy or None) -> policy */
    HOOK_RESOLVE_POLICY,
    /** No function: the rules of environment="warn" */
    HOOK_WARN_RULES,
    HOOK_COUNT
};

_Static_assert(HOOK_COUNT == 12, "the module's state has room for the hooks");

module_state *core_state(PyObject *module);

/* ---- workspace.c ---- */

/** A workspace of one's own, or NULL with an exception. Give it back with workspace_release. */
workspace *workspace_acquire(module_state *state);
/** Keeps it for the next call, unless somebody else still holds it or there are enough. */
void workspace_release(module_state *state, workspace *ws);
/** For content that lives on. */
void workspace_hold(workspace *ws);
void workspace_drop(workspace *ws);
/** The kept scan, made when there is none. NULL with an exception. */
snapjar_scan *scan_borrow(module_state *state, workspace *ws);
/** The processors that this process may use, at most THREADS_DEFAULT_MAX; 0, for the calling thread alone, if it is
 * one. */
unsigned threads_default(void);
/** Reads an argument: a number, or None for the default. 0, or -1 with an exception. */
int threads_read(const module_state *state, unsigned *threads, PyObject *argument);
/** After a pickle of `size` bytes was scanned and what was found is no longer needed. */
void scan_return(workspace *ws, uint64_t size);

/* ---- errors.c ---- */

/** Sets the exception that `err` stands for. Returns NULL. */
PyObject *raise_error(module_state *state, const snapjar_error *err);
/** Sets the exception for a verdict that is not "allowed". Returns NULL. */
PyObject *raise_denial(module_state *state, const snapjar_judgement *judgement, snapjar_verdict verdict);
/** [(diagnostic, offset, global, uses, reason, line)] */
PyObject *describe_denials(const snapjar_judgement *judgement);
/** Replaces the exception that is set by what a hook (object, exception) makes of it. */
void replace_exception(PyObject *hook, PyObject *object);

/* ---- seal.c ---- */

extern PyType_Spec key_spec;
extern PyType_Spec trust_spec;
/** What is to be trusted; made at the first call. NULL with an exception. */
snapjar_trust *trust_get(module_state *state, PyObject *trust);
/** The same for what may be no trust at all: then NULL with an exception. */
snapjar_trust *trust_of(module_state *state, PyObject *object);
PyObject *core_key_generate(PyObject *module, PyObject *args);
PyObject *core_key_open(PyObject *module, PyObject *args);
PyObject *core_seal(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
/** Text in bytes, or NULL for None. 0, or -1 with an exception. */
int optional_text(const char **text, PyObject *value);
/** A sealer by a tuple of keys, which must outlive it, for a context in bytes or None; NULL with an exception. */
snapjar_sealer *sealer_make(module_state *state, snapjar_context *context, PyObject *keys, PyObject *seal_context);
/** Records (bytes) sealed, or NULL with an exception; `continues`: they follow those sealed before. */
PyObject *seal_records(module_state *state, workspace *ws, snapjar_sealer *sealer, PyObject *records, bool continues);

/* ---- detached.c ---- */

/** Which detached seal is demanded; none if all is zero. */
typedef struct detached_choice {
    /** The path of the snapshot that it is beside, or its own. Borrowed. */
    const char *beside;
    const char *path;
    /** Or its text. */
    Py_buffer text;
} detached_choice;

/** From None, (path of the snapshot,), the seal's own path, both in bytes, or a memoryview. 0, or -1 with an exception.
 */
int detached_choose(detached_choice *choice, PyObject *object);
/** Of zeros too. */
void detached_release(detached_choice *choice);
/** Makes it part of the demand for what reads `source`; `*detached` must be freed behind the reader. */
snapjar_status detached_demand(const detached_choice *choice, snapjar_seal_demand *demand, snapjar_detached **detached,
                               workspace *ws, snapjar_source *source, snapjar_error *err);
/** Says which file an error that comes of demanding is about, where the library does not know. */
void detached_blame(const detached_choice *choice, snapjar_error *err);

/* ---- reseal.c ---- */

PyObject *core_seal_path(PyObject *module, PyObject *args);
PyObject *core_unseal_path(PyObject *module, PyObject *args);

/* ---- policy.c ---- */

extern PyType_Spec policy_spec;
const snapjar_policy *policy_get(PyObject *policy);
/** [(name, summary, is_default)] of the presets. */
PyObject *core_presets(PyObject *module, PyObject *unused);

/* ---- content.c ---- */

extern PyType_Spec stream_spec;
extern PyType_Spec buffer_spec;
extern PyType_Spec content_spec;
/** An object that owns content; takes it, also on failure. */
PyObject *content_new(module_state *state, workspace *ws, snapjar_content *content);
/** A writable view of part of what a content object owns. */
PyObject *buffer_new(module_state *state, PyObject *content, uint64_t offset, uint64_t size);
/** A file object that hands the pickle to an unpickler whole, without a copy. */
PyObject *stream_new(module_state *state, PyObject *content);

/* ---- unpickler.c ---- */

/** Makes the unpickler type over CPython's own. 0, or -1 with an exception. */
int unpickler_init(PyObject *module, module_state *state);
/** Loads what `content` holds; `table` is all that the pickle may name. */
PyObject *unpickle(module_state *state, PyObject *content, PyObject *table, const snapjar_header *header);

/* ---- plan.c ---- */

/** The table for the globals that the workspace's scan has found: a new reference, or NULL with an exception. */
PyObject *plan_find(module_state *state, workspace *ws, PyObject *policy, int layout, const snapjar_header *header);
void plans_clear(module_state *state);
/** What was kept with a scan that goes. */
void recent_clear(recent *r);
/** The same of all workspaces that are not in use. */
void recents_clear(module_state *state);
/** [(module, name, mapped module, mapped name, uses, fields or None, first offset)] of a scan. */
PyObject *globals_list(snapjar_scan *scan);

/* ---- load.c ---- */

typedef struct load_settings {
    PyObject *policy;
    /** What the hook understands; None: do not check. */
    PyObject *environment;
    /** 0: ignore, 1: warn, 2: refuse. */
    int layout;
    /** (type, schema version) or None. */
    PyObject *expected;
    unsigned threads;
} load_settings;

/** The current record of `reader`, through the whole gate. */
PyObject *load_record(module_state *state, workspace *ws, snapjar_reader *reader, const snapjar_record *record,
                      const load_settings *settings);
/** Reads (policy, environment, layout, expected, threads). 0, or -1 with an exception. */
int load_settings_read(const module_state *state, load_settings *settings, PyObject *const *arguments,
                       Py_ssize_t count);
/** Forgets all environments that were found to be this one. */
void environments_clear(module_state *state);
PyObject *core_load_bytes(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ---- dump.c ---- */

PyObject *core_dump_bytes(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_dump_path(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
#define DUMP_ARGUMENT_COUNT 10

/* ---- quick.c ---- */

extern const char core_dumps_doc[];
extern const char core_loads_doc[];
PyObject *core_dumps(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names);
PyObject *core_loads(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *names);
/** 0, or -1 with an exception. */
int quick_init(module_state *state);
void quick_clear(module_state *state);

/* ---- reader.c, writer.c ---- */

extern PyType_Spec reader_spec;
extern PyType_Spec writer_spec;

/* ---- graph.c ---- */

/** What is looked at: a path, or else memory. */
typedef struct pickle_target {
    const char *path;
    Py_buffer view;
    /** The seals that are demanded; its trust set is NULL if none are. */
    snapjar_seal_demand demand;
    detached_choice detached;
} pickle_target;

/**
 * From a path in bytes, borrowed, or (memory,), or (either, trust, context or None, what detached_choose takes). 0, or
 * -1 with an exception.
 */
int target_get(module_state *state, pickle_target *target, PyObject *object);
/** Of zeros too. */
void target_release(pickle_target *target);

/** The pickles of a target, and the values of one of them. */
typedef struct pickle_values {
    snapjar_source *source;
    snapjar_pickles *pickles;
    snapjar_seal_demand demand;
    snapjar_detached *detached;
    /** The pickle that `values_next` went to; NULL: there are no more. */
    const snapjar_pickles_item *item;
    snapjar_content *content;
    /** NULL until `values_load`. */
    snapjar_graph *graph;
} pickle_values;

/** Close it on failure too, while the workspace is still held. */
snapjar_status values_open(pickle_values *values, workspace *ws, const pickle_target *target,
                           snapjar_string_encoding encoding, snapjar_error *err);
/** Goes to the next pickle, and lets go of the values of the one before. */
snapjar_status values_next(pickle_values *values, snapjar_error *err);
/** Goes to the pickle with this number, if there are so many. */
snapjar_status values_go_to(pickle_values *values, unsigned long long index, snapjar_error *err);
/** Makes the values of the pickle that it is at. */
snapjar_status values_load(pickle_values *values, workspace *ws, snapjar_error *err);
void values_close(pickle_values *values);

/* ---- scan.c, show.c, diff.c ---- */

PyObject *core_scan(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_show(PyObject *module, PyObject *args);
PyObject *core_diff(PyObject *module, PyObject *args);

/* ---- contract.c ---- */

PyObject *core_contract_read(PyObject *module, PyObject *args);
PyObject *core_contract_check(PyObject *module, PyObject *args);
PyObject *core_migrate_bytes(PyObject *module, PyObject *args);
PyObject *core_migrate_paths(PyObject *module, PyObject *args);

#endif
