/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/age.h"

void
age_begin(struct age *age)
{
	for (unsigned int i = 0; i < AGE_MARKS; i++)
		atomic_store_explicit(&age->mark[i], 0, memory_order_relaxed); /* as age_tick */
}

static uint64_t
mark_at(const struct age *age, unsigned int i)
{
	return atomic_load_explicit(&age->mark[i], memory_order_relaxed); /* the writer's own */
}

/*
 * Which mark to do without: what lies between its neighbours would be told as old as the first, which
 * is an error of their distance, to be seen against the age of the youngest there.
 */
static unsigned int
age_dispensable(const struct age *age, uint64_t born, uint64_t now)
{
	unsigned int least = 0;
	double least_error = 1e300;

	for (unsigned int i = 0; i + 1 < AGE_MARKS; i++) {
		uint64_t before = i == 0 ? born : mark_at(age, i - 1) >> AGE_PLACE_BITS;
		uint64_t after = mark_at(age, i + 1) >> AGE_PLACE_BITS;
		double error = (double)(after - before) / (double)(now - after + 1);

		if (error < least_error) {
			least_error = error;
			least = i;
		}
	}
	return least;
}

void
age_mark(struct age *age, uint64_t born, uint64_t place, uint64_t tick)
{
	unsigned int count = 0;

	while (count < AGE_MARKS && mark_at(age, count) != 0)
		count++;
	if (count == AGE_MARKS) {
		count--;
		/* a reader that is late sees a mark twice, or not: none says what isn't so */
		for (unsigned int i = age_dispensable(age, born, tick); i < count; i++)
			atomic_store_explicit(&age->mark[i], mark_at(age, i + 1),
					      memory_order_relaxed);
	}
	/* relaxed: see age_tick */
	atomic_store_explicit(&age->mark[count], tick << AGE_PLACE_BITS | place,
			      memory_order_relaxed);
}
