/* SPDX-License-Identifier: MIT
 *
 * Contracts: one JSON document for each type of object, kept with the program's code. It says which version the type is
 * at, which classes with which fields its objects are made of, what their pickles may do, how older versions looked and
 * which steps lead from there to the current one (spec/contract.md). A contract is checked against the graph of a
 * pickle, which is never run.
 */
#ifndef SNAPJAR_CONTRACT_H
#define SNAPJAR_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <snapjar/graph.h>
#include <snapjar/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A contract that was read. Never changes: several threads may use one at once, each with a context of its own. */
typedef struct snapjar_contract snapjar_contract;

/** Zero means the default. A limit is the largest value still allowed; going over one gives SNAPJAR_LIMIT. */
typedef struct snapjar_contract_options {
    /** sizeof(snapjar_contract_options) of the program. */
    size_t struct_size;
    /** Bytes of the document. */
    uint64_t size_max;
    /** Objects and arrays in one another; never more than 256. */
    uint64_t depth_max;
    /** Classes of all versions together. */
    uint64_t class_count_max;
    /** Fields of one class, and entries of one rule. */
    uint64_t field_count_max;
    /** Rules, one for each field, element and entry. */
    uint64_t rule_count_max;
    /** Older versions that are described. */
    uint64_t version_count_max;
    uint64_t migration_count_max;
    /** Steps of all migrations together; one that renames by a map counts as many as that has names. */
    uint64_t step_count_max;
    /** Findings that an assessment keeps; the others are counted. */
    uint64_t finding_count_max;
} snapjar_contract_options;

#define SNAPJAR_CONTRACT_OPTIONS_INIT                                                                                  \
    {                                                                                                                  \
        sizeof(snapjar_contract_options), 0, 0, 0, 0, 0, 0, 0, 0, 0                                                    \
    }

#define SNAPJAR_CONTRACT_SIZE_DEFAULT (UINT64_C(4) << 20)
#define SNAPJAR_CONTRACT_DEPTH_DEFAULT UINT64_C(64)
#define SNAPJAR_CONTRACT_CLASS_COUNT_DEFAULT UINT64_C(10000)
#define SNAPJAR_CONTRACT_FIELD_COUNT_DEFAULT UINT64_C(4096)
#define SNAPJAR_CONTRACT_RULE_COUNT_DEFAULT UINT64_C(200000)
#define SNAPJAR_CONTRACT_VERSION_COUNT_DEFAULT UINT64_C(1000)
#define SNAPJAR_CONTRACT_MIGRATION_COUNT_DEFAULT UINT64_C(1000)
#define SNAPJAR_CONTRACT_STEP_COUNT_DEFAULT UINT64_C(10000)
#define SNAPJAR_CONTRACT_FINDING_COUNT_DEFAULT UINT64_C(100)

/**
 * Reads a contract. Strict: what is not known is refused, and so are versions from which no way, or more than one,
 * leads to the current one. Failures have the byte (SNAPJAR_SPACE_FILE), the path of the value as their place
 * ("$.classes.app.jobs:Job.fields.id"), and a message with line and column; their diagnostics are those of JSON,
 * `policy-invalid` and `contract-...`. The text need not stay. `options` may be NULL. Free it with
 * snapjar_contract_free before the context.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_contract_read(snapjar_contract **contract,
                                                                    snapjar_context *context, const char *text,
                                                                    size_t size,
                                                                    const snapjar_contract_options *options,
                                                                    snapjar_error *err);

/** Frees a contract. NULL is allowed. */
SNAPJAR_API void snapjar_contract_free(snapjar_contract *contract);

/** The type of object, as in headers. Borrowed. */
SNAPJAR_API const char *snapjar_contract_type(const snapjar_contract *contract);
/** The current version. */
SNAPJAR_API int64_t snapjar_contract_schema_version(const snapjar_contract *contract);
/** What pickles of the current version, and of accepted ones, may do. Borrowed. */
SNAPJAR_API const snapjar_policy *snapjar_contract_policy(const snapjar_contract *contract);
/** Whether objects of this version are loaded as they are: the current one, and those that say so. */
SNAPJAR_API bool snapjar_contract_accepts(const snapjar_contract *contract, int64_t version);
/** Whether migrations lead from this version to the current one, and how many (may be NULL); 0 from the current one. */
SNAPJAR_API bool snapjar_contract_chain(const snapjar_contract *contract, int64_t from, size_t *count);
/**
 * Whether records of this type and version are the contract's: the type is its own, or becomes it by the migrations
 * from this version; from any version if the contract does not know this one, or it is SNAPJAR_VERSION_UNKNOWN.
 */
SNAPJAR_API bool snapjar_contract_takes_type(const snapjar_contract *contract, const char *type, size_t type_size,
                                             int64_t version);
/**
 * The migration that begins at `from`: where it leads, and its description, "" if it has none (borrowed). Either may be
 * NULL. False if there is none.
 */
SNAPJAR_API bool snapjar_contract_next(const snapjar_contract *contract, int64_t from, int64_t *to,
                                       const char **description);

/**
 * Judges a scan that has come to its end by the contract's policy, for an object of this version. If the object is to
 * be migrated, what the migrations change or take away, and what its version is described to have, is admitted beside
 * it: what they make of the object has a pickle of its own, to be judged as one of the current version. Free the
 * judgement with snapjar_judgement_free.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_contract_judge(const snapjar_contract *contract,
                                                                     snapjar_scan *scan, int64_t version,
                                                                     snapjar_judgement **judgement, snapjar_error *err);

/* ---- checking ---- */

typedef enum snapjar_contract_state {
    /** Of the current version, and as that is described. */
    SNAPJAR_CONTRACT_CURRENT = 0,
    /** Of an older version that is loaded as it is, and as that is described. */
    SNAPJAR_CONTRACT_ACCEPTED = 1,
    /** Of an older version from which migrations lead to the current one, and as that is described, if it is. */
    SNAPJAR_CONTRACT_MIGRATABLE = 2,
    /** Not as its version is described: fields changed, and the version did not. */
    SNAPJAR_CONTRACT_DRIFTED = 3,
    /** Of another type, or of a version that the contract does not know. */
    SNAPJAR_CONTRACT_UNKNOWN = 4
} snapjar_contract_state;

/** "current", "accepted", "migratable", "drifted", "unknown". Static. */
SNAPJAR_API const char *snapjar_contract_state_name(snapjar_contract_state state);

typedef enum snapjar_finding_kind {
    /** The type is not the contract's. */
    SNAPJAR_FINDING_TYPE = 0,
    /** The version is newer than the contract's, or no way leads from it. */
    SNAPJAR_FINDING_VERSION = 1,
    /** A class has other fields than the contract says; told once for each class. */
    SNAPJAR_FINDING_FIELDS = 2,
    /** A value is not what its rule says. */
    SNAPJAR_FINDING_VALUE = 3,
    /** An object's state has not the form that the contract says. */
    SNAPJAR_FINDING_STATE = 4
} snapjar_finding_kind;

/** "type", "version", "fields", "value", "state". Static. */
SNAPJAR_API const char *snapjar_finding_kind_name(snapjar_finding_kind kind);

#define SNAPJAR_FINDING_TEXT_SIZE 512

/** One thing that is not as the contract says. Texts are printable ASCII, escaped and cut to fit. */
typedef struct snapjar_contract_finding {
    snapjar_finding_kind kind;
    /** Of the value's opcode in the content, or SNAPJAR_OFFSET_NONE. */
    uint64_t offset;
    /** Objects that it is said of; 1 but for SNAPJAR_FINDING_FIELDS. */
    uint64_t count;
    /** Where the first one is, as show and diff tell paths (".jobs[0].id"); "" is the root. */
    char path[SNAPJAR_FINDING_TEXT_SIZE];
    /** One sentence. */
    char message[SNAPJAR_FINDING_TEXT_SIZE];
    /** Of SNAPJAR_FINDING_FIELDS: "module:Qualname", the fields that the first object has, and those of the contract,
     * each in its own order; else "" and none. Borrowed from the assessment; names are UTF-8 that may hold anything. */
    char class_name[SNAPJAR_FINDING_TEXT_SIZE];
    const snapjar_text *found;
    size_t found_count;
    const snapjar_text *expected;
    size_t expected_count;
} snapjar_contract_finding;

/** What a contract says of an object. */
typedef struct snapjar_assessment snapjar_assessment;

/** In place of a version: not known. */
#define SNAPJAR_VERSION_UNKNOWN INT64_C(-1)

/**
 * Checks the object that a graph is against the contract. `type` is the header's, NULL if there is none (it is then not
 * looked at); `version` its schema version, or SNAPJAR_VERSION_UNKNOWN: then the first version that fits is taken, the
 * current one first and then from the newest to the oldest of those that are described. Whatever comes out is a result;
 * this fails for want of memory, a NULL argument and a negative version only. Memory is that of the graph's context.
 * Free the assessment with snapjar_assessment_free before that.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_contract_check(const snapjar_contract *contract,
                                                                     const snapjar_graph *graph, const char *type,
                                                                     int64_t version, snapjar_assessment **assessment,
                                                                     snapjar_error *err);

/** Frees an assessment. NULL is allowed. */
SNAPJAR_API void snapjar_assessment_free(snapjar_assessment *assessment);

SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_contract_state snapjar_assessment_state(const snapjar_assessment *assessment);
/** The version that the object was checked against: the one that was given, or the one that fits. */
SNAPJAR_API int64_t snapjar_assessment_version(const snapjar_assessment *assessment);
/** How many things are not as the contract says, and of how many of them it tells. */
SNAPJAR_API uint64_t snapjar_assessment_total(const snapjar_assessment *assessment);
SNAPJAR_API size_t snapjar_assessment_finding_count(const snapjar_assessment *assessment);
/** Finding `index`, in the order of the walk over the object; NULL beyond the end. Borrowed. */
SNAPJAR_API const snapjar_contract_finding *snapjar_assessment_finding(const snapjar_assessment *assessment,
                                                                       size_t index);

/* ---- making contracts ---- */

/** What was seen in samples that are known to be good. */
typedef struct snapjar_samples snapjar_samples;

/** Begins with no sample. Free it with snapjar_samples_free before the context. */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_samples_new(snapjar_samples **samples, snapjar_context *context,
                                                                  snapjar_error *err);
SNAPJAR_API void snapjar_samples_free(snapjar_samples *samples);

/**
 * Looks at one sample; the graph is not needed afterwards. `type` NULL: told from the object, as snapjar_pack tells it.
 * Samples of another type or version than the first are refused: SNAPJAR_REFUSED with `contract-samples-differ`.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_samples_add(snapjar_samples *samples, const snapjar_graph *graph,
                                                                  const char *type, int64_t version,
                                                                  snapjar_error *err);

/**
 * Writes the contract that all samples are current by, and whose policy allows them: classes with the fields and types
 * that were seen, what else the pickles use, and which presets allow it. `sink` is not finished. Without a sample:
 * SNAPJAR_INVALID_ARGUMENT.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_contract_infer(const snapjar_samples *samples, snapjar_sink *sink,
                                                                     snapjar_error *err);

/**
 * Writes the next version of a contract, for a human to finish: what the contract says now becomes an older version,
 * classes are as the new samples show them, and a migration has the steps that can be told from the two: fields that
 * came, with the value of a sample, fields that went, fields whose type changed, classes and enumerations that moved,
 * the one member of an enumeration that has another name or value, plain values that became members. A root that is a
 * dict is treated so if the contract names its entries. What is a guess says so in its `description`. `text` is the
 * contract's. `sink` is not finished.
 */
SNAPJAR_API SNAPJAR_MUST_CHECK snapjar_status snapjar_contract_bump(const char *text, size_t size,
                                                                    const snapjar_samples *old_samples,
                                                                    const snapjar_samples *new_samples,
                                                                    snapjar_sink *sink, snapjar_error *err);

#ifdef __cplusplus
}
#endif
#endif
