/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/dump.h"

#include "dataplane/proto/base64.h"
#include "dataplane/proto/decimal.h"

enum {
	NUMBERS_ROOM = 160, /* bytes of a line of metadump behind the key */
};

static uint8_t *
append(uint8_t *out, const char *text)
{
	size_t length = strlen(text);

	memcpy(out, text, length);
	return out + length;
}

/* RFC 3986, 2.3: what needs no encoding. */
static bool
is_unreserved(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
	       byte == '~';
}

static void
put_encoded(struct reply *reply, const uint8_t *key, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++) {
		const char code[] = {'%', digits[key[i] >> 4], digits[key[i] & 15]};

		if (is_unreserved(key[i]))
			reply_put(reply, &key[i], 1);
		else
			reply_put(reply, code, sizeof(code));
	}
}

static void
dump_meta(struct reply *reply, const struct store_op *item, int64_t now)
{
	uint64_t size = STORE_ITEM_OVERHEAD + (uint64_t)item->key_length + item->value_length +
			(item->flags != 0 ? sizeof(item->flags) : 0);
	uint8_t *start, *out;

	reply_put(reply, "key=", 4);
	put_encoded(reply, item->key, item->key_length);
	start = reply_reserve(reply, NUMBERS_ROOM);
	out = append(start, " exp=");
	if (item->ttl < 0)
		out = append(out, "-1");
	else
		out = decimal_write(out, (uint64_t)(now + item->ttl));
	out = append(out, " la=");
	out = decimal_write(out, (uint64_t)(now - item->idle));
	out = append(out, " cas=");
	out = decimal_write(out, item->cas);
	out = append(out, (item->options & STORE_FETCHED) != 0 ? " fetch=yes" : " fetch=no");
	out = append(out, " cls=1 size=");
	out = decimal_write(out, size);
	reply_commit(reply, start, append(out, "\n"));
}

static void
dump_key(struct reply *reply, const struct store_op *item)
{
	uint8_t *start;

	reply_put(reply, "mg ", 3);
	if ((item->options & STORE_BINARY_KEY) == 0) {
		reply_put(reply, item->key, item->key_length);
		reply_put(reply, "\r\n", 2);
		return;
	}
	start = reply_reserve(reply, BASE64_LENGTH(STORE_KEY_MAX));
	reply_commit(reply, start, base64_encode(start, item->key, item->key_length));
	reply_put(reply, " b\r\n", 4);
}

void
dump_item(struct reply *reply, enum dump_kind kind, const struct store_op *item, int64_t now)
{
	if (kind == DUMP_META)
		dump_meta(reply, item, now);
	else
		dump_key(reply, item);
}

void
dump_end(struct reply *reply, enum dump_kind kind)
{
	if (kind == DUMP_META)
		reply_put(reply, "END\r\n", 5);
	else
		reply_put(reply, "EN\r\n", 4);
}
