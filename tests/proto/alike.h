/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alike.h - whether two ways of reading the same bytes have made the same of them.
 */
#ifndef JACKDAW_TESTS_PROTO_ALIKE_H
#define JACKDAW_TESTS_PROTO_ALIKE_H

#include "dataplane/proto/request.h"
#include "tests/suite.h"

static inline void
request_is_equal(const struct request *one, const struct request *two)
{
	CU_ASSERT_EQUAL(one->opaque, two->opaque);
	CU_ASSERT_EQUAL(one->flags, two->flags);
	CU_ASSERT_EQUAL(one->action, two->action);
	CU_ASSERT_EQUAL(one->protocol, two->protocol);
	CU_ASSERT_EQUAL(one->verb, two->verb);
	CU_ASSERT_EQUAL(one->op.verb, two->op.verb);
	CU_ASSERT_EQUAL(one->op.options, two->op.options);
	CU_ASSERT_PTR_EQUAL(one->op.key, two->op.key);
	CU_ASSERT_EQUAL(one->op.key_length, two->op.key_length);
}

#endif
