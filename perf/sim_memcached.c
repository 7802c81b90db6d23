/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memcached 1.6 as a simulated cache, after its own description (doc/new_lru.txt) and behaviour:
 *
 *   items    48-byte header, 8-byte CAS, key and NUL, value and CRLF, in the smallest chunk that
 *            holds them; chunks grow by 1.25 from 96 bytes. What a page of 1 MiB leaves over at its
 *            end is charged to its chunks. Pages shrink with the memory simulated.
 *   LRU      a class has HOT, WARM and COLD lists. New items enter HOT. A second use makes an item
 *            active; an active tail of HOT or COLD moves to WARM, one of WARM to WARM's head. HOT
 *            over 20 % or WARM over 40 % of the class, or a tail idle for over 0.2 or 2 times
 *            COLD's age, drains to COLD, whose tail is evicted.
 *   crawler  a class is swept for expired items every 5 to 3605 s, sooner where the last sweep
 *            saw that over 1 % would expire soon.
 *   pages    given to classes as they fill up; then a page moves from the class whose COLD tail is
 *            the oldest to the one that evicts the youngest, where they differ by over 20 %.
 *
 * Kinder to memcached than the real one: the maintainer and the mover never lag, a moved page
 * costs its class the least recently used items, and the hash table is free.
 */
#include "perf/cache_sim.h"

#include "perf/sim_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLASSES_MAX = 64,
	ITEM_HEADER = 48 + 8 + 1 + 2,
	CHUNK_FIRST = 96,
	CHUNK_LARGEST = 512 << 10,
	PAGE = 1 << 20,
	CRAWL_MINUTES = 60,
	PAGES_KEPT = 2,	  /* a class gives none of its last pages away */
	JUGGLE_TAILS = 8, /* tails looked at after a store */
	FETCHED = 1,
	ACTIVE = 2,
};

enum list_name {
	HOT,
	WARM,
	COLD,
	LISTS
};

struct mc_item {
	uint64_t key;
	uint32_t expires;
	uint32_t used; /* second of the last use that counted */
	uint32_t size; /* key and value */
	uint32_t older, newer;
	uint8_t class;
	uint8_t list;
	uint8_t flags;
};

struct mc_list {
	uint32_t newest, oldest;
	uint64_t bytes;
};

struct mc_class {
	double chunk;  /* bytes, its part of the page's rest included */
	uint32_t size; /* bytes that fit */
	uint32_t per_page;
	uint64_t pages;
	uint64_t free; /* chunks */
	uint64_t items;
	struct mc_list lists[LISTS];
	uint64_t evicted; /* since the mover last looked */
	uint32_t crawl_at, crawl_wait;
};

struct memcached {
	struct sim_cache cache;
	struct sim_table table;
	struct mc_item *items;
	uint32_t used, room, free;
	struct mc_class classes[CLASSES_MAX];
	unsigned int class_count;
	double memory, taken;
	uint64_t until_move; /* stores until the mover looks again */
};

static uint32_t
item_total(uint32_t size)
{
	return ITEM_HEADER + size;
}

static void
list_unlink(struct memcached *mc, uint32_t at)
{
	struct mc_item *item = &mc->items[at];
	struct mc_list *list = &mc->classes[item->class].lists[item->list];

	*(item->newer != SIM_NONE ? &mc->items[item->newer].older : &list->newest) = item->older;
	*(item->older != SIM_NONE ? &mc->items[item->older].newer : &list->oldest) = item->newer;
	list->bytes -= item_total(item->size);
}

static void
list_push(struct memcached *mc, uint32_t at, enum list_name name)
{
	struct mc_item *item = &mc->items[at];
	struct mc_list *list = &mc->classes[item->class].lists[name];

	item->list = (uint8_t)name;
	item->newer = SIM_NONE;
	item->older = list->newest;
	*(list->newest != SIM_NONE ? &mc->items[list->newest].newer : &list->oldest) = at;
	list->newest = at;
	list->bytes += item_total(item->size);
}

static void
item_drop(struct memcached *mc, uint32_t at)
{
	struct mc_item *item = &mc->items[at];
	struct mc_class *class = &mc->classes[item->class];

	list_unlink(mc, at);
	sim_table_delete(&mc->table, item->key);
	mc->cache.live_bytes -= item->size;
	mc->cache.live_items--;
	class->items--;
	class->free++;
	item->older = mc->free;
	mc->free = at;
}

static bool
item_expired(const struct mc_item *item, uint32_t now)
{
	return item->expires != 0 && item->expires <= now;
}

static uint32_t
idle_seconds(const struct memcached *mc, const struct mc_list *list, uint32_t now)
{
	return list->oldest != SIM_NONE ? now - mc->items[list->oldest].used : 0;
}

/* One step of the maintainer at a tail. True if something moved. */
static bool
pull_tail(struct memcached *mc, struct mc_class *class, enum list_name name, uint32_t now)
{
	static const double share[LISTS] = {0.20, 0.40, 0}, factor[LISTS] = {0.2, 2.0, 0};
	struct mc_list *list = &class->lists[name];
	uint32_t at = list->oldest;
	struct mc_item *item;
	double limit, age;

	if (at == SIM_NONE)
		return false;
	item = &mc->items[at];
	if (item_expired(item, now)) {
		item_drop(mc, at);
		return true;
	}
	if (item->flags & ACTIVE) {
		list_unlink(mc, at);
		item->flags &= (uint8_t)~ACTIVE;
		if (name == WARM)
			item->used = now;
		list_push(mc, at, WARM);
		return true;
	}
	if (name == COLD)
		return false;
	limit = share[name] * (double)(class->lists[HOT].bytes + class->lists[WARM].bytes +
				       class->lists[COLD].bytes);
	age = factor[name] * idle_seconds(mc, &class->lists[COLD], now);
	if ((double)list->bytes <= limit && !(now - item->used > age))
		return false;
	list_unlink(mc, at);
	list_push(mc, at, COLD);
	return true;
}

static void
juggle(struct memcached *mc, struct mc_class *class, uint32_t now)
{
	for (int i = 0; i < JUGGLE_TAILS; i++) {
		bool moved = pull_tail(mc, class, HOT, now);

		moved |= pull_tail(mc, class, WARM, now);
		moved |= pull_tail(mc, class, COLD, now);
		if (!moved)
			break;
	}
}

/* Frees at least a chunk of the class. False if it has no items. */
static bool
evict_one(struct memcached *mc, struct mc_class *class, uint32_t now)
{
	static const enum list_name order[LISTS] = {COLD, HOT, WARM};

	for (int i = 0; i < LISTS; i++) {
		uint32_t at = class->lists[order[i]].oldest;

		if (at == SIM_NONE)
			continue;
		class->evicted += !item_expired(&mc->items[at], now);
		item_drop(mc, at);
		return true;
	}
	return false;
}

/* The crawler: drops what has expired, and plans the next visit by what will soon. */
static void
crawl(struct memcached *mc, struct mc_class *class, uint32_t now)
{
	uint64_t soon[CRAWL_MINUTES] = {0}, mortal = 0, reached = 0;
	bool worth = false;

	for (int l = 0; l < LISTS; l++) {
		for (uint32_t at = class->lists[l].oldest, newer; at != SIM_NONE; at = newer) {
			struct mc_item *item = &mc->items[at];

			newer = item->newer;
			if (item_expired(item, now)) {
				item_drop(mc, at);
			} else if (item->expires != 0) {
				uint32_t minute = (item->expires - now) / 60;

				mortal++;
				if (minute < CRAWL_MINUTES)
					soon[minute]++;
			}
		}
	}
	for (uint32_t minute = 0; minute < CRAWL_MINUTES && !worth; minute++) {
		reached += soon[minute];
		worth = reached > mortal / 100 + 1;
		if (worth && class->crawl_wait < minute * 60)
			class->crawl_wait += 60;
		else if (worth && class->crawl_wait >= 60)
			class->crawl_wait -= 60;
	}
	if (reached == 0)
		class->crawl_wait += 60;
	if (class->crawl_wait > 3600)
		class->crawl_wait = 3600;
	class->crawl_at = now + class->crawl_wait + 5;
}

static bool
page_take(struct memcached *mc, struct mc_class *class)
{
	double bytes = class->chunk * class->per_page;

	/* a class without any page is given one beyond the limit, as memcached does */
	if (mc->taken + bytes > mc->memory && class->pages > 0)
		return false;
	mc->taken += bytes;
	class->pages++;
	class->free += class->per_page;
	return true;
}

static void
page_release(struct memcached *mc, struct mc_class *class, uint32_t now)
{
	while (class->free < class->per_page)
		evict_one(mc, class, now);
	class->free -= class->per_page;
	class->pages--;
	mc->taken -= class->chunk * class->per_page;
}

/* The page mover, as its ratio of ages (0.8) has it. */
static void
move_pages(struct memcached *mc, uint32_t now)
{
	struct mc_class *from = NULL, *to = NULL;
	uint32_t oldest = 0, youngest = UINT32_MAX;

	for (unsigned int i = 0; i < mc->class_count; i++) {
		struct mc_class *class = &mc->classes[i];
		uint32_t age = idle_seconds(mc, &class->lists[COLD], now);

		if (class->pages > PAGES_KEPT && class->free > 2.5 * class->per_page) {
			from = class;
			oldest = UINT32_MAX;
		} else if (class->pages > PAGES_KEPT && age > oldest) {
			from = class;
			oldest = age;
		}
		if (class->evicted > 0 && age < youngest) {
			to = class;
			youngest = age;
		}
		class->evicted = 0;
	}
	if (from == NULL || to == NULL || from == to || !(youngest < 0.8 * oldest))
		return;
	page_release(mc, from, now);
	while (page_take(mc, to))
		;
}

static void
chunk_take(struct memcached *mc, struct mc_class *class, uint32_t now)
{
	while (class->free == 0) {
		if (!page_take(mc, class) && !evict_one(mc, class, now))
			abort(); /* cannot be: a class with neither items nor chunks gets a page */
	}
	class->free--;
}

static uint32_t
mc_find(struct memcached *mc, const struct sim_request *request)
{
	uint32_t at = sim_table_find(&mc->table, request->key);

	if (at != SIM_NONE && item_expired(&mc->items[at], request->time)) {
		item_drop(mc, at);
		at = SIM_NONE;
	}
	return at;
}

static bool
mc_get(struct sim_cache *cache, const struct sim_request *request)
{
	struct memcached *mc = (struct memcached *)cache;
	uint32_t at = mc_find(mc, request);
	struct mc_item *item;

	if (at == SIM_NONE)
		return false;
	item = &mc->items[at];
	if (item->flags & ACTIVE)
		return true;
	if (!(item->flags & FETCHED)) {
		item->flags |= FETCHED;
		return true;
	}
	item->flags |= ACTIVE;
	item->used = request->time;
	if (item->list == COLD) {
		list_unlink(mc, at);
		item->flags &= (uint8_t)~ACTIVE;
		list_push(mc, at, WARM);
	}
	return true;
}

static uint32_t
mc_item_new(struct memcached *mc)
{
	uint32_t at = mc->free;

	if (at != SIM_NONE) {
		mc->free = mc->items[at].older;
		return at;
	}
	if (mc->used == mc->room) {
		mc->room = mc->room != 0 ? 2 * mc->room : 1 << 12;
		mc->items = sim_realloc(mc->items, mc->room, sizeof(mc->items[0]));
	}
	return mc->used++;
}

static void
mc_set(struct sim_cache *cache, const struct sim_request *request)
{
	struct memcached *mc = (struct memcached *)cache;
	uint32_t size = request->key_length + request->value_length, old, at;
	unsigned int c = 0;

	while (c < mc->class_count - 1 && mc->classes[c].size < item_total(size))
		c++;
	/* the old version keeps its chunk until the new one is linked; eviction may take it */
	chunk_take(mc, &mc->classes[c], request->time);
	old = sim_table_find(&mc->table, request->key);
	if (old != SIM_NONE)
		item_drop(mc, old);
	at = mc_item_new(mc);
	mc->items[at] = (struct mc_item){.key = request->key,
					 .expires = request->expires,
					 .used = request->time,
					 .size = size,
					 .class = (uint8_t)c};
	list_push(mc, at, HOT);
	sim_table_set(&mc->table, request->key, at);
	mc->classes[c].items++;
	cache->live_bytes += size;
	cache->live_items++;
	cache->stored += size;
	juggle(mc, &mc->classes[c], request->time);
	if (request->time >= mc->classes[c].crawl_at)
		crawl(mc, &mc->classes[c], request->time);
	if (--mc->until_move == 0) {
		move_pages(mc, request->time);
		mc->until_move = cache->live_items / 64 + 1;
	}
}

static void
mc_erase(struct sim_cache *cache, const struct sim_request *request)
{
	struct memcached *mc = (struct memcached *)cache;
	uint32_t at = sim_table_find(&mc->table, request->key);

	if (at != SIM_NONE)
		item_drop(mc, at);
}

/* Numbers are changed in place. */
static void
mc_change(struct sim_cache *cache, const struct sim_request *request)
{
	(void)cache;
	(void)request;
}

static void
mc_destroy(struct sim_cache *cache)
{
	struct memcached *mc = (struct memcached *)cache;

	sim_table_release(&mc->table);
	free(mc->items);
	free(mc);
}

static void
classes_make(struct memcached *mc, const struct sim_budget *budget)
{
	double size = CHUNK_FIRST, page = (double)budget->memory / budget->pieces;

	while (mc->class_count < CLASSES_MAX) {
		struct mc_class *class = &mc->classes[mc->class_count++];
		uint32_t per_page;

		class->size = ((uint32_t)size + 7) & ~7u;
		if (size * 1.25 > CHUNK_LARGEST)
			class->size = CHUNK_LARGEST;
		per_page = PAGE / class->size;
		class->chunk = (double)PAGE / per_page;
		class->per_page = (uint32_t)fmax(round(page / class->chunk), 1);
		for (int l = 0; l < LISTS; l++)
			class->lists[l].newest = class->lists[l].oldest = SIM_NONE;
		if (class->size == CHUNK_LARGEST)
			break;
		size = class->size * 1.25;
	}
}

struct sim_cache *
sim_memcached_create(const struct sim_budget *budget)
{
	static const struct sim_cache_ops ops = {
		.get = mc_get,
		.set = mc_set,
		.erase = mc_erase,
		.change = mc_change,
		.destroy = mc_destroy,
	};
	struct memcached *mc = sim_realloc(NULL, 1, sizeof(*mc));

	memset(mc, 0, sizeof(*mc));
	mc->cache.ops = &ops;
	mc->free = SIM_NONE;
	mc->memory = (double)budget->memory;
	mc->until_move = 1;
	classes_make(mc, budget);
	sim_table_init(&mc->table);
	return &mc->cache;
}
