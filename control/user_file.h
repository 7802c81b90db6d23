/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * user_file.h - the file of users (auth.file), read at the start and again at each SIGHUP.
 *
 * Passwords are never logged, printed or told in statistics, and wiped from memory that is given
 * back. Main thread only.
 */
#ifndef JACKDAW_USER_FILE_H
#define JACKDAW_USER_FILE_H

#include "config/config.h"
#include "dataplane/proto/auth.h"

/*
 * Reads the file into *users, which the caller frees by user_file_free. 0, or negative errno with
 * error = "FILE:LINE: what is wrong" (or "FILE: …") and *users untouched.
 */
int user_file_load(const char *path, struct users **users, char error[CONFIG_ERROR_SIZE]);

/* Wipes and frees. NULL is nothing. */
void user_file_free(struct users *users);

/*
 * Reads the file anew and puts what it says in place of what the list has, which no stream looks at
 * any more when this returns: it waits for a grace period. An error as above leaves the list as it is.
 */
int user_file_reload(const char *path, struct user_list *list, char error[CONFIG_ERROR_SIZE]);

#endif
