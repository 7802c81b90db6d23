/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net/tcp_send_queue.h"

#include <errno.h>
#include <string.h>

enum {
	SPANS_A_BUFFER = 16, /* pinned values of 1 KiB and what stands between need a few */
};

int
buffers_create(struct tcp_buffers *buffers, uint64_t bytes, uint64_t *used,
	       const struct tcp_owner *owner, int node)
{
	uint64_t count = bytes / TCP_BUFFER_SIZE;
	int error;

	memset(buffers, 0, sizeof(*buffers));
	if (count == 0)
		return -EINVAL;
	buffers->used = used;
	buffers->owner = owner;
	error = tcp_pool_create(&buffers->buffers, sizeof(struct tcp_buffer) + TCP_BUFFER_SIZE,
				count, node);
	if (error == 0)
		error = tcp_pool_create(&buffers->spans, sizeof(struct tcp_span),
					count * SPANS_A_BUFFER, node);
	return error;
}

void
buffers_destroy(struct tcp_buffers *buffers)
{
	tcp_pool_destroy(&buffers->buffers);
	tcp_pool_destroy(&buffers->spans);
}

struct tcp_buffer *
buffers_take(struct tcp_buffers *buffers)
{
	struct tcp_buffer *buffer = tcp_pool_take(&buffers->buffers);

	if (buffer == NULL)
		return NULL;
	*buffers->used += TCP_BUFFER_SIZE;
	buffer->references = 1;
	buffer->used = 0;
	return buffer;
}

void
buffers_give(struct tcp_buffers *buffers, struct tcp_buffer *buffer)
{
	if (--buffer->references > 0)
		return;
	*buffers->used -= TCP_BUFFER_SIZE;
	tcp_pool_give(&buffers->buffers, buffer);
}

void
buffers_settle(struct tcp_buffers *buffers)
{
	struct tcp_buffer *buffer = buffers->later, *next;

	buffers->later = NULL;
	for (; buffer != NULL; buffer = next) {
		next = buffer->next;
		buffers_give(buffers, buffer);
	}
}

void
queue_begin(struct tcp_queue *queue, uint32_t sequence)
{
	memset(queue, 0, sizeof(*queue));
	queue->end = sequence;
}

static void
queue_append(struct tcp_queue *queue, struct tcp_span *span)
{
	span->next = NULL;
	span->begin = queue->end;
	queue->end += span->length;
	if (queue->last == NULL)
		queue->first = span;
	else
		queue->last->next = span;
	queue->last = span;
	if (queue->unsent == NULL)
		queue->unsent = span;
}

/* True if what is written at the buffer's end goes on where the last span ends. */
static bool
queue_extends(const struct tcp_queue *queue)
{
	const struct tcp_buffer *buffer = queue->buffer;

	return queue->last != NULL && queue->last->buffer == buffer &&
	       queue->last->bytes + queue->last->length == buffer->bytes + buffer->used;
}

uint8_t *
queue_write_begin(struct tcp_buffers *buffers, struct tcp_queue *queue, uint8_t **limit)
{
	struct tcp_buffer *buffer = queue->buffer;

	if (buffer == NULL || buffer->used == TCP_BUFFER_SIZE) {
		struct tcp_buffer *fresh = buffers_take(buffers);

		if (fresh == NULL)
			return NULL;
		if (buffer != NULL)
			buffers_give(buffers, buffer);
		buffer = queue->buffer = fresh;
	}
	if (queue->reserved == NULL && !queue_extends(queue)) {
		queue->reserved = tcp_pool_take(&buffers->spans);
		if (queue->reserved == NULL)
			return NULL;
	}
	*limit = buffer->bytes + TCP_BUFFER_SIZE;
	return buffer->bytes + buffer->used;
}

/* A buffer that nothing was written to is not kept: an idle connection has none. */
static void
queue_rest(struct tcp_buffers *buffers, struct tcp_queue *queue)
{
	if (queue->buffer == NULL || queue->first != NULL)
		return;
	buffers_give(buffers, queue->buffer);
	queue->buffer = NULL;
}

uint32_t
queue_write_end(struct tcp_buffers *buffers, struct tcp_queue *queue, const uint8_t *end)
{
	struct tcp_buffer *buffer = queue->buffer;
	const uint8_t *begin = buffer->bytes + buffer->used;
	uint32_t length = (uint32_t)(end - begin);
	struct tcp_span *span = queue->reserved;

	queue->reserved = NULL;
	buffer->used = (uint16_t)(buffer->used + length);
	if (span == NULL) {
		queue->last->length += length;
		queue->end += length;
	} else if (length == 0) {
		tcp_pool_give(&buffers->spans, span);
		queue_rest(buffers, queue);
	} else {
		buffer->references++;
		*span = (struct tcp_span){.bytes = begin, .buffer = buffer, .length = length};
		queue_append(queue, span);
	}
	return length;
}

int
queue_pin(struct tcp_buffers *buffers, struct tcp_queue *queue, const uint8_t *bytes,
	  uint32_t length, uint32_t pin)
{
	struct tcp_span *span = tcp_pool_take(&buffers->spans);

	if (span == NULL)
		return -ENOBUFS;
	*span = (struct tcp_span){.bytes = bytes, .length = length, .pin = pin};
	queue_append(queue, span);
	return 0;
}

void
queue_copy(struct tcp_queue *queue, uint32_t sequence, uint32_t length, uint8_t *to)
{
	struct tcp_span *span = queue->unsent;

	if ((int32_t)(sequence - span->begin) < 0)
		span = queue->first;
	while (sequence - span->begin >= span->length)
		span = span->next;
	for (;;) {
		uint32_t offset = sequence - span->begin;
		uint32_t piece = RTE_MIN(length, span->length - offset);

		memcpy(to, span->bytes + offset, piece);
		length -= piece;
		if (length == 0)
			break;
		to += piece;
		sequence += piece;
		span = span->next;
	}
	if ((int32_t)(span->begin - queue->unsent->begin) > 0)
		queue->unsent = span;
}

static void
span_free(struct tcp_buffers *buffers, struct tcp_span *span)
{
	if (span->buffer != NULL)
		buffers_give(buffers, span->buffer);
	else
		buffers->owner->unpin(buffers->owner->arg, span->pin);
	tcp_pool_give(&buffers->spans, span);
}

void
queue_acknowledge(struct tcp_buffers *buffers, struct tcp_queue *queue, uint32_t sequence)
{
	struct tcp_span *span = queue->first, *next;

	while (span != NULL && (int32_t)(span->begin + span->length - sequence) <= 0) {
		next = span->next;
		if (queue->unsent == span)
			queue->unsent = next;
		span_free(buffers, span);
		span = next;
	}
	queue->first = span;
	if (span == NULL) {
		queue->last = NULL;
		if (queue->reserved == NULL)
			queue_rest(buffers, queue);
	}
}

void
queue_drop(struct tcp_buffers *buffers, struct tcp_queue *queue)
{
	struct tcp_span *next;

	for (struct tcp_span *span = queue->first; span != NULL; span = next) {
		next = span->next;
		span_free(buffers, span);
	}
	if (queue->reserved != NULL)
		tcp_pool_give(&buffers->spans, queue->reserved);
	if (queue->buffer != NULL)
		buffers_give(buffers, queue->buffer);
	queue_begin(queue, queue->end);
}
