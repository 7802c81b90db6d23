/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/heap.h"

#include <errno.h>
#include <numa.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/store/item.h"
#include "dataplane/store/slot.h"
#include "dataplane/store/tally.h"

enum {
	HUGE_PAGE = 2 << 20,
	PAGE = 4096,
	LINE = 64,
	LAYOUT_VERSION = 3,
	SEGMENTS_MIN = 8,
	POPULATE_STEP = 256 << 10,
};

/* --- mapping ------------------------------------------------------------------------------ */

/* Anonymous memory aligned to a huge page, with transparent ones asked for. */
static void *
map_transparent(uint64_t bytes)
{
	uint8_t *start, *aligned;
	uint64_t before;

	start = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	aligned = (uint8_t *)(((uintptr_t)start + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	before = (uint64_t)(aligned - start);
	if (before != 0)
		munmap(start, before);
	munmap(aligned + bytes, HUGE_PAGE - before);
	madvise(aligned, bytes, MADV_HUGEPAGE); /* without them it is slower, no more */
	return aligned;
}

static void *
map_hugetlb(uint64_t bytes)
{
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	return start == MAP_FAILED ? NULL : start;
}

static void
heap_write_header(struct heap *heap)
{
	struct heap_header *header = (struct heap_header *)heap->base;

	*header = (struct heap_header){
		.magic = "JACKDAW",
		.version = LAYOUT_VERSION,
		.segment_shift = heap->shift,
		.segments = heap->segments,
		.first = heap->first,
		.bucket_size = 1 << FIRST_SHIFT,
		.item_header_size = sizeof(struct item),
		.descriptor_size = sizeof(struct segment),
	};
}

int
heap_map(struct heap *heap, uint64_t bytes, uint64_t most, unsigned int shift, int node,
	 bool hugepages)
{
	memset(heap, 0, sizeof(*heap));
	heap->shift = shift;
	if (bytes >> shift < SEGMENTS_MIN || most >> shift > UINT32_MAX ||
	    most > STORE_SHARD_MEMORY_MAX)
		return -EINVAL;
	heap->segments = (uint32_t)(most >> shift);
	heap->mapped = (uint64_t)heap->segments << shift;
	if (hugepages)
		heap->mapped &= ~(uint64_t)(HUGE_PAGE - 1);
	heap->base = hugepages ? map_hugetlb(heap->mapped) : map_transparent(heap->mapped);
	if (heap->base == NULL)
		return -ENOMEM;
	heap->segments = (uint32_t)(heap->mapped >> shift);
	bytes = bytes < heap->mapped ? bytes : heap->mapped;
	atomic_init(&heap->end, (uint32_t)(bytes >> shift));
	if (node >= 0 && numa_available() == 0 && node <= numa_max_node())
		numa_tonode_memory(heap->base, heap->mapped, node);
	heap->metadata = sizeof(struct heap_header);
	heap->segment = heap_metadata(heap, heap->segments * sizeof(heap->segment[0]));
	heap->stamp = heap_metadata(heap, heap->segments * sizeof(heap->stamp[0]));
	heap->expiry = heap_metadata(heap, heap->segments * sizeof(heap->expiry[0]));
	if (heap->segment == NULL || heap->stamp == NULL || heap->expiry == NULL) {
		heap_unmap(heap);
		return -EINVAL;
	}
	return 0;
}

void
heap_unmap(struct heap *heap)
{
	if (heap->base != NULL)
		munmap(heap->base, heap->mapped);
	heap->base = NULL;
}

void *
heap_metadata(struct heap *heap, uint64_t bytes)
{
	uint64_t start = (heap->metadata + LINE - 1) & ~(uint64_t)(LINE - 1);

	if (start + bytes > heap->mapped - heap_segment_size(heap))
		return NULL;
	heap->metadata = start + bytes;
	return heap->base + start;
}

uint64_t
heap_ready(struct heap *heap, uint64_t *rest)
{
	uint64_t start = (heap->metadata + LINE - 1) & ~(uint64_t)(LINE - 1);

	heap->first = (uint32_t)((start + heap_segment_size(heap) - 1) >> heap->shift);
	for (uint32_t i = 0; i < heap->first; i++)
		atomic_init(&heap->segment[i].state, SEGMENT_INDEX);
	atomic_init(&heap->fresh, heap->first);
	heap_write_header(heap);
	*rest = heap_offset(heap, heap->first) - start;
	return start;
}

/* --- stacks: head is tag << 32 | segment --------------------------------------------------- */

static void
stack_push(struct heap *heap, _Atomic uint64_t *stack, uint32_t segment)
{
	/* relaxed: only put into next, not followed */
	uint64_t head = atomic_load_explicit(stack, memory_order_relaxed), with;

	do {
		atomic_store_explicit(&heap->segment[segment].next, (uint32_t)head,
				      memory_order_relaxed); /* published by the exchange */
		with = ((head >> 32) + 1) << 32 | segment;
		/* release: what we did to the segment is seen by who takes it */
	} while (!atomic_compare_exchange_weak_explicit(stack, &head, with, memory_order_release,
							memory_order_relaxed));
}

static uint32_t
stack_pop(struct heap *heap, _Atomic uint64_t *stack)
{
	/* acquire: pairs with stack_push */
	uint64_t head = atomic_load_explicit(stack, memory_order_acquire), with;

	while ((uint32_t)head != SEGMENT_NONE) {
		/* may be stale, if another popped it: then the tag differs and we try again */
		with = ((head >> 32) + 1) << 32 | heap_next(heap, (uint32_t)head);
		if (atomic_compare_exchange_weak_explicit(stack, &head, with, memory_order_acquire,
							  memory_order_acquire))
			break;
	}
	return (uint32_t)head;
}

/* --- segments ----------------------------------------------------------------------------- */

static void
segment_set_state(struct heap *heap, uint32_t segment, enum segment_state state)
{
	/* relaxed: for statistics; ownership passes through the stacks */
	atomic_store_explicit(&heap->segment[segment].state, state, memory_order_relaxed);
}

static uint32_t
take_fresh(struct heap *heap)
{
	/* relaxed: the number is all there is to know of it */
	uint32_t segment = atomic_load_explicit(&heap->fresh, memory_order_relaxed);
	/* once: it may rise meanwhile (heap_grow), and what it then allows was not taken here */
	uint32_t end = counter_read32(&heap->end);

	while (segment < end)
		if (atomic_compare_exchange_weak_explicit(&heap->fresh, &segment, segment + 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return segment;
	return SEGMENT_NONE;
}

uint32_t
heap_take(struct heap *heap, enum segment_state state)
{
	uint32_t segment = stack_pop(heap, &heap->free);

	if (segment != SEGMENT_NONE)
		/* relaxed: a hint (heap_available) */
		atomic_fetch_sub_explicit(&heap->free_count, 1, memory_order_relaxed);
	else
		segment = take_fresh(heap);
	if (segment != SEGMENT_NONE)
		segment_set_state(heap, segment, state);
	return segment;
}

void
heap_give(struct heap *heap, uint32_t segment)
{
	segment_set_state(heap, segment, SEGMENT_FREE);
	atomic_fetch_add_explicit(&heap->free_count, 1, memory_order_relaxed); /* as above */
	stack_push(heap, &heap->free, segment);
}

/* Writes to every page if the kernel can't be asked to fault them in. */
static void
populate_range(uint8_t *start, uint64_t bytes)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(start, bytes, MADV_POPULATE_WRITE) == 0)
		return;
#endif
	for (uint64_t i = 0; i < bytes; i += PAGE)
		start[i] = 0;
}

bool
heap_populate(struct heap *heap)
{
	uint64_t step =
		heap_segment_size(heap) < POPULATE_STEP ? heap_segment_size(heap) : POPULATE_STEP;

	if (heap->populating == SEGMENT_NONE) {
		heap->populating = take_fresh(heap);
		heap->populated = 0;
	}
	if (heap->populating == SEGMENT_NONE)
		return false;
	populate_range(heap->base + heap_offset(heap, heap->populating) + heap->populated, step);
	heap->populated += step;
	if (heap->populated == heap_segment_size(heap)) {
		heap_give(heap, heap->populating);
		heap->populating = SEGMENT_NONE;
	}
	return true;
}

bool
heap_shrink(struct heap *heap)
{
	uint32_t segment = heap_take(heap, SEGMENT_AWAY);

	if (segment == SEGMENT_NONE)
		return false;
	/* if the kernel won't take the pages, they are not used even so */
	madvise(heap->base + heap_offset(heap, segment), heap_segment_size(heap), MADV_DONTNEED);
	heap->segment[segment].newer = heap->away;
	heap->away = segment;
	counter_add32(&heap->away_count, 1);
	return true;
}

bool
heap_grow(struct heap *heap)
{
	uint32_t segment = heap->away;

	if (segment != SEGMENT_NONE) {
		heap->away = heap->segment[segment].newer;
		counter_add32(&heap->away_count, UINT32_MAX);
		heap_give(heap, segment);
	} else if (counter_read32(&heap->end) < heap->segments) {
		counter_add32(&heap->end, 1);
	} else {
		return false;
	}
	return true;
}

void
heap_hand_over(struct heap *heap, uint32_t segment, enum segment_state state)
{
	segment_set_state(heap, segment, state);
	stack_push(heap, state == SEGMENT_SEALED ? &heap->sealed : &heap->retired, segment);
}

uint32_t
heap_collect(struct heap *heap, enum segment_state state)
{
	/* acquire: pairs with stack_push. Taken whole: no tag is needed */
	return (uint32_t)atomic_exchange_explicit(
		state == SEGMENT_SEALED ? &heap->sealed : &heap->retired, 0, memory_order_acquire);
}
