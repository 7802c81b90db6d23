/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/meta.h"

#include "dataplane/proto/base64.h"
#include "dataplane/proto/text.h"

enum {
	META_TOKENS_MAX = 19, /* of a line */
	LETTERS_END = 127,    /* what a flag can't begin with, and upwards */
};

/* What a flag's letter means to the parser. */
enum flag_kind {
	FLAG_UNKNOWN,
	FLAG_PLAIN, /* no argument, or none that is looked at */
	FLAG_KEY,   /* the key is in base64 */
	FLAG_OPAQUE,
	FLAG_TIME,   /* argument: seconds, as an exptime */
	FLAG_NUMBER, /* argument: 64 bits */
	FLAG_CLIENT, /* argument: 32 bits of client flags */
	FLAG_MODE,
};

/* A line taken apart. */
struct meta {
	struct token key;    /* as it was given; the length is that of the decoded one */
	uint64_t seen;	     /* one bit a letter */
	uint64_t returns;    /* enum meta_return, packed */
	unsigned int packed; /* bits of it that are used */
	struct token opaque;
	uint64_t unique, new_unique, delta, initial; /* C E D J */
	int32_t touch, create, recache;		     /* T N R */
	uint32_t client_flags;
	uint8_t mode; /* 0: none */
	uint8_t decoded[STORE_KEY_MAX];
};

struct flag_rule {
	uint8_t kind;
	uint8_t returns;      /* enum meta_return */
	uint16_t offset;      /* of the argument in struct meta */
	const char *complain; /* of a bad argument */
};

#define TO(field) offsetof(struct meta, field)

static const char bad_token[] = "CLIENT_ERROR bad token in command line format";
static const char bad_delta[] = "CLIENT_ERROR invalid numeric delta value";
static const char bad_initial[] = "CLIENT_ERROR invalid numeric initial value";

static const struct flag_rule rules['z' - 'A' + 1] = {
#define RULE(letter) [(letter) - 'A']
	RULE('b') = {FLAG_KEY, META_END, 0, NULL},
	RULE('c') = {FLAG_PLAIN, META_UNIQUE, 0, NULL},
	RULE('f') = {FLAG_PLAIN, META_FLAGS, 0, NULL},
	RULE('h') = {FLAG_PLAIN, META_HIT, 0, NULL},
	RULE('k') = {FLAG_PLAIN, META_KEY, 0, NULL},
	RULE('l') = {FLAG_PLAIN, META_IDLE, 0, NULL},
	RULE('q') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('s') = {FLAG_PLAIN, META_SIZE, 0, NULL},
	RULE('t') = {FLAG_PLAIN, META_TTL, 0, NULL},
	RULE('u') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('v') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('x') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('C') = {FLAG_NUMBER, META_END, TO(unique), bad_token},
	RULE('D') = {FLAG_NUMBER, META_END, TO(delta), bad_delta},
	RULE('E') = {FLAG_NUMBER, META_END, TO(new_unique), bad_token},
	RULE('F') = {FLAG_CLIENT, META_END, TO(client_flags), text_bad_format},
	RULE('I') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('J') = {FLAG_NUMBER, META_END, TO(initial), bad_initial},
	RULE('L') = {FLAG_PLAIN, META_END, 0, NULL}, /* hints to a proxy */
	RULE('M') = {FLAG_MODE, META_END, TO(mode), NULL},
	RULE('N') = {FLAG_TIME, META_TOUCH, TO(create), bad_token},
	RULE('O') = {FLAG_OPAQUE, META_OPAQUE, TO(opaque), NULL},
	RULE('P') = {FLAG_PLAIN, META_END, 0, NULL},
	RULE('R') = {FLAG_TIME, META_END, TO(recache), bad_token},
	RULE('T') = {FLAG_TIME, META_TOUCH, TO(touch), bad_token},
#undef RULE
};

/* --- flags -------------------------------------------------------------------------------- */

static inline bool
meta_has(const struct meta *meta, char letter)
{
	return (meta->seen >> (letter - 'A') & 1) != 0;
}

/* NULL, or what is wrong with the key. */
static const char *
meta_decode_key(struct meta *meta)
{
	size_t length = base64_decode(meta->decoded, meta->key.start, meta->key.length);

	if (length == 0)
		return "CLIENT_ERROR error decoding key";
	meta->key.length = length;
	return NULL;
}

/* Reads a flag's argument to its place. NULL, or what is wrong with it. */
static const char *
meta_read_argument(struct meta *meta, const struct token *token, const struct flag_rule *rule)
{
	struct token argument = {.start = token->start + 1, .length = token->length - 1};
	void *place = (uint8_t *)meta + rule->offset;
	uint64_t number;

	switch ((enum flag_kind)rule->kind) {
	case FLAG_KEY:
		return meta_decode_key(meta);
	case FLAG_OPAQUE:
		meta->opaque = *token;
		return token->length > META_OPAQUE_MAX ? "CLIENT_ERROR opaque token too long"
						       : NULL;
	case FLAG_TIME:
		return token_i32(&argument, place) ? NULL : rule->complain;
	case FLAG_NUMBER:
		return token_u64(&argument, place) ? NULL : rule->complain;
	case FLAG_CLIENT:
		if (!token_u64(&argument, &number) || number > UINT32_MAX)
			return rule->complain;
		meta->client_flags = (uint32_t)number;
		return NULL;
	case FLAG_MODE:
		meta->mode = argument.length != 0 ? argument.start[0] : 0;
		return NULL;
	default:
		return NULL;
	}
}

/* Reads the flags from token `first` on. NULL, or the error to answer. */
static const char *
meta_read_flags(struct meta *meta, const struct line *line, unsigned int first)
{
	const char *error = NULL;

	for (unsigned int i = first; i < line->count; i++) {
		const struct token *token = &line->token[i];
		unsigned int letter = token->start[0] - (unsigned int)'A';
		const char *complaint;

		if (token->start[0] >= LETTERS_END ||
		    (letter <= 'z' - 'A' && (meta->seen >> letter & 1) != 0))
			return "CLIENT_ERROR duplicate flag";
		if (letter > 'z' - 'A' || rules[letter].kind == FLAG_UNKNOWN)
			return "CLIENT_ERROR invalid flag";
		meta->seen |= UINT64_C(1) << letter;
		complaint = meta_read_argument(meta, token, &rules[letter]);
		/* the last complaint counts, but one about client flags overrides none */
		if (complaint != NULL && (error == NULL || rules[letter].kind != FLAG_CLIENT))
			error = complaint;
		if (rules[letter].returns != META_END) {
			meta->returns |= (uint64_t)rules[letter].returns << meta->packed;
			meta->packed += META_RETURN_BITS;
		}
	}
	return error;
}

static void
meta_init(struct meta *meta, const struct token *key)
{
	memset(meta, 0, offsetof(struct meta, decoded));
	meta->key = *key;
	meta->delta = 1;
}

/* Key and flags. NULL, or the error to answer. */
static const char *
meta_read(struct meta *meta, const struct line *line, unsigned int first_flag)
{
	meta_init(meta, &line->token[1]);
	if (meta->key.length > STORE_KEY_MAX)
		return text_bad_format;
	if (line->count > META_TOKENS_MAX)
		return "CLIENT_ERROR options flags are too long";
	return meta_read_flags(meta, line, first_flag);
}

/* --- requests ----------------------------------------------------------------------------- */

/* The command is complete: a decoded key takes the place of its encoding. */
static void
meta_place_key(struct meta *meta)
{
	if (meta_has(meta, 'b'))
		memcpy((uint8_t *)(uintptr_t)meta->key.start, meta->decoded, meta->key.length);
}

static void
meta_set_option(struct store_op *op, bool wanted, enum store_option option)
{
	if (wanted)
		op->options |= (uint32_t)option;
}

/* What all commands have in common. */
static void
meta_fill(struct request *request, char letter, struct meta *meta)
{
	struct store_op *op = &request->op;

	request->verb = (uint8_t)letter;
	request->argument = (int64_t)meta->returns;
	request->text = (const char *)meta->opaque.start;
	request->text_length = (uint16_t)meta->opaque.length;
	request->code = (meta_has(meta, 'v') ? META_VALUE : 0) |
			(meta_has(meta, 'b') ? META_BINARY_KEY : 0);
	request->flags = REQUEST_META;
	if (meta_has(meta, 'q'))
		request->flags |= REQUEST_QUIET;
	if (meta_has(meta, 'O') || meta_has(meta, 'k'))
		request->flags |= REQUEST_ECHO;
	op->key = meta->key.start;
	op->key_length = (uint8_t)meta->key.length;
	op->cas = meta->unique;
	op->new_cas = meta->new_unique;
	op->flags = meta->client_flags;
	op->exptime = meta->touch;
	op->other_exptime = meta->create;
	op->recache = meta->recache;
	meta_set_option(op, meta_has(meta, 'E'), STORE_NEW_CAS);
	meta_set_option(op, meta_has(meta, 'c'), STORE_KEEP_CAS);
	/* what ma makes is shown as it is; what there was, as before */
	meta_set_option(op, meta_has(meta, 'b') && letter != 'a', STORE_BINARY_KEY);
}

static struct request *
meta_add(struct parser *parser, char letter, struct meta *meta)
{
	struct request *request = parser_add(parser, PROTOCOL_TEXT, REQUEST_STORE);

	meta_place_key(meta);
	meta_fill(request, letter, meta);
	return request;
}

static void
meta_get(struct parser *parser, struct meta *meta)
{
	struct request *request = meta_add(parser, 'g', meta);
	struct store_op *op = &request->op;

	op->verb = meta_has(meta, 'T') ? STORE_GAT : STORE_GET;
	op->initial = meta->unique;
	if (meta_has(meta, 'C'))
		request->code |= META_UNLESS_EQUAL;
	meta_set_option(op, meta_has(meta, 'N'), STORE_CREATE);
	meta_set_option(op, meta_has(meta, 'R'), STORE_RECACHE);
	meta_set_option(op, meta_has(meta, 'u'), STORE_NO_BUMP);
	meta_set_option(op, meta_has(meta, 'h') || meta_has(meta, 'l') || meta_has(meta, 't'),
			STORE_DETAILS);
	op->options |= STORE_MAY_WIN;
}

static void
meta_delete(struct parser *parser, struct meta *meta)
{
	struct store_op *op = &meta_add(parser, 'd', meta)->op;

	op->verb = STORE_DELETE;
	meta_set_option(op, meta_has(meta, 'C'), STORE_IF_CAS);
	meta_set_option(op, meta_has(meta, 'I'), STORE_INVALIDATE);
	meta_set_option(op, meta_has(meta, 'I') && meta_has(meta, 'T'), STORE_TOUCHES);
	meta_set_option(op, meta_has(meta, 'x'), STORE_DROP_VALUE);
}

/* The verb of a mode of ma, or STORE_NONE. */
static enum store_verb
count_verb(uint8_t mode)
{
	switch (mode) {
	case 0:
	case 'I':
	case '+':
		return STORE_INCR;
	case 'D':
	case '-':
		return STORE_DECR;
	}
	return STORE_NONE;
}

static void
meta_count(struct parser *parser, struct meta *meta)
{
	struct store_op *op = &meta_add(parser, 'a', meta)->op;

	op->verb = (uint8_t)count_verb(meta->mode);
	op->delta = meta->delta;
	op->initial = meta->initial;
	op->exptime = meta->create;
	op->other_exptime = meta->touch;
	meta_set_option(op, meta->unique != 0, STORE_IF_CAS);
	meta_set_option(op, meta_has(meta, 'N'), STORE_CREATE);
	meta_set_option(op, meta_has(meta, 'T'), STORE_TOUCHES);
}

static enum parse_result
meta_examine(struct parser *parser, const struct line *line)
{
	struct meta meta;
	struct request *request;

	meta_init(&meta, &line->token[1]);
	if (line->count > 2 && token_is(&line->token[2], "b"))
		meta.seen |= UINT64_C(1) << ('b' - 'A');
	if (line->count > META_TOKENS_MAX || meta.key.length > STORE_KEY_MAX ||
	    (meta_has(&meta, 'b') && meta_decode_key(&meta) != NULL))
		return text_error(parser, false, text_bad_format);
	request = meta_add(parser, 'e', &meta);
	request->op.verb = STORE_GET;
	request->op.options |= STORE_NO_BUMP | STORE_DETAILS | STORE_KEEP_CAS;
	request->flags |= REQUEST_EXAMINES;
	return PARSE_DONE;
}

/* --- ms ----------------------------------------------------------------------------------- */

/* The verb of a mode of ms, or STORE_NONE. */
static enum store_verb
store_verb(uint8_t mode)
{
	switch (mode) {
	case 0:
	case 'S':
		return STORE_SET;
	case 'E':
		return STORE_ADD;
	case 'A':
		return STORE_APPEND;
	case 'P':
		return STORE_PREPEND;
	case 'R':
		return STORE_REPLACE;
	}
	return STORE_NONE;
}

static void
meta_fill_store(struct store_op *op, const struct meta *meta)
{
	bool joins;

	op->verb = (uint8_t)store_verb(meta->mode);
	joins = op->verb == STORE_APPEND || op->verb == STORE_PREPEND;
	meta_set_option(op, joins && meta_has(meta, 'N'), STORE_CREATE);
	/* an add with a unique is an add; unique 0 doesn't stop what joins or counts */
	if (!meta_has(meta, 'C') || op->verb == STORE_ADD || (joins && meta->unique == 0))
		return;
	op->options |= STORE_IF_CAS;
	if (!joins) {
		op->verb = STORE_SET;
		meta_set_option(op, meta_has(meta, 'I') && meta->unique != 0, STORE_INVALIDATE);
	}
}

/* What is wrong with the flags is answered when the data has been swallowed. */
static enum parse_result
meta_store(struct parser *parser, const struct line *line)
{
	enum parse_result result;
	struct request *request;
	struct meta meta;
	const char *error;
	int32_t length;

	if (line->count < 3 || !token_i32(&line->token[2], &length) || length < 0 ||
	    length > TEXT_DATA_MAX)
		return text_error(parser, false, text_bad_format);
	error = meta_read(&meta, line, 3);
	if (error == NULL && store_verb(meta.mode) == STORE_NONE)
		error = "CLIENT_ERROR invalid mode for ms M token";
	if (error != NULL)
		return text_refuse(parser, line->next, (uint32_t)length, error);
	request = parser_add(parser, PROTOCOL_TEXT, REQUEST_STORE);
	meta_fill(request, 's', &meta);
	meta_fill_store(&request->op, &meta);
	request->op.data = line->next;
	request->op.data_length = (uint32_t)length;
	result = text_take_data(parser, request, line->next, false, true);
	if (result != PARSE_MORE)
		meta_place_key(&meta);
	return result;
}

enum parse_result
meta_parse(struct parser *parser, char letter, const struct line *line)
{
	struct meta meta;
	const char *error;

	if (line->count < 2)
		return text_error(parser, false, text_bad_format);
	if (letter == 's')
		return meta_store(parser, line);
	if (letter == 'e')
		return meta_examine(parser, line);
	error = meta_read(&meta, line, 2);
	if (letter == 'a' && error != NULL && line->count <= META_TOKENS_MAX &&
	    line->token[1].length <= STORE_KEY_MAX)
		error = "CLIENT_ERROR invalid or duplicate flag";
	if (error == NULL && letter == 'a' && count_verb(meta.mode) == STORE_NONE)
		error = "CLIENT_ERROR invalid mode for ma M token";
	if (error != NULL)
		return text_error(parser, false, error);
	if (letter == 'g')
		meta_get(parser, &meta);
	else if (letter == 'd')
		meta_delete(parser, &meta);
	else
		meta_count(parser, &meta);
	return PARSE_DONE;
}
