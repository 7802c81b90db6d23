/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scene.h - what the usual way of an op needs to know besides its request: a local copy, so that it is in
 * registers for a whole batch, whatever is written meanwhile.
 */
#ifndef JACKDAW_STORE_SCENE_H
#define JACKDAW_STORE_SCENE_H

#include <assert.h>

#include "dataplane/store/shard.h"

struct scene {
	uint8_t *base;
	const _Atomic uint64_t *stamps;
	unsigned int segment_shift; /* of a location */
	struct moment moment;
};

static inline void
scene_enter(struct scene *scene, const struct shard *shard)
{
	assert(shard->heap.base != NULL);
	scene->base = shard->heap.base;
	scene->stamps = shard->heap.stamp;
	scene->segment_shift = heap_location_shift(&shard->heap);
}

static inline void
scene_now(struct scene *scene, const struct store *store)
{
	scene->moment = store_moment(store);
}

static inline struct item *
scene_item(const struct scene *scene, uint64_t location)
{
	return (struct item *)(void *)(scene->base + location * ITEM_ALIGNMENT);
}

static inline uint32_t
scene_segment(const struct scene *scene, uint64_t location)
{
	return (uint32_t)(location >> scene->segment_shift);
}

/* Of the segment of a location. */
static inline uint64_t
scene_stamp(const struct scene *scene, uint64_t location)
{
	/* relaxed: as heap_stamp */
	return atomic_load_explicit(&scene->stamps[scene_segment(scene, location)],
				    memory_order_relaxed);
}

#endif
