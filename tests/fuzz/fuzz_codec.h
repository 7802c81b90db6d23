/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_codec.h - what the fuzz targets do with their input: the stream goes through a codec and a
 * store of its own four ways (whole; cut at random into pieces whose memory ends where they end, with
 * commands put together however long they are, and with longer ones received as they come; as a
 * datagram answered in place), and all must answer the same.
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
	FUZZ_ASSEMBLED_MAX = 300, /* bytes, where longer commands are not put together */
};

enum fuzz_way {
	FUZZ_WHOLE,
	FUZZ_CUT,
	FUZZ_AS_IT_COMES,
	FUZZ_DATAGRAM,
	FUZZ_WAYS,
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

/* users: who must say so first; NULL: nobody need. */
static inline void
fuzz_open(struct fuzz *fuzz, const struct user_list *users)
{
	for (int i = 0; i < FUZZ_WAYS && !fuzz->opened; i++) {
		if (session_open(&fuzz->session[i], FUZZ_MEMORY, SESSION_START) != 0)
			abort();
		fuzz->session[i].server.set_memory = fuzz_set_memory;
		fuzz->session[i].limits.users = users;
	}
	fuzz->session[FUZZ_AS_IT_COMES].limits.assembled_max = FUZZ_ASSEMBLED_MAX;
	fuzz->opened = true;
}

static inline void
fuzz_feed(struct fuzz *fuzz, enum fuzz_way way, const uint8_t *stream, size_t length)
{
	struct session *session = &fuzz->session[way];

	store_flush(session->server.store, 0);
	session_restart(session, way == FUZZ_DATAGRAM);
	if (way == FUZZ_DATAGRAM)
		session_datagram(session, stream, length);
	else
		session_feed(session, stream, length,
			     way == FUZZ_WHOLE ? 0 : 1 + session->random % 64);
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
fuzz_agrees(const struct fuzz *fuzz, enum fuzz_way way)
{
	const struct bytes *whole = &fuzz->answer[0], *other = &fuzz->answer[way];
	bool cut_off = way == FUZZ_DATAGRAM && fuzz->session[way].last == PARSE_MORE;

	if (way == FUZZ_DATAGRAM && fuzz->session[FUZZ_WHOLE].paused)
		return true;
	/* a key that is too long comes too late to take back the answers to those before it */
	if (fuzz->session[way].outgrown)
		return true;
	return (cut_off ? other->length <= whole->length : other->length == whole->length) &&
	       (other->length == 0 || memcmp(other->start, whole->start, other->length) == 0);
}

static inline void
fuzz_stream(struct fuzz *fuzz, uint16_t choice, const uint8_t *stream, size_t length)
{
	const struct bytes *answer = fuzz->answer;

	for (enum fuzz_way way = FUZZ_WHOLE; way < FUZZ_WAYS; way++) {
		if (way == FUZZ_CUT || way == FUZZ_AS_IT_COMES) {
			fuzz->session[way].random = choice;
			fuzz->session[way].room = 0;
			fuzz->session[way].piece = 0;
		}
		fuzz_feed(fuzz, way, stream, length);
		if (fuzz_agrees(fuzz, way))
			continue;
		fprintf(stderr, "whole:\n%.*s\nway %d:\n%.*s\n", (int)answer[0].length,
			answer[0].start, way, (int)answer[way].length, answer[way].start);
		abort();
	}
}

#endif
