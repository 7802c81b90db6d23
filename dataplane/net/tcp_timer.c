/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_timer.h"

#include <stddef.h>

enum {
	SLOT_MASK = TCP_WHEEL_SLOTS - 1
};

/* How far after slot `from` the next used one is, around the wheel; TCP_WHEEL_SLOTS: there is none. */
static uint32_t
wheel_distance(const uint64_t used[TCP_WHEEL_WORDS], uint32_t from)
{
	uint32_t first = from & SLOT_MASK, word = first / 64;
	uint64_t bits = used[word] & (~0ull << (first % 64));

	for (uint32_t i = 0; i <= TCP_WHEEL_WORDS; i++) {
		if (bits != 0) {
			uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(bits);

			return (slot - first) & SLOT_MASK;
		}
		word = (word + 1) % TCP_WHEEL_WORDS;
		bits = used[word];
	}
	return TCP_WHEEL_SLOTS;
}

static void
timer_link(struct tcp_wheel *wheel, struct tcp_timer *timer, unsigned int level, uint32_t slot)
{
	struct tcp_timer **head = &wheel->slots[level][slot];

	timer->slot = (uint16_t)(level << TCP_WHEEL_BITS | slot);
	timer->next = *head;
	timer->link = head;
	if (*head != NULL)
		(*head)->link = &timer->next;
	*head = timer;
	wheel->used[level][slot / 64] |= 1ull << (slot % 64);
}

void
tcp_timer_stop(struct tcp_wheel *wheel, struct tcp_timer *timer)
{
	unsigned int level = timer->slot >> TCP_WHEEL_BITS;
	uint32_t slot = timer->slot & SLOT_MASK;

	if (timer->link == NULL)
		return;
	*timer->link = timer->next;
	if (timer->next != NULL)
		timer->next->link = timer->link;
	timer->link = NULL;
	if (wheel->slots[level][slot] == NULL)
		wheel->used[level][slot / 64] &= ~(1ull << (slot % 64));
}

void
tcp_timer_set(struct tcp_wheel *wheel, struct tcp_timer *timer, uint32_t tick)
{
	uint32_t distance = tick - wheel->tick;

	if ((int32_t)distance <= 0) {
		distance = 1;
		tick = wheel->tick + 1;
	}
	if (timer->link != NULL) {
		if ((int32_t)(timer->tick - tick) <= 0)
			return;
		tcp_timer_stop(wheel, timer);
	}
	if (distance < TCP_WHEEL_SLOTS) {
		timer->tick = tick;
		timer_link(wheel, timer, 0, tick & SLOT_MASK);
		return;
	}
	if (distance >= TCP_WHEEL_SLOTS * (TCP_WHEEL_SLOTS - 1))
		tick = wheel->tick + TCP_WHEEL_SLOTS * (TCP_WHEEL_SLOTS - 1);
	timer->tick = tick & ~(uint32_t)SLOT_MASK;
	timer_link(wheel, timer, 1, (tick >> TCP_WHEEL_BITS) & SLOT_MASK);
}

bool
tcp_wheel_next(const struct tcp_wheel *wheel, uint32_t *tick)
{
	uint32_t turn = (wheel->tick >> TCP_WHEEL_BITS) + 1;
	uint32_t near = wheel_distance(wheel->used[0], wheel->tick + 1);
	uint32_t far = wheel_distance(wheel->used[1], turn);
	uint32_t near_tick = wheel->tick + 1 + near, far_tick = (turn + far) << TCP_WHEEL_BITS;

	if (near == TCP_WHEEL_SLOTS && far == TCP_WHEEL_SLOTS)
		return false;
	if (near == TCP_WHEEL_SLOTS)
		*tick = far_tick;
	else if (far == TCP_WHEEL_SLOTS || (int32_t)(near_tick - far_tick) <= 0)
		*tick = near_tick;
	else
		*tick = far_tick;
	return true;
}

struct tcp_timer *
tcp_wheel_expire(struct tcp_wheel *wheel, uint32_t tick)
{
	for (;;) {
		struct tcp_timer *timer = wheel->slots[0][wheel->tick & SLOT_MASK];
		uint32_t next;

		if (timer == NULL && (wheel->tick & SLOT_MASK) == 0)
			timer = wheel->slots[1][(wheel->tick >> TCP_WHEEL_BITS) & SLOT_MASK];
		if (timer != NULL) {
			tcp_timer_stop(wheel, timer);
			return timer;
		}
		if (!tcp_wheel_next(wheel, &next) || (int32_t)(next - tick) > 0) {
			wheel->tick = tick;
			return NULL;
		}
		wheel->tick = next;
	}
}
