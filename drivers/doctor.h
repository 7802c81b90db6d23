/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h - what this machine lacks for a configuration, and the command that mends each.
 */
#ifndef JACKDAW_DOCTOR_H
#define JACKDAW_DOCTOR_H

#include <stdio.h>

#include "config/config.h"

/*
 * Examines CPUs, memory, permissions and every configured port, and prints a line for each with
 * "ok", "note" (it runs, but not at its best) or "LACKS", the latter two with a command. Starts and
 * changes nothing. 0, or 1 if something is lacking that keeps the appliance from starting.
 */
int doctor(const struct config *config, FILE *out);

#endif
