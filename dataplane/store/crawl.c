/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/crawl.h"

#include <string.h>

#include "dataplane/store/prefetch.h"
#include "dataplane/store/shard.h"

enum {
	CRAWL_FIRST = 16 * CLOCK_TICKS,	     /* until a segment is looked at for the first time */
	CRAWL_LEAST = CLOCK_TICKS,	     /* between two looks, */
	CRAWL_REFILLED = 1024 * CLOCK_TICKS, /* and at most if what expires may still come */
	CRAWL_SHARE = 16,		     /* worth a look: one in so many bytes has expired */
	CRAWL_WORK = 8192,		     /* of one round: items that are looked at, */
	CRAWL_EXPIRED = 16,		     /* one that is taken out counting as so many */
	CRAWL_AHEAD = 512, /* bytes; what follows so far behind an item is fetched */
};

void
crawl_consider(struct crawl *crawl, struct segment *segment, uint32_t number, uint64_t now)
{
	uint64_t due = counter_read(&segment->due);

	/* relaxed: a hint */
	if (due == 0)
		atomic_store_explicit(&segment->due, now + CRAWL_FIRST, memory_order_relaxed);
	else if (due <= now && crawl->next == SEGMENT_NONE)
		crawl->next = number;
}

/* True if the segment is in the same life, and no victim yet. */
static bool
crawl_may_go_on(const struct crawl *crawl, const struct heap *heap)
{
	return heap->segment[crawl->segment].queued &&
	       ((heap_stamp(heap, crawl->segment) ^ crawl->stamp) & ~STAMP_REFILL) == 0;
}

bool
crawl_begin(struct store *store, unsigned int number)
{
	struct shard *shard = store->shard[number];
	struct crawl *crawl = &shard->keep.crawl;
	const struct heap *heap = &shard->heap;
	uint32_t next = crawl->next;

	if (crawl->segment == SEGMENT_NONE || !crawl_may_go_on(crawl, heap)) {
		memset(crawl, 0, sizeof(*crawl));
		if (next == SEGMENT_NONE || !heap->segment[next].queued)
			return false;
		crawl->segment = next;
		crawl->stamp = heap_stamp(heap, next);
	}
	gp_enter(&store->gp, store->options.workers);
	return true;
}

/* The tick from which on another look is worth it. */
static uint64_t
next_look(const struct crawl *crawl, const struct segment *segment, uint64_t now)
{
	uint32_t bytes = 0;

	for (unsigned int span = 0; span < CRAWL_SPANS; span++) {
		uint64_t wait = UINT64_C(3) << span >> 1;

		bytes += crawl->left[span];
		if (bytes > segment->used / CRAWL_SHARE)
			return now + (wait > CRAWL_LEAST ? wait : CRAWL_LEAST);
	}
	return segment->refill ? now + CRAWL_REFILLED : CLOCK_NEVER;
}

/* Looks at an item with this head. What that was worth. */
static unsigned int
crawl_item(struct shard *shard, struct writer *writer, const struct moment *moment,
	   uint64_t location, uint64_t head)
{
	uint64_t expiry;
	unsigned int span;

	if (head_key_length(head) == 0 || (head & HEAD_DEAD) != 0)
		return 1;
	expiry = item_expiry(heap_item(&shard->heap, location));
	counter_add(&writer->tally.crawled, 1);
	if (expiry == 0)
		return 1;
	if (clock_past(expiry, moment->clock)) {
		counter_add(&writer->tally.crawl_reclaimed,
			    evict_expired(shard, writer, moment, location));
		return CRAWL_EXPIRED;
	}
	span = 63 - (unsigned int)__builtin_clzll(expiry - clock_tick(moment->clock));
	shard->keep.crawl.left[span < CRAWL_SPANS ? span : CRAWL_SPANS - 1] += head_item_size(head);
	return 1;
}

void
crawl_some(struct store *store, unsigned int number, const struct moment *moment)
{
	struct shard *shard = store->shard[number];
	struct crawl *crawl = &shard->keep.crawl;
	struct segment *segment = &shard->heap.segment[crawl->segment];
	uint64_t start = heap_offset(&shard->heap, crawl->segment);
	unsigned int work = 0;

	while (work < CRAWL_WORK && crawl->offset < segment->used) {
		uint64_t location = (start + crawl->offset) / ITEM_ALIGNMENT;
		const struct item *item = heap_item(&shard->heap, location);
		/* acquire: an item that was put in a dead one's place is whole if it isn't dead */
		uint64_t head = atomic_load_explicit(&item->head, memory_order_acquire);

		prefetch_line((const uint8_t *)item + CRAWL_AHEAD);
		crawl->offset += head_item_size(head);
		work += crawl_item(shard, &store->janitor->writer[number], moment, location, head);
	}
	if (crawl->offset >= segment->used) {
		/* relaxed: a hint */
		atomic_store_explicit(&segment->due,
				      next_look(crawl, segment, clock_tick(moment->clock)),
				      memory_order_relaxed);
		crawl->segment = SEGMENT_NONE;
	}
	gp_leave(&store->gp, store->options.workers);
}
