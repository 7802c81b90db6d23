/* SPDX-License-Identifier: BSD-3-Clause */
/* Two yardsticks: a cache without a limit, and LRU over single items. */
#include "perf/cache_sim.h"

#include "perf/sim_table.h"

#include <stdlib.h>

struct lru_item {
	uint64_t key;
	uint32_t expires;
	uint32_t size;
	uint32_t older, newer; /* SIM_NONE at the ends; free items are chained by older */
};

struct lru {
	struct sim_cache cache;
	struct sim_table table;
	struct lru_item *items;
	uint32_t used, room;
	uint32_t free; /* chain of free items */
	uint32_t newest, oldest;
	double memory; /* 0: endless */
	double overhead;
};

static void
lru_unlink(struct lru *lru, uint32_t at)
{
	struct lru_item *item = &lru->items[at];

	*(item->newer != SIM_NONE ? &lru->items[item->newer].older : &lru->newest) = item->older;
	*(item->older != SIM_NONE ? &lru->items[item->older].newer : &lru->oldest) = item->newer;
}

static void
lru_link(struct lru *lru, uint32_t at)
{
	struct lru_item *item = &lru->items[at];

	item->newer = SIM_NONE;
	item->older = lru->newest;
	*(lru->newest != SIM_NONE ? &lru->items[lru->newest].newer : &lru->oldest) = at;
	lru->newest = at;
}

static void
lru_drop(struct lru *lru, uint32_t at)
{
	lru_unlink(lru, at);
	sim_table_delete(&lru->table, lru->items[at].key);
	lru->cache.live_bytes -= lru->items[at].size;
	lru->cache.live_items--;
	lru->items[at].older = lru->free;
	lru->free = at;
}

/* The key's live item, or SIM_NONE; an expired one is dropped. */
static uint32_t
lru_find(struct lru *lru, const struct sim_request *request)
{
	uint32_t at = sim_table_find(&lru->table, request->key);

	if (at != SIM_NONE && lru->items[at].expires != 0 &&
	    lru->items[at].expires <= request->time) {
		lru_drop(lru, at);
		at = SIM_NONE;
	}
	return at;
}

static bool
lru_get(struct sim_cache *cache, const struct sim_request *request)
{
	struct lru *lru = (struct lru *)cache;
	uint32_t at = lru_find(lru, request);

	if (at == SIM_NONE)
		return false;
	lru_unlink(lru, at);
	lru_link(lru, at);
	return true;
}

static uint32_t
lru_item_new(struct lru *lru)
{
	uint32_t at = lru->free;

	if (at != SIM_NONE) {
		lru->free = lru->items[at].older;
		return at;
	}
	if (lru->used == lru->room) {
		lru->room = lru->room != 0 ? 2 * lru->room : 1 << 12;
		lru->items = sim_realloc(lru->items, lru->room, sizeof(lru->items[0]));
	}
	return lru->used++;
}

static void
lru_set(struct sim_cache *cache, const struct sim_request *request)
{
	struct lru *lru = (struct lru *)cache;
	uint32_t size = request->key_length + request->value_length;
	uint32_t at = sim_table_find(&lru->table, request->key);

	if (at != SIM_NONE)
		lru_drop(lru, at);
	at = lru_item_new(lru);
	lru->items[at] =
		(struct lru_item){.key = request->key, .expires = request->expires, .size = size};
	lru_link(lru, at);
	sim_table_set(&lru->table, request->key, at);
	cache->live_bytes += size;
	cache->live_items++;
	cache->stored += size;
	while (lru->memory > 0 &&
	       (double)cache->live_bytes + (double)cache->live_items * lru->overhead > lru->memory)
		lru_drop(lru, lru->oldest);
}

static void
lru_erase(struct sim_cache *cache, const struct sim_request *request)
{
	struct lru *lru = (struct lru *)cache;
	uint32_t at = sim_table_find(&lru->table, request->key);

	if (at != SIM_NONE)
		lru_drop(lru, at);
}

static void
lru_change(struct sim_cache *cache, const struct sim_request *request)
{
	(void)cache;
	(void)request;
}

/* Drops what has expired, so that the live bytes are the working set. */
static void
lru_settle(struct sim_cache *cache, uint32_t now)
{
	struct lru *lru = (struct lru *)cache;

	for (uint32_t at = lru->oldest, newer; at != SIM_NONE; at = newer) {
		newer = lru->items[at].newer;
		if (lru->items[at].expires != 0 && lru->items[at].expires <= now)
			lru_drop(lru, at);
	}
}

static void
lru_destroy(struct sim_cache *cache)
{
	struct lru *lru = (struct lru *)cache;

	sim_table_release(&lru->table);
	free(lru->items);
	free(lru);
}

static struct sim_cache *
lru_create(double memory, double overhead)
{
	static const struct sim_cache_ops ops = {
		.get = lru_get,
		.set = lru_set,
		.erase = lru_erase,
		.change = lru_change,
		.settle = lru_settle,
		.destroy = lru_destroy,
	};
	struct lru *lru = sim_realloc(NULL, 1, sizeof(*lru));

	*lru = (struct lru){.cache.ops = &ops,
			    .free = SIM_NONE,
			    .newest = SIM_NONE,
			    .oldest = SIM_NONE,
			    .memory = memory,
			    .overhead = overhead};
	sim_table_init(&lru->table);
	return &lru->cache;
}

struct sim_cache *
sim_endless_create(void)
{
	return lru_create(0, 0);
}

struct sim_cache *
sim_lru_create(const struct sim_budget *budget, double item_overhead)
{
	return lru_create((double)budget->memory, item_overhead);
}
