/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * liburcu's lock-free hash table as a peer: nodes of {chain, key, value} in one array, a bucket an
 * item, fixed size (its automatic resize can deadlock at destruction before 0.13.3), hashed with
 * XXH3 as ours. It has no batched lookup: one key after the other.
 */
#include "perf/store_bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-qsbr.h>

#include <urcu/rculfhash.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct lfht {
	struct trial_subject subject;
	struct cds_lfht *table;
	uint8_t *nodes;
	size_t node_size;
};

struct node {
	struct cds_lfht_node link;
	uint8_t data[]; /* key, value */
};

struct lfht_key {
	const uint8_t *text;
	size_t length;
};

static int
key_matches(struct cds_lfht_node *node, const void *key)
{
	const struct node *n = caa_container_of(node, struct node, link);
	const struct lfht_key *k = key;

	return memcmp(n->data, k->text, k->length) == 0;
}

static struct trial_subject *
lfht_create(const struct trial_plan *plan)
{
	struct lfht *lfht = calloc(1, sizeof(*lfht));
	unsigned long buckets = 1;

	while (buckets < plan->items)
		buckets *= 2;
	if (lfht == NULL)
		return NULL;
	lfht->subject.ops = &trial_cds_lfht;
	lfht->subject.plan = plan;
	lfht->node_size = (sizeof(struct node) + plan->key_size + plan->value_size + 15) & ~15ul;
	/* with the table at full size from the start nothing is resized */
	lfht->table = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_qsbr_flavor, NULL);
	if (lfht->table == NULL) {
		fprintf(stderr, "store-bench: no memory for cds_lfht\n");
		free(lfht);
		return NULL;
	}
	trial_collapse_pages();
	lfht->nodes = trial_map(plan->items * lfht->node_size, plan->hugepages);
	return &lfht->subject;
}

static void *
lfht_enter(struct trial_subject *subject, unsigned int worker)
{
	(void)worker;
	urcu_qsbr_register_thread();
	return subject;
}

static void
lfht_leave(void *worker)
{
	(void)worker;
	urcu_qsbr_unregister_thread();
}

static void
lfht_destroy(struct trial_subject *subject)
{
	struct lfht *lfht = (struct lfht *)subject;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	urcu_qsbr_register_thread();
	/* cppcheck-suppress unknownMacro */
	cds_lfht_for_each(lfht->table, &iter, node) cds_lfht_del(lfht->table, node);
	urcu_qsbr_quiescent_state();
	urcu_qsbr_unregister_thread();
	if (cds_lfht_destroy(lfht->table, NULL) != 0)
		fprintf(stderr, "store-bench: cds_lfht was not empty\n");
	trial_unmap(lfht->nodes, subject->plan->items * lfht->node_size, subject->plan->hugepages);
	free(lfht);
}

static void
lfht_load(void *worker, uint64_t from, uint64_t to)
{
	struct lfht *lfht = worker;
	const struct trial_plan *plan = lfht->subject.plan;

	for (uint64_t rank = from; rank < to; rank++) {
		struct node *node = (struct node *)(void *)(lfht->nodes + rank * lfht->node_size);
		struct lfht_key key = {node->data, plan->key_size};
		uint64_t head = trial_head(rank);

		trial_key(plan, rank, node->data);
		memcpy(node->data + plan->key_size, &head,
		       plan->value_size < sizeof(head) ? plan->value_size : sizeof(head));
		cds_lfht_node_init(&node->link);
		cds_lfht_add_unique(lfht->table, XXH3_64bits(key.text, key.length), key_matches,
				    &key, &node->link);
		if (rank % 64 == 0)
			urcu_qsbr_quiescent_state();
	}
}

static void
lfht_run(void *worker, const struct trial_pool *pool, struct trial_tally *tally)
{
	struct lfht *lfht = worker;
	const struct trial_plan *plan = lfht->subject.plan;
	size_t head_size = plan->value_size < 8 ? plan->value_size : 8;

	for (size_t i = 0; i < pool->count; i++) {
		struct lfht_key key = {pool->keys + i * plan->key_size, plan->key_size};
		struct cds_lfht_iter iter;
		struct cds_lfht_node *found;

		cds_lfht_lookup(lfht->table, XXH3_64bits(key.text, key.length), key_matches, &key,
				&iter);
		found = cds_lfht_iter_get_node(&iter);
		if (found != NULL) {
			const struct node *node = caa_container_of(found, struct node, link);
			uint64_t head = 0;

			memcpy(&head, node->data + plan->key_size, head_size);
			tally->heads_sum += head;
			tally->hits++;
		}
		if (i % plan->batch == 0)
			urcu_qsbr_quiescent_state();
	}
	tally->ops = pool->count;
}

const struct trial_subject_ops trial_cds_lfht = {
	.name = "cds_lfht",
	.create = lfht_create,
	.destroy = lfht_destroy,
	.enter = lfht_enter,
	.leave = lfht_leave,
	.load = lfht_load,
	.run = lfht_run,
};
