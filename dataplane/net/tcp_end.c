/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection's memory, its end, and what is left of it: TIME_WAIT and RST. */
#include "dataplane/net/tcp_segment.h"

/* --- connections of one client -------------------------------------------------------------- */

static uint32_t
client_hash(const struct tcp *tcp, const struct address *address)
{
	return (uint32_t)tcp_hash(&tcp->table_key, address->words, RTE_DIM(address->words));
}

static struct tcp_client *
client_find(const struct tcp *tcp, const struct address *address, uint32_t hash)
{
	uint32_t at = hash, reference;

	while ((reference = tcp_table_find(&tcp->client_table, hash, &at)) != 0) {
		struct tcp_client *client = tcp_referent(&tcp->clients, reference);

		if (address_equal(&client->address, address))
			return client;
	}
	return NULL;
}

bool
connections_are_too_many(const struct tcp *tcp)
{
	return tcp->stats->connections > tcp->options.connections;
}

bool
connection_allowed(struct tcp *tcp, const struct address *peer)
{
	uint64_t most = tcp->options.connections;
	const struct tcp_client *client;

	if (tcp->owner.refused != NULL)
		most += TCP_REFUSALS;
	if (tcp->stats->connections >= most) {
		tcp->stats->refused_connections++;
		return false;
	}
	if (tcp->options.connections_a_client == 0)
		return true;
	client = client_find(tcp, peer, client_hash(tcp, peer));
	if (client == NULL || client->connections < tcp->options.connections_a_client)
		return true;
	tcp->stats->refused_client++;
	return false;
}

static void
client_enter(struct tcp *tcp, const struct address *peer)
{
	uint32_t hash = client_hash(tcp, peer);
	struct tcp_client *client;

	if (tcp->options.connections_a_client == 0)
		return;
	client = client_find(tcp, peer, hash);
	if (client == NULL) {
		/* there is one for each connection */
		client = tcp_pool_take(&tcp->clients);
		*client = (struct tcp_client){.address = *peer, .hash = hash};
		tcp_table_insert(&tcp->client_table, hash,
				 tcp_reference_of(&tcp->clients, TCP_KIND_CONNECTION, client));
	}
	client->connections++;
}

static void
client_leave(struct tcp *tcp, const struct address *peer)
{
	struct tcp_client *client;

	if (tcp->options.connections_a_client == 0)
		return;
	client = client_find(tcp, peer, client_hash(tcp, peer));
	if (--client->connections > 0)
		return;
	tcp_table_remove(&tcp->client_table, client->hash,
			 tcp_reference_of(&tcp->clients, TCP_KIND_CONNECTION, client));
	tcp_pool_give(&tcp->clients, client);
}

/* --- a connection --------------------------------------------------------------------------- */

/* What the SYNs agreed on. */
static void
connection_agree(struct tcp *tcp, struct tcp_connection *connection,
		 const struct tcp_agreement *agreement)
{
	connection->rcv_nxt = agreement->irs + 1;
	connection->rcv_edge = connection->rcv_nxt + UINT16_MAX; /* a SYN's window is not scaled */
	connection->last_ack = connection->rcv_nxt;
	connection->rcv_mss = TCP_MSS_IPV4;
	connection->snd_una = connection->snd_nxt = agreement->iss + 1;
	connection->snd_wnd = connection->snd_wnd_max = agreement->window;
	connection->snd_wl1 = agreement->irs;
	connection->recover = connection->fack = connection->reorder_round = connection->snd_una;
	connection->ts_recent = agreement->ts_recent;
	connection->stamp_offset = agreement->stamp_offset;
	connection->scales = (uint8_t)(agreement->snd_scale | agreement->rcv_scale << 4);
	connection->mss =
		RTE_MIN(agreement->mss, listen_mss(tcp->ports[connection->path.port],
						   address_is_ipv4(&connection->path.peer)));
	connection->flags |=
		(uint16_t)((agreement->stamps ? TCP_STAMPS : 0) | (agreement->sack ? TCP_SACK : 0));
	connection->reorder_steps = 1;
	congestion_begin(connection);
	plain_learn(tcp, connection);
}

struct tcp_connection *
connection_create(struct tcp *tcp, const struct tcp_path *path, uint32_t hash,
		  const struct tcp_agreement *agreement, uint32_t old)
{
	struct tcp_connection *connection = tcp_pool_take(&tcp->connections);
	uint32_t reference;

	if (connection == NULL) {
		tcp->stats->refused_connections++;
		return NULL;
	}
	memset(connection, 0, sizeof(*connection) + tcp->options.user_size);
	connection->tcp = tcp;
	connection->path = *path;
	connection->hash = hash;
	connection->state = TCP_ESTABLISHED;
	connection_agree(tcp, connection, agreement);
	queue_begin(&connection->queue, connection->snd_nxt);
	reference = tcp_reference_of(&tcp->connections, TCP_KIND_CONNECTION, connection);
	if (old != 0)
		tcp_table_replace(&tcp->table, hash, old, reference);
	else
		tcp_table_insert(&tcp->table, hash, reference);
	tcp->stats->connections++;
	client_enter(tcp, &path->peer);
	expiry_begin(tcp, connection);
	return connection;
}

void
connection_establish(struct tcp *tcp, struct tcp_connection *connection,
		     const struct tcp_agreement *agreement)
{
	connection_agree(tcp, connection, agreement);
	connection->state = TCP_ESTABLISHED;
	connection->alarm = TCP_ALARM_NONE;
	connection->alarm_tick = 0;
	connection->backoff = 0;
}

void
connection_release(struct tcp *tcp, struct tcp_connection *connection)
{
	if ((connection->flags & (TCP_READY | TCP_FLUSH)) == 0)
		tcp_pool_give(&tcp->connections, connection);
}

void
connection_destroy(struct tcp *tcp, struct tcp_connection *connection)
{
	tcp->owner.closed(tcp->owner.arg, connection);
	connection->state = TCP_CLOSED;
	tcp_timer_stop(&tcp->wheel, &connection->timer);
	tcp_table_remove(&tcp->table, connection->hash,
			 tcp_reference_of(&tcp->connections, TCP_KIND_CONNECTION, connection));
	reassembly_drop_early(tcp, connection);
	reassembly_drop_unread(tcp, connection);
	queue_drop(&tcp->buffers, &connection->queue);
	flight_free(tcp, connection);
	client_leave(tcp, &connection->path.peer);
	tcp->stats->connections--;
	/* until the flush, the caller may still hold it */
	connection_touch(tcp, connection);
}

void
connection_reset(struct tcp *tcp, struct tcp_connection *connection)
{
	/* RFC 9293, 3.10.7.4: one that the peer believes: in sequence, past what it has acknowledged */
	if (connection->state != TCP_SYN_SENT) {
		tcp->stats->resets_sent++;
		segment_send_plain(tcp, &connection->path, connection->snd_nxt, connection->rcv_nxt,
				   RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, 0, NULL, 0);
	}
	connection_destroy(tcp, connection);
}

/* --- RST ------------------------------------------------------------------------------------ */

void
reset_answer(struct tcp *tcp, const struct tcp_segment *segment)
{
	bool syn = (segment->flags & RTE_TCP_SYN_FLAG) != 0;
	bool fin = (segment->flags & RTE_TCP_FIN_FLAG) != 0;
	struct tcp_path path;

	if ((segment->flags & RTE_TCP_RST_FLAG) != 0)
		return;
	tcp_path_of(tcp, segment, &path);
	tcp->stats->resets_sent++;
	if ((segment->flags & RTE_TCP_ACK_FLAG) != 0)
		segment_send_plain(tcp, &path, segment->ack, 0, RTE_TCP_RST_FLAG, 0, NULL, 0);
	else
		segment_send_plain(tcp, &path, 0, segment->sequence + segment->length + syn + fin,
				   RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, 0, NULL, 0);
}

/* --- TIME_WAIT ------------------------------------------------------------------------------ */

void
rest_free(struct tcp *tcp, struct tcp_rest *rest)
{
	*rest->link = rest->next;
	if (rest->next != NULL)
		rest->next->link = rest->link;
	else
		tcp->waits_last = rest->link;
	tcp_table_remove(&tcp->table, rest->hash,
			 tcp_reference_of(&tcp->rests, TCP_KIND_REST, rest));
	tcp_pool_give(&tcp->rests, rest);
	tcp->stats->time_waits--;
}

/* At the end of the list, as all wait for the same time. */
static void
rest_append(struct tcp *tcp, struct tcp_rest *rest)
{
	rest->due = tcp_deadline(tcp, tcp->options.time_wait);
	rest->next = NULL;
	rest->link = tcp->waits_last;
	*rest->link = rest;
	tcp->waits_last = &rest->next;
}

void
connection_time_wait(struct tcp *tcp, struct tcp_connection *connection)
{
	struct tcp_rest rest = {
		.local = connection->path.local,
		.peer = connection->path.peer,
		.local_port = connection->path.local_port,
		.peer_port = connection->path.peer_port,
		.hash = connection->hash,
		.snd_nxt = connection->snd_nxt,
		.rcv_nxt = connection->rcv_nxt,
		.ts_recent = connection->ts_recent,
		.stamp_offset = connection->stamp_offset,
		.stamps = (connection->flags & TCP_STAMPS) != 0,
	};
	struct tcp_rest *kept;

	tcp->stats->closed++;
	connection_destroy(tcp, connection);
	kept = tcp_pool_take(&tcp->rests);
	if (kept == NULL) { /* the oldest makes room */
		rest_free(tcp, tcp->waits);
		kept = tcp_pool_take(&tcp->rests);
	}
	*kept = rest;
	rest_append(tcp, kept);
	tcp_table_insert(&tcp->table, kept->hash,
			 tcp_reference_of(&tcp->rests, TCP_KIND_REST, kept));
	tcp->stats->time_waits++;
}

void
rest_advance(struct tcp *tcp)
{
	while (tcp->waits != NULL && tcp_is_due(tcp, tcp->waits->due))
		rest_free(tcp, tcp->waits);
}

/* RFC 9293, 3.10.7.4 for TIME-WAIT; RFC 6191, 2: which SYN may begin anew. */
bool
rest_input(struct tcp *tcp, struct tcp_rest *rest, const struct tcp_segment *segment)
{
	bool newer = seq_lt(rest->rcv_nxt, segment->sequence);
	uint8_t options[TCP_STAMPS_LENGTH], *end = options;
	struct tcp_path path;

	/* RFC 1337: an RST does not end the wait */
	if ((segment->flags & RTE_TCP_RST_FLAG) != 0)
		return true;
	if ((segment->flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG) {
		if (rest->stamps && segment->has_stamps)
			newer = seq_lt(rest->ts_recent, segment->stamp) ||
				(newer && rest->ts_recent == segment->stamp);
		if (newer)
			return false;
	}
	/* the peer's FIN again, or something old: our last ACK was lost. Not an answer to an answer. */
	if (segment->length == 0 && (segment->flags & (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG)) == 0)
		return true;
	if ((segment->flags & RTE_TCP_FIN_FLAG) != 0 &&
	    segment->sequence + segment->length + 1 == rest->rcv_nxt) {
		*rest->link = rest->next; /* the wait begins again */
		if (rest->next != NULL)
			rest->next->link = rest->link;
		else
			tcp->waits_last = rest->link;
		rest_append(tcp, rest);
	}
	tcp_path_of(tcp, segment, &path);
	if (rest->stamps)
		end = segment_stamps(options, tcp_stamp(tcp, rest->stamp_offset), rest->ts_recent);
	segment_send_plain(tcp, &path, rest->snd_nxt, rest->rcv_nxt, RTE_TCP_ACK_FLAG, UINT16_MAX,
			   options, (uint16_t)(end - options));
	return true;
}
