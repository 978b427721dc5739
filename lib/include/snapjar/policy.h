/* SPDX-License-Identifier: MIT
 *
 * What a pickle may do: a list of exact globals and uses; everything else is denied. A policy judges a scan (scan.h)
 * and says all that it denies at once, with what to add to allow it. Whether something is harmless is for the policy's
 * author to say: a rule for a function allows calling it with any arguments at all.
 */
#ifndef SNAPJAR_POLICY_H
#define SNAPJAR_POLICY_H

#include <snapjar/scan.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of rules. May be read by several threads at once while nobody changes it. */
typedef struct snapjar_policy snapjar_policy;

/** A set of uses, one bit each. A rule with any other use allows the import too. */
#define SNAPJAR_USES(use) (1u << (use))
/** An instance is made without calling __init__, and filled: what pickling an ordinary class needs. */
#define SNAPJAR_USES_CLASS                                                                                             \
    (SNAPJAR_USES(SNAPJAR_USE_IMPORT) | SNAPJAR_USES(SNAPJAR_USE_NEW) | SNAPJAR_USES(SNAPJAR_USE_BUILD) |              \
     SNAPJAR_USES(SNAPJAR_USE_SETITEM) | SNAPJAR_USES(SNAPJAR_USE_APPEND))
#define SNAPJAR_USES_ALL ((1u << SNAPJAR_USE_COUNT) - 1)

/** Makes a policy that allows plain literals and no global. Free it with snapjar_policy_free before the context. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_new(snapjar_policy **policy, snapjar_context *context,
                                                                 snapjar_error *err);

/** Frees a policy. NULL is allowed. */
SNAPJAR_API void snapjar_policy_free(snapjar_policy *policy);

/**
 * Allows `uses` of one global, beside those that are allowed already. `global` is "module:qualname", split at its first
 * colon, in the names of Python 3; both parts are compared byte for byte, there are no patterns. `reason` may be NULL.
 * Fails with `policy-invalid` if the name has not that form, or no use or an unknown one is given.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_allow(snapjar_policy *policy, const char *global,
                                                                   unsigned uses, const char *reason,
                                                                   snapjar_error *err);

/** Allows all rows of a preset. Fails with `policy-invalid` if there is none of this name. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_allow_preset(snapjar_policy *policy, const char *name,
                                                                          snapjar_error *err);

/** Allows the presets that are made for everyone. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_allow_defaults(snapjar_policy *policy, snapjar_error *err);

/** Allows persistent ids: the program's persistent_load gets whatever is in the pickle. */
SNAPJAR_API void snapjar_policy_allow_persistent_ids(snapjar_policy *policy, bool allowed);

/** Allows out-of-band buffers: set it where they come with the pickle. Those of a record do, and need it not. */
SNAPJAR_API void snapjar_policy_allow_buffers(snapjar_policy *policy, bool allowed);

/**
 * Says which global the loading program's copyreg has for an extension code above 0; what is allowed of that is allowed
 * of the code. The program must have registered it so: nothing in the pickle says what a code stands for.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_map_extension(snapjar_policy *policy, uint32_t code,
                                                                           const char *global, snapjar_error *err);

/**
 * Adds what a policy file says: one JSON object with the members
 *   "snapjar_policy": 1       required
 *   "presets": ["plain"]
 *   "allow": {"app.jobs:Job": ["new", "build"], "app.jobs:State": {"uses": ["call"], "reason": "an enumeration"}}
 *   "extensions": {"240": "app.jobs:Job"}
 *   "persistent_ids": false, "buffers": false
 * and no others. Fails with a `json-` diagnostic at the byte (SNAPJAR_SPACE_FILE), or with `policy-invalid`; the policy
 * then has some of it, and is good for nothing but to be freed.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_read(snapjar_policy *policy, const char *text, size_t size,
                                                                  snapjar_error *err);

/** A rule as it stands in a policy. Texts end with NUL and are borrowed from it. */
typedef struct snapjar_policy_rule {
    const char *module;
    const char *name;
    unsigned uses;
    /** Why it is allowed; "" if nobody said. */
    const char *reason;
    /** The preset it came from, or "". */
    const char *preset;
} snapjar_policy_rule;

SNAPJAR_API size_t snapjar_policy_rule_count(const snapjar_policy *policy);
/** In the order they were added; NULL beyond the end. Borrowed until the policy is changed. */
SNAPJAR_API const snapjar_policy_rule *snapjar_policy_rule_at(const snapjar_policy *policy, size_t index);

/** A preset. All texts are static. */
typedef struct snapjar_preset {
    const char *name;
    const char *summary;
    /** Whether snapjar_policy_allow_defaults has it. */
    bool is_default;
} snapjar_preset;

/** Preset `index`, or NULL beyond the end. Static. */
SNAPJAR_API const snapjar_preset *snapjar_preset_at(size_t index);
/** Row `index` of the presets' rules, or NULL beyond the end. Static. */
SNAPJAR_API const snapjar_policy_rule *snapjar_preset_rule_at(size_t index);

/* ---- judging ---- */

typedef enum snapjar_verdict {
    /** The pickle was read whole, is canonical, and does only what the policy allows. */
    SNAPJAR_VERDICT_ALLOWED = 0,
    SNAPJAR_VERDICT_DENIED = 1,
    /** Malformed, cut short or over a limit: nobody knows what it does. */
    SNAPJAR_VERDICT_NOT_ANALYSED = 2
} snapjar_verdict;

/** The name of a verdict ("not-analysed"). Static. */
SNAPJAR_API const char *snapjar_verdict_name(snapjar_verdict verdict);

#define SNAPJAR_DENIAL_TEXT_SIZE 512

/** One thing that is denied. Texts are printable ASCII. */
typedef struct snapjar_denial {
    /** `global-denied`, `computed-call-denied`, `extension-denied`, ... or that of a finding. */
    snapjar_diagnostic diagnostic;
    /** Of the first opcode that does it. */
    uint64_t offset;
    /** Index of the global in the scan, or SIZE_MAX. */
    size_t global_index;
    /** The uses that are not allowed; 0 without a global. */
    unsigned uses;
    /** "module:qualname" in the names of Python 3, or ""; escaped, and cut to fit. */
    char global[SNAPJAR_DENIAL_TEXT_SIZE];
    /** One sentence. */
    char reason[SNAPJAR_DENIAL_TEXT_SIZE];
    /** JSON: the member of a policy file's "allow" that would allow it, all uses named; "" if no such line would. */
    char line[SNAPJAR_DENIAL_TEXT_SIZE];
} snapjar_denial;

/** A verdict and its reasons. */
typedef struct snapjar_judgement snapjar_judgement;

/**
 * Judges a scan. A verdict is a result, whatever it is; this fails only for want of memory or a NULL argument. Only
 * SNAPJAR_VERDICT_ALLOWED means that the pickle may be loaded. Free the judgement with snapjar_judgement_free, before
 * the scan's context, from which it has its memory. Several threads may judge by one policy, each its own scan.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_policy_judge(const snapjar_policy *policy, snapjar_scan *scan,
                                                                   snapjar_judgement **judgement, snapjar_error *err);

SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_verdict snapjar_judgement_verdict(const snapjar_judgement *judgement);
/** 0 unless the verdict is SNAPJAR_VERDICT_DENIED. */
SNAPJAR_API size_t snapjar_judgement_denial_count(const snapjar_judgement *judgement);
/** Describes denial `index`, by offset; all zero beyond the end. Only while policy and scan are as they were judged. */
SNAPJAR_API void snapjar_judgement_describe(const snapjar_judgement *judgement, size_t index, snapjar_denial *denial);
/** Frees a judgement. NULL is allowed. */
SNAPJAR_API void snapjar_judgement_free(snapjar_judgement *judgement);

#ifdef __cplusplus
}
#endif
#endif
