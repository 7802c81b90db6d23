/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/auth.h"

#include <errno.h>
#include <string.h>

static int
user_read(struct user *user, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	size_t name_length, password_length;

	if (colon == NULL)
		return -EINVAL;
	name_length = (size_t)(colon - line);
	password_length = length - name_length - 1;
	if (name_length == 0 || name_length > USER_TEXT_MAX || password_length > USER_TEXT_MAX)
		return -EINVAL;
	user->name_length = (uint8_t)name_length;
	user->password_length = (uint8_t)password_length;
	memcpy(user->name, line, name_length);
	memcpy(user->password, colon + 1, password_length);
	return 0;
}

int
users_read(struct users *users, const char *text, size_t length, unsigned int *line)
{
	memset(users, 0, sizeof(*users));
	for (*line = 1; length != 0; (*line)++) {
		const char *newline = memchr(text, '\n', length);
		size_t whole = newline != NULL ? (size_t)(newline - text) + 1 : length;
		size_t bare = newline != NULL ? whole - 1 : whole;

		if (bare != 0 && text[bare - 1] == '\r')
			bare--;
		if (bare != 0 && (users->count == USERS_MAX ||
				  user_read(&users->user[users->count++], text, bare) != 0))
			return -EINVAL;
		text += whole;
		length -= whole;
	}
	return 0;
}

/* True if equal; looks at USER_TEXT_MAX bytes whatever they are. */
static bool
text_equals(const uint8_t *kept, uint8_t kept_length, const uint8_t *given, size_t given_length)
{
	unsigned int difference = kept_length != given_length;

	for (size_t i = 0; i < USER_TEXT_MAX; i++)
		difference |= (unsigned int)(kept[i] ^ (i < given_length ? given[i] : 0));
	return difference == 0;
}

bool
users_know(const struct users *users, const uint8_t *name, size_t name_length,
	   const uint8_t *password, size_t password_length)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < users->count; i++) {
		const struct user *user = &users->user[i];
		unsigned int same = text_equals(user->name, user->name_length, name, name_length);

		same &= text_equals(user->password, user->password_length, password,
				    password_length);
		found |= same;
	}
	return found != 0;
}

bool
users_know_plain(const struct users *users, const uint8_t *message, size_t length)
{
	const uint8_t *end = message + length, *name, *password;
	size_t other_length, name_length;

	name = memchr(message, '\0', length);
	if (name == NULL)
		return false;
	other_length = (size_t)(name++ - message);
	password = memchr(name, '\0', (size_t)(end - name));
	if (password == NULL)
		return false;
	name_length = (size_t)(password++ - name);
	if (other_length != 0 &&
	    (other_length != name_length || memcmp(message, name, name_length) != 0))
		return false;
	return users_know(users, name, name_length, password, (size_t)(end - password));
}
