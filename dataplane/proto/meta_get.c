/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/meta_get.h"

#include "dataplane/proto/meta.h"
#include "dataplane/proto/text_get.h"

/* What a flag without an argument makes of a request. */
struct simple_flag {
	uint8_t returns; /* enum meta_return */
	uint8_t code;	 /* enum meta_wish */
	uint16_t flags;	 /* enum request_flag */
	uint32_t options;
	bool known;
};

static const struct simple_flag simple_flags['v' - 'c' + 1] = {
#define FLAG(letter) [(letter) - 'c']
	FLAG('c') = {META_UNIQUE, 0, 0, STORE_KEEP_CAS, true},
	FLAG('f') = {META_FLAGS, 0, 0, 0, true},
	FLAG('h') = {META_HIT, 0, 0, STORE_DETAILS, true},
	FLAG('k') = {META_KEY, 0, REQUEST_ECHO, 0, true},
	FLAG('l') = {META_IDLE, 0, 0, STORE_DETAILS, true},
	FLAG('q') = {META_END, 0, REQUEST_QUIET, 0, true},
	FLAG('s') = {META_SIZE, 0, 0, 0, true},
	FLAG('t') = {META_TTL, 0, 0, STORE_DETAILS, true},
	FLAG('u') = {META_END, 0, 0, STORE_NO_BUMP, true},
	FLAG('v') = {META_END, META_VALUE, 0, 0, true},
#undef FLAG
};

/* What has been read of a request's flags. */
struct taken {
	uint32_t seen; /* one bit a simple flag */
	unsigned int packed;
};

static inline void
add_return(struct request *request, struct taken *taken, enum meta_return what)
{
	if (what == META_END)
		return;
	request->argument |= (int64_t)what << taken->packed;
	taken->packed += META_RETURN_BITS;
}

/* Takes the flag at `at`: the byte behind it, or NULL if it is none of those that are known here. */
static inline const uint8_t *
take_flag(const uint8_t *at, const uint8_t *end, struct request *request, struct taken *taken)
{
	unsigned int letter = *at - (unsigned int)'c';
	const struct simple_flag *flag;
	const uint8_t *after;

	if (*at == 'O' && request->text_length == 0) {
		after = scan_control(at, end);
		if (after - at > META_OPAQUE_MAX)
			return NULL;
		request->text = (const char *)at;
		request->text_length = (uint16_t)(after - at);
		request->flags |= REQUEST_ECHO;
		add_return(request, taken, META_OPAQUE);
		return after;
	}
	if (letter > 'v' - 'c')
		return NULL;
	flag = &simple_flags[letter];
	if (!flag->known || (taken->seen >> letter & 1) != 0)
		return NULL;
	taken->seen |= 1u << letter;
	request->code |= flag->code;
	request->flags |= flag->flags;
	request->op.options |= flag->options;
	add_return(request, taken, (enum meta_return)flag->returns);
	return at + 1;
}

/* Takes one line: the byte behind it, or NULL if it is anything else, and then *request may have been written. */
static inline const uint8_t *
meta_take_get(const uint8_t *at, const uint8_t *end, struct request *request)
{
	struct taken taken = {.seen = 0};
	const uint8_t *key = at + 3;
	size_t length;

	if (end - at < META_GET_MIN || memcmp(at, "mg ", 3) != 0)
		return NULL;
	at = scan_control(key, end);
	length = (size_t)(at - key);
	if (length - 1 >= STORE_KEY_MAX)
		return NULL;
	request_begin_get(request, PROTOCOL_TEXT, key, length);
	request->verb = 'g';
	request->flags = REQUEST_META;
	request->op.options = STORE_MAY_WIN;
	request->op.initial = 0;
	request->text = NULL;
	request->argument = 0;
	while (end - at > 1 && *at == ' ') {
		at = take_flag(at + 1, end, request, &taken);
		if (at == NULL)
			return NULL;
	}
	if (at == end)
		return NULL;
	at += *at == '\r';
	return at != end && *at == '\n' ? at + 1 : NULL;
}

const uint8_t *
meta_take_gets(const uint8_t *at, const uint8_t *end, bool echo, struct request *requests,
	       unsigned int room, unsigned int *count)
{
	for (; *count < room; ++*count) {
		struct request *request = requests + *count;
		const uint8_t *line = meta_take_get(at, end, request);

		if (line == NULL || (!echo && (request->flags & REQUEST_ECHO) != 0))
			break;
		at = line;
	}
	return at;
}

uint8_t *
meta_put_get(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	const struct store_op *op = &request->op;
	bool found = op->status == STORE_OK;
	uint32_t length = found ? op->value_length : 0;

	if (length > TEXT_VALUE_SHORT ||
	    (size_t)(limit - out) < meta_line_room(request) + length + sizeof("\r\n"))
		return NULL;
	if (!found)
		return (request->flags & REQUEST_QUIET) == 0 ? meta_put_miss(out, request) : out;
	out = meta_put_hit(out, request);
	if (!meta_shows_value(request))
		return out;
	copy_bytes(out, op->value, length);
	memcpy(out + length, "\r\n", 2);
	return out + length + 2;
}
