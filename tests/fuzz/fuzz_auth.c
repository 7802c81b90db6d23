/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: streams of both protocols where there are users. */
#include "tests/fuzz/fuzz_codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char list[] = "alice:secret\nbob:\n";
	static struct user_list known;
	static struct users users;
	static struct fuzz fuzz;
	unsigned int line;

	if (size < 3 || size > FUZZ_STREAM_MAX + 2)
		return -1;
	if (!fuzz.opened) {
		if (users_read(&users, list, sizeof(list) - 1, &line) != 0)
			abort();
		atomic_init(&known.now, &users);
		fuzz_open(&fuzz, &known);
	}
	fuzz_stream(&fuzz, (uint16_t)(data[0] | data[1] << 8), data + 2, size - 2);
	return 0;
}
