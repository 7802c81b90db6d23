/* SPDX-License-Identifier: BSD-3-Clause */
/* base64.h - RFC 4648, section 4: padded, without line breaks. */
#ifndef JACKDAW_BASE64_H
#define JACKDAW_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* What encoding takes, in bytes. */
#define BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

/* Writes BASE64_LENGTH(length) characters at out and returns the byte after them. */
uint8_t *base64_encode(uint8_t *out, const uint8_t *bytes, size_t length);

/*
 * Decodes into out, which must have room for length / 4 * 3 bytes and may be `text` itself. Returns
 * the number of bytes, or 0 if text is empty or not base64 to its last character.
 */
size_t base64_decode(uint8_t *out, const uint8_t *text, size_t length);

#endif
