/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics: memcached's own names in memcached's order, and the figures behind them. */
#include <ctype.h>

#include "dataplane/proto/stats.h"
#include "tests/proto/peer.h"
#include "tests/suite.h"

enum {
	LIST_ROOM = 16384
};

/* Names and values as lines "name value". */
struct list {
	size_t length;
	unsigned int count;
	char text[LIST_ROOM];
};

static void
list_add(void *arg, const char *name, const char *value)
{
	struct list *list = arg;

	list->length += (size_t)snprintf(list->text + list->length, LIST_ROOM - list->length,
					 "%s %s\n", name, value);
	list->count++;
}

static bool
list_has(const struct list *list, const char *line)
{
	const char *at = strstr(list->text, line);

	return at != NULL && (at == list->text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static int
collect(const struct stats_inputs *inputs, const char *group, struct list *list)
{
	*list = (struct list){0};
	return stats_emit_group(inputs, group, strlen(group), list_add, list);
}

static const struct stats_inputs inputs = {
	.proto = {.cmd_get = 7, .get_hits = 4, .cmd_set = 3, .touch_hits = 2},
	.store = {.items = 9,
		  .items_total = 11,
		  .bytes_keys = 100,
		  .bytes_values = 200,
		  .bytes_headers = 20,
		  .memory_limit = 1 << 26,
		  .index_slots = 1 << 16,
		  .segments = 10,
		  .segments_free = 7,
		  .evictions = 5},
	.process = {.version = "1.6.18",
		    .pid = 42,
		    .user_us = 12000345,
		    .system_us = 7,
		    .segment_size = 2 << 20,
		    .tcp_port = 11211},
};

/* Puts the next line's name (after "STAT ") into name. False at the end. */
static bool
next_name(const char **at, bool prefixed, char name[128])
{
	size_t length;

	if (prefixed && strncmp(*at, "STAT ", 5) != 0)
		return false;
	*at += prefixed ? 5 : 0;
	length = strcspn(*at, " \r\n");
	if (length == 0 || length >= 128)
		return false;
	memcpy(name, *at, length);
	name[length] = '\0';
	*at += strcspn(*at, "\n") + 1;
	return true;
}

/* memcached's classes are numbered by size; ours is number 1. */
static void
name_as_first_class(char name[128], const char *prefix)
{
	char *number = name + strlen(prefix);

	if (strncmp(name, prefix, strlen(prefix)) == 0 && isdigit((unsigned char)*number)) {
		char *end = number + strspn(number, "0123456789");

		*number = '1';
		memmove(number + 1, end, strlen(end) + 1);
	}
}

/* Settings of parts that are not here, and that memcached can be built or started without. */
static bool
is_left_out(const char *name)
{
	static const struct {
		const char *prefix, *why;
	} left_out[] = {
		{"ext_", "storage on disk"},
		{"slab_automove_freeratio", "storage on disk"},
		{"ssl_", "TLS"},
		{"num_napi_ids", "the kernel's receive queues"},
		{"memory_file", "a file that outlives the server"},
	};

	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (strncmp(name, left_out[i].prefix, strlen(left_out[i].prefix)) == 0)
			return strcmp(name, "ssl_enabled") != 0;
	return false;
}

/* Our names are exactly memcached's, in its order, without those that are left out. */
static bool
names_are_those_of(const struct peer *peer, const char *group, const char *class_prefix)
{
	char command[64], wanted[128], got[128];
	const char *theirs, *ours;
	struct bytes answer = {0};
	struct list list;
	bool same = true, more = true;

	snprintf(command, sizeof(command), "set a 0 0 1\r\n1\r\nstats%s%s\r\n",
		 *group == '\0' ? "" : " ", group);
	if (peer_ask(peer, (uint8_t *)command, strlen(command), &answer) != 0)
		return false;
	bytes_add(&answer, "", 1);
	theirs = (char *)answer.start + strlen("STORED\r\n");
	same = collect(&inputs, group, &list) == 0;
	ours = list.text;
	while (same && more) {
		do
			more = next_name(&theirs, true, wanted);
		while (more && is_left_out(wanted));
		same = next_name(&ours, false, got) == more;
		if (!more || !same)
			break;
		name_as_first_class(wanted, class_prefix);
		same = strcmp(wanted, got) == 0;
		if (!same)
			printf("\nwanted %s, got %s\n", wanted, got);
	}
	bytes_free(&answer);
	return same;
}

static void
names_are_memcacheds(void)
{
	struct peer peer;

	CU_ASSERT_FATAL(peer_start(&peer) == 0);
	CU_ASSERT(names_are_those_of(&peer, "", ""));
	CU_ASSERT(names_are_those_of(&peer, "settings", ""));
	CU_ASSERT(names_are_those_of(&peer, "items", "items:"));
	CU_ASSERT(names_are_those_of(&peer, "slabs", ""));
	CU_ASSERT(names_are_those_of(&peer, "sizes", ""));
	peer_stop(&peer);
}

static void
figures_are_where_they_belong(void)
{
	struct list list;

	CU_ASSERT(collect(&inputs, "", &list) == 0 && list.count == 92);
	CU_ASSERT(list_has(&list, "pid 42"));
	CU_ASSERT(list_has(&list, "version 1.6.18"));
	CU_ASSERT(list_has(&list, "rusage_user 12.000345"));
	CU_ASSERT(list_has(&list, "rusage_system 0.000007"));
	CU_ASSERT(list_has(&list, "cmd_get 7"));
	CU_ASSERT(list_has(&list, "get_hits 4"));
	CU_ASSERT(list_has(&list, "bytes 320"));
	CU_ASSERT(list_has(&list, "curr_items 9"));
	CU_ASSERT(list_has(&list, "limit_maxbytes 67108864"));
	CU_ASSERT(list_has(&list, "hash_power_level 16"));
	CU_ASSERT(list_has(&list, "evictions 5"));
	CU_ASSERT(collect(&inputs, "settings", &list) == 0);
	CU_ASSERT(list_has(&list, "maxbytes 67108864"));
	CU_ASSERT(list_has(&list, "tcpport 11211"));
	CU_ASSERT(list_has(&list, "inter NULL"));
	CU_ASSERT(collect(&inputs, "items", &list) == 0);
	CU_ASSERT(list_has(&list, "items:1:number 9"));
	CU_ASSERT(collect(&inputs, "slabs", &list) == 0);
	CU_ASSERT(list_has(&list, "1:total_pages 3"));
	CU_ASSERT(list_has(&list, "1:used_chunks 40"));
	CU_ASSERT(list_has(&list, "1:cmd_set 3"));
}

/* The exporter drops a line that has not three words, and then a metric. */
static void
no_value_has_a_space_in_it(void)
{
	static const char *const groups[] = {"", "settings", "items", "slabs", "sizes"};
	struct list list;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *at;

		CU_ASSERT(collect(&inputs, groups[i], &list) == 0 && list.count != 0);
		for (at = list.text; *at != '\0'; at += strcspn(at, "\n") + 1) {
			size_t name = strcspn(at, " \n"), value = strcspn(at + name + 1, " \n");

			CU_ASSERT(name != 0 && at[name] == ' ' && value != 0 &&
				  at[name + 1 + value] == '\n');
		}
	}
}

static void
an_empty_cache_has_no_class(void)
{
	struct stats_inputs empty = {0};
	struct list list;

	CU_ASSERT(collect(&empty, "items", &list) == 0 && list.count == 0);
	CU_ASSERT(collect(&empty, "slabs", &list) == 0 && list.count == 2);
	CU_ASSERT(list_has(&list, "active_slabs 0"));
}

static void
unknown_groups_are_refused(void)
{
	struct list list;

	CU_ASSERT(collect(&inputs, "foo", &list) == -ENOENT && list.count == 0);
	CU_ASSERT(collect(&inputs, "item", &list) == -ENOENT);
	CU_ASSERT(collect(&inputs, "itemss", &list) == -ENOENT);
	CU_ASSERT(collect(&inputs, "detail", &list) == -ENOENT);
	CU_ASSERT(collect(&inputs, "detail on", &list) == 0 && list.count == 0);
	CU_ASSERT(collect(&inputs, "detail dump", &list) == 0 && list.count == 1);
}

static void
a_reset_takes_counters_back_and_leaves_gauges(void)
{
	struct stats_inputs later = inputs;
	struct list list;

	later.proto.cmd_get = 10;
	later.store.evictions = 6;
	later.store.items = 4;
	stats_subtract(&later, &inputs);
	CU_ASSERT(collect(&later, "", &list) == 0);
	CU_ASSERT(list_has(&list, "cmd_get 3"));
	CU_ASSERT(list_has(&list, "cmd_set 0"));
	CU_ASSERT(list_has(&list, "evictions 1"));
	CU_ASSERT(list_has(&list, "curr_items 4"));
	CU_ASSERT(list_has(&list, "limit_maxbytes 67108864"));
}

SUITE("statistics", TEST(names_are_memcacheds), TEST(figures_are_where_they_belong),
      TEST(no_value_has_a_space_in_it), TEST(an_empty_cache_has_no_class),
      TEST(unknown_groups_are_refused), TEST(a_reset_takes_counters_back_and_leaves_gauges))
