/* SPDX-License-Identifier: MIT
 *
 * The seal that a reader demands. For the reader.
 */
#ifndef SJ_SNAPSHOT_DEMAND_H
#define SJ_SNAPSHOT_DEMAND_H

#include "snapshot/gate.h"

/** The reader came to the end of the file: has it read all records that a detached seal lists? */
snapjar_status sj_demand_end(const snapjar_reader *reader, snapjar_error *err);

/** Gives up what the reader holds for its demand, which is none afterwards. */
void sj_demand_clear(snapjar_reader *reader);

#endif
