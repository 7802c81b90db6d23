/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * auth.h - the users that may talk to the cache, and what a stream must say before anything else:
 *
 *     text      set any 0 0 <bytes>\r\n<name> <password>\r\n     answered STORED
 *     binary    SASL AUTH with mechanism PLAIN (RFC 4616)
 *
 * Names and passwords travel in the clear: this keeps tenants apart on a trusted network.
 */
#ifndef JACKDAW_AUTH_H
#define JACKDAW_AUTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	USERS_MAX = 8,
	USER_TEXT_MAX = 255, /* bytes of a name or a password */
};

struct user {
	uint8_t name_length, password_length;
	uint8_t name[USER_TEXT_MAX], password[USER_TEXT_MAX];
};

/* Plain data; constant while anybody uses it. */
struct users {
	unsigned int count;
	struct user user[USERS_MAX];
};

/*
 * Where the users are found now. Another thread may replace them while streams are parsed: it stores
 * the new ones, and waits for a grace period before it lets go of the old.
 */
struct user_list {
	_Atomic(const struct users *) now;
};

static inline const struct users *
user_list_now(const struct user_list *list)
{
	/* acquire: pairs with the release of whoever replaced them, so that they are complete */
	return atomic_load_explicit(&list->now, memory_order_acquire);
}

/*
 * Reads lines "name:password"; empty ones are skipped. 0, or -EINVAL with *line the number (from 1)
 * of the one that is wrong, or of the first that is too many.
 */
int users_read(struct users *users, const char *text, size_t length, unsigned int *line);

/* True if there is such a user. Takes as long whoever is asked for. */
bool users_know(const struct users *users, const uint8_t *name, size_t name_length,
		const uint8_t *password, size_t password_length);

/*
 * The same for a PLAIN message, [authorization] NUL name NUL password, where an authorization can
 * only be for the user's own name.
 */
bool users_know_plain(const struct users *users, const uint8_t *message, size_t length);

#endif
