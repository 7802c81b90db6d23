/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/store/shard.h"

enum {
	LINE = 64,
	MEMORY_MIN = 1 << 20,
	SEGMENTS_WANTED = 256, /* of a shard at least, if the largest item fits in one, */
	SEGMENTS_MORE = 1024,  /* or, if eight of those do */
	SEGMENTS_PLENTY = 1024,
	SEGMENT_SHIFT_MAX = 30,
	OPEN_SHARE = 16,       /* open segments may be one in so many */
	INDEX_SHARE = 128,     /* the index begins with one byte in so many, */
	INDEX_CHUNKS = 8,      /* but with no more chunks than this */
	ITEM_SEGMENTS_MIN = 8, /* of a shard, besides the index */
	PLACES_SHARE = 512,
	PLACE_CHUNKS_MAX = 4096, /* a writer */
};

/* --- sizes --------------------------------------------------------------------------------- */

/* True if these segments are fewer than wanted, and of half the size would be large enough. */
static bool
segments_may_halve(uint64_t memory, unsigned int shift, uint64_t wanted, uint64_t least)
{
	return memory >> shift < wanted && least <= UINT64_C(1) << (shift - 1);
}

/* Segments are 2 MiB; smaller where there would be too few, larger where an item needs it. */
static unsigned int
segment_shift(uint64_t memory, uint64_t item_size_max)
{
	unsigned int shift = SEGMENT_SHIFT;

	while (shift > SEGMENT_SHIFT_MIN &&
	       (segments_may_halve(memory, shift, SEGMENTS_WANTED, item_size_max) ||
		segments_may_halve(memory, shift, SEGMENTS_MORE, 8 * item_size_max)))
		shift--;
	while (item_size_max > UINT64_C(1) << shift)
		shift++;
	/* two of the largest items a segment waste less of it than one */
	if (shift > SEGMENT_SHIFT && (memory >> shift) >= SEGMENTS_PLENTY)
		shift++;
	return shift;
}

static uint64_t
worker_size(unsigned int shards)
{
	uint64_t size = sizeof(struct store_worker) + shards * sizeof(struct writer);

	return (size + LINE - 1) & ~(uint64_t)(LINE - 1);
}

/* What is allocated besides the heaps. */
static uint64_t
overhead(const struct store_options *options)
{
	return sizeof(struct store) + options->shards * sizeof(struct shard) +
	       (options->workers + 1) * worker_size(options->shards);
}

static bool
options_are_valid(const struct store_options *options)
{
	return options->workers >= 1 && options->workers <= STORE_WORKERS_MAX &&
	       options->shards >= 1 && options->shards <= STORE_SHARDS_MAX &&
	       options->memory >= MEMORY_MIN + overhead(options) &&
	       (options->memory_max == 0 || options->memory_max >= options->memory) &&
	       options->item_size_max > STORE_ITEM_OVERHEAD &&
	       options->item_size_max <= ITEM_VALUE_MAX + UINT64_C(1);
}

/* A shard's share of a memory limit, bytes. */
static uint64_t
share(const struct store_options *options, uint64_t memory)
{
	return (memory - overhead(options)) / options->shards;
}

uint32_t
shard_segments(const struct store *store, const struct heap *heap)
{
	return (uint32_t)(share(&store->options, counter_read(&store->memory)) >> heap->shift);
}

/* --- a shard ------------------------------------------------------------------------------- */

/* Directory entries for an index that takes all of the memory. */
static uint64_t
directory_capacity(const struct heap *heap, unsigned int chunk_shift)
{
	uint64_t capacity = 1;

	while (capacity << chunk_shift < heap->mapped)
		capacity *= 2;
	return capacity;
}

/* A thousandth of the memory, as far as it is of use. */
static uint32_t
place_chunks(const struct heap *heap)
{
	uint64_t chunks = heap->mapped / PLACES_SHARE / sizeof(struct place_chunk);

	return chunks < PLACE_CHUNKS_MAX ? (uint32_t)chunks : PLACE_CHUNKS_MAX;
}

static bool
writer_give_chunks(struct writer *writer, uint32_t count)
{
	struct place_chunk *chunks =
		heap_metadata(writer->heap, count * sizeof(struct place_chunk));

	if (chunks != NULL)
		places_init(&writer->places, chunks, count);
	return chunks != NULL;
}

/* Each writer's ledger of the shard's segments, and what it remembers places in. */
static bool
shard_hand_out_ledgers(struct store *store, unsigned int number)
{
	struct heap *heap = &store->shard[number]->heap;
	uint32_t chunks = place_chunks(heap);

	for (unsigned int i = 0; i <= store->options.workers; i++) {
		struct writer *writer = store_writer(store, i, number);

		writer->store = store;
		writer->shard = number;
		writer->thread = i;
		writer->heap = heap;
		writer->ledger = heap_metadata(heap, heap->segments * sizeof(writer->ledger[0]));
		if (writer->ledger == NULL)
			return false;
		if (i < store->options.workers && !writer_give_chunks(writer, chunks))
			return false;
	}
	return true;
}

/* A small heap can't afford an open segment of every class for every worker. */
static void
shard_choose_classes(struct store *store, unsigned int number)
{
	const struct heap *heap = &store->shard[number]->heap;
	/* options_are_valid() has seen to it. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
	unsigned int open = heap_usable(heap) / OPEN_SHARE / store->options.workers;
	unsigned int classes = open > CLASS_TTL ? open - CLASS_TTL : 0;

	if (classes > CLASSES - CLASS_TTL)
		classes = CLASSES - CLASS_TTL;
	for (unsigned int i = 0; i < store->options.workers; i++) {
		store->worker[i]->writer[number].ttl_classes = classes;
		store->worker[i]->writer[number].cleans = open >= CLASS_TTL;
	}
	store->janitor->writer[number].cleans = true;
}

/* More overflow buckets for the index: a whole segment of them. */
static uint64_t
shard_find_memory(void *owner, uint64_t *bytes)
{
	struct heap *heap = &((struct shard *)owner)->heap;

	*bytes = heap_segment_size(heap);
	return heap_offset(heap, heap_take(heap, SEGMENT_INDEX));
}

static void
shard_return_memory(void *owner, uint64_t offset)
{
	struct heap *heap = &((struct shard *)owner)->heap;

	heap_give(heap, heap_segment_of(heap, offset / ITEM_ALIGNMENT));
}

/* The index begins with a small part of the memory, and grows from there (janitor.c). */
static void
shard_build_index(struct shard *shard, _Atomic uint64_t *directory, uint64_t capacity,
		  unsigned int chunk_shift)
{
	struct heap *heap = &shard->heap;
	uint64_t chunks = 1, rest, tail = heap_ready(heap, &rest);

	while ((2 * chunks) << chunk_shift <=
		       ((uint64_t)heap_usable(heap) << heap->shift) / INDEX_SHARE &&
	       chunks < INDEX_CHUNKS)
		chunks *= 2;
	for (uint64_t i = 0; i < chunks; i++)
		atomic_init(&directory[i], shard_take_chunk(shard, chunk_shift));
	index_init(&shard->index, heap->base, directory, capacity, chunks, chunk_shift);
	shard->index.memory = (struct index_memory){
		.find = shard_find_memory, .give_back = shard_return_memory, .owner = shard};
	index_add_overflow(&shard->index, tail, rest);
}

static int
shard_build(struct store *store, unsigned int number)
{
	const struct store_options *options = &store->options;
	uint64_t bytes = share(options, options->memory);
	struct shard *shard = store->shard[number];
	struct heap *heap = &shard->heap;
	unsigned int shift = segment_shift(bytes, options->item_size_max);
	unsigned int chunk_shift = shift < CHUNK_SHIFT ? shift : CHUNK_SHIFT;
	_Atomic uint64_t *directory;
	uint64_t capacity;
	uint8_t *dirt;
	int status;

	status = heap_map(heap, bytes, share(options, options->memory_max), shift,
			  options->numa_nodes[number], options->hugepages);
	if (status != 0)
		return status;
	capacity = directory_capacity(heap, chunk_shift);
	directory = heap_metadata(heap, capacity * sizeof(directory[0]));
	dirt = heap_metadata(heap, heap->segments);
	if (directory == NULL || dirt == NULL || !shard_hand_out_ledgers(store, number))
		return -EINVAL;
	shard_build_index(shard, directory, capacity, chunk_shift);
	eviction_init(&shard->eviction, heap, dirt, options->workers);
	shard_choose_classes(store, number);
	return 0;
}

void
shard_bury(struct shard *shard, struct writer *writer, uint64_t word)
{
	struct item *item = heap_item(&shard->heap, slot_location(word));

	tally_item(&writer->tally, item, UINT64_MAX);
	writer_bury(writer, slot_location(word), item_size(item));
	item_set_dead(item);
}

void
shard_account(struct shard *shard, struct writer *writer, struct index_losses *losses)
{
	while (losses->count != 0) {
		uint64_t word = losses->word[--losses->count];

		counter_add(&writer->tally.index_dropped, 1);
		shard_bury(shard, writer, word);
	}
}

/* --- the store ----------------------------------------------------------------------------- */

static void *
allocate_zeroed(uint64_t size)
{
	void *memory = aligned_alloc(LINE, (size + LINE - 1) & ~(uint64_t)(LINE - 1));

	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

static struct store_worker *
worker_create(struct store *store, unsigned int index)
{
	struct store_worker *worker = allocate_zeroed(worker_size(store->options.shards));

	if (worker != NULL) {
		worker->store = store;
		worker->index = index;
	}
	return worker;
}

static int
store_build(struct store *store)
{
	const struct store_options *options = &store->options;

	for (unsigned int i = 0; i < options->workers; i++)
		if ((store->worker[i] = worker_create(store, i)) == NULL)
			return -ENOMEM;
	if ((store->janitor = worker_create(store, options->workers)) == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < options->shards; i++) {
		int status;

		if ((store->shard[i] = allocate_zeroed(sizeof(struct shard))) == NULL)
			return -ENOMEM;
		status = shard_build(store, i);
		if (status != 0)
			return status;
	}
	return 0;
}

int
store_create(struct store **store, const struct store_options *options)
{
	struct store *made;
	int status;

	if (!options_are_valid(options))
		return -EINVAL;
	made = allocate_zeroed(sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	made->options = *options;
	made->seed = hash_seed(made->options.secret, STORE_SECRET_SIZE);
	if (made->options.memory_max == 0)
		made->options.memory_max = options->memory;
	atomic_init(&made->memory, options->memory);
	clock_init(&made->clock, options->unix_time);
	atomic_init(&made->epoch, 1);
	gp_init(&made->gp, options->workers + 1); /* the janitor's is the last */
	status = store_build(made);
	if (status != 0) {
		store_destroy(made);
		return status;
	}
	*store = made;
	return 0;
}

void
store_destroy(struct store *store)
{
	for (unsigned int i = 0; i < store->options.shards; i++) {
		if (store->shard[i] != NULL)
			heap_unmap(&store->shard[i]->heap);
		free(store->shard[i]);
	}
	for (unsigned int i = 0; i < store->options.workers; i++)
		free(store->worker[i]);
	free(store->janitor);
	free(store);
}

void
store_set_clock(struct store *store, uint64_t milliseconds)
{
	uint64_t due = atomic_load_explicit(&store->flush_tick, memory_order_relaxed);
	uint64_t tick = milliseconds / CLOCK_TICK_MS + CLOCK_BASE;

	/* a later flush_all may replace the pending one at this moment: then that one counts.
	 * The epoch comes before the time, whose release publishes it (store_moment). */
	if (due != 0 && due <= tick &&
	    atomic_compare_exchange_strong_explicit(&store->flush_tick, &due, 0,
						    memory_order_relaxed, memory_order_relaxed))
		atomic_fetch_add_explicit(&store->epoch, 1, memory_order_seq_cst);
	clock_set(&store->clock, milliseconds);
}

/* What can't be given up: metadata, the index, and room to write. */
static uint64_t
shard_least(const struct heap *heap)
{
	uint32_t least = ITEM_SEGMENTS_MIN;

	for (uint32_t i = 0; i < counter_read32(&heap->fresh); i++)
		least += counter_read32(&heap->segment[i].state) == SEGMENT_INDEX;
	return (uint64_t)least << heap->shift;
}

int
store_set_memory(struct store *store, uint64_t memory)
{
	if (memory > store->options.memory_max)
		return -ENOMEM;
	for (unsigned int i = 0; i < store->options.shards; i++)
		if (memory < overhead(&store->options) ||
		    share(&store->options, memory) < shard_least(&store->shard[i]->heap))
			return -EINVAL;
	/* relaxed: the janitor looks at it now and then */
	atomic_store_explicit(&store->memory, memory, memory_order_relaxed);
	return 0;
}

int
store_worker_open(struct store *store, unsigned int index, struct store_worker **worker)
{
	bool taken = false;

	if (index >= store->options.workers)
		return -EINVAL;
	/* acquire: what the thread that had it before left behind; pairs with close */
	if (!atomic_compare_exchange_strong_explicit(&store->worker[index]->open, &taken, true,
						     memory_order_acquire, memory_order_relaxed))
		return -EBUSY;
	gp_register(&store->gp, index);
	*worker = store->worker[index];
	return 0;
}

void
store_worker_close(struct store_worker *worker)
{
	struct store *store = worker->store;

	for (unsigned int i = 0; i < store->options.shards; i++) {
		evict_abandon(store->shard[i], &worker->writer[i]);
		places_forget(&worker->writer[i]);
		writer_seal_all(&worker->writer[i]);
	}
	gp_unregister(&store->gp, worker->index);
	/* release: pairs with open */
	atomic_store_explicit(&worker->open, false, memory_order_release);
}
