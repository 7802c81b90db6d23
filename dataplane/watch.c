/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/watch.h"

#include <stdio.h>

enum {
	RELAY_EVENTS = 4096,  /* events that a round takes */
	THIN_OUT_SHARE = 2,   /* a ring with less room than one of so many parts: of fetches */
	THIN_OUT_TO = 16,     /* one of so many is told, */
	NO_FETCHES_SHARE = 4, /* and with less than one of so many parts none */
};

#define WATCH_JOINED (UINT64_C(1) << 32)

/* --- birth and death ------------------------------------------------------------------------ */

static int
watch_create_rings(struct watch *watch)
{
	int error = 0;

	for (unsigned int i = 0; i < watch->sources && error == 0; i++)
		error = byte_ring_create(&watch->source[i].events, WATCH_EVENTS_SIZE);
	for (unsigned int i = 0; i < WATCHERS_MAX && error == 0; i++)
		error = byte_ring_create(&watch->watcher[i].text, WATCH_TEXT_SIZE);
	return error;
}

static void *
allocate(size_t size)
{
	void *memory = aligned_alloc(64, size);

	return memory == NULL ? NULL : memset(memory, 0, size);
}

int
watch_create(struct watch **created, unsigned int workers)
{
	struct watch *watch = allocate(sizeof(*watch));
	int error = -ENOMEM;

	if (watch == NULL)
		return error;
	watch->sources = workers + 1;
	watch->source = allocate(watch->sources * sizeof(*watch->source));
	if (watch->source != NULL)
		error = watch_create_rings(watch);
	if (error != 0) {
		watch_destroy(watch);
		return error;
	}
	*created = watch;
	return 0;
}

void
watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	for (unsigned int i = 0; watch->source != NULL && i < watch->sources; i++)
		byte_ring_destroy(&watch->source[i].events);
	for (unsigned int i = 0; i < WATCHERS_MAX; i++)
		byte_ring_destroy(&watch->watcher[i].text);
	free(watch->source);
	free(watch);
}

/* --- workers -------------------------------------------------------------------------------- */

/* One writer, and readers that need no order: relaxed, and no locked operation. */
static void
count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* Whether a ring with so much room takes the event. */
static bool
source_takes(struct watch_source *source, const struct event *event, size_t room)
{
	if (room < sizeof(*event) + event->key_length)
		return false;
	if (event->type != EVENT_ITEM_GET || room >= WATCH_EVENTS_SIZE / THIN_OUT_SHARE)
		return true;
	return room >= WATCH_EVENTS_SIZE / NO_FETCHES_SHARE && source->fetches++ % THIN_OUT_TO == 0;
}

void
watch_tell(struct watch *watch, unsigned int number, const struct event *event, const uint8_t *key)
{
	struct watch_source *source = &watch->source[number];

	if (!source_takes(source, event, byte_ring_room(&source->events))) {
		count(&source->dropped);
		return;
	}
	byte_ring_put(&source->events, event, sizeof(*event), key, event->key_length);
	count(&source->written);
}

int
watch_join(struct watch *watch, unsigned int worker, uint32_t kinds, uint64_t now)
{
	uint64_t wanted = atomic_load_explicit(&watch->wanted, memory_order_relaxed);

	for (int i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *watcher = &watch->watcher[i];
		uint8_t state = WATCHER_FREE;

		/* acquire: the relay is done with it; pairs with watch_settle */
		if (!atomic_compare_exchange_strong_explicit(&watcher->state, &state,
							     WATCHER_CLAIMED, memory_order_acquire,
							     memory_order_relaxed))
			continue;
		watcher->worker = (uint8_t)worker;
		watcher->kinds = kinds & EVENT_KINDS;
		watcher->since = now;
		watcher->skipped = 0;
		byte_ring_clear(&watcher->text);
		/* release: the relay finds it filled in */
		atomic_store_explicit(&watcher->state, WATCHER_ACTIVE, memory_order_release);
		/* release: a relay that sees the new count sees the watcher, so that it can't
		 * take back a kind that it has not seen asked for */
		while (!atomic_compare_exchange_weak_explicit(
			&watch->wanted, &wanted, (wanted + WATCH_JOINED) | watcher->kinds,
			memory_order_release, memory_order_relaxed))
			;
		return i;
	}
	return -EBUSY;
}

void
watch_leave(struct watch *watch, unsigned int number)
{
	/* release: we have read all that we will */
	atomic_store_explicit(&watch->watcher[number].state, WATCHER_LEFT, memory_order_release);
}

/* --- the relay ------------------------------------------------------------------------------ */

/* Frees who has left, and sees what is wanted now. A mask of the active ones. */
static uint32_t
watch_settle(struct watch *watch)
{
	/* acquire: who has joined by this count is seen below; pairs with watch_join */
	uint64_t wanted = atomic_load_explicit(&watch->wanted, memory_order_acquire);
	uint32_t active = 0, kinds = 0;

	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *watcher = &watch->watcher[i];

		/* acquire: pairs with watch_join and watch_leave */
		switch (atomic_load_explicit(&watcher->state, memory_order_acquire)) {
		case WATCHER_ACTIVE:
			active |= 1u << i;
			kinds |= watcher->kinds;
			break;
		case WATCHER_LEFT:
			/* release: we write to it no more */
			atomic_store_explicit(&watcher->state, WATCHER_FREE, memory_order_release);
			break;
		}
	}
	/* relaxed: it orders nothing; if it fails somebody has joined, and the next round does it */
	if ((uint32_t)wanted != kinds)
		atomic_compare_exchange_strong_explicit(&watch->wanted, &wanted,
							(wanted & ~(WATCH_JOINED - 1)) | kinds,
							memory_order_relaxed, memory_order_relaxed);
	return active;
}

/* The source whose next event is the oldest; NULL: there are none. */
static struct watch_source *
watch_oldest(struct watch *watch)
{
	struct watch_source *oldest = NULL;

	for (unsigned int i = 0; i < watch->sources; i++) {
		struct watch_source *source = &watch->source[i];

		if (!source->peeked && byte_ring_used(&source->events) != 0) {
			byte_ring_peek(&source->events, 0, &source->next, sizeof(source->next));
			source->peeked = true;
		}
		if (source->peeked && (oldest == NULL || source->next.time < oldest->next.time))
			oldest = source;
	}
	return oldest;
}

/* True if the line, and before it how many others were not, found room. */
static bool
watcher_take(struct watcher *watcher, const char *line, size_t length)
{
	char before[48];
	size_t before_length = 0;

	if (watcher->skipped != 0)
		before_length = (size_t)snprintf(before, sizeof(before), "skipped=%llu\n",
						 (unsigned long long)watcher->skipped);
	if (byte_ring_room(&watcher->text) < before_length + length) {
		watcher->skipped++;
		return false;
	}
	byte_ring_put(&watcher->text, before, before_length, line, length);
	watcher->skipped = 0;
	return true;
}

/* Gives the event's line to all who want it, as a mask of their workers. */
static uint64_t
watch_pass_on(struct watch *watch, uint32_t active, const struct event *event, const uint8_t *key,
	      uint64_t unix_us)
{
	uint32_t kind = event_kind(event->type);
	char line[EVENT_LINE_MAX];
	size_t length = 0;
	uint64_t wake = 0;

	watch->number++;
	for (; active != 0; active &= active - 1) {
		struct watcher *watcher = &watch->watcher[__builtin_ctz(active)];

		if ((watcher->kinds & kind) == 0 || event->time < watcher->since)
			continue;
		if (length == 0)
			length = event_format(line, event, key, unix_us, watch->number);
		count(watcher_take(watcher, line, length) ? &watch->sent : &watch->skipped);
		wake |= UINT64_C(1) << watcher->worker;
	}
	return wake;
}

/* Microseconds since 1970 of an event at this TSC. */
static uint64_t
clock_unix_us(const struct watch_clock *clock, uint64_t tsc)
{
	double ago = (double)(int64_t)(clock->tsc - tsc) * 1e6 / (double)clock->tsc_hz;

	return clock->unix_us - (uint64_t)(int64_t)ago;
}

bool
watch_relay(struct watch *watch, const struct watch_clock *clock, uint64_t *wake)
{
	uint32_t active = watch_settle(watch);
	uint8_t key[UINT8_MAX];

	*wake = 0;
	for (unsigned int i = 0; i < RELAY_EVENTS; i++) {
		struct watch_source *source = watch_oldest(watch);
		const struct event *event;

		if (source == NULL)
			return false;
		event = &source->next;
		byte_ring_peek(&source->events, sizeof(*event), key, event->key_length);
		*wake |=
			watch_pass_on(watch, active, event, key, clock_unix_us(clock, event->time));
		byte_ring_take(&source->events, sizeof(*event) + event->key_length);
		source->peeked = false;
	}
	return true;
}

bool
watch_is_idle(const struct watch *watch)
{
	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		/* relaxed: how long to sleep, nothing more */
		if (atomic_load_explicit(&watch->watcher[i].state, memory_order_relaxed) !=
		    WATCHER_FREE)
			return false;
	}
	return true;
}

/* --- any thread ----------------------------------------------------------------------------- */

void
watch_read_stats(const struct watch *watch, struct watch_stats *stats)
{
	*stats = (struct watch_stats){
		/* relaxed, all: figures */
		.sent = atomic_load_explicit(&watch->sent, memory_order_relaxed),
		.skipped = atomic_load_explicit(&watch->skipped, memory_order_relaxed),
	};
	for (unsigned int i = 0; i < watch->sources; i++) {
		stats->written +=
			atomic_load_explicit(&watch->source[i].written, memory_order_relaxed);
		stats->dropped +=
			atomic_load_explicit(&watch->source[i].dropped, memory_order_relaxed);
	}
	for (unsigned int i = 0; i < WATCHERS_MAX; i++)
		stats->watchers += atomic_load_explicit(&watch->watcher[i].state,
							memory_order_relaxed) == WATCHER_ACTIVE;
}
