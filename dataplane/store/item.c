/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/store/item.h"

bool
bytes_equal_any(const uint8_t *left, const uint8_t *right, uint32_t length)
{
	uint32_t i = 0;

	for (; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t))
		if (load_word(left + i) != load_word(right + i))
			return false;
	for (; i < length; i++)
		if (left[i] != right[i])
			return false;
	return true;
}
