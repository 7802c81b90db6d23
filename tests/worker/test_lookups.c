/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of plain gets against the general one: bursts of gets that hit and miss, alone and many
 * to a datagram, among sets and commands of text, are answered alike whether their frames are plain or
 * have an IP option, which none that goes the short way has.
 */
#include "dataplane/proto/binary.h"
#include "tests/suite.h"
#include "tests/worker/rig.h"

enum {
	KEYS = 50,
	BURSTS = 60,
	BURST_MAX = 40,
	QUESTIONS = BURSTS * BURST_MAX,
	GETS_MAX = 30,
	OPTION = 4,
	SET = 0x01,
	SET_EXTRAS = 8,
};

struct question {
	uint8_t payload[UDP_DATAGRAM_MAX];
	uint16_t length;
};

struct answer {
	uint8_t bytes[RTE_ETHER_MAX_LEN];
	uint16_t length; /* 0: none came */
};

static unsigned int
below(unsigned int bound)
{
	return (unsigned int)random() % bound;
}

static void
question_begin(struct question *question, uint16_t id)
{
	const struct udp_frame frame = {.request_id = rte_cpu_to_be_16(id), .total = RTE_BE16(1)};

	memcpy(question->payload, &frame, sizeof(frame));
	question->length = sizeof(frame);
}

static void
question_add(struct question *question, const void *bytes, size_t length)
{
	memcpy(question->payload + question->length, bytes, length);
	question->length = (uint16_t)(question->length + length);
}

static void
question_add_binary(struct question *question, uint8_t opcode, unsigned int number,
		    unsigned int value_length)
{
	static const uint8_t extras[SET_EXTRAS], value[100] = "value";
	unsigned int extras_length = opcode == SET ? sizeof(extras) : 0;
	char key[16];
	unsigned int key_length = (unsigned int)snprintf(key, sizeof(key), "key%u", number);
	struct binary_header header = {
		.magic = MAGIC_REQUEST,
		.opcode = opcode,
		.key_length = htobe16((uint16_t)key_length),
		.extras_length = (uint8_t)extras_length,
		.body_length = htobe32(extras_length + key_length + value_length),
		.opaque = (uint32_t)random(),
	};

	question_add(question, &header, sizeof(header));
	question_add(question, extras, extras_length);
	question_add(question, key, key_length);
	question_add(question, value, value_length);
}

/*
 * Mostly gets that go the short way; half of the keys are there in the long run. The gets that are many to a
 * datagram ask for keys that are stored at the start: where their answer is a long one, it may be as of the
 * end of the burst.
 */
static void
question_make(struct question *question, uint16_t id)
{
	char text[40];

	question_begin(question, id);
	if (id < KEYS) {
		question_add_binary(question, SET, KEYS + id / 2, below(90));
		return;
	}
	switch (below(8)) {
	case 0:
		question_add_binary(question, SET, below(KEYS) / 2, below(90));
		break;
	case 1:
		question_add(question, text,
			     (size_t)snprintf(text, sizeof(text), "get key%u\r\n", below(KEYS)));
		break;
	case 2:
		for (unsigned int i = below(GETS_MAX); i > 0; i--)
			question_add_binary(question, BINARY_GETQ, KEYS + below(KEYS), 0);
		question_add_binary(question, BINARY_GET, KEYS + below(KEYS), 0);
		break;
	case 3:
		question_add_binary(question, BINARY_GETKQ, below(KEYS), 0);
		break;
	default:
		question_add_binary(question, below(4) == 0 ? BINARY_GETQ : BINARY_GET, below(KEYS),
				    0);
	}
}

static void
put_question(struct rig *rig, const struct question *question, unsigned int ip_options)
{
	struct frame frame = frame_udp((struct frame_spec){.payload = question->payload,
							   .length = question->length,
							   .ip_options = ip_options,
							   .protocol = IPPROTO_UDP});

	rig_put(rig, &frame);
}

/* Takes all answers; one that needs more than a datagram leaves the last. */
static void
take_answers(struct rig *rig, struct answer *answers)
{
	struct rte_mbuf *mbuf;

	while ((mbuf = rig_take(rig)) != NULL) {
		const struct udp_plain_headers *headers =
			rte_pktmbuf_mtod(mbuf, const struct udp_plain_headers *);
		struct answer *answer = &answers[rte_be_to_cpu_16(headers->frame.request_id)];

		answer->length = mbuf->data_len;
		memcpy(answer->bytes, headers, mbuf->data_len);
		rte_pktmbuf_free(mbuf);
	}
}

/* What all questions are answered with, asked in bursts; *short_way: gets that went it. */
static void
ask_all(const struct question *questions, struct answer *answers, unsigned int ip_options,
	struct proto_stats *stats)
{
	struct rig *rig = rig_start(1, 4096);
	struct rte_mempool *pool = rig->pool;
	unsigned int asked = 0;

	memset(answers, 0, QUESTIONS * sizeof(*answers));
	for (unsigned int burst = 0; burst < BURSTS; burst++) {
		for (unsigned int i = 0; i <= burst % BURST_MAX; i++, asked++)
			put_question(rig, &questions[asked], ip_options);
		rig_run(rig);
		take_answers(rig, answers);
	}
	*stats = rig->worker[0]->proto;
	CU_ASSERT(rig_conserves(rig));
	rig_stop(rig);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void
both_ways_answer_alike(void)
{
	static struct question questions[QUESTIONS];
	static struct answer short_way[QUESTIONS], general[QUESTIONS];
	struct proto_stats short_stats, general_stats;
	unsigned int answered = 0;

	srandom(64);
	for (unsigned int i = 0; i < QUESTIONS; i++)
		question_make(&questions[i], (uint16_t)i);
	ask_all(questions, short_way, 0, &short_stats);
	ask_all(questions, general, OPTION, &general_stats);
	for (unsigned int i = 0; i < QUESTIONS; i++) {
		CU_ASSERT_EQUAL(short_way[i].length, general[i].length);
		CU_ASSERT_EQUAL(memcmp(short_way[i].bytes, general[i].bytes, general[i].length), 0);
		answered += general[i].length != 0;
	}
	CU_ASSERT(answered > QUESTIONS / 4);
	CU_ASSERT_EQUAL(short_stats.cmd_get, general_stats.cmd_get);
	CU_ASSERT_EQUAL(short_stats.get_hits, general_stats.get_hits);
	CU_ASSERT_EQUAL(short_stats.get_misses, general_stats.get_misses);
	CU_ASSERT(general_stats.get_hits > 1000 && general_stats.get_misses > 100);
}

/* A get sees the set before it in the same burst, and not the one behind it. */
static void
a_burst_keeps_its_order(void)
{
	enum {
		ROUNDS = 10
	};
	struct rig *rig = rig_start(1, 4096);
	struct rte_mempool *pool = rig->pool;
	static struct answer answers[QUESTIONS];
	struct question question;
	uint16_t id = 0;

	memset(answers, 0, sizeof(answers));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		question_begin(&question, id++);
		question_add_binary(&question, SET, 1, 2 * i + 1);
		put_question(rig, &question, 0);
		question_begin(&question, id++);
		question_add_binary(&question, BINARY_GET, 1, 0);
		put_question(rig, &question, 0);
		if (i % 3 == 0)
			rig_run(rig);
	}
	rig_run(rig);
	take_answers(rig, answers);
	for (unsigned int i = 0; i < ROUNDS; i++)
		CU_ASSERT_EQUAL(answers[2 * i + 1].length, sizeof(struct udp_plain_headers) +
								   sizeof(struct binary_header) +
								   sizeof(uint32_t) + 2 * i + 1);
	rig_stop(rig);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* Gets overtake what is set besides, of whatever length the keys are, but nothing overtakes a flush. */
static void
a_get_overtakes_no_change_of_its_key(void)
{
	enum {
		OTHERS = 20,
		FLUSH = 0x08,
	};
	struct rig *rig = rig_start(1, 4096);
	struct rte_mempool *pool = rig->pool;
	static struct answer answers[QUESTIONS];
	struct question question;
	struct binary_header flush = {.magic = MAGIC_REQUEST, .opcode = FLUSH};
	const unsigned int hit =
		sizeof(struct udp_plain_headers) + sizeof(struct binary_header) + sizeof(uint32_t);
	const unsigned int miss = sizeof(struct udp_plain_headers) + sizeof(struct binary_header) +
				  strlen("Not found");
	unsigned int key = 1;
	uint16_t id = 0;

	memset(answers, 0, sizeof(answers));
	for (unsigned int i = 0; i < OTHERS; i++, key = 3 * key + i) {
		question_begin(&question, id++);
		question_add_binary(&question, SET, key, 10);
		put_question(rig, &question, 0);
		question_begin(&question, id++);
		question_add_binary(&question, BINARY_GET, key, 0);
		put_question(rig, &question, 0);
	}
	rig_run(rig);
	question_begin(&question, id++);
	question_add(&question, &flush, sizeof(flush));
	put_question(rig, &question, 0);
	question_begin(&question, id);
	question_add_binary(&question, BINARY_GET, 1, 0);
	put_question(rig, &question, 0);
	rig_run(rig);
	take_answers(rig, answers);
	for (unsigned int i = 0; i < OTHERS; i++)
		CU_ASSERT_EQUAL(answers[2 * i + 1].length, hit + 10);
	CU_ASSERT_EQUAL(answers[id].length, miss);
	rig_stop(rig);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

SUITE("dataplane/lookups", TEST(a_get_overtakes_no_change_of_its_key), TEST(both_ways_answer_alike),
      TEST(a_burst_keeps_its_order))
