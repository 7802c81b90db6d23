/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/event.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	RELATIVE_MAX = 60 * 60 * 24 * 30, /* seconds: an exptime above is a Unix time */
	ENCODED_MAX = 3 * EVENT_KEY_MAX + 1,
	ADDRESS_LENGTH = 16, /* bytes: IPv6, or IPv4 mapped to it */
};

static const char *const lookups[] = {
	[LOOKUP_NOT_FOUND] = "not_found",
	[LOOKUP_FOUND] = "found",
	[LOOKUP_FLUSHED] = "flushed",
	[LOOKUP_EXPIRED] = "expired",
};

static const char *const outcomes[] = {
	[OUTCOME_NOT_STORED] = "not_stored", [OUTCOME_STORED] = "stored",
	[OUTCOME_EXISTS] = "exists",	     [OUTCOME_NOT_FOUND] = "not_found",
	[OUTCOME_TOO_LARGE] = "too_large",   [OUTCOME_NO_MEMORY] = "no_memory",
};

static const char *const reasons[] = {
	[REASON_ERROR] = "error",
	[REASON_NORMAL] = "normal",
	[REASON_IDLE_TIMEOUT] = "idle_timeout",
	[REASON_SHUTDOWN] = "shutdown",
};

enum event_kind
event_kind(enum event_type type)
{
	static const uint8_t kinds[] = {
		[EVENT_ITEM_GET] = EVENT_FETCHERS,
		[EVENT_ITEM_STORE] = EVENT_MUTATIONS,
		[EVENT_ITEM_DELETED] = EVENT_DELETIONS,
		[EVENT_EVICTION] = EVENT_EVICTIONS,
		[EVENT_CONNECTION_NEW] = EVENT_CONNECTIONS,
		[EVENT_CONNECTION_CLOSE] = EVENT_CONNECTIONS,
	};

	return kinds[type];
}

/* RFC 3986, 2.1: everything but what is unreserved (2.3) is encoded. */
static void
encode(char out[ENCODED_MAX], const uint8_t *key, size_t length)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++) {
		if (memchr(plain, key[i], sizeof(plain) - 1) != NULL) {
			*out++ = (char)key[i];
			continue;
		}
		*out++ = '%';
		*out++ = digits[key[i] >> 4];
		*out++ = digits[key[i] & 15];
	}
	*out = '\0';
}

static void
print_address(char out[INET6_ADDRSTRLEN], const uint8_t bytes[ADDRESS_LENGTH])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, bytes + sizeof(mapped), out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}

/* Seconds to live, as memcached tells them: 0 is for ever, what has expired is 2^32 less some. */
static uint32_t
seconds_to_live(const struct event *event, uint64_t unix_us)
{
	if (event->exptime < 0)
		return UINT32_MAX;
	if (event->exptime <= RELATIVE_MAX)
		return (uint32_t)event->exptime;
	return (uint32_t)(event->exptime - (int64_t)(unix_us / 1000000));
}

static int
format_item(char *out, size_t room, const struct event *event, const char *key, uint64_t unix_us)
{
	switch ((enum event_type)event->type) {
	case EVENT_ITEM_GET:
		return snprintf(out, room, "item_get key=%s status=%s clsid=%u cfd=%u size=%u\n",
				key, lookups[event->status], event->class, event->connection,
				event->size);
	case EVENT_ITEM_STORE:
		return snprintf(
			out, room,
			"item_store key=%s status=%s cmd=%s ttl=%u clsid=%u cfd=%u size=%u\n", key,
			outcomes[event->status], event->command, seconds_to_live(event, unix_us),
			event->class, event->connection, event->size);
	case EVENT_ITEM_DELETED:
		return snprintf(out, room, "deleted key=%s cmd=%s clsid=%u size=%u\n", key,
				event->command, event->class, event->size);
	default:
		return snprintf(out, room,
				"eviction key=%s fetch=%s ttl=%lld la=%u clsid=%u size=%u\n", key,
				event->fetched ? "yes" : "no", (long long)event->exptime,
				event->idle, event->class, event->size);
	}
}

static int
format_connection(char *out, size_t room, const struct event *event, const uint8_t *bytes)
{
	char address[INET6_ADDRSTRLEN];

	print_address(address, bytes);
	if (event->type == EVENT_CONNECTION_NEW)
		return snprintf(out, room, "conn_new rip=%s rport=%u transport=tcp cfd=%u\n",
				address, event->port, event->connection);
	return snprintf(out, room, "conn_close rip=%s rport=%u transport=tcp reason=%s cfd=%u\n",
			address, event->port, reasons[event->status], event->connection);
}

size_t
event_format(char line[EVENT_LINE_MAX], const struct event *event, const uint8_t *key,
	     uint64_t unix_us, uint64_t number)
{
	char encoded[ENCODED_MAX];
	size_t length, room;

	length = (size_t)snprintf(line, EVENT_LINE_MAX, "ts=%llu.%06u gid=%llu type=",
				  (unsigned long long)(unix_us / 1000000),
				  (unsigned int)(unix_us % 1000000), (unsigned long long)number);
	room = EVENT_LINE_MAX - length;
	if (event_kind(event->type) == EVENT_CONNECTIONS)
		return length + (size_t)format_connection(line + length, room, event, key);
	encode(encoded, key, event->key_length);
	return length + (size_t)format_item(line + length, room, event, encoded, unix_us);
}
