/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/stats.h"

#include <errno.h>
#include <stdio.h>

/* How a statistic is obtained. */
enum stat_kind {
	STAT_NUMBER,  /* the uint64_t at offset */
	STAT_SECONDS, /* the microseconds at offset, as seconds with six decimals */
	STAT_STRING,  /* the string at offset, or the row's text if that is NULL */
	STAT_TEXT,    /* the row's text */
	STAT_DERIVED, /* what the row's function says */
};

struct stat_row {
	const char *name;
	enum stat_kind kind;
	size_t offset; /* in struct stats_inputs */
	const char *text;
	uint64_t (*derive)(const struct stats_inputs *inputs);
};

#define NUMBER(name, field)                                                                        \
	{                                                                                          \
		name, STAT_NUMBER, offsetof(struct stats_inputs, field), NULL, NULL                \
	}
#define PROTO(field) NUMBER(#field, proto.field)
#define SECONDS(name, field)                                                                       \
	{                                                                                          \
		name, STAT_SECONDS, offsetof(struct stats_inputs, field), NULL, NULL               \
	}
#define STRING(name, field, otherwise)                                                             \
	{                                                                                          \
		name, STAT_STRING, offsetof(struct stats_inputs, field), otherwise, NULL           \
	}
#define TEXT(name, text)                                                                           \
	{                                                                                          \
		name, STAT_TEXT, 0, text, NULL                                                     \
	}
#define ZERO(name) TEXT(name, "0")
#define DERIVED(name, function)                                                                    \
	{                                                                                          \
		name, STAT_DERIVED, 0, NULL, function                                              \
	}

enum {
	CHUNK = 8 /* bytes: what items are aligned to */
};

static uint64_t
bytes_of_items(const struct stats_inputs *inputs)
{
	return inputs->store.bytes_keys + inputs->store.bytes_values + inputs->store.bytes_headers;
}

static uint64_t
index_power(const struct stats_inputs *inputs)
{
	uint64_t slots = inputs->store.index_slots;

	return slots == 0 ? 0 : 63 - (uint64_t)__builtin_clzll(slots);
}

static uint64_t
index_bytes(const struct stats_inputs *inputs)
{
	return inputs->store.index_slots * sizeof(uint64_t);
}

static uint64_t
pages(const struct stats_inputs *inputs)
{
	return inputs->store.segments - inputs->store.segments_free;
}

static uint64_t
chunks_per_page(const struct stats_inputs *inputs)
{
	return inputs->process.segment_size / CHUNK;
}

static uint64_t
chunks(const struct stats_inputs *inputs)
{
	return pages(inputs) * chunks_per_page(inputs);
}

static uint64_t
chunks_used(const struct stats_inputs *inputs)
{
	return bytes_of_items(inputs) / CHUNK;
}

static uint64_t
chunks_free(const struct stats_inputs *inputs)
{
	uint64_t all = chunks(inputs), used = chunks_used(inputs);

	return all > used ? all - used : 0;
}

static uint64_t
slabs_active(const struct stats_inputs *inputs)
{
	return inputs->store.items != 0;
}

static const struct stat_row general_rows[] = {
	NUMBER("pid", process.pid),
	NUMBER("uptime", process.uptime),
	NUMBER("time", process.time),
	STRING("version", process.version, ""),
	TEXT("libevent", "none"),
	TEXT("pointer_size", "64"),
	SECONDS("rusage_user", process.user_us),
	SECONDS("rusage_system", process.system_us),
	NUMBER("max_connections", process.connections_max),
	NUMBER("curr_connections", process.connections),
	NUMBER("total_connections", process.connections_total),
	NUMBER("rejected_connections", process.connections_rejected),
	NUMBER("connection_structures", process.connections_max),
	ZERO("response_obj_oom"),
	ZERO("response_obj_count"),
	ZERO("response_obj_bytes"),
	ZERO("read_buf_count"),
	ZERO("read_buf_bytes"),
	ZERO("read_buf_bytes_free"),
	ZERO("read_buf_oom"),
	ZERO("reserved_fds"),
	PROTO(cmd_get),
	PROTO(cmd_set),
	PROTO(cmd_flush),
	PROTO(cmd_touch),
	PROTO(cmd_meta),
	PROTO(get_hits),
	PROTO(get_misses),
	PROTO(get_expired),
	PROTO(get_flushed),
	PROTO(delete_misses),
	PROTO(delete_hits),
	PROTO(incr_misses),
	PROTO(incr_hits),
	PROTO(decr_misses),
	PROTO(decr_hits),
	PROTO(cas_misses),
	PROTO(cas_hits),
	PROTO(cas_badval),
	PROTO(touch_hits),
	PROTO(touch_misses),
	PROTO(store_too_large),
	PROTO(store_no_memory),
	PROTO(auth_cmds),
	PROTO(auth_errors),
	NUMBER("bytes_read", process.bytes_read),
	NUMBER("bytes_written", process.bytes_written),
	NUMBER("limit_maxbytes", store.memory_limit),
	TEXT("accepting_conns", "1"),
	ZERO("listen_disabled_num"),
	ZERO("time_in_listen_disabled_us"),
	NUMBER("threads", process.threads),
	NUMBER("conn_yields", process.connections_yields),
	DERIVED("hash_power_level", index_power),
	DERIVED("hash_bytes", index_bytes),
	ZERO("hash_is_expanding"),
	ZERO("slab_reassign_rescues"),
	ZERO("slab_reassign_chunk_rescues"),
	ZERO("slab_reassign_evictions_nomem"),
	ZERO("slab_reassign_inline_reclaim"),
	ZERO("slab_reassign_busy_items"),
	ZERO("slab_reassign_busy_deletes"),
	ZERO("slab_reassign_running"),
	ZERO("slabs_moved"),
	ZERO("lru_crawler_running"),
	ZERO("lru_crawler_starts"),
	ZERO("lru_maintainer_juggles"),
	ZERO("malloc_fails"),
	NUMBER("log_worker_dropped", process.watch_dropped),
	NUMBER("log_worker_written", process.watch_written),
	NUMBER("log_watcher_skipped", process.watch_skipped),
	NUMBER("log_watcher_sent", process.watch_sent),
	NUMBER("log_watchers", process.watchers),
	ZERO("unexpected_napi_ids"),
	ZERO("round_robin_fallback"),
	DERIVED("bytes", bytes_of_items),
	NUMBER("curr_items", store.items),
	NUMBER("total_items", store.items_total),
	ZERO("slab_global_page_pool"),
	NUMBER("expired_unfetched", store.expired_unfetched),
	NUMBER("evicted_unfetched", store.evicted_unfetched),
	ZERO("evicted_active"),
	NUMBER("evictions", store.evictions),
	NUMBER("reclaimed", store.expired),
	NUMBER("crawler_reclaimed", store.crawl_reclaimed),
	NUMBER("crawler_items_checked", store.crawled),
	ZERO("lrutail_reflocked"),
	ZERO("moves_to_cold"),
	ZERO("moves_to_warm"),
	ZERO("moves_within_lru"),
	ZERO("direct_reclaims"),
	ZERO("lru_bumps_dropped"),
};

static const struct stat_row settings_rows[] = {
	NUMBER("maxbytes", store.memory_limit),
	NUMBER("maxconns", process.connections_max),
	NUMBER("tcpport", process.tcp_port),
	NUMBER("udpport", process.udp_port),
	STRING("inter", process.interface, "NULL"),
	NUMBER("verbosity", process.verbosity),
	NUMBER("oldest", store.oldest_seconds),
	TEXT("evictions", "on"),
	TEXT("domain_socket", "NULL"),
	TEXT("umask", "700"),
	TEXT("shutdown_command", "no"),
	TEXT("growth_factor", "1.00"),
	TEXT("chunk_size", "8"),
	NUMBER("num_threads", process.threads),
	NUMBER("num_threads_per_udp", process.threads),
	TEXT("stat_key_prefix", ":"),
	TEXT("detail_enabled", "no"),
	ZERO("reqs_per_event"),
	TEXT("cas_enabled", "yes"),
	ZERO("tcp_backlog"),
	TEXT("binding_protocol", "auto-negotiate"),
	STRING("auth_enabled_sasl", process.sasl, "no"),
	STRING("auth_enabled_ascii", process.auth_file, "no"),
	NUMBER("item_size_max", process.item_size_max),
	TEXT("maxconns_fast", "yes"),
	ZERO("hashpower_init"),
	TEXT("slab_reassign", "no"),
	ZERO("slab_automove"),
	TEXT("slab_automove_ratio", "0.80"),
	ZERO("slab_automove_window"),
	NUMBER("slab_chunk_max", process.item_size_max),
	TEXT("lru_crawler", "no"),
	ZERO("lru_crawler_sleep"),
	ZERO("lru_crawler_tocrawl"),
	ZERO("tail_repair_time"),
	TEXT("flush_enabled", "yes"),
	TEXT("dump_enabled", "yes"),
	TEXT("hash_algorithm", "xxh3"),
	TEXT("lru_maintainer_thread", "no"),
	TEXT("lru_segmented", "no"),
	ZERO("hot_lru_pct"),
	ZERO("warm_lru_pct"),
	TEXT("hot_max_factor", "0.00"),
	TEXT("warm_max_factor", "0.00"),
	TEXT("temp_lru", "no"),
	ZERO("temporary_ttl"),
	ZERO("idle_timeout"),
	NUMBER("watcher_logbuf_size", process.watch_text_size),
	NUMBER("worker_logbuf_size", process.watch_events_size),
	ZERO("read_buf_mem_limit"),
	TEXT("track_sizes", "no"),
	TEXT("inline_ascii_response", "no"),
	TEXT("ssl_enabled", "no"),
};

static const struct stat_row items_rows[] = {
	NUMBER("items:1:number", store.items),
	ZERO("items:1:number_hot"),
	ZERO("items:1:number_warm"),
	NUMBER("items:1:number_cold", store.items),
	ZERO("items:1:age_hot"),
	ZERO("items:1:age_warm"),
	NUMBER("items:1:age", store.oldest_seconds),
	DERIVED("items:1:mem_requested", bytes_of_items),
	NUMBER("items:1:evicted", store.evictions),
	ZERO("items:1:evicted_nonzero"),
	ZERO("items:1:evicted_time"),
	NUMBER("items:1:outofmemory", store.out_of_memory),
	ZERO("items:1:tailrepairs"),
	NUMBER("items:1:reclaimed", store.expired),
	NUMBER("items:1:expired_unfetched", store.expired_unfetched),
	NUMBER("items:1:evicted_unfetched", store.evicted_unfetched),
	ZERO("items:1:evicted_active"),
	NUMBER("items:1:crawler_reclaimed", store.crawl_reclaimed),
	NUMBER("items:1:crawler_items_checked", store.crawled),
	ZERO("items:1:lrutail_reflocked"),
	ZERO("items:1:moves_to_cold"),
	ZERO("items:1:moves_to_warm"),
	ZERO("items:1:moves_within_lru"),
	ZERO("items:1:direct_reclaims"),
	ZERO("items:1:hits_to_hot"),
	ZERO("items:1:hits_to_warm"),
	NUMBER("items:1:hits_to_cold", proto.get_hits),
	ZERO("items:1:hits_to_temp"),
};

/* memcached leaves classes that hold nothing out: this part is for when there are items. */
static const struct stat_row slab_rows[] = {
	TEXT("1:chunk_size", "8"),
	DERIVED("1:chunks_per_page", chunks_per_page),
	DERIVED("1:total_pages", pages),
	DERIVED("1:total_chunks", chunks),
	DERIVED("1:used_chunks", chunks_used),
	DERIVED("1:free_chunks", chunks_free),
	ZERO("1:free_chunks_end"),
	NUMBER("1:get_hits", proto.get_hits),
	NUMBER("1:cmd_set", proto.cmd_set),
	NUMBER("1:delete_hits", proto.delete_hits),
	NUMBER("1:incr_hits", proto.incr_hits),
	NUMBER("1:decr_hits", proto.decr_hits),
	NUMBER("1:cas_hits", proto.cas_hits),
	NUMBER("1:cas_badval", proto.cas_badval),
	NUMBER("1:touch_hits", proto.touch_hits),
};

static const struct stat_row slabs_total_rows[] = {
	DERIVED("active_slabs", slabs_active),
	NUMBER("total_malloced", store.memory_used),
};

static const struct stat_row sizes_rows[] = {
	TEXT("sizes_status", "disabled"),
};

static void
row_emit(const struct stat_row *row, const struct stats_inputs *inputs, stat_emit *emit, void *arg)
{
	const uint8_t *field = (const uint8_t *)inputs + row->offset;
	const char *text = row->text;
	uint64_t number = 0;
	char room[48];

	switch (row->kind) {
	case STAT_TEXT:
		break;
	case STAT_STRING:
		memcpy(&text, field, sizeof(text));
		if (text == NULL)
			text = row->text;
		break;
	case STAT_SECONDS:
		memcpy(&number, field, sizeof(number));
		snprintf(room, sizeof(room), "%llu.%06llu", (unsigned long long)number / 1000000,
			 (unsigned long long)number % 1000000);
		text = room;
		break;
	case STAT_NUMBER:
	case STAT_DERIVED:
		if (row->kind == STAT_DERIVED)
			number = row->derive(inputs);
		else
			memcpy(&number, field, sizeof(number));
		snprintf(room, sizeof(room), "%llu", (unsigned long long)number);
		text = room;
		break;
	}
	emit(arg, row->name, text);
}

#define EMIT(rows)                                                                                 \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++)                              \
	row_emit(&(rows)[i], inputs, emit, arg)

int
stats_emit_group(const struct stats_inputs *inputs, const char *group, size_t length,
		 stat_emit *emit, void *arg)
{
#define GROUP(name) (length == sizeof(name) - 1 && memcmp(group, name, length) == 0)
	bool holds_items = inputs->store.items != 0;

	if (length == 0) {
		EMIT(general_rows);
	} else if (GROUP("settings")) {
		EMIT(settings_rows);
	} else if (GROUP("items")) {
		if (holds_items)
			EMIT(items_rows);
	} else if (GROUP("slabs")) {
		if (holds_items)
			EMIT(slab_rows);
		EMIT(slabs_total_rows);
	} else if (GROUP("sizes")) {
		EMIT(sizes_rows);
	} else if (GROUP("detail dump")) {
		emit(arg, "detailed", "END\r\n");
	} else if (!GROUP("detail on") && !GROUP("detail off")) {
		return -ENOENT;
	}
	return 0;
#undef GROUP
}

void
stats_subtract(struct stats_inputs *inputs, const struct stats_inputs *at_reset)
{
	struct process_facts *process = &inputs->process;
	struct store_stats *store = &inputs->store;

#define X(name, help) inputs->proto.name -= at_reset->proto.name;
	PROTO_STATS(X)
#undef X
	store->items_total -= at_reset->store.items_total;
	store->evictions -= at_reset->store.evictions;
	store->evicted_unfetched -= at_reset->store.evicted_unfetched;
	store->expired -= at_reset->store.expired;
	store->expired_unfetched -= at_reset->store.expired_unfetched;
	store->crawled -= at_reset->store.crawled;
	store->crawl_reclaimed -= at_reset->store.crawl_reclaimed;
	store->out_of_memory -= at_reset->store.out_of_memory;
	process->connections_total -= at_reset->process.connections_total;
	process->connections_rejected -= at_reset->process.connections_rejected;
	process->connections_yields -= at_reset->process.connections_yields;
	process->bytes_read -= at_reset->process.bytes_read;
	process->bytes_written -= at_reset->process.bytes_written;
	process->watch_dropped -= at_reset->process.watch_dropped;
	process->watch_written -= at_reset->process.watch_written;
	process->watch_skipped -= at_reset->process.watch_skipped;
	process->watch_sent -= at_reset->process.watch_sent;
}
