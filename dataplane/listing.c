/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/listing.h"

#include <assert.h>

#include "dataplane/idle.h"
#include "dataplane/worker.h"

_Static_assert((int)LISTENERS_A_PORT *(int)WORKER_PORTS_MAX < (int)FIRST_CONNECTION,
	       "no connection has a number of a socket that listens");

/* --- numbers -------------------------------------------------------------------------------- */

static uint32_t
number_of(const struct worker *worker, uint32_t number)
{
	return FIRST_CONNECTION + number * RTE_MAX(worker->workers, 1u) + worker->index;
}

uint32_t
listing_number(const struct worker *worker, const struct tcp_connection *connection)
{
	return number_of(worker, tcp_number(connection));
}

/* 1 is the first: no socket is 0. */
static uint32_t
listener_number(unsigned int port, bool udp, bool ipv4)
{
	return 1 + port * LISTENERS_A_PORT + (ipv4 ? 0 : 2) + udp;
}

uint32_t
listing_datagram_number(const struct worker *worker, unsigned int port, bool ipv4)
{
	(void)worker;
	return listener_number(port, true, ipv4);
}

/* --- what listens --------------------------------------------------------------------------- */

static void
listeners_put(struct reply *reply, const struct worker *worker, unsigned int port,
	      const struct address *address)
{
	const struct interface *interface = &worker->ports[port].interface;
	bool ipv4 = address_is_ipv4(address);
	struct connection_facts facts = {
		.silent = (uint32_t)((worker_now(worker) - worker->born) / 1000000),
	};

	memcpy(facts.local, address->bytes, sizeof(facts.local));
	for (unsigned int udp = 0; udp < 2; udp++) {
		rte_be16_t local_port = udp ? interface->udp_port : interface->tcp_port;

		if (local_port == 0)
			continue;
		facts.number = listener_number(port, udp, ipv4);
		facts.state = udp ? CONNECTION_DATAGRAMS : CONNECTION_LISTENING;
		facts.local_port = rte_be_to_cpu_16(local_port);
		connection_put(reply, &facts);
	}
}

void
listing_put_listeners(const struct worker *worker, struct reply *reply)
{
	for (unsigned int i = 0; i < worker->port_count; i++) {
		const struct interface *interface = &worker->ports[i].interface;
		struct address ipv4 = address_ipv4(interface->address);

		if (interface->address != 0)
			listeners_put(reply, worker, i, &ipv4);
		if (interface->ipv6)
			listeners_put(reply, worker, i, &interface->address6);
	}
}

/* --- a page --------------------------------------------------------------------------------- */

static enum connection_state
state_of(const struct client *client, const struct tcp_peer *peer)
{
	if (client->closing || peer->closed)
		return CONNECTION_CLOSING;
	if (client->watcher != 0)
		return CONNECTION_WATCH;
	if (client->listed)
		return CONNECTION_COMMAND;
	if (client->paused)
		return CONNECTION_WRITE;
	if (client->uploading)
		return CONNECTION_VALUE;
	if (client->stream.protocol == PROTOCOL_UNKNOWN)
		return CONNECTION_NEW;
	return CONNECTION_READ;
}

static void
facts_fill(struct connection_facts *facts, const struct worker *worker,
	   struct tcp_connection *connection, uint32_t number)
{
	struct tcp_peer peer;

	tcp_describe(connection, &peer);
	facts->number = number_of(worker, number);
	facts->silent = peer.silent_seconds;
	facts->state = (uint8_t)state_of(tcp_user(connection), &peer);
	facts->local_port = rte_be_to_cpu_16(peer.local_port);
	facts->peer_port = rte_be_to_cpu_16(peer.port);
	memcpy(facts->local, peer.local.bytes, sizeof(facts->local));
	memcpy(facts->peer, peer.address.bytes, sizeof(facts->peer));
}

/* The next of the worker's own connections. */
static void
page_fill(struct listing_page *page, const struct worker *worker)
{
	uint32_t number = page->from, end = tcp_numbers(worker->tcp);
	uint32_t stop = RTE_MIN(end, page->from + LISTING_LOOKED);

	page->count = 0;
	for (; number < stop && page->count < LISTING_PAGE; number++) {
		struct tcp_connection *connection = tcp_at(worker->tcp, number);

		if (connection != NULL)
			facts_fill(&page->facts[page->count++], worker, connection, number);
	}
	page->from = number;
	page->more = number < end;
}

/* Has the page filled in, by us or by its worker, unless somebody else's page is there now. */
static void
page_ask(struct worker *worker)
{
	struct listing *listing = &worker->listing;
	struct listing_page *none = NULL;
	struct worker *peer;

	if (listing->worker == worker->index) {
		page_fill(&listing->page, worker);
		listing->ready = true;
		return;
	}
	peer = worker->peers[listing->worker];
	listing->page.asker = worker;
	atomic_store_explicit(&listing->page.done, false, memory_order_relaxed); /* ours as yet */
	/* release: it finds what the page is to begin with; pairs with listing_answer */
	if (!atomic_compare_exchange_strong_explicit(&peer->asked, &none, &listing->page,
						     memory_order_release, memory_order_relaxed))
		return;
	listing->asked = true;
	idle_ring_bell(peer);
}

bool
listing_answer(struct worker *worker)
{
	/* acquire: pairs with page_ask */
	struct listing_page *page = atomic_load_explicit(&worker->asked, memory_order_acquire);
	struct worker *asker;

	if (__builtin_expect(page == NULL, 1))
		return false;
	asker = page->asker;
	page_fill(page, worker);
	/* first, so that whoever is answered may ask again at once; relaxed: it gives nothing away */
	atomic_store_explicit(&worker->asked, NULL, memory_order_relaxed);
	/* release: the asker sees it filled in; pairs with page_is_back */
	atomic_store_explicit(&page->done, true, memory_order_release);
	idle_ring_bell(asker);
	return true;
}

static bool
page_is_back(const struct listing *listing)
{
	/* acquire: pairs with listing_answer */
	return atomic_load_explicit(&listing->page.done, memory_order_acquire);
}

bool
listing_has_mail(const struct worker *worker)
{
	/* relaxed: whether to look, not at what */
	return atomic_load_explicit(&worker->asked, memory_order_relaxed) != NULL ||
	       (worker->listing.asked && page_is_back(&worker->listing));
}

/* --- a list --------------------------------------------------------------------------------- */

void
listing_begin(struct worker *worker, struct tcp_connection *connection)
{
	struct client *client = tcp_user(connection);
	struct tcp_connection **link = &worker->listing.first;

	while (*link != NULL)
		link = &((struct client *)tcp_user(*link))->next_listed;
	*link = connection;
	client->next_listed = NULL;
	client->listed = true;
}

void
listing_forget(struct worker *worker, struct tcp_connection *connection)
{
	struct listing *listing = &worker->listing;
	struct tcp_connection **link = &listing->first;
	struct client *client = tcp_user(connection);

	if (!client->listed)
		return;
	client->listed = false;
	if (listing->first == connection) {
		listing->begun = false;
		listing->ready = false;
		listing->stale = listing->asked;
	}
	while (*link != connection)
		link = &((struct client *)tcp_user(*link))->next_listed;
	*link = client->next_listed;
}

/* Writes the page. False: that was the last. */
static bool
page_write(struct worker *worker, struct reply *reply)
{
	struct listing *listing = &worker->listing;

	for (unsigned int i = 0; i < listing->page.count; i++)
		connection_put(reply, &listing->page.facts[i]);
	listing->ready = false;
	if (listing->page.more)
		return true;
	listing->page.from = 0;
	if (++listing->worker < worker->workers)
		return true;
	reply_put(reply, "END\r\n", 5);
	return false;
}

static void
list_begin(struct worker *worker, struct reply *reply)
{
	struct listing *listing = &worker->listing;

	listing->begun = true;
	listing->worker = 0;
	listing->page.from = 0;
	listing_put_listeners(worker, reply);
}

/* Writes what there is for the first who waits. */
static void
list_write(struct worker *worker, struct tcp_connection *connection)
{
	struct listing *listing = &worker->listing;
	struct stream_reply *stream = client_reply_open(worker, connection);
	bool more = true;

	if (!stream->reply.failed && !listing->begun)
		list_begin(worker, &stream->reply);
	else if (!stream->reply.failed)
		more = page_write(worker, &stream->reply);
	if (!client_reply_close(worker, stream) || more)
		return;
	listing_forget(worker, connection);
	client_resume(worker, connection);
}

bool
listing_go_on(struct worker *worker)
{
	struct listing *listing = &worker->listing;
	struct tcp_connection *connection = listing->first;
	const struct client *client;

	if (__builtin_expect(connection == NULL && !listing->asked, 1))
		return false;
	if (listing->asked) {
		if (!page_is_back(listing))
			return false;
		listing->asked = false;
		listing->ready = !listing->stale;
		listing->stale = false;
	}
	if (connection == NULL)
		return true;
	client = tcp_user(connection);
	if (client->failed || tcp_is_congested(connection))
		return false;
	if (listing->begun && !listing->ready)
		page_ask(worker);
	else
		list_write(worker, connection);
	return true;
}
