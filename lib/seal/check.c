/* SPDX-License-Identifier: MIT
 *
 * From a seal area and a demand to an answer.
 */
#include "seal/check.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* What a signature came to. When none is good, the last of these that was met is told. */
typedef enum outcome { OF_UNKNOWN_KEY, OF_OTHER_CONTEXT, EXPIRED, NOT_YET_VALID, WRONG, GOOD } outcome;

/* Signatures, and what they are over: a header, or the list of a detached seal. */
typedef struct check {
    snapjar_context *context;
    const sj_demand *demand;
    const sj_seal_entry *entries;
    size_t count;
    /** What the entries' places are counted from. */
    uint64_t offset;
    const sj_sealed_header *sealed;
    const sj_seal_area *area;
    /** NULL: it is a header. */
    const snapjar_detached *detached;
} check;

static const char *context_for(const sj_demand *demand, const sj_trusted *trusted)
{
    return demand->context ? demand->context : trusted->context;
}

static snapjar_status check_signature(const check *c, const sj_seal_entry *entry, const sj_trusted *trusted,
                                      bool *holds, snapjar_error *err)
{
    const char *context = context_for(c->demand, trusted);
    size_t size;
    uint8_t *message = c->detached ? sj_detached_message(&size, c->context, c->detached, context)
                                   : sj_seal_message(&size, c->context, &c->sealed->header, c->area->stored_size,
                                                     c->area->payload_digest, context);

    *holds = false;
    if (!message)
        return sj_raise_no_memory(err, size);
    *holds = sj_key_holds(trusted->key, entry->signature, message, size);
    sj_free(c->context, message);
    return SNAPJAR_OK;
}

static snapjar_status judge(const check *c, const sj_seal_entry *entry, const sj_trusted **key, outcome *result,
                            snapjar_error *err)
{
    uint8_t context_id[SJ_ID_SIZE];
    const sj_trusted *trusted = sj_trust_find(c->demand->trust, entry->key_id);
    bool holds = false;

    *key = trusted;
    *result = OF_UNKNOWN_KEY;
    if (!trusted || !trusted->key)
        return SNAPJAR_OK;
    /* The key says what its signatures are. An entry that says otherwise is none of its own. */
    *result = WRONG;
    if (entry->algorithm != (unsigned)trusted->algorithm)
        return SNAPJAR_OK;
    sj_seal_context_id(context_id, context_for(c->demand, trusted));
    *result = OF_OTHER_CONTEXT;
    if (!sj_is_equal(context_id, entry->context_id, SJ_ID_SIZE))
        return SNAPJAR_OK;
    SJ_TRY(check_signature(c, entry, trusted, &holds, err));
    if (!holds)
        *result = WRONG;
    else if (c->demand->now > trusted->not_after)
        *result = EXPIRED;
    else
        *result = c->demand->now < trusted->not_before ? NOT_YET_VALID : GOOD;
    return SNAPJAR_OK;
}

/* Says why no signature was good, by the one that came nearest to tell something. */
static snapjar_status refuse(const check *c, const sj_seal_entry *entry, const sj_trusted *trusted, outcome worst,
                             snapjar_error *err)
{
    assert(entry != NULL); /* A seal without entries was refused before. */
    const sj_where where = SJ_AT_FILE(c->offset + entry->at);
    char id[SNAPJAR_KEY_ID_SIZE + 1];

    sj_hex_write(id, entry->key_id, SJ_ID_SIZE);
    switch (worst) {
    case OF_UNKNOWN_KEY:
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_UNKNOWN_KEY, where,
                        trusted ? "the secret of the key %s was not given, which checking needs"
                                : "the record is sealed by the key %s, which is not trusted",
                        id);
    case OF_OTHER_CONTEXT:
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_CONTEXT_MISMATCH, where,
                        "the seal of the key %s was made for another context", id);
    case EXPIRED:
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_KEY_EXPIRED, where,
                        "the key %s is trusted no more: its not_after has passed", id);
    case NOT_YET_VALID:
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_KEY_NOT_YET_VALID, where,
                        "the key %s is not trusted yet: its not_before has not come", id);
    case WRONG:
    case GOOD:
        break;
    }
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_BAD_SIGNATURE, where,
                    "the signature is not that of the key %s", id);
}

/* `*worst` is what the failure was, if it is one of signatures. */
static snapjar_status check_entries(const check *c, sj_accepted *accepted, outcome *worst, snapjar_error *err)
{
    const sj_seal_entry *told = NULL;
    const sj_trusted *told_key = NULL;

    accepted->count = 0;
    *worst = OF_UNKNOWN_KEY;
    for (size_t i = 0; i < c->count; i++) {
        const sj_trusted *trusted;
        outcome result;
        SJ_TRY(judge(c, &c->entries[i], &trusted, &result, err));
        if (result == GOOD) {
            accepted->keys[accepted->count++] = trusted;
        } else if (!told || result > *worst) {
            told = &c->entries[i];
            told_key = trusted;
            *worst = result;
        }
    }
    return accepted->count ? SNAPJAR_OK : refuse(c, told, told_key, *worst, err);
}

snapjar_status sj_seal_check_header(sj_seal *seal, snapjar_context *context, const sj_demand *demand,
                                    const sj_sealed_header *sealed, snapjar_error *err)
{
    uint8_t digest[SJ_BLAKE_SIZE];
    sj_seal_area area;
    outcome worst;

    *seal = (sj_seal){.offset = sealed->area_offset, .size_offset = sealed->area_offset + 4};
    if (!sealed->area_size)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_MISSING, SJ_AT_FILE(sealed->size_offset),
                        "a seal is demanded and the record has none");
    SJ_TRY(sj_seal_area_read(&area, sealed->area, sealed->area_size, sealed->area_offset, err));
    if (!area.count)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_STRIPPED, SJ_AT_FILE(sealed->area_offset + 2),
                        "the seal has digests and no signature");
    seal->stored_size = area.stored_size;
    memcpy(seal->payload_digest, area.payload_digest, SJ_BLAKE_SIZE);
    const check c = {context, demand, area.entries, area.count, sealed->area_offset, sealed, &area, NULL};
    snapjar_status status = check_entries(&c, &seal->accepted, &worst, err);
    if (status == SNAPJAR_BAD_SEAL && worst == WRONG) {
        sj_seal_header_digest(digest, &sealed->header);
        seal->is_of_other_header = !sj_is_equal(digest, area.header_digest, SJ_BLAKE_SIZE);
    }
    return status;
}

snapjar_status sj_seal_check_detached(sj_accepted *accepted, snapjar_context *context, const sj_demand *demand,
                                      const snapjar_detached *detached, snapjar_error *err)
{
    const check c = {context, demand, detached->entries, detached->entry_count, 0, NULL, NULL, detached};
    outcome worst;

    if (!detached->entry_count)
        return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_STRIPPED, SJ_AT_FILE(detached->list_size),
                        "the seal lists records and has no signature");
    return check_entries(&c, accepted, &worst, err);
}

static bool may_seal(const sj_trusted *trusted, snapjar_text type)
{
    for (size_t i = 0; i < trusted->type_count; i++) {
        if (strlen(trusted->types[i]) == type.size && !memcmp(trusted->types[i], type.data, type.size))
            return true;
    }
    return !trusted->type_count;
}

snapjar_status sj_seal_check_type(const sj_seal *seal, snapjar_text type, uint64_t type_offset, const sj_trusted **by,
                                  snapjar_error *err)
{
    char name[96];

    for (size_t i = 0; i < seal->accepted.count; i++) {
        *by = seal->accepted.keys[i];
        if (may_seal(*by, type))
            return SNAPJAR_OK;
    }
    *by = NULL;
    (void)snapjar_text_escape(name, sizeof(name), type.data, type.size);
    return sj_raise(err, SNAPJAR_BAD_SEAL, SNAPJAR_DIAG_SEAL_TYPE_DENIED, SJ_AT_FILE(type_offset),
                    "the key %s may not seal the type %s", seal->accepted.keys[0]->id_text, name);
}
