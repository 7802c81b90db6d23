/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * foreseen.h - the hit of a plain GET, from the entry that was foreseen for it (index_find.h): the way
 * of nearly every request, therefore inline.
 */
#ifndef JACKDAW_STORE_FORESEEN_H
#define JACKDAW_STORE_FORESEEN_H

#include "dataplane/store/index_find.h"
#include "dataplane/store/scene.h"

/* What is told of a hit. */
struct sight {
	const uint8_t *key; /* of the item; its value follows */
	uint64_t head;
	uint64_t cas;
	uint32_t flags;
};

/*
 * Of an item that expires or has optional fields: false if it has expired, or is marked, and there is more to
 * say of it.
 */
static inline bool
sight_more(struct sight *sight, const struct item *item, const struct moment *moment)
{
	unsigned int options = head_options(sight->head);
	uint64_t life = head_life(sight->head);

	if (__builtin_expect((options & ITEM_HAS_EXTRA) != 0, 0)) {
		life = item_extra(item);
		if (life >> ITEM_MARKS_SHIFT != 0)
			return false;
	}
	if (clock_past(life, moment->clock))
		return false;
	sight->key = (const uint8_t *)item + item_header_size(options);
	if ((options & ITEM_HAS_FLAGS) != 0)
		sight->flags = load_half(sight->key - sizeof(sight->flags));
	if ((options & ITEM_HAS_CAS) != 0)
		sight->cas = load_word(item->rest);
	return true;
}

/*
 * Answers a plain GET from an entry, and marks it used; told: and such that the unique told of it lasts.
 * False if that entry is not there any more, not the key's, or there is more to say of its item;
 * *sight is of no account then.
 */
static inline bool
foreseen_get(const struct scene *scene, struct index_entry *entry, uint64_t hash,
	     const uint8_t *key, uint32_t key_length, bool told, struct sight *sight)
{
	uint64_t location, stamp;
	const struct item *item;

	if (!index_entry_renew(entry, hash))
		return false;
	location = slot_location(entry->word);
	item = scene_item(scene, location);
	stamp = scene_stamp(scene, location);
	if (stamp_is_flushed(stamp, scene->moment.epoch))
		return false;
	sight->flags = 0;
	sight->head = item_head(item);
	sight->cas = place_unique(stamp_generation(stamp), location, head_turn(sight->head));
	sight->key = item->rest;
	if (!head_is_plain(sight->head) && !sight_more(sight, item, &scene->moment))
		return false;
	if (head_key_length(sight->head) != key_length || !bytes_equal(sight->key, key, key_length))
		return false;
	return index_mark(entry, index_read_marks(true, told)) || !told;
}

#endif
