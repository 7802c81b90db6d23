/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_option.h - the words that options of the load generator are made of. Each takes text to its
 * end and gives 0, or -EINVAL where it is not what was wanted.
 */
#ifndef JACKDAW_PERF_BENCH_OPTION_H
#define JACKDAW_PERF_BENCH_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* A number with an optional k, M or G (powers of ten: these count things, not bytes). */
int option_number(const char *text, double least, double most, double *number);

/* The same of a whole number. */
int option_unsigned(const char *text, unsigned int least, unsigned int most, unsigned int *number);

/* One of the words; `choice` becomes its place among them. */
int option_choice(const char *text, const char *const *words, unsigned int count,
		  unsigned int *choice);

/* Anything but nothing, shorter than `size`. */
int option_text(const char *text, char *out, size_t size);

/* An IPv4 address, to host byte order. */
int option_address(const char *text, uint32_t *address);

/* KIND:WHERE, and for memif ,server and ,id=N: the port's driver and where it is. */
int option_port(const char *text, struct config_port *port);

#endif
