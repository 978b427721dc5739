/* SPDX-License-Identifier: MIT
 *
 * All of libsnapjar. Begin with snapshot.h; status.h and error.h say how failures are told.
 */
#ifndef SNAPJAR_SNAPJAR_H
#define SNAPJAR_SNAPJAR_H

#include <snapjar/context.h>
#include <snapjar/contract.h>
#include <snapjar/detached.h>
#include <snapjar/diff.h>
#include <snapjar/dis.h>
#include <snapjar/error.h>
#include <snapjar/graph.h>
#include <snapjar/header.h>
#include <snapjar/io.h>
#include <snapjar/migrate.h>
#include <snapjar/pickle.h>
#include <snapjar/pickles.h>
#include <snapjar/policy.h>
#include <snapjar/replace.h>
#include <snapjar/scan.h>
#include <snapjar/seal.h>
#include <snapjar/show.h>
#include <snapjar/snapshot.h>
#include <snapjar/status.h>
#include <snapjar/version.h>

#endif
