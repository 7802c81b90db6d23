/* SPDX-License-Identifier: BSD-3-Clause */
/* text.h - the text codec's two halves: text.c reads commands, text_reply.c writes answers. */
#ifndef JACKDAW_TEXT_H
#define JACKDAW_TEXT_H

#include "dataplane/proto/codec.h"

/* Writes the answer of an executed request of the text protocol. */
void text_write(struct server *server, const struct request *request, struct reply *reply);

#endif
