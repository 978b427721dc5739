/* SPDX-License-Identifier: MIT
 *
 * The seal of a record that is being read: what must hold before the JSON is looked at, and what can only be asked
 * after. For record.c.
 */
#ifndef SJ_CONTAINER_RECORD_SEAL_H
#define SJ_CONTAINER_RECORD_SEAL_H

#include "container/record.h"

/** Step 4 of the gate, on the header frame `frame`: by the record's own seal, or by the detached one that is demanded.
 */
snapjar_status sj_record_check_seal(sj_seal *seal, const sj_record *record, snapjar_context *context,
                                    snapjar_source *source, const sj_prefix *prefix, const uint8_t *frame,
                                    const sj_demand *demand, snapjar_error *err);

/** Step 6, when the header is known; and what step 9 will need. */
snapjar_status sj_record_accept_seal(sj_record *record, const sj_seal *seal, snapjar_error *err);

#endif
