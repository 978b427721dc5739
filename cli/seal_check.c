/* SPDX-License-Identifier: MIT
 *
 * Checking seals.
 */
#include "seal_check.h"

snapjar_status seal_check_begin(struct seal_check *check, snapjar_context *context, snapjar_source *source,
                                const snapjar_limits *limits, const snapjar_seal_demand *demand, snapjar_error *err)
{
    *check = (struct seal_check){.failure = {.status = SNAPJAR_OK}};
    if (!demand)
        return SNAPJAR_OK;
    snapjar_status status = snapjar_reader_new(&check->reader, context, source, limits, err);
    if (status == SNAPJAR_OK)
        status = snapjar_reader_demand_seal(check->reader, demand, err);
    return status;
}

snapjar_status seal_check_next(struct seal_check *check, bool reads_payload, const char **key_id, snapjar_error *err)
{
    snapjar_check_options options = SNAPJAR_CHECK_OPTIONS_INIT;
    const snapjar_record *record = NULL;

    *key_id = NULL;
    if (check->failure.status == SNAPJAR_OK &&
        snapjar_reader_next(check->reader, &record, &check->failure) == SNAPJAR_OK) {
        check->failure.status = SNAPJAR_OK;
        options.stored_only = true;
        if (record && reads_payload)
            (void)!snapjar_record_verify(check->reader, &options, NULL, &check->failure);
    }
    if (check->failure.status != SNAPJAR_OK) {
        *err = check->failure;
        return err->status;
    }
    *key_id = record ? snapjar_record_sealed_by(record) : NULL;
    return SNAPJAR_OK;
}

void seal_check_free(struct seal_check *check)
{
    snapjar_reader_free(check->reader);
    check->reader = NULL;
}
