/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/places.h"

#include "dataplane/store/shard.h"

/* Of a chunk that is full since the last token was taken: no grace period is as late. */
#define TOKEN_NONE UINT64_MAX

enum {
	SEIZE_LOOK = 64, /* lists to look at for a chunk, at a time */
};

void
places_init(struct places *places, struct place_chunk *chunks, uint32_t count)
{
	places->chunk = chunks;
	for (uint32_t i = 1; i < count; i++) {
		chunks[i].next = places->free;
		places->free = i;
	}
}

static uint32_t
chunk_pop(struct places *places, uint32_t *list)
{
	uint32_t number = *list;

	*list = places->chunk[number].next;
	return number;
}

static void
chunk_push(struct places *places, uint32_t *list, uint32_t number)
{
	places->chunk[number].next = *list;
	*list = number;
}

/* --- what statistics know ------------------------------------------------------------------ */

static uint32_t
list_size(const struct places *places, const struct place_list *list)
{
	return PLACE_SIZE_MIN + (uint32_t)(list - places->list) / STAMP_KINDS * ITEM_ALIGNMENT;
}

/* A chunk's places count as dead bytes from when it is full until it is empty. */
static void
count_chunk(struct writer *writer, const struct place_list *list, uint64_t by)
{
	uint64_t bytes = PLACES_A_CHUNK * (uint64_t)list_size(&writer->places, list);

	counter_add(&writer->tally.bytes_dead, by * bytes);
}

/* --- chunks -------------------------------------------------------------------------------- */

/* What is in the chunk won't be used again: cleaning is to see it. */
static void
chunk_bury(struct writer *writer, const struct place_list *list, struct place_chunk *chunk)
{
	uint32_t size = list_size(&writer->places, list);

	while (chunk->count != 0) {
		uint64_t place = chunk->place[--chunk->count];
		uint32_t segment = heap_segment_of(writer->heap, place_location(place));

		if (place_is_of(place, heap_stamp(writer->heap, segment)))
			writer_bury(writer, place_location(place), size);
	}
}

/* Takes a chunk away from the list; 0: it has none. Out of line: nearly all of many lists have none. */
static uint32_t __attribute__((noinline))
chunk_seize_from(struct writer *writer, struct place_list *list)
{
	struct places *places = &writer->places;
	uint32_t *from = list->ripe != 0 ? &list->ripe : &list->oldest;
	uint32_t number = list->filling;

	if (number != 0) {
		list->filling = 0;
	} else if (*from != 0) {
		number = chunk_pop(places, from);
		count_chunk(writer, list, UINT64_MAX);
	} else {
		return 0;
	}
	chunk_bury(writer, list, &places->chunk[number]);
	return number;
}

/* Each list in turn gives up a chunk: what isn't used must not be in the way for ever. 0: none has. */
static uint32_t
chunk_seize(struct writer *writer)
{
	struct places *places = &writer->places;
	uint32_t number = 0;

	for (unsigned int i = 0; i < SEIZE_LOOK && number == 0; i++) {
		number = chunk_seize_from(writer, &places->list[places->next_seized]);
		places->next_seized = (places->next_seized + 1) % PLACE_LISTS;
	}
	return number;
}

/*
 * All full chunks wait for one grace period. Tokens and polls write a line that all workers write, and read one of
 * each: one a chunk takes as long as its SETs where CPUs have no cache in common. A worker alone pays nothing for
 * them, and the sooner it has a place again, the nearer are its lines.
 */
static void
places_take_token(struct places *places, struct gp *gp)
{
	uint64_t token = gp_token(gp);

	/* one that was seized since is another's by now, who asks later, or free */
	for (uint32_t i = 0; i < places->full_count; i++)
		if (places->chunk[places->full[i]].token == TOKEN_NONE)
			places->chunk[places->full[i]].token = token;
	places->full_count = 0;
	gp_poll(gp);
}

static void
chunk_wait(struct writer *writer, struct place_list *list)
{
	struct places *places = &writer->places;
	uint32_t number = list->filling;

	count_chunk(writer, list, 1);
	places->chunk[number].token = TOKEN_NONE;
	places->chunk[number].next = 0;
	if (list->oldest == 0)
		list->oldest = number;
	else
		places->chunk[list->newest].next = number;
	list->newest = number;
	list->filling = 0;
	places->full[places->full_count++] = number;
	if (places->full_count == PLACES_A_TOKEN || writer->store->options.workers == 1)
		places_take_token(places, &writer->store->gp);
}

/* --- the seldom parts of adding and taking ------------------------------------------------- */

void
places_add_slowly(struct writer *writer, struct place_list *list, uint64_t place)
{
	struct places *places = &writer->places;
	struct place_chunk *chunk;

	if (list->filling == 0) {
		list->filling =
			places->free != 0 ? chunk_pop(places, &places->free) : chunk_seize(writer);
		places->chunk[list->filling].count = 0;
	}
	if (list->filling == 0) {
		writer_bury(writer, place_location(place), list_size(places, list));
		return;
	}
	chunk = &places->chunk[list->filling];
	chunk->place[chunk->count++] = place;
	if (chunk->count == PLACES_A_CHUNK)
		chunk_wait(writer, list);
}

bool
places_ripen(struct writer *writer, struct place_list *list)
{
	struct places *places = &writer->places;

	while (list->oldest != 0 &&
	       gp_passed(&writer->store->gp, places->chunk[list->oldest].token))
		chunk_push(places, &list->ripe, chunk_pop(places, &list->oldest));
	return list->ripe != 0;
}

void
places_free_chunk(struct writer *writer, struct place_list *list)
{
	count_chunk(writer, list, UINT64_MAX);
	chunk_push(&writer->places, &writer->places.free, chunk_pop(&writer->places, &list->ripe));
	places_ripen(writer,
		     list); /* what has ripened since comes first: its lines are in the cache */
}

void
places_forget(struct writer *writer)
{
	struct places *places = &writer->places;

	for (unsigned int i = 0; i < PLACE_LISTS; i++) {
		struct place_list *list = &places->list[i];

		while (list->filling != 0 || list->oldest != 0 || list->ripe != 0)
			chunk_push(places, &places->free, chunk_seize_from(writer, list));
	}
}
