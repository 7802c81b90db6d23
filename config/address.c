/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and prefixes: text into a field and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

/* "ADDRESS[/BITS]" of a family; *bits is left as it is where the text has none. */
static bool
text_parse(const char *text, int family, void *binary, uint8_t *bits, bool *has_bits)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/'), *end;
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint64_t number;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(family, address, binary) != 1)
		return false;
	*has_bits = slash != NULL;
	if (slash == NULL)
		return true;
	if (!digits_parse(slash + 1, &end, &number) || *end != '\0' ||
	    number > (family == AF_INET ? 32 : 128))
		return false;
	*bits = (uint8_t)number;
	return true;
}

/* --- IPv4 --------------------------------------------------------------------------------- */

static bool
prefix_parse(const char *text, struct config_prefix *prefix, bool *has_bits)
{
	struct in_addr parsed;

	if (!text_parse(text, AF_INET, &parsed, &prefix->bits, has_bits))
		return false;
	prefix->address = ntohl(parsed.s_addr);
	return true;
}

static uint32_t
prefix_mask(const struct config_prefix *prefix)
{
	return prefix->bits == 0 ? 0 : UINT32_MAX << (32 - prefix->bits);
}

/* Why no host can have that address in that subnet; NULL if one can. */
static const char *
address_problem(const struct config_prefix *prefix)
{
	uint32_t host = prefix->address & ~prefix_mask(prefix), top = prefix->address >> 24;

	if (top == 0 || top == 127 || top >= 224)
		return "is no address of a host on a network";
	if (prefix->bits < 8)
		return "has a subnet of more than a /8";
	if (prefix->bits < 31 && host == 0)
		return "is the address of the subnet itself";
	if (prefix->bits < 31 && host == ~prefix_mask(prefix))
		return "is the broadcast address of its subnet";
	return NULL;
}

int
address_set(const struct option *option, struct config_prefix *field, const char *text,
	    bool needs_bits, char *why, size_t size)
{
	struct config_prefix prefix = *field;
	const char *problem;
	bool has_bits;

	if (!prefix_parse(text, &prefix, &has_bits))
		return complain(option, text, "is not an IPv4 address", why, size);
	if (!has_bits && needs_bits)
		return complain(option, text, "lacks the length of its subnet", why, size);
	problem = address_problem(&prefix);
	if (problem != NULL)
		return complain(option, text, problem, why, size);
	*field = prefix;
	return 0;
}

void
prefix_format(const struct config_prefix *prefix, char *text, size_t size)
{
	struct in_addr address = {.s_addr = htonl(prefix->address)};
	char dotted[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, dotted, sizeof(dotted));
	snprintf(text, size, "%s/%u", dotted, prefix->bits);
}

/* --- IPv6, and either ---------------------------------------------------------------------- */

static const uint8_t mapped[12] = {[10] = 0xff, 0xff}; /* before an IPv4 address */

bool
config_network_is_ipv4(const struct config_network *network)
{
	return memcmp(network->address, mapped, sizeof(mapped)) == 0;
}

/* The network without what lies outside its prefix. */
static struct config_network
network_masked(const struct config_network *network)
{
	struct config_network masked = *network;

	for (unsigned int bit = network->bits; bit < 128; bit++)
		masked.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return masked;
}

/* Why no host can have that address in that subnet; NULL if one can. */
static const char *
address6_problem(const struct config_network *network)
{
	static const uint8_t zeros[15];
	struct config_network subnet = network_masked(network);
	const uint8_t *address = network->address;

	if (memcmp(address, zeros, sizeof(zeros)) == 0 || address[0] == 0xff ||
	    config_network_is_ipv4(network))
		return "is no address of a host on a network";
	if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return "is link-local, and we have such an address already";
	if (network->bits < 16)
		return "has a subnet of more than a /16";
	/* RFC 4291, 2.6.1: any router's; not of a link between two (RFC 6164) */
	if (network->bits < 127 && memcmp(subnet.address, address, sizeof(subnet.address)) == 0)
		return "is the address of the subnet itself";
	return NULL;
}

int
address6_set(const struct option *option, struct config_network *field, const char *text,
	     bool needs_bits, char *why, size_t size)
{
	struct config_network network = *field;
	const char *problem;
	bool has_bits;

	if (!text_parse(text, AF_INET6, network.address, &network.bits, &has_bits))
		return complain(option, text, "is not an IPv6 address", why, size);
	if (!has_bits && needs_bits)
		return complain(option, text, "lacks the length of its subnet", why, size);
	problem = address6_problem(&network);
	if (problem != NULL)
		return complain(option, text, problem, why, size);
	*field = network;
	return 0;
}

/* An IPv6 prefix may not be one of IPv4 in disguise, which would mean what it doesn't say. */
static bool
network_parse(const char *text, struct config_network *network)
{
	uint8_t bits = 32;
	bool has_bits;

	network->bits = 128;
	if (text_parse(text, AF_INET6, network->address, &network->bits, &has_bits))
		return !config_network_is_ipv4(network);
	memcpy(network->address, mapped, sizeof(mapped));
	if (!text_parse(text, AF_INET, network->address + sizeof(mapped), &bits, &has_bits))
		return false;
	network->bits = (uint8_t)(8 * sizeof(mapped) + bits);
	return true;
}

int
network_set(const struct option *option, struct config_network *field, const char *text, char *why,
	    size_t size)
{
	struct config_network network, masked;
	char problem[128], right[64];

	if (!network_parse(text, &network))
		return complain(option, text, "is not an IPv4 or IPv6 prefix", why, size);
	masked = network_masked(&network);
	if (memcmp(masked.address, network.address, sizeof(masked.address)) != 0) {
		network_format(&masked, right, sizeof(right));
		snprintf(problem, sizeof(problem), "has bits outside its prefix (%s has not)",
			 right);
		return complain(option, text, problem, why, size);
	}
	*field = network;
	return 0;
}

void
network_format(const struct config_network *network, char *text, size_t size)
{
	bool ipv4 = config_network_is_ipv4(network);
	unsigned int before = ipv4 ? sizeof(mapped) : 0;
	char address[INET6_ADDRSTRLEN];

	inet_ntop(ipv4 ? AF_INET : AF_INET6, network->address + before, address, sizeof(address));
	snprintf(text, size, "%s/%u", address, network->bits - 8 * before);
}
