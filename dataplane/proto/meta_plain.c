/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/meta_plain.h"

#include "dataplane/proto/meta.h"
#include "dataplane/proto/text_get.h"
#include "dataplane/proto/text_set.h"

/* What a flag without an argument makes of a request. */
struct simple_flag {
	uint8_t returns; /* enum meta_return */
	uint8_t code;	 /* enum meta_wish */
	uint16_t flags;	 /* enum request_flag */
	uint32_t options;
	bool known;
};

enum {
	SIMPLE_FLAGS = 'v' - 'c' + 1
};

#define FLAG(letter) [(letter) - 'c']

static const struct simple_flag get_flags[SIMPLE_FLAGS] = {
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
};

static const struct simple_flag set_flags[SIMPLE_FLAGS] = {
	FLAG('c') = {META_UNIQUE, 0, 0, STORE_KEEP_CAS, true},
	FLAG('k') = {META_KEY, 0, REQUEST_ECHO, 0, true},
	FLAG('q') = {META_END, 0, REQUEST_QUIET, 0, true},
	FLAG('s') = {META_SIZE, 0, 0, 0, true},
};

#undef FLAG

/* A request whose flags are being read. */
struct taking {
	struct request *request;
	uint64_t seen; /* one bit a letter, from A on */
	unsigned int packed;
};

static inline void
add_return(struct taking *taking, enum meta_return what)
{
	if (what == META_END)
		return;
	taking->request->argument |= (int64_t)what << taking->packed;
	taking->packed += META_RETURN_BITS;
}

/* True if the flag is the first of its letter. */
static inline bool
is_first(struct taking *taking, uint8_t letter)
{
	uint64_t bit = UINT64_C(1) << (letter - 'A');
	bool first = (taking->seen & bit) == 0;

	taking->seen |= bit;
	return first;
}

/* Takes the flag at `at`: the byte behind it, or NULL if it is none of those that are known here. */
static inline const uint8_t *
take_flag(struct taking *taking, const struct simple_flag flags[SIMPLE_FLAGS], const uint8_t *at,
	  const uint8_t *end)
{
	struct request *request = taking->request;
	unsigned int letter = *at - (unsigned int)'c';
	const uint8_t *after;

	if (letter < SIMPLE_FLAGS && flags[letter].known && is_first(taking, *at)) {
		request->code |= flags[letter].code;
		request->flags |= flags[letter].flags;
		request->op.options |= flags[letter].options;
		add_return(taking, (enum meta_return)flags[letter].returns);
		return at + 1;
	}
	if (*at != 'O' || !is_first(taking, 'O'))
		return NULL;
	after = scan_control(at, end);
	if (after - at > META_OPAQUE_MAX)
		return NULL;
	request->text = (const char *)at;
	request->text_length = (uint16_t)(after - at);
	request->flags |= REQUEST_ECHO;
	add_return(taking, META_OPAQUE);
	return after;
}

/* The flags of ms that have a number, T and F: the byte behind it. NULL: it is neither, or out of its range. */
static inline const uint8_t *
take_number_flag(struct taking *taking, const uint8_t *at, const uint8_t *end)
{
	uint64_t number;
	const uint8_t *after;

	if ((*at != 'T' && *at != 'F') || !is_first(taking, *at))
		return NULL;
	after = text_take_number(at + 1, end, &number);
	if (after == NULL || number > (*at == 'T' ? INT32_MAX : UINT32_MAX))
		return NULL;
	if (*at == 'T') {
		taking->request->op.exptime = (int64_t)number;
		add_return(taking, META_TOUCH);
	} else {
		taking->request->op.flags = (uint32_t)number;
	}
	return after;
}

/* What a taken request has that others have not. */
static inline struct taking
begin(struct request *request, uint8_t verb, uint32_t options)
{
	request->verb = verb;
	request->flags = REQUEST_META;
	request->op.options = options;
	request->text = NULL;
	request->argument = 0;
	return (struct taking){.request = request};
}

/* Takes one line: the byte behind it, or NULL if it is anything else, and then *request may have been written. */
static inline const uint8_t *
meta_take_get(const uint8_t *at, const uint8_t *end, struct request *request)
{
	const uint8_t *key = at + 3;
	struct taking taking;
	size_t length;

	if (end - at < META_GET_MIN || memcmp(at, "mg ", 3) != 0)
		return NULL;
	at = scan_control(key, end);
	length = (size_t)(at - key);
	if (length - 1 >= STORE_KEY_MAX)
		return NULL;
	request_begin_get(request, PROTOCOL_TEXT, key, length);
	request->op.initial = 0;
	taking = begin(request, 'g', STORE_MAY_WIN);
	while (end - at > 1 && *at == ' ') {
		at = take_flag(&taking, get_flags, at + 1, end);
		if (at == NULL)
			return NULL;
	}
	return line_end(at, end);
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

const uint8_t *
meta_take_set(const struct parse_limits *limits, const uint8_t *at, const uint8_t *end, bool echo,
	      struct request *request)
{
	const uint8_t *key = at + 3, *next, *flag, *data;
	struct taking taking;
	size_t key_length;
	uint64_t length;

	if (end - at < META_GET_MIN || memcmp(at, "ms ", 3) != 0)
		return at;
	next = scan_control(key, end);
	key_length = (size_t)(next - key);
	if (key_length - 1 >= STORE_KEY_MAX || next == end || *next != ' ')
		return at;
	next = text_take_number(next + 1, end, &length);
	if (next == NULL)
		return at;
	request_begin_set(request, PROTOCOL_TEXT, key, key_length, NULL, (uint32_t)length);
	taking = begin(request, 's', 0);
	while (end - next > 1 && *next == ' ') {
		flag = take_flag(&taking, set_flags, next + 1, end);
		next = flag != NULL ? flag : take_number_flag(&taking, next + 1, end);
		if (next == NULL)
			return at;
	}
	data = line_end(next, end);
	if (data == NULL || (!echo && (request->flags & REQUEST_ECHO) != 0))
		return at;
	request->op.data = data;
	next = text_take_whole(limits, data, end, key_length, length, request->op.flags);
	return next != NULL ? next : at;
}

static uint8_t *
put_get(uint8_t *out, const struct request *request)
{
	const struct store_op *op = &request->op;

	if (op->status != STORE_OK)
		return (request->flags & REQUEST_QUIET) == 0 ? meta_put_miss(out, request) : out;
	out = meta_put_hit(out, request);
	return meta_shows_value(request) ? text_put_value(out, op) : out;
}

static uint8_t *
put_set(uint8_t *out, const struct request *request)
{
	if (request->op.status != STORE_OK)
		return NULL;
	return (request->flags & REQUEST_QUIET) == 0 ? meta_put_stored(out, request) : out;
}

uint8_t *
meta_put_plain(uint8_t *out, const uint8_t *limit, const struct request *request)
{
	const struct store_op *op = &request->op;
	bool set = request->verb == 's';
	uint32_t length = !set && op->status == STORE_OK ? op->value_length : 0;

	if (length > TEXT_VALUE_SHORT ||
	    (size_t)(limit - out) < meta_line_room(request) + length + sizeof("\r\n"))
		return NULL;
	return set ? put_set(out, request) : put_get(out, request);
}
