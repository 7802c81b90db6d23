/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suite.h - one CUnit suite a program: list the tests, get a main() that runs them and ends with
 * "N passed, N failed" (tests, not assertions) and a status that says the same.
 *
 *     SUITE("store index", TEST(index_finds_what_was_set), TEST(...))
 */
#ifndef JACKDAW_TESTS_SUITE_H
#define JACKDAW_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stdio.h>

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function                                                                \
	}

/* The suite as a function of its own, for a program whose main() has options. */
#define SUITE_FUNCTION(function, title, ...)                                                       \
	static CU_TestInfo suite_tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                       \
	static int function(void)                                                                  \
	{                                                                                          \
		CU_SuiteInfo suites[] = {{title, NULL, NULL, NULL, NULL, suite_tests},             \
					 CU_SUITE_INFO_NULL};                                      \
		unsigned int ran, failed;                                                          \
		if (CU_initialize_registry() != CUE_SUCCESS ||                                     \
		    CU_register_suites(suites) != CUE_SUCCESS)                                     \
			return 2;                                                                  \
		CU_basic_set_mode(CU_BRM_VERBOSE);                                                 \
		CU_basic_run_tests();                                                              \
		ran = CU_get_number_of_tests_run();                                                \
		failed = CU_get_number_of_tests_failed();                                          \
		CU_cleanup_registry();                                                             \
		printf("%u passed, %u failed\n", ran - failed, failed);                            \
		return failed != 0 || ran == 0;                                                    \
	}

#define SUITE(title, ...)                                                                          \
	SUITE_FUNCTION(suite_run, title, __VA_ARGS__)                                              \
	int main(void)                                                                             \
	{                                                                                          \
		return suite_run();                                                                \
	}

#endif
