/* SPDX-License-Identifier: MIT
 *
 * What the names in a pickle ask of whoever loads it.
 */
#include <inttypes.h>
#include <string.h>

#include "doctor.h"

bool text_is(snapjar_text text, const char *string)
{
    return text.size == strlen(string) && !memcmp(text.data, string, text.size);
}

/* Whether `text` is `module` or inside it. */
static bool is_module(snapjar_text text, const char *module)
{
    size_t size = strlen(module);
    return text.size >= size && !memcmp(text.data, module, size) && (text.size == size || text.data[size] == '.');
}

static bool contains(snapjar_text text, const char *word)
{
    return text.size && memmem(text.data, text.size, word, strlen(word)) != NULL;
}

bool global_is_own(const snapjar_scan_global *global)
{
    const snapjar_policy_rule *rule;

    for (size_t i = 0; (rule = snapjar_preset_rule_at(i)); i++) {
        if (text_is(global->mapped_module, rule->module) && text_is(global->mapped_name, rule->name))
            return false;
    }
    return true;
}

static void add_name(struct text *out, const snapjar_scan_global *global)
{
    if (global->extension_code) {
        text_printf(out, "extension %" PRIu32, global->extension_code);
        return;
    }
    text_escape(out, global->mapped_module.data, global->mapped_module.size);
    text_putc(out, ':');
    text_escape(out, global->mapped_name.data, global->mapped_name.size);
}

size_t names_add(struct text *out, snapjar_scan *scan, bool (*is_wanted)(const snapjar_scan_global *global))
{
    const snapjar_scan_global *global;
    size_t count = 0;

    for (size_t i = 0; (global = snapjar_scan_global_at(scan, i)); i++) {
        if (!is_wanted(global))
            continue;
        if (count++ >= NAMES_SHOWN)
            continue;
        if (count > 1)
            text_puts(out, ", ");
        add_name(out, global);
    }
    if (count > NAMES_SHOWN)
        text_printf(out, " and %zu more", count - NAMES_SHOWN);
    return count;
}

/* ---- imports ---- */

/* Python's own modules that are there before anything is imported. */
static bool is_always_there(const snapjar_scan_global *global)
{
    return text_is(global->mapped_module, "builtins") || text_is(global->mapped_module, "copyreg") ||
           text_is(global->mapped_module, "_codecs");
}

static bool is_main(const snapjar_scan_global *global)
{
    return text_is(global->mapped_module, "__main__") || text_is(global->mapped_module, "__mp_main__");
}

static bool is_local(const snapjar_scan_global *global)
{
    return contains(global->mapped_name, "<locals>") || contains(global->mapped_name, "<lambda>");
}

static bool is_same_module(const snapjar_scan_global *a, const snapjar_scan_global *b)
{
    return a->mapped_module.size == b->mapped_module.size &&
           !memcmp(a->mapped_module.data, b->mapped_module.data, a->mapped_module.size);
}

/* The distinct modules, in the order of their first use. Quadratic in what is few: each is compared up to a number. */
#define MODULES_COMPARED 1000

static size_t add_modules(struct text *out, snapjar_scan *scan)
{
    const snapjar_scan_global *global;
    size_t count = 0;

    for (size_t i = 0; i < MODULES_COMPARED && (global = snapjar_scan_global_at(scan, i)); i++) {
        bool is_known = global->extension_code || is_always_there(global) || is_main(global);
        for (size_t j = 0; j < i && !is_known; j++)
            is_known = is_same_module(global, snapjar_scan_global_at(scan, j));
        if (is_known || count++ >= NAMES_SHOWN)
            continue;
        if (count > 1)
            text_puts(out, ", ");
        text_escape(out, global->mapped_module.data, global->mapped_module.size);
    }
    if (count > NAMES_SHOWN)
        text_printf(out, " and %zu more", count - NAMES_SHOWN);
    return count;
}

void ask_imports(const struct patient *patient, struct answer *answer)
{
    struct text names = {0};

    if (names_add(&names, patient->scan, is_main)) {
        answer_grade(answer, GRADE_PROBLEM);
        answer_say(answer, "It names %s: only the script that wrote it has that.", text_string(&names));
        answer_advise(answer,
                      "Move the class into a module that is imported under its name, and write the pickle again.");
    }
    text_clear(&names);
    if (names_add(&names, patient->scan, is_local)) {
        answer_grade(answer, GRADE_PROBLEM);
        answer_say(answer, "It names %s, which is inside a function or has no name: nothing can import that.",
                   text_string(&names));
        answer_advise(answer, "Define it at the top of a module.");
    }
    text_clear(&names);
    size_t count = add_modules(&names, patient->scan);
    if (count)
        answer_say(answer, "Whoever loads it imports %s.", text_string(&names));
    else if (!answer->said.size)
        answer_say(answer, "Nothing has to be imported.");
    text_free(&names);
}

/* ---- Pythons ---- */

/* Modules that moved: a pickle that names one needs what has it. Of a module and one inside it, the inner one counts.
 */
static const struct {
    const char *module;
    bool needs_attention;
    const char *said;
    const char *advice;
} moved[] = {
    {"numpy._core.numeric", true,
     "Arrays are written by numpy 2 at protocol 5: older ones have no numpy._core.numeric.",
     "Where an older numpy must read it, write it at protocol 4."},
    {"numpy._core", true, "Arrays are written by numpy 2: numpy from 1.26 on reads them.",
     "Where an older numpy must read it, write it with numpy 1."},
    {"numpy.core", false, "Arrays are written by numpy 1; numpy 2 reads them as well.", ""},
    {"pathlib._local", true, "Paths are written by Python 3.13: older ones have no pathlib._local.",
     "Store paths as text."},
    {"pandas.core.internals", true, "Frames hold what is internal to pandas, which changes between its versions.",
     "Keep the version of pandas with the data, or store frames in a format of their own."},
    {"sklearn", true, "Estimators load only under the version of scikit-learn that wrote them.",
     "Keep its version in the header's build.packages, and pin it."},
    {"torch", true, "Tensors load only where torch is.", ""},
};

static bool has_module(const struct patient *patient, const char *module)
{
    const snapjar_scan_global *global;

    for (size_t i = 0; (global = snapjar_scan_global_at(patient->scan, i)); i++) {
        if (is_module(global->mapped_module, module))
            return true;
    }
    return false;
}

void ask_pythons(const struct patient *patient, struct answer *answer)
{
    static const char *const readers[] = {"every Python, 2 and 3", "every Python, 2 and 3", "every Python from 2.3 on",
                                          "every Python 3",        "Python 3.4 and later",  "Python 3.8 and later"};
    const int protocol = snapjar_scan_summarize(patient->scan)->protocol;

    answer_say(answer, "Protocol %d: %s can read it.", protocol,
               protocol >= 0 && protocol < 6 ? readers[protocol] : "no Python known here");
    if (protocol < 2) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "It is larger and slower than it need be.");
        answer_advise(answer, "`snapjar transcode --protocol 4` writes it again, without loading it.");
    }
    if (patient->old_text_count) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "Python 2 wrote %" PRIu64 " text%s in it without saying the encoding; it is read as %s.",
                   patient->old_text_count, patient->old_text_count == 1 ? "" : "s",
                   snapjar_string_encoding_name(patient->item->string_encoding));
        answer_advise(answer, "Load it with the same encoding= every time, or `snapjar transcode` it to protocol 3 or "
                              "later, which settles it.");
    }
    for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
        const bool is_told = i && !strncmp(moved[i - 1].module, moved[i].module, strlen(moved[i].module)) &&
                             has_module(patient, moved[i - 1].module);
        if (is_told || !has_module(patient, moved[i].module))
            continue;
        answer_grade(answer, moved[i].needs_attention ? GRADE_ATTENTION : GRADE_OK);
        answer_say(answer, "%s", moved[i].said);
        if (moved[i].advice[0])
            answer_advise(answer, "%s", moved[i].advice);
    }
    if (patient->numpy && has_module(patient, "numpy"))
        answer_say(answer, "The header says numpy %s.", patient->numpy);
}

/* ---- other languages ---- */

void ask_languages(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    struct text names = {0};
    size_t count = names_add(&names, patient->scan, global_is_own);

    if (count) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "Only Python with its classes makes sense of %s.", text_string(&names));
        answer_advise(answer, "For other programs: `snapjar show --json`, or store plain dicts and lists.");
    } else if (snapjar_scan_global_count(patient->scan) || summary->persistent_ids.count) {
        answer_say(answer,
                   "It has types that other languages have no name for; readers of pickles there may know some.");
    } else {
        answer_say(answer, "It is plain data: a reader of pickles in any language can make sense of it.");
    }
    text_free(&names);
}

/* ---- live resources ---- */

static const struct live {
    const char *module;
    const char *name;
    enum grade grade;
    const char *what;
} lives[] = {
#define LIVE(module, name, grade, what) {module, name, GRADE_##grade, what},
#include "live.def"
#undef LIVE
};

static const struct live *find_live(const snapjar_scan_global *global)
{
    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        if (is_module(global->mapped_module, lives[i].module) &&
            (!lives[i].name[0] || text_is(global->mapped_name, lives[i].name)))
            return &lives[i];
    }
    return NULL;
}

static void ask_handed(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_summary *summary = snapjar_scan_summarize(patient->scan);
    const snapjar_scan_global *global;

    if (summary->persistent_ids.count) {
        answer_grade(answer, GRADE_ATTENTION);
        answer_say(answer, "%" PRIu64 " persistent id%s for objects that are somewhere else.",
                   summary->persistent_ids.count, summary->persistent_ids.count == 1 ? " stands" : "s stand");
        answer_advise(answer, "Whoever loads it needs a persistent_load that knows them.");
    }
    if (summary->buffers.count && !patient->header) {
        answer_grade(answer, GRADE_PROBLEM);
        answer_say(answer, "%" PRIu64 " out-of-band buffer%s not in the file.", summary->buffers.count,
                   summary->buffers.count == 1 ? " is" : "s are");
        answer_advise(answer, "Store them with the pickle: the Python module's dump does, in one record.");
    }
    for (size_t i = 0; (global = snapjar_scan_global_at(patient->scan, i)); i++) {
        if (!global->extension_code)
            continue;
        answer_grade(answer, GRADE_PROBLEM);
        answer_say(answer, "Extension codes stand for whatever the loading program has registered under them.");
        answer_advise(answer, "Write it without copyreg.add_extension.");
        return;
    }
}

void ask_live(const struct patient *patient, struct answer *answer)
{
    const snapjar_scan_global *global;
    size_t count = 0;

    for (size_t i = 0; (global = snapjar_scan_global_at(patient->scan, i)); i++) {
        const struct live *live = find_live(global);
        struct text name = {0};
        if (!live || count++ >= NAMES_SHOWN)
            continue;
        answer_grade(answer, live->grade);
        add_name(&name, global);
        answer_say(answer, "%s is %s.", text_string(&name), live->what);
        text_free(&name);
    }
    if (count > NAMES_SHOWN)
        answer_say(answer, "And %zu more names are of this kind.", count - NAMES_SHOWN);
    if (count && answer->grade == GRADE_PROBLEM)
        answer_advise(answer, "Leave it out in __getstate__ and make it anew in __setstate__.");
    ask_handed(patient, answer);
    if (!answer->said.size)
        answer_say(answer, "Nothing in it is known to be tied to the process that wrote it.");
}
