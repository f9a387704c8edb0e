/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes rtnetlink messages, see netlink.h. Structures are copied out of the datagram,
 * never pointed into, so that neither alignment nor a lying length matters.
 */
#include "neighbour/netlink.h"

#include <assert.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* A stretch of the datagram that holds attributes. */
struct netlink_attributes {
	const uint8_t *at;
	size_t left_bytes;
};

struct netlink_attribute {
	uint16_t type;
	uint16_t size_bytes;
	const uint8_t *value;
};

/* True and the next attribute; false at the end or if its length is wrong. */
static bool netlink_attribute_next(
	struct netlink_attributes *attributes, struct netlink_attribute *ret_attribute)
{
	struct rtattr header;
	size_t step_bytes;

	if (attributes->left_bytes < sizeof(header))
		return false;
	memcpy(&header, attributes->at, sizeof(header));
	if (header.rta_len < sizeof(header) || header.rta_len > attributes->left_bytes)
		return false;
	ret_attribute->type = header.rta_type & NLA_TYPE_MASK;
	ret_attribute->size_bytes = (uint16_t)(header.rta_len - sizeof(header));
	ret_attribute->value = attributes->at + sizeof(header);
	step_bytes = RTA_ALIGN((size_t)header.rta_len);
	if (step_bytes > attributes->left_bytes)
		step_bytes = attributes->left_bytes;
	attributes->at += step_bytes;
	attributes->left_bytes -= step_bytes;
	return true;
}

static uint32_t netlink_u32(const struct netlink_attribute *attribute)
{
	uint32_t value = 0;

	if (attribute->size_bytes == sizeof(value))
		memcpy(&value, attribute->value, sizeof(value));
	return value;
}

static void netlink_ip(
	const struct netlink_attribute *attribute, uint8_t family, struct td_ip *ret_ip)
{
	struct td_ip ip = {.family = family};

	if (attribute->size_bytes != td_ip_size_bytes(&ip))
		return;
	memcpy(ip.bytes, attribute->value, attribute->size_bytes);
	*ret_ip = ip;
}

static uint8_t netlink_family(unsigned family)
{
	return family == AF_INET    ? TD_FAMILY_IPV4
	       : family == AF_INET6 ? TD_FAMILY_IPV6
				    : TD_FAMILY_NONE;
}

/* Takes a gateway that may be of another family than the route (RFC 5549). */
static void netlink_via(const struct netlink_attribute *attribute, struct td_ip *ret_gateway)
{
	struct netlink_attribute address = *attribute;
	uint16_t family;

	if (attribute->size_bytes < sizeof(family))
		return;
	memcpy(&family, attribute->value, sizeof(family));
	address.value += sizeof(family);
	address.size_bytes = (uint16_t)(address.size_bytes - sizeof(family));
	netlink_ip(&address, netlink_family(family), ret_gateway);
}

/* Takes the first of several next hops: the dataplane doesn't balance. */
static void netlink_multipath(
	const struct netlink_attribute *attribute, uint8_t family, struct netlink_event *ret_event)
{
	struct rtnexthop hop;
	struct netlink_attributes inner;
	struct netlink_attribute attribute_of_hop;

	if (attribute->size_bytes < sizeof(hop))
		return;
	memcpy(&hop, attribute->value, sizeof(hop));
	if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > attribute->size_bytes)
		return;
	ret_event->interface_index = hop.rtnh_ifindex;
	inner.at = attribute->value + sizeof(hop);
	inner.left_bytes = hop.rtnh_len - sizeof(hop);
	while (netlink_attribute_next(&inner, &attribute_of_hop)) {
		if (attribute_of_hop.type == RTA_GATEWAY)
			netlink_ip(&attribute_of_hop, family, &ret_event->gateway);
		else if (attribute_of_hop.type == RTA_VIA)
			netlink_via(&attribute_of_hop, &ret_event->gateway);
	}
}

static void netlink_read_route(const struct rtmsg *route, struct netlink_attributes attributes,
	struct netlink_event *event)
{
	uint8_t family = netlink_family(route->rtm_family);
	uint32_t table = route->rtm_table;
	struct netlink_attribute attribute;

	if (family == TD_FAMILY_NONE || route->rtm_type != RTN_UNICAST ||
		(route->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) != 0)
		return;
	event->ip.family = family;
	event->prefix_bits = route->rtm_dst_len;
	while (netlink_attribute_next(&attributes, &attribute)) {
		if (attribute.type == RTA_DST)
			netlink_ip(&attribute, family, &event->ip);
		else if (attribute.type == RTA_GATEWAY)
			netlink_ip(&attribute, family, &event->gateway);
		else if (attribute.type == RTA_VIA)
			netlink_via(&attribute, &event->gateway);
		else if (attribute.type == RTA_OIF)
			event->interface_index = (int)netlink_u32(&attribute);
		else if (attribute.type == RTA_PRIORITY)
			event->metric = netlink_u32(&attribute);
		else if (attribute.type == RTA_TABLE)
			table = netlink_u32(&attribute);
		else if (attribute.type == RTA_MULTIPATH)
			netlink_multipath(&attribute, family, event);
	}
	if (table == RT_TABLE_MAIN && event->prefix_bits <= td_ip_size_bytes(&event->ip) * 8)
		event->kind = NETLINK_KIND_ROUTE;
}

static void netlink_read_neighbour(const struct ndmsg *neighbour,
	struct netlink_attributes attributes, struct netlink_event *event)
{
	uint8_t family = netlink_family(neighbour->ndm_family);
	struct netlink_attribute attribute;

	event->interface_index = neighbour->ndm_ifindex;
	event->state = neighbour->ndm_state;
	while (netlink_attribute_next(&attributes, &attribute)) {
		if (attribute.type == NDA_DST)
			netlink_ip(&attribute, family, &event->ip);
		else if (attribute.type == NDA_LLADDR &&
			 attribute.size_bytes == NETLINK_MAC_BYTES) {
			memcpy(event->mac, attribute.value, NETLINK_MAC_BYTES);
			event->has_mac = true;
		}
	}
	if (event->ip.family != TD_FAMILY_NONE && (neighbour->ndm_flags & NTF_PROXY) == 0)
		event->kind = NETLINK_KIND_NEIGHBOUR;
}

static void netlink_read_link(const struct ifinfomsg *link, struct netlink_attributes attributes,
	struct netlink_event *event)
{
	struct netlink_attribute attribute;

	event->kind = NETLINK_KIND_LINK;
	event->interface_index = link->ifi_index;
	event->is_up = (link->ifi_flags & IFF_UP) != 0 && (link->ifi_flags & IFF_RUNNING) != 0;
	while (netlink_attribute_next(&attributes, &attribute)) {
		if (attribute.type == IFLA_MTU) {
			event->mtu_bytes = netlink_u32(&attribute);
		} else if (attribute.type == IFLA_IFNAME && attribute.size_bytes > 0 &&
			   attribute.size_bytes <= sizeof(event->name)) {
			memcpy(event->name, attribute.value, attribute.size_bytes);
			event->name[attribute.size_bytes - 1] = '\0';
		} else if (attribute.type == IFLA_ADDRESS &&
			   attribute.size_bytes == NETLINK_MAC_BYTES) {
			memcpy(event->mac, attribute.value, NETLINK_MAC_BYTES);
			event->has_mac = true;
		}
	}
}

static void netlink_read_address(const struct ifaddrmsg *address,
	struct netlink_attributes attributes, struct netlink_event *event)
{
	uint8_t family = netlink_family(address->ifa_family);
	struct netlink_attribute attribute;

	event->interface_index = (int)address->ifa_index;
	event->prefix_bits = address->ifa_prefixlen;
	while (netlink_attribute_next(&attributes, &attribute)) {
		/* IFA_LOCAL wins: IFA_ADDRESS is the peer's on point-to-point links */
		if (attribute.type == IFA_LOCAL ||
			(attribute.type == IFA_ADDRESS && event->ip.family == TD_FAMILY_NONE))
			netlink_ip(&attribute, family, &event->ip);
	}
	if (event->ip.family != TD_FAMILY_NONE)
		event->kind = NETLINK_KIND_ADDRESS;
}

/* Copies the fixed part of a message and finds its attributes; false if it is too short. */
static bool netlink_split(const uint8_t *payload, size_t size_bytes, void *ret_fixed,
	size_t fixed_bytes, struct netlink_attributes *ret_attributes)
{
	size_t aligned_bytes = NLMSG_ALIGN(fixed_bytes);

	if (size_bytes < fixed_bytes)
		return false;
	memcpy(ret_fixed, payload, fixed_bytes);
	if (aligned_bytes > size_bytes)
		aligned_bytes = size_bytes;
	ret_attributes->at = payload + aligned_bytes;
	ret_attributes->left_bytes = size_bytes - aligned_bytes;
	return true;
}

static bool netlink_read(
	uint16_t type, const uint8_t *payload, size_t size_bytes, struct netlink_event *event)
{
	struct netlink_attributes attributes;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct nlmsgerr error;
	} fixed;

	switch (type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (!netlink_split(
			    payload, size_bytes, &fixed.route, sizeof(fixed.route), &attributes))
			return false;
		netlink_read_route(&fixed.route, attributes, event);
		return true;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (!netlink_split(payload, size_bytes, &fixed.neighbour, sizeof(fixed.neighbour),
			    &attributes))
			return false;
		netlink_read_neighbour(&fixed.neighbour, attributes, event);
		return true;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (!netlink_split(
			    payload, size_bytes, &fixed.link, sizeof(fixed.link), &attributes))
			return false;
		netlink_read_link(&fixed.link, attributes, event);
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (!netlink_split(payload, size_bytes, &fixed.address, sizeof(fixed.address),
			    &attributes))
			return false;
		netlink_read_address(&fixed.address, attributes, event);
		return true;
	case NLMSG_ERROR:
		if (!netlink_split(
			    payload, size_bytes, &fixed.error.error, sizeof(int), &attributes))
			return false;
		event->kind = NETLINK_KIND_ERROR;
		event->error = fixed.error.error;
		return true;
	case NLMSG_DONE:
		event->kind = NETLINK_KIND_DONE;
		return true;
	default:
		return true;
	}
}

int netlink_next(
	const uint8_t *datagram, size_t size_bytes, size_t *offset, struct netlink_event *ret_event)
{
	struct netlink_event event = {.kind = NETLINK_KIND_OTHER};
	struct nlmsghdr header;
	size_t left_bytes;

	assert(*offset <= size_bytes && "offset stays inside the datagram");
	left_bytes = size_bytes - *offset;
	if (left_bytes == 0)
		return 0;
	if (left_bytes < sizeof(header))
		return -EBADMSG;
	memcpy(&header, datagram + *offset, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left_bytes)
		return -EBADMSG;
	event.sequence = header.nlmsg_seq;
	event.is_interrupted = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	event.is_removed = header.nlmsg_type == RTM_DELROUTE || header.nlmsg_type == RTM_DELNEIGH ||
			   header.nlmsg_type == RTM_DELLINK || header.nlmsg_type == RTM_DELADDR;
	if (!netlink_read(header.nlmsg_type, datagram + *offset + sizeof(header),
		    header.nlmsg_len - sizeof(header), &event))
		return -EBADMSG;
	*offset += NLMSG_ALIGN((size_t)header.nlmsg_len) < left_bytes
			   ? NLMSG_ALIGN((size_t)header.nlmsg_len)
			   : left_bytes;
	*ret_event = event;
	return 1;
}

size_t netlink_write_dump(
	uint8_t request[NETLINK_REQUEST_BYTES], enum netlink_kind kind, uint32_t sequence)
{
	static const struct {
		uint16_t type;
		uint16_t fixed_bytes;
	} dumps[NETLINK_KIND_COUNT] = {
		[NETLINK_KIND_ROUTE] = {RTM_GETROUTE, sizeof(struct rtmsg)},
		[NETLINK_KIND_NEIGHBOUR] = {RTM_GETNEIGH, sizeof(struct ndmsg)},
		[NETLINK_KIND_LINK] = {RTM_GETLINK, sizeof(struct ifinfomsg)},
		[NETLINK_KIND_ADDRESS] = {RTM_GETADDR, sizeof(struct ifaddrmsg)},
	};
	struct nlmsghdr header = {
		.nlmsg_type = dumps[kind].type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.nlmsg_len = NLMSG_LENGTH((uint32_t)dumps[kind].fixed_bytes),
		.nlmsg_seq = sequence,
	};

	/* all zero means any family, which is AF_UNSPEC */
	memset(request, 0, NETLINK_REQUEST_BYTES);
	memcpy(request, &header, sizeof(header));
	return header.nlmsg_len;
}

size_t netlink_write_use(uint8_t request[NETLINK_REQUEST_BYTES], int interface_index,
	const struct td_ip *neighbour, uint32_t sequence)
{
	size_t ip_bytes = td_ip_size_bytes(neighbour);
	struct ndmsg fixed = {
		.ndm_family = neighbour->family == TD_FAMILY_IPV4 ? AF_INET : AF_INET6,
		.ndm_ifindex = interface_index,
		.ndm_state = NUD_NONE,
		.ndm_flags = NTF_USE,
	};
	struct rtattr attribute = {
		.rta_type = NDA_DST, .rta_len = (unsigned short)RTA_LENGTH(ip_bytes)};
	struct nlmsghdr header = {
		.nlmsg_type = RTM_NEWNEIGH,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE,
		.nlmsg_seq = sequence,
	};
	uint8_t *at = request + sizeof(header);

	header.nlmsg_len = (uint32_t)(sizeof(header) + sizeof(fixed) + RTA_SPACE(ip_bytes));
	memcpy(request, &header, sizeof(header));
	memcpy(at, &fixed, sizeof(fixed));
	memcpy(at + sizeof(fixed), &attribute, sizeof(attribute));
	memcpy(at + sizeof(fixed) + sizeof(attribute), neighbour->bytes, ip_bytes);
	return header.nlmsg_len;
}
