/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * item.h - what is stored: an 8-byte header, optional fields, key, value. Items start on multiples
 * of 8 bytes, follow one another without gap from the start of a segment, and never change while
 * anybody may see them: not before a grace period has passed after they left the index. They hold no
 * pointer.
 *
 *     +------------------+------+--------+-------+-----+---------+- - -
 *     | head             | cas  | extra  | flags | key | value   | pad
 *     +------------------+------+--------+-------+-----+---------+- - -
 *      8                  8, opt 8, opt   4, opt
 *
 *     head   63   62  60 59     35 34      32 31       24 23           0
 *          +------+------+---------+----------+-----------+--------------+
 *          | dead | turn |  life   | options  | key length| value length |
 *          +------+------+---------+----------+-----------+--------------+
 *
 * life is the tick of expiry (clock.h; 0: never), options say which optional fields there are; extra
 * has the tick in its low bits, for what life has no room for, and above it marks. A key length of 0
 * marks a filler, which is skipped. dead is all that ever changes of an item that was published: it
 * is set once the item has left the index, so that eviction need not look for it there.
 */
#ifndef JACKDAW_STORE_ITEM_H
#define JACKDAW_STORE_ITEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum item_option {
	ITEM_HAS_FLAGS = 1 << 0,
	ITEM_HAS_CAS = 1 << 1,	 /* a unique other than its place says: a client's, or a copy's */
	ITEM_HAS_EXTRA = 1 << 2, /* marks, or a tick beyond ITEM_LIFE_MAX */
	ITEM_OPTIONS = 7,
};

/* What is rarely to be said of an item: few have any. */
enum item_mark {
	ITEM_STALE = 1 << 0,	  /* out of date, said its owner */
	ITEM_TOKEN_SENT = 1 << 1, /* somebody has won the right to refresh it */
	ITEM_BINARY_KEY = 1 << 2, /* the key is to be shown in base64 */
	ITEM_GIVEN_CAS = 1 << 3,  /* its unique is a client's: uniques of this key go up */
};

enum {
	ITEM_ALIGNMENT = 8,
	HEAD_KEY_SHIFT = 24,
	HEAD_OPTIONS_SHIFT = 32,
	HEAD_LIFE_SHIFT = 35,
	HEAD_TURN_SHIFT = 60,
	ITEM_LIFE_MAX = (1 << 25) - 1,
	ITEM_TURN_MAX = 7,
	ITEM_MARKS_SHIFT = 56, /* in extra */
	ITEM_VALUE_MAX = (1 << 24) - 1,
};

#define HEAD_DEAD  (UINT64_C(1) << 63)
#define HEAD_SHAPE ((UINT64_C(1) << HEAD_LIFE_SHIFT) - 1) /* lengths and options */
#define HEAD_TURN  ((uint64_t)ITEM_TURN_MAX << HEAD_TURN_SHIFT)

struct item {
	_Atomic uint64_t head;
	uint8_t rest[];
};

/* All that an item is made of; key and parts are the caller's memory. */
struct item_draft {
	const uint8_t *key;
	/* the value, one after the other. NULL with a length: the first is yet to come, the second blanks */
	const uint8_t *part[2];
	uint32_t part_length[2];
	uint32_t flags;
	uint64_t expiry; /* tick; 0: never */
	uint64_t cas;	 /* 0: the location says it */
	uint8_t key_length;
	uint8_t marks; /* enum item_mark, or-ed */
};

/* --- what a header says -------------------------------------------------------------------- */

static inline uint64_t
head_make(uint32_t key_length, uint32_t value_length, unsigned int options, uint64_t life)
{
	return life << HEAD_LIFE_SHIFT | (uint64_t)options << HEAD_OPTIONS_SHIFT |
	       (uint64_t)key_length << HEAD_KEY_SHIFT | value_length;
}

static inline uint32_t
head_key_length(uint64_t head)
{
	return head >> HEAD_KEY_SHIFT & 0xff;
}

static inline uint32_t
head_value_length(uint64_t head)
{
	return head & ITEM_VALUE_MAX;
}

static inline unsigned int
head_options(uint64_t head)
{
	return head >> HEAD_OPTIONS_SHIFT & ITEM_OPTIONS;
}

/* The expiry, unless the item has it as a field. */
static inline uint64_t
head_life(uint64_t head)
{
	return head >> HEAD_LIFE_SHIFT & ITEM_LIFE_MAX;
}

/* How often other items have lain in its place, as far as their uniques tell (places.h). */
static inline unsigned int
head_turn(uint64_t head)
{
	return head >> HEAD_TURN_SHIFT & ITEM_TURN_MAX;
}

/* True of an item that never expires, has no optional field and isn't dead. */
static inline bool
head_is_plain(uint64_t head)
{
	return (head & ~HEAD_TURN) >> HEAD_OPTIONS_SHIFT == 0;
}

/* Header and optional fields, bytes. */
static inline uint32_t
item_header_size(unsigned int options)
{
	static const uint8_t sizes[ITEM_OPTIONS + 1] = {8, 12, 16, 20, 16, 20, 24, 28};

	return sizes[options];
}

static inline uint32_t
item_align(uint32_t bytes)
{
	return (bytes + ITEM_ALIGNMENT - 1) & ~(uint32_t)(ITEM_ALIGNMENT - 1);
}

/* Bytes that the item takes in its segment, padding included. */
static inline uint32_t
head_item_size(uint64_t head)
{
	return item_align(item_header_size(head_options(head)) + head_key_length(head) +
			  head_value_length(head));
}

/* --- an item ------------------------------------------------------------------------------- */

static inline uint64_t
item_head(const struct item *item)
{
	/* relaxed: the slot that led here was loaded with acquire; DEAD is a hint */
	return atomic_load_explicit(&item->head, memory_order_relaxed);
}

/* Of an item that is being made. */
static inline void
item_set_head(struct item *item, uint64_t head)
{
	/* relaxed: published with the slot */
	atomic_store_explicit(&item->head, head, memory_order_relaxed);
}

/* Of an item that is made where a dead one lies (places.h), or in fresh room: it is complete. */
static inline void
item_finish(struct item *item, uint64_t head, unsigned int turn)
{
	/* release: an evictor takes it for dead until it is whole */
	atomic_store_explicit(&item->head, head | (uint64_t)turn << HEAD_TURN_SHIFT,
			      memory_order_release);
}

/* It has left the index, by the caller's doing: nobody else comes to it to say so. */
static inline void
item_set_dead(struct item *item)
{
	/* relaxed: a hint, and the head changes in no other way */
	item_set_head(item, item_head(item) | HEAD_DEAD);
}

static inline uint32_t
item_key_length(const struct item *item)
{
	return head_key_length(item_head(item));
}

static inline uint32_t
item_value_length(const struct item *item)
{
	return head_value_length(item_head(item));
}

static inline unsigned int
item_options(const struct item *item)
{
	return head_options(item_head(item));
}

static inline const uint8_t *
item_key(const struct item *item)
{
	return (const uint8_t *)item + item_header_size(item_options(item));
}

static inline const uint8_t *
item_value(const struct item *item)
{
	return item_key(item) + item_key_length(item);
}

static inline uint32_t
item_size(const struct item *item)
{
	return head_item_size(item_head(item));
}

static inline uint32_t
item_flags(const struct item *item)
{
	unsigned int options = item_options(item);
	uint32_t flags = 0;

	if ((options & ITEM_HAS_FLAGS) != 0)
		memcpy(&flags, item_key(item) - sizeof(flags), sizeof(flags));
	return flags;
}

/* The unique it keeps, or 0. */
static inline uint64_t
item_kept_cas(const struct item *item)
{
	uint64_t cas = 0;

	if ((item_options(item) & ITEM_HAS_CAS) != 0)
		memcpy(&cas, item->rest, sizeof(cas));
	return cas;
}

/* Of an item that has it. */
static inline uint64_t
item_extra(const struct item *item)
{
	uint64_t extra;

	memcpy(&extra, item->rest + (item_options(item) & ITEM_HAS_CAS ? 8 : 0), sizeof(extra));
	return extra;
}

/* The tick at which it is gone; 0: never. */
static inline uint64_t
item_expiry(const struct item *item)
{
	if ((item_options(item) & ITEM_HAS_EXTRA) == 0)
		return head_life(item_head(item));
	return item_extra(item) & ((UINT64_C(1) << ITEM_MARKS_SHIFT) - 1);
}

static inline uint8_t
item_marks(const struct item *item)
{
	if ((item_options(item) & ITEM_HAS_EXTRA) == 0)
		return 0;
	return (uint8_t)(item_extra(item) >> ITEM_MARKS_SHIFT);
}

/* memcmp(left, right, length) == 0, of any length. */
bool bytes_equal_any(const uint8_t *left, const uint8_t *right, uint32_t length);

static inline uint64_t
load_word(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

static inline uint32_t
load_half(const uint8_t *from)
{
	uint32_t half;

	memcpy(&half, from, sizeof(half));
	return half;
}

/* memcmp(left, right, length) == 0, quickest where it is two words, which overlap where there are fewer than 16 bytes. */
static inline bool
bytes_equal(const uint8_t *left, const uint8_t *right, uint32_t length)
{
	uint32_t last = length - (uint32_t)sizeof(uint64_t);

	if (__builtin_expect(last > sizeof(uint64_t), 0))
		return bytes_equal_any(left, right, length);
	return ((load_word(left) ^ load_word(right)) |
		(load_word(left + last) ^ load_word(right + last))) == 0;
}

/* memcpy without a call, of 8 to 32 bytes: two halves, which overlap where they have to. */
static inline void
bytes_copy(uint8_t *to, const uint8_t *from, uint32_t length)
{
	enum {
		WORD = 8,
		PAIR = 16
	};
	uint8_t first[PAIR], last[PAIR];

	if (length - WORD <= WORD) {
		memcpy(first, from, WORD);
		memcpy(last, from + length - WORD, WORD);
		memcpy(to, first, WORD);
		memcpy(to + length - WORD, last, WORD);
	} else if (length - PAIR <= PAIR) {
		memcpy(first, from, PAIR);
		memcpy(last, from + length - PAIR, PAIR);
		memcpy(to, first, PAIR);
		memcpy(to + length - PAIR, last, PAIR);
	} else {
		memcpy(to, from, length);
	}
}

static inline bool
item_key_equals(const struct item *item, const uint8_t *key, uint32_t length)
{
	uint64_t head = item_head(item);

	return head_key_length(head) == length &&
	       bytes_equal((const uint8_t *)item + item_header_size(head_options(head)), key,
			   length);
}

static inline unsigned int
item_draft_options(const struct item_draft *draft)
{
	return (draft->flags != 0 ? ITEM_HAS_FLAGS : 0u) | (draft->cas != 0 ? ITEM_HAS_CAS : 0u) |
	       (draft->expiry > ITEM_LIFE_MAX || draft->marks != 0 ? ITEM_HAS_EXTRA : 0u);
}

static inline uint32_t
item_draft_value_length(const struct item_draft *draft)
{
	return draft->part_length[0] + draft->part_length[1];
}

/* What item_size() will be. */
static inline uint32_t
item_draft_size(const struct item_draft *draft)
{
	return item_align(item_header_size(item_draft_options(draft)) + draft->key_length +
			  item_draft_value_length(draft));
}

/* Writes the item, whose place has this turn, into item_draft_size() bytes. */
static inline void
item_write(struct item *item, const struct item_draft *draft, unsigned int turn)
{
	unsigned int options = item_draft_options(draft);
	uint8_t *at = item->rest;
	uint64_t extra = (uint64_t)draft->marks << ITEM_MARKS_SHIFT | draft->expiry;
	bool has_extra = (options & ITEM_HAS_EXTRA) != 0;

	if ((options & ITEM_HAS_CAS) != 0) {
		memcpy(at, &draft->cas, sizeof(draft->cas));
		at += sizeof(draft->cas);
	}
	if (has_extra) {
		memcpy(at, &extra, sizeof(extra));
		at += sizeof(extra);
	}
	if ((options & ITEM_HAS_FLAGS) != 0) {
		memcpy(at, &draft->flags, sizeof(draft->flags));
		at += sizeof(draft->flags);
	}
	bytes_copy(at, draft->key, draft->key_length);
	at += draft->key_length;
	for (int i = 0; i < 2; i++) {
		if (draft->part[i] != NULL)
			bytes_copy(at, draft->part[i], draft->part_length[i]);
		else if (i == 1 && draft->part_length[i] != 0)
			memset(at, ' ', draft->part_length[i]);
		at += draft->part_length[i];
	}
	item_finish(item,
		    head_make(draft->key_length, item_draft_value_length(draft), options,
			      has_extra ? 0 : draft->expiry),
		    turn);
}

/* What a copy of an item takes, more than the item, that keeps the unique it was known by, if it was. */
static inline uint32_t
head_copy_growth(uint64_t head, bool known)
{
	return known && (head_options(head) & ITEM_HAS_CAS) == 0 ? sizeof(uint64_t) : 0;
}

/* Copies it into as much more as head_copy_growth() says; `unique` is the item's, if that is known. */
static inline void
item_copy(struct item *copy, const struct item *item, bool known, uint64_t unique)
{
	uint64_t head = item_head(item) & ~(HEAD_DEAD | HEAD_TURN);
	uint32_t rest = head_item_size(head) - (uint32_t)sizeof(*item);
	uint8_t *at = copy->rest;

	if (head_copy_growth(head, known) != 0) {
		head |= (uint64_t)ITEM_HAS_CAS << HEAD_OPTIONS_SHIFT;
		memcpy(at, &unique, sizeof(unique));
		at += sizeof(unique);
	}
	item_set_head(copy, head);
	memcpy(at, item->rest, rest);
}

/* Writes a filler of `size` bytes (a multiple of 8, at least 8). */
static inline void
item_write_filler(struct item *item, uint32_t size)
{
	item_set_head(item, head_make(0, size - (uint32_t)sizeof(*item), 0, 0));
}

#endif
