/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: streams that begin with a meta command. */
#include "tests/fuzz/fuzz_codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;

	if (size < 3 || size > FUZZ_STREAM_MAX + 2 || data[2] != 'm')
		return -1;
	fuzz_open(&fuzz, NULL);
	fuzz_stream(&fuzz, (uint16_t)(data[0] | data[1] << 8), data + 2, size - 2);
	return 0;
}
