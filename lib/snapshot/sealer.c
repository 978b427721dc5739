/* SPDX-License-Identifier: MIT
 *
 * From a header frame to a sealed one; and the seals that a reader demands or a header shows.
 */
#include "snapshot/sealer.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "container/append.h"
#include "container/record.h"
#include "seal/sign.h"
#include "snapshot/gate.h"
#include "util/bytes.h"
#include "util/options.h"

/* ---- sealing ---- */

static snapjar_status check_keys(const snapjar_sealer_options *options, snapjar_error *err)
{
    if (!options->keys || !options->key_count || options->key_count > SNAPJAR_SEAL_SIGNATURES_MAX ||
        (options->context && strlen(options->context) > SNAPJAR_SEAL_CONTEXT_SIZE_MAX))
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "a sealer needs 1 to %d keys, and a context has at most %d bytes", SNAPJAR_SEAL_SIGNATURES_MAX,
                        SNAPJAR_SEAL_CONTEXT_SIZE_MAX);
    for (size_t i = 0; i < options->key_count; i++) {
        if (!options->keys[i] || !options->keys[i]->secret)
            return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_KEY_NO_SECRET, SJ_NOWHERE,
                            "key %s cannot seal: only its public part is there",
                            options->keys[i] ? options->keys[i]->id_text : "NULL");
        for (size_t j = 0; j < i; j++) {
            if (!memcmp(options->keys[i]->id, options->keys[j]->id, SJ_ID_SIZE))
                return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                                "key %s is given twice", options->keys[i]->id_text);
        }
    }
    return SNAPJAR_OK;
}

snapjar_status snapjar_sealer_new(snapjar_sealer **out, snapjar_context *context, const snapjar_sealer_options *options,
                                  snapjar_error *err)
{
    snapjar_sealer_options resolved;

    if (out)
        *out = NULL;
    if (!out || !context)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "sealer or context is NULL");
    SJ_TRY(sj_options_read(&resolved, sizeof(resolved), options, "snapjar_sealer_options", err));
    SJ_TRY(check_keys(&resolved, err));
    snapjar_sealer *sealer = sj_alloc_zero(context, sizeof(*sealer));
    if (!sealer)
        return sj_raise_no_memory(err, sizeof(*sealer));
    sealer->context = context;
    sealer->key_count = resolved.key_count;
    sealer->keys = sj_alloc(context, resolved.key_count * sizeof(const snapjar_key *));
    bool has_context = resolved.context && *resolved.context;
    if (has_context)
        sealer->seal_context = sj_dup_text(context, resolved.context, strlen(resolved.context));
    if (!sealer->keys || (has_context && !sealer->seal_context)) {
        snapjar_sealer_free(sealer);
        return sj_raise_no_memory(err, SNAPJAR_SEAL_CONTEXT_SIZE_MAX);
    }
    for (size_t i = 0; i < resolved.key_count; i++)
        sealer->keys[i] = resolved.keys[i];
    *out = sealer;
    return SNAPJAR_OK;
}

void snapjar_sealer_free(snapjar_sealer *sealer)
{
    if (!sealer)
        return;
    sj_free(sealer->context, sealer->keys);
    sj_free(sealer->context, sealer->seal_context);
    sj_free(sealer->context, sealer->frame);
    sj_free(sealer->context, sealer);
}

void snapjar_sealer_begin(snapjar_sealer *sealer)
{
    sealer->stream_id[0] = '\0';
    sealer->stream_index = 0;
}

void sj_sealer_plan(snapjar_sealer *sealer, sj_header_plan *plan)
{
    if (!sealer->stream_id[0]) {
        uint8_t random[SJ_STREAM_ID_SIZE / 2];
        sj_random(random, sizeof(random));
        sj_hex_write(sealer->stream_id, random, sizeof(random));
    }
    plan->stream_id = sealer->stream_id;
    plan->stream_index = sealer->stream_index;
    plan->stream_previous = sealer->stream_previous;
}

static snapjar_status put_frame(snapjar_sealer *sealer, const uint8_t *old, size_t unsealed_size, const uint8_t *area,
                                size_t area_size, snapjar_error *err)
{
    size_t size = unsealed_size + area_size;

    if (size > SJ_HEADER_FRAME_MAX)
        return sj_raise(err, SNAPJAR_LIMIT, SNAPJAR_DIAG_HEADER_TOO_LARGE, SJ_NOWHERE,
                        "with its seal the header would have %zu bytes, %" PRIu64 " are allowed", size,
                        SJ_HEADER_FRAME_MAX);
    if (size > sealer->frame_capacity) {
        /* `old` may be the frame that was sealed last. */
        uint8_t *frame = sj_alloc(sealer->context, size);
        if (!frame)
            return sj_raise_no_memory(err, size);
        memcpy(frame, old, unsealed_size);
        sj_free(sealer->context, sealer->frame);
        sealer->frame = frame;
        sealer->frame_capacity = size;
    } else {
        memmove(sealer->frame, old, unsealed_size);
    }
    memcpy(sealer->frame + unsealed_size, area, area_size);
    sj_prefix_reseal(sealer->frame, (uint32_t)area_size);
    return SNAPJAR_OK;
}

snapjar_status sj_sealer_reseal(snapjar_sealer *sealer, const uint8_t **frame, size_t *frame_size, uint64_t stored_size,
                                const uint8_t payload_digest[SJ_BLAKE_SIZE], const sj_seal_area *kept,
                                snapjar_error *err)
{
    size_t json_size = sj_read_le32(*frame + 20);
    uint8_t *area = NULL;
    size_t area_size = 0;
    uint8_t digest[SJ_BLAKE_SIZE];
    const sj_signing signing = {
        .keys = sealer->keys,
        .key_count = sealer->key_count,
        .context = sealer->seal_context,
        .header = {*frame + 8, *frame + SJ_PREFIX_SIZE, json_size},
        .stored_size = stored_size,
        .payload_digest = payload_digest,
    };

    sj_seal_header_digest(digest, &signing.header);
    SJ_TRY(sj_seal_make(&area, &area_size, sealer->context, &signing, kept, err));
    snapjar_status status = put_frame(sealer, *frame, SJ_PREFIX_SIZE + json_size, area, area_size, err);
    sj_free(sealer->context, area);
    SJ_TRY(status);
    sj_hex_write(sealer->stream_previous, digest, sizeof(digest));
    sealer->stream_index++;
    *frame = sealer->frame;
    *frame_size = SJ_PREFIX_SIZE + json_size + area_size;
    return SNAPJAR_OK;
}

snapjar_status sj_sealer_seal(snapjar_sealer *sealer, const uint8_t **frame, size_t *frame_size, uint64_t stored_size,
                              const uint8_t payload_digest[SJ_BLAKE_SIZE], snapjar_error *err)
{
    return sj_sealer_reseal(sealer, frame, frame_size, stored_size, payload_digest, NULL, err);
}

snapjar_status snapjar_sealer_follow(snapjar_sealer *sealer, snapjar_sink *append_sink, snapjar_error *err)
{
    const sj_append_tail *tail = sj_append_follow(append_sink);

    snapjar_sealer_begin(sealer);
    if (!tail)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_INVALID_ARGUMENT, SJ_NOWHERE,
                        "the sink is not one that appends");
    if (!tail->has_record)
        return SNAPJAR_OK;
    if (!tail->has_stream || !tail->is_sealed)
        return sj_raise(err, SNAPJAR_INVALID_ARGUMENT, SNAPJAR_DIAG_STREAM_MISSING, SJ_AT_FILE(tail->offset), "%s",
                        tail->is_sealed ? "the last record was sealed alone: no other can follow it"
                                        : "the last record is not sealed: a seal behind it would prove nothing");
    memcpy(sealer->stream_id, tail->stream_id, sizeof(sealer->stream_id));
    sealer->stream_index = tail->stream_index + 1;
    sj_hex_write(sealer->stream_previous, tail->header_digest, SJ_BLAKE_SIZE);
    return SNAPJAR_OK;
}

/* ---- looking ---- */

static bool read_area(sj_seal_area *area, const snapjar_header *header)
{
    return header->seal && sj_seal_area_read(area, header->seal, header->prefix.seal_size, 0, NULL) == SNAPJAR_OK;
}

size_t snapjar_header_signature_count(const snapjar_header *header)
{
    sj_seal_area area;

    return read_area(&area, header) ? area.count : 0;
}

snapjar_status snapjar_header_signature(const snapjar_header *header, size_t index, snapjar_signature *signature,
                                        snapjar_error *err)
{
    sj_seal_area area;

    *signature = (snapjar_signature){0};
    if (!read_area(&area, header) || index >= area.count)
        return sj_raise(err, SNAPJAR_NOT_FOUND, SNAPJAR_DIAG_NONE, SJ_NOWHERE, "the header has no signature %zu",
                        index);
    sj_seal_entry_describe(signature, &area.entries[index]);
    return SNAPJAR_OK;
}
