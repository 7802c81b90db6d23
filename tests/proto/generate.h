/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate.h - random but repeatable command streams: mostly right, often nearly right, sometimes
 * nonsense. A stream is a script of literal bytes and of places where the CAS unique that a server
 * has shown for a key is to be filled in, since that differs between servers.
 *
 * What is kept out is where memcached's answer hangs on how its reads fall, on the second it is
 * asked in or on memory that isn't the item's, or is another of the deliberate differences of
 * docs/protocol.md: times to live of a few seconds; a line without an end behind a command; HTTP and a multi-get with
 * a key that is too long, which throw queued replies away; a binary body where none belongs; a
 * flush_all with a delay while something is flushed that nobody has asked for since; counters of white space or of
 * 2^63 and more, where it reads on behind the item.
 */
#ifndef JACKDAW_TESTS_GENERATE_H
#define JACKDAW_TESTS_GENERATE_H

#include "tests/proto/normalise.h"

enum {
	SCRIPT_UNIQUES_MAX = 256,
	VALUE_KEYS = 8,	  /* k0 .. k7 */
	COUNTER_KEYS = 3, /* n0 .. n2 */
	LINE_MAX_BYTES = 2048,
};

struct script {
	bool binary;
	struct bytes bytes;
	unsigned int uniques;
	struct {
		size_t at; /* filled in before the byte here */
		uint8_t key;
	} unique[SCRIPT_UNIQUES_MAX];
};

static inline void
script_free(struct script *script)
{
	bytes_free(&script->bytes);
}

/* Appends the script as the server that has shown these uniques is to get it. */
static inline void
script_fill(const struct script *script, const struct uniques *uniques, struct bytes *out)
{
	size_t from = 0;
	char number[24];

	for (unsigned int i = 0; i < script->uniques; i++) {
		uint64_t unique = uniques->of_key[script->unique[i].key];

		bytes_add(out, script->bytes.start + from, script->unique[i].at - from);
		from = script->unique[i].at;
		if (script->binary) {
			unique = htobe64(unique);
			bytes_add(out, &unique, sizeof(unique));
		} else {
			snprintf(number, sizeof(number), "%" PRIu64, unique);
			bytes_add_text(out, number);
		}
	}
	bytes_add(out, script->bytes.start + from, script->bytes.length - from);
}

static inline void
script_say(struct script *script, const char *text)
{
	bytes_add_text(&script->bytes, text);
}

static inline void
script_say_unique(struct script *script, int key)
{
	if (key >= 0 && script->uniques < SCRIPT_UNIQUES_MAX) {
		script->unique[script->uniques].at = script->bytes.length;
		script->unique[script->uniques++].key = (uint8_t)key;
	} else if (script->binary) {
		bytes_add(&script->bytes, "\0\0\0\0\0\0\0\1", 8);
	} else {
		script_say(script, "1");
	}
}

#define CHOOSE(random, list) (list)[random_below(random, sizeof(list) / sizeof((list)[0]))]

static inline bool
one_in(uint64_t *random, uint32_t chances)
{
	return random_below(random, chances) == 0;
}

/* --- the parts ---------------------------------------------------------------------------- */

static inline const char *
generate_key(uint64_t *random, bool counter, char room[256])
{
	uint32_t die = random_below(random, 64);
	uint32_t length = die == 0 ? STORE_KEY_MAX : STORE_KEY_MAX + 1;

	if (die <= 1) {
		memset(room, 'L', length);
		room[length] = '\0';
	} else if (die == 2) {
		strcpy(room, "k\t\x01\xff");
	} else {
		room[0] = counter ? 'n' : 'k';
		room[1] = (char)('0' + random_below(random, counter ? COUNTER_KEYS : VALUE_KEYS));
		room[2] = '\0';
	}
	return room;
}

static inline void
generate_noise(uint64_t *random, struct bytes *value, uint32_t length)
{
	bytes_add(value, "v", 1);
	bytes_make_room(value, length);
	for (uint32_t i = 0; i < length; i++)
		value->start[value->length++] =
			i % 500 == 499 ? '\n' : (uint8_t)random_next(random);
}

/* Values of k-keys are no numbers and those of n-keys mostly are: see the rule on padding. */
static inline void
generate_value(uint64_t *random, bool counter, struct bytes *value)
{
	static const char *const numbers[] = {"0",
					      "1",
					      "9",
					      "10",
					      "99",
					      "100",
					      "999",
					      "007",
					      "+5",
					      " 5",
					      "5 ",
					      "-1",
					      "-0",
					      "5 x",
					      "5x",
					      "0x10",
					      "1e3",
					      "\t7",
					      "4294967295",
					      "4294967296",

					      "288230376151711744",
					      "18446744073709551616",
					      "-18446744073709551615",
					      "12345678901234567890123456789"};
	static const char *const words[] = {"v", "value", "v\r\n", "v\nEND\r\n", "v v", "VALUE v"};

	value->length = 0;
	if (counter)
		bytes_add_text(value, CHOOSE(random, numbers));
	else if (!one_in(random, 3))
		bytes_add_text(value, CHOOSE(random, words));
	else
		generate_noise(random, value,
			       random_below(random, one_in(random, 20) ? 20000 : 400));
}

static const char *const generate_flags[] = {"1",
					     "5",
					     "255",
					     "65536",
					     "4294967295",
					     "4294967296",
					     "-1",
					     "x",
					     "+7",
					     "007",
					     "18446744073709551615",
					     "18446744073709551616",
					     "-18446744073709551615",
					     "1x",
					     "0\t"};
static const char *const generate_times[] = {"1000",
					     "2592000",
					     "2592001",
					     "-1",
					     "2147483647",
					     "2147483648",
					     "4294967295",
					     "4294967296",
					     "x",
					     "1.5",
					     "+100",
					     "-9223372036854775808",
					     "9223372036854775808"};
static const char *const generate_deltas[] = {
	"1",	      "18446744073709551615",  "1",  "10", "0",
	"4294967296", "18446744073709551616",  "-1", "x",  "+1",
	"0x10",	      "-18446744073709551615", "1\t"};

static inline const char *
generate_time(uint64_t *random)
{
	return one_in(random, 4) ? CHOOSE(random, generate_times) : "0";
}

/* What follows a command's last word: mostly its end, sometimes noreply or something wrong. */
static inline void
script_end_line(struct script *script, uint64_t *random)
{
	static const char *const tails[] = {" noreply", " noreply", " noreply", " foo",
					    " foo bar", " ",	    " 0",	" noreply noreply"};

	if (one_in(random, 4))
		script_say(script, CHOOSE(random, tails));
	script_say(script, one_in(random, 16) ? "\n" : "\r\n");
}

static inline void
script_say_word(struct script *script, uint64_t *random, const char *word)
{
	script_say(script, one_in(random, 50) ? "  " : " ");
	script_say(script, word);
}

/* --- text --------------------------------------------------------------------------------- */

static inline void
generate_text_get(struct script *script, uint64_t *random)
{
	static const char *const verbs[] = {"get", "get",  "get",  "gets",
					    "gat", "gats", "bget", " get"};
	const char *verb = CHOOSE(random, verbs), *key;
	unsigned int keys = random_below(random, one_in(random, 10) ? 70 : 5);
	size_t start = script->bytes.length;
	char room[256];

	script_say(script, verb);
	if (verb[1] == 'a')
		script_say_word(script, random, generate_time(random));
	for (unsigned int i = 0; i < keys; i++) {
		/* a longer line may be closed upon, depending on how it comes */
		if (script->bytes.length - start > LINE_MAX_BYTES - 256 &&
		    strncmp(verb, "get", 3) != 0)
			break;
		key = generate_key(random, one_in(random, 3), room);
		if (strlen(key) > STORE_KEY_MAX)
			key = "k0";
		script_say_word(script, random, key);
	}
	script_say(script, one_in(random, 10) ? " \r\n" : "\r\n");
}

static inline void
generate_text_store(struct script *script, uint64_t *random)
{
	static const char *const verbs[] = {"set", "set",    "set",	"add",
					    "cas", "append", "prepend", "replace"};
	static const char *const lengths[] = {"-1", "x", "2147483646", "-2147483648", "1.0"};
	const char *verb = CHOOSE(random, verbs);
	bool counter = strstr(verb, "pend") == NULL && one_in(random, 3);
	struct bytes value = {0};
	char key[256], length[24];

	generate_value(random, counter, &value);
	generate_key(random, counter, key);
	snprintf(length, sizeof(length), "%zu", value.length + one_in(random, 50));
	script_say(script, verb);
	script_say_word(script, random, key);
	script_say_word(script, random, one_in(random, 4) ? CHOOSE(random, generate_flags) : "3");
	script_say_word(script, random, generate_time(random));
	script_say_word(script, random, one_in(random, 50) ? CHOOSE(random, lengths) : length);
	if (verb[0] == 'c' && !one_in(random, 30)) {
		script_say(script, " ");
		if (one_in(random, 4))
			script_say(script, CHOOSE(random, generate_deltas));
		else
			script_say_unique(script, key_number((uint8_t *)key, strlen(key)));
	}
	script_end_line(script, random);
	bytes_add(&script->bytes, value.start, value.length);
	script_say(script, one_in(random, 60) ? "\n" : "\r\n");
	bytes_free(&value);
}

/* A command on one key, with one word after it or none. */
static inline void
generate_text_op(struct script *script, uint64_t *random)
{
	static const char *const verbs[] = {"incr", "incr",  "incr",  "decr",
					    "decr", "touch", "delete"};
	const char *verb = CHOOSE(random, verbs);
	char key[256];

	script_say(script, verb);
	if (one_in(random, 60)) {
		script_end_line(script, random);
		return;
	}
	script_say_word(script, random, generate_key(random, !one_in(random, 3), key));
	if (verb[0] == 't')
		script_say_word(script, random, generate_time(random));
	else if (verb[2] != 'l' && !one_in(random, 40))
		script_say_word(script, random, CHOOSE(random, generate_deltas));
	script_end_line(script, random);
}

static inline void
generate_text_other(struct script *script, uint64_t *random)
{
	static const char *const lines[] = {"version",
					    "mn",
					    "mx",
					    "stats foo",
					    "stats reset",
					    "verbosity 1",
					    "verbosity",
					    "verbosity x",
					    "flush_all",
					    "flush_all 0",
					    "flush_all x",
					    "flush_all 1.5",
					    "flush_all 0 noreply noreply",
					    "flush_all x noreply",
					    "verbosity 0 noreply",
					    "verbosity 4294967296",
					    "verbosity -1",
					    "touch k0 x noreply",
					    "touch noreply",
					    "gat noreply",
					    "gat 0 noreply",
					    "gats 1000 k0 k1 noreply",
					    "incr n0 x noreply",
					    "set k0 x 0 1 noreply",
					    "cas k0 0 0 1 noreply",
					    "mn noreply",
					    "stats reset noreply",
					    "version x y z",
					    "slabs automove 1 noreply",
					    "lru temp_ttl -1 noreply",
					    "cache_memlimit 5 noreply",
					    "flush_all -1",
					    "",
					    " ",
					    "g",
					    "ERROR",
					    "GET k0",
					    "get",
					    "set",
					    "Set k0 0 0 1",
					    "set k0",
					    "stats detail",
					    "stats detail on",
					    "stats detail dump",
					    "stats detail off",
					    "quitter",
					    "shutdown_",
					    "gat 0",
					    "gats x",
					    "touch",
					    "delete",
					    "incr",
					    "decr n0",
					    "delete k0 0",
					    "delete k0 1",
					    "delete noreply",
					    "cas k0 0 0 1",
					    "add k0 0 0",
					    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
					    "version noreply",
					    "incr noreply 1",
					    "verbosity noreply",
					    "flush_all noreply"};

	script_say(script, CHOOSE(random, lines));
	script_end_line(script, random);
}

/* More keys than a request array holds, on a line that may only be so long if it begins like this. */
static inline void
generate_long_get(struct script *script, uint64_t *random)
{
	char key[256];

	script_say(script, one_in(random, 2) ? "get" : "gets");
	for (unsigned int keys = 1 + random_below(random, 700); keys != 0; keys--) {
		generate_key(random, one_in(random, 3), key);
		script_say_word(script, random, strlen(key) > STORE_KEY_MAX ? "k0" : key);
	}
	script_say(script, "\r\n");
}

static const char generate_keys[] = " k0 k1 k2 k3 k4 k5 k6 k7 n0 n1 n2 k\t\x01\xff";

/*
 * A flush that is to come, long after the test. Every key is asked for before it: what has been flushed
 * is gone then, and memcached can't bring it back.
 */
static inline void
generate_delayed_flush(struct script *script, uint64_t *random)
{
	static const char *const delays[] = {"100000", "2592000", "2147483647", "2592001"};
	char key[256];

	memset(key, 'L', STORE_KEY_MAX);
	key[STORE_KEY_MAX] = '\0';
	script_say(script, "gets ");
	script_say(script, key);
	script_say(script, generate_keys);
	script_say(script, " LL azA= azE= azI= azM= a=== k=\r\nflush_all");
	script_say_word(script, random, CHOOSE(random, delays));
	script_end_line(script, random);
}

/*
 * A line that has grown too long, with no end in sight, or that just ends. Nothing may come before it;
 * and a get, which may be long, is so short here that it is put together, not answered as it comes.
 */
static inline void
generate_endless(struct script *script, uint64_t *random)
{
	static const char *const starts[] = {"get",  "gets", "gat 0", "mg",   "set k0 0 0",
					     "incr", "x",    " ",     "touch"};
	const char *start = CHOOSE(random, starts);
	uint32_t length = random_below(random, start[1] == 'e' ? LINE_MAX_BYTES : 6000);

	script_say(script, start);
	while (script->bytes.length + 20 < length)
		script_say(script, one_in(random, 3) ? " k0" : " abcdefghijklmnop");
}

/* --- meta --------------------------------------------------------------------------------- */

/*
 * Flags that 1.6.18 and 1.6.45, whose meta commands ours are, understand alike, for each command.
 * What has changed between them is tested by hand.
 */
struct flag_list {
	unsigned int count;
	const char *flag[40];
};

static const struct flag_list generate_get_flags = {
	34, {"v",     "v",     "v",  "k",   "O123",
	     "O",     "q",     "f",  "c",   "T1000",
	     "T0",    "F7",    "I",  "D1",  "J1",
	     "P",     "Lhint", "Tx", "y",   "O1234567890123456789012345678901",
	     "\x80",  "t",     "u",  "T-1", "R500",
	     "N1000", "l",     "b",  "N",   "R1.5",
	     "h",     "!",     "s",  "S2"}};
static const struct flag_list generate_set_flags = {
	28, {"k",   "O123", "q",  "c",	"F7", "F0", "F4294967295", "Fx", "F-1", "T1000",
	     "T-1", "T0",   "ME", "MA", "MP", "MR", "MS",	   "MX", "Me",	"C1",
	     "Cx",  "P",    "L",  "y",	"v",  "O",  "I",	   "b"}};
static const struct flag_list generate_delete_flags = {
	9, {"k", "O1", "q", "C1", "v", "P", "I", "T1000", "T-1"}};
static const struct flag_list generate_count_flags = {
	23, {"v",  "v",	 "k",  "O9", "q",  "c",	 "N1000", "N0", "J13", "D10",	"D0", "MI",
	     "M+", "MD", "M-", "Mx", "C1", "Dx", "J-1",	  "N",	"t",   "T1000", "b"}};

/* True of flags of one mg that memcached obeys in the order they stand, and we as R, N, T, t. */
static inline bool
flags_quarrel(const char *flag, const bool used[256])
{
	if (flag[0] == 'T' && (used['N'] || used['R']))
		return true;
	if ((flag[0] == 'N' || flag[0] == 'R') && used['T'])
		return true;
	/* the time to live of what has just expired is a number gone under */
	return (strcmp(flag, "T-1") == 0 && used['t']) || (flag[0] == 't' && used['T' + 128]);
}

static inline void
script_say_flags(struct script *script, uint64_t *random, const struct flag_list *list, int unique,
		 bool repeats)
{
	unsigned int count = list->count;
	bool used[256] = {false};

	for (unsigned int n = random_below(random, 6); n != 0; n--) {
		const char *flag = list->flag[random_below(random, count)];

		if (unique >= 0 && one_in(random, 12))
			flag = "C";
		if ((used[(uint8_t)flag[0]] && (!repeats || !one_in(random, 10))) ||
		    flags_quarrel(flag, used))
			continue;
		used[(uint8_t)flag[0]] = true;
		used['T' + 128] |= strcmp(flag, "T-1") == 0;
		script_say_word(script, random, flag);
		if (strcmp(flag, "C") == 0)
			script_say_unique(script, unique);
	}
}

/* "k0" and so on in base64 now and then, so that b works. */
static inline int
generate_meta_key(struct script *script, uint64_t *random, bool counter)
{
	static const char *const encoded[] = {"azA=", "azE=", "azI=", "azM=", "a===", "k="};
	char key[256];

	if (one_in(random, 5)) {
		script_say(script, CHOOSE(random, encoded));
		return -1;
	}
	do
		generate_key(random, counter, key);
	while (strlen(key) > STORE_KEY_MAX);
	script_say(script, key);
	return key_number((uint8_t *)key, strlen(key));
}

static inline void
generate_meta_store(struct script *script, uint64_t *random)
{
	struct bytes value = {0};
	char length[24];
	int unique;

	script_say(script, "ms ");
	unique = generate_meta_key(script, random, false);
	generate_value(random, false, &value);
	snprintf(length, sizeof(length), "%zu", value.length + one_in(random, 60));
	script_say_word(script, random, length);
	script_say_flags(script, random, &generate_set_flags, unique, true);
	script_say(script, "\r\n");
	bytes_add(&script->bytes, value.start, value.length);
	script_say(script, "\r\n");
	bytes_free(&value);
}

static inline void
generate_meta(struct script *script, uint64_t *random)
{
	uint32_t die = random_below(random, 16);
	bool counter = one_in(random, 3);
	int unique;

	if (die < 6) {
		script_say(script, "mg ");
		/* of counters memcached forgets whether they were read, at times */
		generate_meta_key(script, random, false);
		script_say_flags(script, random, &generate_get_flags, -1, true);
	} else if (die < 10) {
		generate_meta_store(script, random);
		return;
	} else if (die < 12) {
		script_say(script, "md ");
		unique = generate_meta_key(script, random, counter);
		script_say_flags(script, random, &generate_delete_flags, unique, false);
	} else if (die < 15) {
		script_say(script, "ma ");
		unique = generate_meta_key(script, random, true);
		script_say_flags(script, random, &generate_count_flags, unique, true);
	} else {
		script_say(script, "me ");
		generate_meta_key(script, random, false);
	}
	script_say(script, "\r\n");
}

static inline void
generate_text(struct script *script, uint64_t *random)
{
	unsigned int commands = 1 + random_below(random, 12);

	if (one_in(random, 40)) {
		generate_endless(script, random);
		return;
	}
	/* first, as what is left of a value before them would be another beginning */
	if (one_in(random, 10))
		generate_delayed_flush(script, random);
	else if (one_in(random, 20))
		generate_long_get(script, random);
	for (unsigned int i = 0; i < commands; i++) {
		uint32_t die = random_below(random, 22);

		if (die >= 16)
			generate_meta(script, random);
		else if (die < 6)
			generate_text_store(script, random);
		else if (die < 10)
			generate_text_get(script, random);
		else if (die < 14)
			generate_text_op(script, random);
		else
			generate_text_other(script, random);
	}
	if (one_in(random, 30))
		script_say(script, "quit\r\n");
	/* ends a value that was announced a byte too long */
	script_say(script, "\r\nmn\r\n");
}

/* --- binary ------------------------------------------------------------------------------- */

static inline void
script_say_number(struct script *script, uint64_t number, size_t bytes)
{
	number = htobe64(number);
	bytes_add(&script->bytes, (uint8_t *)&number + sizeof(number) - bytes, bytes);
}

struct packet_parts {
	uint8_t opcode;
	size_t extras, key, value; /* bytes */
	bool compares;
	int unique; /* of which key, or -1 */
};

static inline void
script_say_header(struct script *script, uint64_t *random, const struct packet_parts *parts)
{
	script_say_number(script, 0x80, 1);
	script_say_number(script, parts->opcode, 1);
	script_say_number(script, parts->key, 2);
	script_say_number(script, parts->extras, 1);
	/* data type and vbucket are ignored */
	script_say_number(script, one_in(random, 10) ? random_next(random) : 0, 3);
	script_say_number(script, parts->extras + parts->key + parts->value, 4);
	script_say_number(script, random_next(random), 4);
	if (parts->compares)
		script_say_unique(script, parts->unique);
	else
		script_say_number(script, 0, 8);
}

/* What an opcode's request carries. */
struct generate_opcode {
	uint8_t opcode, extras;
	bool keyed, valued, counts;
};

static const struct generate_opcode generate_opcodes[] = {
	{0x00, 0, true, false, false},	{0x09, 0, true, false, false},
	{0x0c, 0, true, false, false},	{0x0d, 0, true, false, false},
	{0x01, 8, true, true, false},	{0x11, 8, true, true, false},
	{0x02, 8, true, true, false},	{0x12, 8, true, true, false},
	{0x03, 8, true, true, false},	{0x13, 8, true, true, false},
	{0x0e, 0, true, true, false},	{0x0f, 0, true, true, false},
	{0x19, 0, true, true, false},	{0x1a, 0, true, true, false},
	{0x04, 0, true, false, false},	{0x14, 0, true, false, false},
	{0x05, 20, true, false, true},	{0x06, 20, true, false, true},
	{0x15, 20, true, false, true},	{0x16, 20, true, false, true},
	{0x1c, 4, true, false, false},	{0x1d, 4, true, false, false},
	{0x1e, 4, true, false, false},	{0x23, 4, true, false, false},
	{0x24, 4, true, false, false},	{0x08, 4, false, false, false},
	{0x18, 0, false, false, false}, {0x0a, 0, false, false, false},
	{0x0b, 0, false, false, false}, {0x50, 0, false, true, false},
	{0x1b, 0, false, true, false},	{0x20, 0, false, false, false},
	{0x21, 0, true, true, false},
};

static inline void
script_say_extras(struct script *script, uint64_t *random, const struct generate_opcode *what)
{
	static const uint64_t numbers[] = {0, 1, 1, 10, 100, UINT32_MAX, 1ull << 58};
	static const uint32_t times[] = {0,	  0,	      0,	  1000,	     2592000,
					 2592001, 0x7fffffff, 0x80000000, 0xffffffff};

	switch (what->extras) {
	case 4:
		/* a flush is at once: see above on delayed ones */
		script_say_number(script, what->keyed ? CHOOSE(random, times) : 0, 4);
		break;
	case 8:
		script_say_number(script, one_in(random, 2) ? random_next(random) : 0, 4);
		script_say_number(script, CHOOSE(random, times), 4);
		break;
	case 20:
		script_say_number(script, CHOOSE(random, numbers), 8);
		script_say_number(script, CHOOSE(random, numbers), 8);
		script_say_number(script, CHOOSE(random, times), 4);
		break;
	}
}

static inline void
generate_packet(struct script *script, uint64_t *random)
{
	const struct generate_opcode *what = &CHOOSE(random, generate_opcodes);
	bool counter = what->counts ? !one_in(random, 4)
				    : what->opcode < 0x0e && what->extras == 8 && one_in(random, 3);
	struct packet_parts parts = {.opcode = what->opcode, .extras = what->extras, .unique = -1};
	struct bytes value = {0};
	char key[256];

	generate_key(random, counter, key);
	if (what->keyed)
		parts.key = strlen(key);
	if (what->keyed && parts.key == 251 && !one_in(random, 10))
		parts.key = 2;
	if (what->valued && what->opcode < 0x20)
		generate_value(random, counter, &value);
	else if (what->valued)
		bytes_add_text(&value, "\0a\0b");
	parts.value = value.length;
	parts.compares = what->keyed && one_in(random, 5);
	if (!one_in(random, 4))
		parts.unique = key_number((uint8_t *)key, parts.key);
	script_say_header(script, random, &parts);
	script_say_extras(script, random, what);
	bytes_add(&script->bytes, key, parts.key);
	bytes_add(&script->bytes, value.start, value.length);
	bytes_free(&value);
}

/* A packet whose lengths don't go with its opcode: it ends the connection. */
static inline void
generate_wrong_packet(struct script *script, uint64_t *random)
{
	struct packet_parts parts = {
		.opcode = (uint8_t)random_below(random, 0x1b),
		.extras = random_below(random, 24),
		.key = random_below(random, 4),
		.unique = -1,
	};
	uint8_t filler[32] = {0};

	if (parts.opcode == 0x10 && parts.extras == 0)
		parts.extras = 1;
	script_say_header(script, random, &parts);
	bytes_add(&script->bytes, filler, parts.extras);
	bytes_add(&script->bytes, "kkkk", parts.key);
}

static inline void
generate_binary(struct script *script, uint64_t *random)
{
	unsigned int packets = 1 + random_below(random, 16);
	struct packet_parts end = {.opcode = 0x0a, .unique = -1};

	script->binary = true;
	for (unsigned int i = 0; i < packets; i++)
		generate_packet(script, random);
	if (one_in(random, 10))
		generate_wrong_packet(script, random);
	end.opcode = one_in(random, 20) ? 0x17 : one_in(random, 20) ? 0x07 : 0x0a;
	script_say_header(script, random, &end);
}

/* --- whole -------------------------------------------------------------------------------- */

static inline void
generate_script(struct script *script, uint64_t *random)
{
	memset(script, 0, sizeof(*script));
	if (one_in(random, 2))
		generate_text(script, random);
	else
		generate_binary(script, random);
}

/* Shows everything there is, with uniques. */
static inline void
generate_inventory(struct script *script)
{
	memset(script, 0, sizeof(*script));
	script_say(script, "gets");
	script_say(script, generate_keys);
	script_say(script, "\r\n");
}

#endif
