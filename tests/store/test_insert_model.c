/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The protocol of index_insert.c, index_replace and the evictor's relocation and of index_grow.c, as a
 * model that is run through every interleaving (sequentially consistent steps, one key).
 *
 * A model of `threads` writers over a few slots. Each step of a thread is one atomic access of the
 * real code. Where the code has a choice that depends on how often it tried (yield or kick), both
 * are explored. All reachable states are visited; in each of them at most one slot is live, and when
 * all threads are done nothing tentative is left; the key is there if nobody deleted it, and gone if nobody
 * set it.
 *
 * The table may be split meanwhile: the slots of the parent are frozen one by one, then the live entry
 * is copied into the child, and writers go on there.
 *
 * Mutants of the protocol, each with one line left out, must be caught: else the model proves nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

enum {
	THREADS_MAX = 4,
	SLOTS_MAX = 4,
	NOWHERE = 0xff,
};

/* A slot's word: a state in the high bits, the writer of the item in the low ones. */
enum {
	WRITER = 0x07,
	BEFORE = 0x07, /* the writer of what was there before */
	TENTATIVE = 0x08,
	LIVE = 0x10,
	FROZEN = 0x20,
	UNFILLED = 0x40,
	FOREIGN = 0x80, /* another key's entry */
};

enum operation {
	NONE,
	SET,
	DELETE,
	MOVE,  /* an evictor: the item it found live, to a copy; drops the copy if that changed */
	SPLIT, /* the table, once: the janitor's sweep */
	OTHER, /* another key comes to the first slot, and goes */
};

enum step {
	BEGIN,	       /* load the directory and the bucket's control word */
	FIND,	       /* look at slot i */
	REPLACE,       /* CAS(slot i, seen -> ours, or empty) */
	PLACE,	       /* CAS(slot place, empty -> tentative) */
	RESCAN,	       /* look at slot i for others */
	WITHDRAW,      /* CAS(place, tentative -> empty) */
	KICK,	       /* CAS(slot i, seen -> empty), rescan goes on */
	FLIP,	       /* CAS(place, tentative -> live) */
	COME,	       /* OTHER: CAS(slot 0, empty -> foreign) */
	GO,	       /* OTHER: CAS(slot 0, foreign -> empty) */
	OPEN_CHILD,    /* SPLIT: point the directory to the child */
	FREEZE,	       /* freeze slot i of the parent */
	FILL,	       /* CAS(child's slot i, unfilled -> content) */
	PUBLISH_CHILD, /* the child is pending no longer */
	DONE,
};

/* What is left out of the protocol. */
enum mutant {
	FAITHFUL,
	NO_RESCAN,
	IGNORE_LATER,	    /* a tentative entry behind ours is left alone */
	FLIP_BY_STORE,	    /* instead of compare-and-swap */
	PLACE_LIVE,	    /* no tentative phase */
	NO_FREEZE_OF_EMPTY, /* empty slots of the parent aren't frozen */
	FILL_BY_STORE,	    /* a late helper overwrites what was changed since */
	MUTANTS,
};

struct thread {
	uint8_t operation, step;
	uint8_t table; /* 0: parent; 1: child */
	uint8_t i, place, seen;
	uint8_t content; /* FILL: the live word found frozen, or 0 */
	uint8_t helping; /* the split is a help on the way: begin again after it */
};

struct state {
	uint8_t slot[2][SLOTS_MAX];
	uint8_t directory; /* which table it points to */
	uint8_t pending;   /* the child's control word */
	struct thread thread[THREADS_MAX];
};

struct model {
	unsigned int threads, slots;
	enum mutant mutant;
	bool sets, deletes; /* some thread does */

	/* visited states: open addressing; all of them, in order of discovery */
	struct state *state;
	uint32_t *table;
	size_t count, room, table_size;

	size_t finals, violations;
};

/* --- the set of states --------------------------------------------------------------------- */

static uint64_t
state_hash(const struct state *state)
{
	const uint8_t *byte = (const uint8_t *)state;
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < sizeof(*state); i++)
		hash = (hash ^ byte[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

static void
table_grow(struct model *model)
{
	model->table_size *= 2;
	free(model->table);
	model->table = calloc(model->table_size, sizeof(model->table[0]));
	for (size_t k = 0; k < model->count; k++) {
		size_t at = state_hash(&model->state[k]) & (model->table_size - 1);

		while (model->table[at] != 0)
			at = (at + 1) & (model->table_size - 1);
		model->table[at] = (uint32_t)(k + 1);
	}
}

static void
state_reach(struct model *model, const struct state *state)
{
	size_t at;

	if (2 * model->count >= model->table_size)
		table_grow(model);
	at = state_hash(state) & (model->table_size - 1);
	for (; model->table[at] != 0; at = (at + 1) & (model->table_size - 1))
		if (memcmp(&model->state[model->table[at] - 1], state, sizeof(*state)) == 0)
			return;
	if (model->count == model->room) {
		model->room *= 2;
		model->state = realloc(model->state, model->room * sizeof(model->state[0]));
	}
	model->state[model->count++] = *state;
	model->table[at] = (uint32_t)model->count;
}

/* --- the steps ----------------------------------------------------------------------------- */

static bool
is_live(uint8_t word)
{
	return (word & LIVE) != 0 && (word & UNFILLED) == 0;
}

static bool
is_tentative(uint8_t word)
{
	return (word & TENTATIVE) != 0 && (word & UNFILLED) == 0;
}

static void
restart(struct thread *thread)
{
	*thread = (struct thread){.operation = thread->operation, .step = BEGIN};
}

static void
finish(struct thread *thread)
{
	*thread = (struct thread){.operation = thread->operation, .step = DONE};
}

static bool
compare_and_swap(uint8_t *word, uint8_t expected, uint8_t with)
{
	if (*word != expected)
		return false;
	*word = with;
	return true;
}

/* Sees to the bucket first if it is pending: then whoever comes here has to settle it. */
static void
step_begin(struct state *state, struct thread *thread)
{
	thread->table = state->directory;
	thread->place = NOWHERE;
	thread->i = 0;
	thread->step = FIND;
	if (thread->operation == SPLIT) {
		thread->step = OPEN_CHILD;
	} else if (thread->operation == OTHER) {
		thread->step = COME;
	} else if (thread->table == 1 && state->pending) {
		thread->helping = 1;
		thread->step = FREEZE;
	}
}

static void
step_find(const struct model *model, struct state *state, struct thread *thread)
{
	uint8_t word = state->slot[thread->table][thread->i];

	if ((word & FROZEN) != 0) {
		restart(thread);
		return;
	}
	if (is_live(word)) {
		thread->seen = word;
		thread->step = REPLACE;
		return;
	}
	if (word == 0 && thread->place == NOWHERE)
		thread->place = thread->i;
	if (++thread->i < model->slots)
		return;
	if (thread->operation != SET)
		finish(thread);
	else if (thread->place == NOWHERE)
		restart(thread);
	else
		thread->step = PLACE;
}

static void
step_replace(struct state *state, struct thread *thread, uint8_t self)
{
	uint8_t with = thread->operation == DELETE ? 0 : (uint8_t)(LIVE | self);

	/* an evictor that finds another item than its own drops the copy */
	if (compare_and_swap(&state->slot[thread->table][thread->i], thread->seen, with) ||
	    thread->operation == MOVE)
		finish(thread);
	else
		restart(thread);
}

static void
step_place(const struct model *model, struct state *state, struct thread *thread, uint8_t self)
{
	uint8_t word = (uint8_t)((model->mutant == PLACE_LIVE ? LIVE : TENTATIVE) | self);

	if (!compare_and_swap(&state->slot[thread->table][thread->place], 0, word)) {
		restart(thread);
		return;
	}
	thread->i = 0;
	thread->step = model->mutant == NO_RESCAN ? FLIP : RESCAN;
	if (model->mutant == PLACE_LIVE)
		finish(thread);
}

/* Where the code yields some times before it kicks, both are tried: the other state is reached too. */
static void
step_rescan(struct model *model, struct state *state, struct thread *thread)
{
	uint8_t word;

	if (thread->i == thread->place)
		thread->i++;
	if (thread->i >= model->slots) {
		thread->step = FLIP;
		thread->i = 0;
		return;
	}
	word = state->slot[thread->table][thread->i];
	if (is_live(word)) {
		thread->step = WITHDRAW;
	} else if (is_tentative(word) && (word & FROZEN) == 0) {
		thread->seen = word;
		if (thread->i < thread->place) {
			thread->step = WITHDRAW;
			state_reach(model, state);
		} else if (model->mutant == IGNORE_LATER) {
			thread->i++;
			return;
		}
		thread->step = KICK;
	} else {
		thread->i++;
	}
}

static void
step_flip(const struct model *model, struct state *state, struct thread *thread, uint8_t self)
{
	uint8_t *slot = &state->slot[thread->table][thread->place];

	if (model->mutant == FLIP_BY_STORE) {
		*slot = (uint8_t)(LIVE | self);
		finish(thread);
	} else if (compare_and_swap(slot, (uint8_t)(TENTATIVE | self), (uint8_t)(LIVE | self))) {
		finish(thread);
	} else {
		restart(thread);
	}
}

static void
step_freeze(const struct model *model, struct state *state, struct thread *thread)
{
	uint8_t *slot = &state->slot[0][thread->i];

	if (*slot != 0 || model->mutant != NO_FREEZE_OF_EMPTY)
		*slot |= FROZEN;
	if (is_live(*slot))
		thread->content = *slot & (uint8_t)~FROZEN;
	if (++thread->i == model->slots) {
		thread->i = 0;
		thread->step = FILL;
	}
}

/* The first slot of the child gets the live entry, the others are empty. */
static void
step_fill(const struct model *model, struct state *state, struct thread *thread)
{
	uint8_t *slot = &state->slot[1][thread->i];
	uint8_t word = thread->i == 0 ? thread->content : 0;

	if (model->mutant == FILL_BY_STORE)
		*slot = word;
	else
		compare_and_swap(slot, UNFILLED, word);
	if (++thread->i == model->slots)
		thread->step = PUBLISH_CHILD;
}

static void
take_step(struct model *model, struct state *state, unsigned int self)
{
	struct thread *thread = &state->thread[self];
	uint8_t tentative = (uint8_t)(TENTATIVE | self);

	switch ((enum step)thread->step) {
	case BEGIN:
		step_begin(state, thread);
		break;
	case FIND:
		step_find(model, state, thread);
		break;
	case REPLACE:
		step_replace(state, thread, (uint8_t)self);
		break;
	case PLACE:
		step_place(model, state, thread, (uint8_t)self);
		break;
	case RESCAN:
		step_rescan(model, state, thread);
		break;
	case WITHDRAW:
		compare_and_swap(&state->slot[thread->table][thread->place], tentative, 0);
		restart(thread);
		break;
	case KICK:
		if (compare_and_swap(&state->slot[thread->table][thread->i], thread->seen, 0))
			thread->i++;
		thread->seen = 0;
		thread->step = RESCAN;
		break;
	case FLIP:
		step_flip(model, state, thread, (uint8_t)self);
		break;
	case COME:
		if (compare_and_swap(&state->slot[0][0], 0, FOREIGN))
			thread->step = GO;
		else
			finish(thread);
		break;
	case GO:
		compare_and_swap(&state->slot[0][0], FOREIGN, 0);
		finish(thread);
		break;
	case OPEN_CHILD:
		state->directory = 1;
		thread->step = FREEZE;
		break;
	case FREEZE:
		step_freeze(model, state, thread);
		break;
	case FILL:
		step_fill(model, state, thread);
		break;
	case PUBLISH_CHILD:
		state->pending = 0;
		if (thread->helping)
			restart(thread);
		else
			finish(thread);
		break;
	case DONE:
		break;
	}
	state_reach(model, state);
}

/* --- running ------------------------------------------------------------------------------- */

/* A live entry counts where a reader would look for it. */
static unsigned int
count_in_force(const struct model *model, const struct state *state, uint8_t what)
{
	unsigned int count = 0, table = state->directory == 1 && !state->pending;

	for (unsigned int i = 0; i < model->slots; i++)
		count += (state->slot[table][i] & (what | UNFILLED)) == what;
	return count;
}

static void
check_state(struct model *model, const struct state *state)
{
	unsigned int live = count_in_force(model, state, LIVE);
	bool final = true;

	model->violations += live > 1;
	for (unsigned int i = 0; i < model->threads; i++)
		final &= state->thread[i].step == DONE;
	if (!final)
		return;
	model->finals++;
	model->violations += count_in_force(model, state, TENTATIVE) != 0;
	model->violations += !model->deletes && live != 1;
	model->violations += !model->sets && live != 0;
}

static struct state
first_state(struct model *model, const char *operations, bool present)
{
	struct state state;

	memset(&state, 0, sizeof(state));
	memset(state.slot[1], UNFILLED, model->slots);
	state.pending = 1;
	if (present)
		state.slot[0][model->slots - 1] = LIVE | BEFORE;
	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		struct thread *thread = &state.thread[i];
		char letter = i < model->threads ? operations[i] : '-';

		thread->step = letter == '-' ? DONE : BEGIN;
		thread->operation = letter == 's'   ? SET
				    : letter == 'd' ? DELETE
				    : letter == 'm' ? MOVE
				    : letter == '/' ? SPLIT
				    : letter == 'x' ? OTHER
						    : NONE;
		model->sets |= letter == 's';
		model->deletes |= letter == 'd';
	}
	return state;
}

/*
 * Explores all interleavings of threads that do one operation each: s set, d delete, m move,
 * / split, x another key. Returns the number of violations.
 */
static size_t
explore(const char *operations, unsigned int slots, bool present, enum mutant mutant)
{
	struct model model = {.threads = (unsigned int)strlen(operations),
			      .slots = slots,
			      .mutant = mutant,
			      .room = 1024,
			      .table_size = 2048};
	struct state first = first_state(&model, operations, present);

	model.state = malloc(model.room * sizeof(model.state[0]));
	model.table = calloc(model.table_size, sizeof(model.table[0]));
	state_reach(&model, &first);
	for (size_t k = 0; k < model.count; k++) {
		struct state state = model.state[k];

		check_state(&model, &state);
		for (unsigned int t = 0; t < model.threads; t++) {
			struct state next = state;

			if (state.thread[t].step != DONE)
				take_step(&model, &next, t);
		}
	}
	CU_ASSERT(model.finals > 0);
	if (mutant == FAITHFUL)
		printf("\n    %-4s %u slots, %s: %zu states", operations, slots,
		       present ? "present" : "absent", model.count);
	free(model.state);
	free(model.table);
	return model.violations;
}

static void
two_sets_leave_one_entry(void)
{
	CU_ASSERT_EQUAL(explore("ss", 3, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ss", 3, true, FAITHFUL), 0);
}

static void
three_sets_leave_one_entry(void)
{
	CU_ASSERT_EQUAL(explore("sss", 3, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("sss", 4, true, FAITHFUL), 0);
}

static void
sets_and_deletes_leave_one_entry_at_most(void)
{
	CU_ASSERT_EQUAL(explore("ssd", 3, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ssd", 3, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("sssd", 3, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ssx", 3, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ssdx", 3, true, FAITHFUL), 0);
}

static void
an_evictor_between_sets_does_no_harm(void)
{
	CU_ASSERT_EQUAL(explore("ssm", 3, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("sdm", 3, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ssdm", 2, true, FAITHFUL), 0);
}

static void
a_split_between_sets_does_no_harm(void)
{
	CU_ASSERT_EQUAL(explore("s/", 3, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("s/", 3, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ss/", 2, false, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ss/", 2, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("sd/", 2, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("sm/", 2, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("dd/", 2, true, FAITHFUL), 0);
	CU_ASSERT_EQUAL(explore("ssx/", 2, false, FAITHFUL), 0);
}

static void
mutants_of_the_insert_are_caught(void)
{
	CU_ASSERT(explore("sss", 3, false, NO_RESCAN) > 0);
	CU_ASSERT(explore("sss", 3, false, IGNORE_LATER) > 0);
	CU_ASSERT(explore("sss", 3, false, FLIP_BY_STORE) > 0);
	CU_ASSERT(explore("ssx", 3, false, PLACE_LIVE) > 0);
}

static void
mutants_of_the_split_are_caught(void)
{
	CU_ASSERT(explore("ss/", 2, false, NO_FREEZE_OF_EMPTY) > 0);
	CU_ASSERT(explore("dd/", 2, true, FILL_BY_STORE) > 0);
}

SUITE("insert, delete, move and split: every interleaving", TEST(two_sets_leave_one_entry),
      TEST(three_sets_leave_one_entry), TEST(sets_and_deletes_leave_one_entry_at_most),
      TEST(an_evictor_between_sets_does_no_harm), TEST(a_split_between_sets_does_no_harm),
      TEST(mutants_of_the_insert_are_caught), TEST(mutants_of_the_split_are_caught))
