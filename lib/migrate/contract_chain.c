/* SPDX-License-Identifier: MIT
 *
 * Migrations: which lead from where to where, and that every version that the contract names leads to the current one
 * in exactly one way.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/contract_read.h"

static SJ_READ refuse_chain(const sj_contract_reader *reader, sj_json_place place, const char *format, int64_t a,
                            int64_t b)
{
    return sj_json_raise(&reader->document, place, SNAPJAR_DAMAGED, SNAPJAR_DIAG_CONTRACT_CHAIN, reader->err, format,
                         (long long)a, (long long)b);
}

static SJ_READ read_ends(sj_contract_reader *reader, const sj_json *json, sj_migration *made)
{
    const int64_t current = reader->contract->current.version;
    SJ_TRY(sj_contract_read_natural(reader, json, "from", &made->from));
    SJ_TRY(sj_contract_read_natural(reader, json, "to", &made->to));
    if (made->from >= made->to)
        return refuse_chain(reader, sj_json_member_of(json, "to"),
                            "the migration leads from version %lld to %lld, which is no later one", made->from,
                            made->to);
    if (made->to > current)
        return refuse_chain(reader, sj_json_member_of(json, "to"),
                            "the migration leads to version %lld, beyond the contract's %lld", made->to, current);
    return SNAPJAR_OK;
}

/** Steps, where each name of a "map" of renames counts as one: they are compared with one another. */
static uint64_t count_steps(const sj_json *steps)
{
    uint64_t count = sj_json_count(steps);
    for (size_t i = 0; i < sj_json_count(steps); i++) {
        const sj_json *step = sj_json_at(steps, i);
        const sj_json *map = sj_json_type_of(step) == SJ_JSON_OBJECT ? sj_json_get(step, "map") : NULL;
        if (map != NULL && sj_json_type_of(map) == SJ_JSON_OBJECT && sj_json_count(map) > 1)
            count += sj_json_count(map) - 1;
    }
    return count;
}

static SJ_READ read_steps(sj_contract_reader *reader, const sj_json *json, sj_migration *made)
{
    const uint64_t limit = reader->contract->options.step_count_max;
    const sj_json *steps = sj_json_get(json, "steps");
    SJ_TRY(sj_contract_expect(reader, json, "steps", SJ_JSON_ARRAY));
    reader->step_count += count_steps(steps);
    if (reader->step_count > limit)
        return sj_contract_refuse_limit(reader, sj_json_member_of(json, "steps"), "steps", limit);
    return sj_steps_read(&made->steps, reader->contract->context, &reader->document, steps, reader->err);
}

static SJ_READ read_migration(sj_contract_reader *reader, const sj_json *array, size_t index, sj_migration *made)
{
    static const char *const required[] = {"from", "to", "steps"};
    const sj_json *json = sj_json_at(array, index);
    if (sj_json_type_of(json) != SJ_JSON_OBJECT)
        return sj_contract_refuse(reader, sj_json_element_of(array, index), "migrations", "must have objects in it");
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        if (sj_json_get(json, required[i]) == NULL)
            return sj_contract_refuse(reader, sj_json_itself(json), required[i], "must be there");
    }
    made->description = "";
    for (void *i = sj_json_first(json); i != NULL; i = sj_json_next(json, i)) {
        const char *key = sj_json_key(i);
        if (strcmp(key, "description") == 0) {
            SJ_TRY(sj_contract_expect(reader, json, key, SJ_JSON_STRING));
            SJ_TRY(sj_contract_copy(reader, sj_json_string(sj_json_member(i)), &made->description));
        } else if (strcmp(key, "from") != 0 && strcmp(key, "to") != 0 && strcmp(key, "steps") != 0) {
            return sj_contract_refuse(reader, sj_json_member_of(json, key), key,
                                      "is not known in a migration: from, to, description, steps");
        }
    }
    SJ_TRY(read_ends(reader, json, made));
    return read_steps(reader, json, made);
}

static int compare_migrations(const void *a, const void *b)
{
    const int64_t left = ((const sj_migration *)a)->from, right = ((const sj_migration *)b)->from;
    return (left > right) - (left < right);
}

snapjar_status sj_migrations_read(sj_contract_reader *reader, const sj_json *value)
{
    snapjar_contract *contract = reader->contract;
    const uint64_t limit = contract->options.migration_count_max;
    void *block;
    SJ_TRY(sj_contract_expect(reader, reader->document.root, "migrations", SJ_JSON_ARRAY));
    if (sj_json_count(value) > limit)
        return sj_contract_refuse_limit(reader, sj_json_member_of(NULL, "migrations"), "migrations", limit);
    SJ_TRY(sj_contract_take(reader, &block, sj_json_count(value) * sizeof *contract->migrations));
    contract->migrations = block;
    for (size_t i = 0; i < sj_json_count(value); i++)
        SJ_TRY(read_migration(reader, value, i, &contract->migrations[contract->migration_count++]));
    qsort(contract->migrations, contract->migration_count, sizeof *contract->migrations, compare_migrations);
    return SNAPJAR_OK;
}

/** The element of "migrations" that is the second to begin at a version, or the first. */
static size_t find_in_document(const sj_json *array, int64_t from, bool is_second)
{
    size_t found = 0;
    for (size_t i = 0; i < sj_json_count(array); i++) {
        if (sj_json_integer(sj_json_get(sj_json_at(array, i), "from")) != from)
            continue;
        if (!is_second)
            return i;
        found = i;
    }
    return found;
}

/** Every migration leads to one that goes on, or to the current version; no two begin at one version. */
static SJ_READ check_links(sj_contract_reader *reader)
{
    const snapjar_contract *contract = reader->contract;
    const sj_json *array = sj_json_get(reader->document.root, "migrations");
    for (size_t i = 0; i < contract->migration_count; i++) {
        const sj_migration *migration = &contract->migrations[i];
        if (i > 0 && contract->migrations[i - 1].from == migration->from)
            return refuse_chain(reader, sj_json_element_of(array, find_in_document(array, migration->from, true)),
                                "there is another migration from version %lld: only one can lead on", migration->from,
                                0);
        if (migration->to != contract->current.version && sj_contract_migration(contract, migration->to) == NULL)
            return refuse_chain(reader, sj_json_element_of(array, find_in_document(array, migration->from, false)),
                                "no migration leads on from version %lld to the current one, %lld", migration->to,
                                contract->current.version);
    }
    return SNAPJAR_OK;
}

snapjar_status sj_migrations_check(sj_contract_reader *reader)
{
    const snapjar_contract *contract = reader->contract;
    const sj_json *versions = sj_json_get(reader->document.root, "versions");
    SJ_TRY(check_links(reader));
    for (void *i = versions != NULL ? sj_json_first(versions) : NULL; i != NULL; i = sj_json_next(versions, i)) {
        const int64_t number = (int64_t)strtoll(sj_json_key(i), NULL, 10);
        if (!snapjar_contract_accepts(contract, number) && sj_contract_migration(contract, number) == NULL)
            return refuse_chain(reader, sj_json_member_of(versions, sj_json_key(i)),
                                "version %lld is not accepted, and no migration leads from it to %lld", number,
                                contract->current.version);
    }
    return SNAPJAR_OK;
}

/* ---- asking ---- */

const sj_migration *sj_contract_migration(const snapjar_contract *contract, int64_t from)
{
    const sj_migration wanted = {.from = from};
    if (contract->migration_count == 0)
        return NULL;
    return bsearch(&wanted, contract->migrations, contract->migration_count, sizeof wanted, compare_migrations);
}

bool snapjar_contract_next(const snapjar_contract *contract, int64_t from, int64_t *to, const char **description)
{
    const sj_migration *migration = sj_contract_migration(contract, from);
    if (to != NULL)
        *to = migration != NULL ? migration->to : 0;
    if (description != NULL)
        *description = migration != NULL ? migration->description : "";
    return migration != NULL;
}

bool snapjar_contract_chain(const snapjar_contract *contract, int64_t from, size_t *count)
{
    size_t steps = 0;
    while (from != contract->current.version) {
        const sj_migration *migration = sj_contract_migration(contract, from);
        if (migration == NULL)
            break;
        from = migration->to;
        steps++;
    }
    const bool is_there = from == contract->current.version;
    if (count != NULL)
        *count = is_there ? steps : 0;
    return is_there;
}
