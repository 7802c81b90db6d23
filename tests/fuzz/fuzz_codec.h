/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_codec.h - what both fuzz targets do with their input: the stream goes through a codec and a
 * store of its own three ways (whole; cut at random into pieces whose memory ends where they end;
 * as a datagram answered in place), and all three must answer the same.
 *
 * The first two bytes of an input choose the cuts; a stream has at most FUZZ_STREAM_MAX bytes, for
 * beyond that a line without an end is closed upon, and cuts make a difference.
 */
#ifndef JACKDAW_TESTS_FUZZ_CODEC_H
#define JACKDAW_TESTS_FUZZ_CODEC_H

#include <stdio.h>

#include "tests/proto/normalise.h"

enum {
	FUZZ_MEMORY = 32 << 20,
	FUZZ_STREAM_MAX = 2048,
	FUZZ_WAYS = 3,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	bool opened;
	struct session session[FUZZ_WAYS];
	struct bytes answer[FUZZ_WAYS];
	struct uniques uniques[FUZZ_WAYS];
};

/* cache_memlimit is accepted only: in a smaller store, what finds room would differ with the cuts. */
static inline int
fuzz_set_memory(void *owner, uint64_t bytes)
{
	(void)owner;
	(void)bytes;
	return 0;
}

static inline void
fuzz_open(struct fuzz *fuzz)
{
	for (int i = 0; i < FUZZ_WAYS && !fuzz->opened; i++) {
		if (session_open(&fuzz->session[i], FUZZ_MEMORY, SESSION_START) != 0)
			abort();
		fuzz->session[i].server.set_memory = fuzz_set_memory;
	}
	fuzz->opened = true;
}

static inline void
fuzz_feed(struct fuzz *fuzz, int way, const uint8_t *stream, size_t length)
{
	struct session *session = &fuzz->session[way];

	store_flush(session->server.store, 0);
	session_restart(session, way == 2);
	if (way == 2)
		session_datagram(session, stream, length);
	else
		session_feed(session, stream, length, way == 1 ? 1 + session->random % 64 : 0);
	fuzz->answer[way].length = 0;
	fuzz->uniques[way].count = 0;
	if (length != 0 && stream[0] == 0x80)
		normalise_binary(session->out.start, session->out.length, &fuzz->uniques[way],
				 &fuzz->answer[way]);
	else
		normalise_text(session->out.start, session->out.length, &fuzz->uniques[way],
			       &fuzz->answer[way]);
}

/* An incomplete command at a datagram's end is not answered, even where a stream's would be. */
static inline bool
fuzz_agrees(const struct fuzz *fuzz, int way)
{
	const struct bytes *whole = &fuzz->answer[0], *other = &fuzz->answer[way];
	bool cut_off = way == 2 && fuzz->session[way].last == PARSE_MORE;

	if (way == 2 && fuzz->session[0].paused)
		return true;
	return (cut_off ? other->length <= whole->length : other->length == whole->length) &&
	       (other->length == 0 || memcmp(other->start, whole->start, other->length) == 0);
}

static inline void
fuzz_stream(struct fuzz *fuzz, uint16_t choice, const uint8_t *stream, size_t length)
{
	const struct bytes *answer = fuzz->answer;

	fuzz_open(fuzz);
	fuzz->session[1].random = choice;
	fuzz->session[1].room = 0;
	fuzz->session[1].piece = 0;
	for (int way = 0; way < FUZZ_WAYS; way++) {
		fuzz_feed(fuzz, way, stream, length);
		if (fuzz_agrees(fuzz, way))
			continue;
		fprintf(stderr, "whole:\n%.*s\nway %d:\n%.*s\n", (int)answer[0].length,
			answer[0].start, way, (int)answer[way].length, answer[way].start);
		abort();
	}
}

#endif
