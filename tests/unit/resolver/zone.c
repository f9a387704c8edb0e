/* SPDX-License-Identifier: Apache-2.0 */
#include "zone.h"

#include "resolver/answer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writing {
	uint8_t *bytes;
	size_t at;
};

static void put_u16(struct writing *writing, unsigned value)
{
	writing->bytes[writing->at++] = (uint8_t)(value >> 8);
	writing->bytes[writing->at++] = (uint8_t)value;
}

static void put_u32(struct writing *writing, uint32_t value)
{
	put_u16(writing, value >> 16);
	put_u16(writing, value & 0xffff);
}

size_t zone_write_name(uint8_t *bytes, const char *name)
{
	size_t at = 0;

	if (strcmp(name, ".") == 0)
		name = "";
	while (*name != '\0') {
		size_t label = strcspn(name, ".");

		bytes[at++] = (uint8_t)label;
		memcpy(bytes + at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	bytes[at++] = 0;
	return at;
}

static void put_name(struct writing *writing, const char *name)
{
	writing->at += zone_write_name(writing->bytes + writing->at, name);
}

static void put_string(struct writing *writing, const char *text)
{
	size_t length = strlen(text);

	writing->bytes[writing->at++] = (uint8_t)length;
	memcpy(writing->bytes + writing->at, text, length);
	writing->at += length;
}

static uint16_t type_of(const char *word)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SRV, DNS_TYPE_NAPTR};

	for (size_t i = 0; i < TD_COUNT_OF(types); i++)
		if (strcmp(word, dns_type_name(types[i])) == 0)
			return types[i];
	if (strcmp(word, "CNAME") == 0)
		return DNS_TYPE_CNAME;
	(void)fprintf(stderr, "zone: no type %s\n", word);
	abort();
}

void zone_add(struct zone *zone, const char *lines)
{
	while (*lines != '\0') {
		struct zone_line *line = &zone->lines[zone->count];
		char type[16];

		if (zone->count == ZONE_LINES_MAX ||
			sscanf(lines, "%255s %u %15s %299[^\n]", line->name, &line->ttl_s, type,
				line->text) != 4) {
			(void)fprintf(stderr, "zone: cannot read %s\n", lines);
			abort();
		}
		line->type = type_of(type);
		zone->count++;
		lines += strcspn(lines, "\n");
		lines += *lines == '\n';
	}
}

void zone_remove(struct zone *zone, const char *name, uint16_t type)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < zone->count; i++)
		if (strcmp(zone->lines[i].name, name) != 0 || zone->lines[i].type != type)
			zone->lines[kept++] = zone->lines[i];
	zone->count = kept;
}

int zone_has_name(const struct zone *zone, const char *name)
{
	for (uint32_t i = 0; i < zone->count; i++)
		if (strcmp(zone->lines[i].name, name) == 0)
			return 1;
	return 0;
}

static void put_data(struct writing *writing, const struct zone_line *line)
{
	unsigned a;
	unsigned b;
	unsigned port;
	char flags[32];
	char service[64];
	char target[256];

	switch (line->type) {
	case DNS_TYPE_A:
		(void)inet_pton(AF_INET, line->text, writing->bytes + writing->at);
		writing->at += 4;
		break;
	case DNS_TYPE_AAAA:
		(void)inet_pton(AF_INET6, line->text, writing->bytes + writing->at);
		writing->at += 16;
		break;
	case DNS_TYPE_SRV:
		if (sscanf(line->text, "%u %u %u %255s", &a, &b, &port, target) != 4)
			abort();
		put_u16(writing, a);
		put_u16(writing, b);
		put_u16(writing, port);
		put_name(writing, target);
		break;
	case DNS_TYPE_NAPTR:
		if (sscanf(line->text, "%u %u %31s %63s %255s", &a, &b, flags, service, target) !=
			5)
			abort();
		put_u16(writing, a);
		put_u16(writing, b);
		put_string(writing, flags);
		put_string(writing, service);
		put_string(writing, "");
		put_name(writing, target);
		break;
	default:
		put_name(writing, line->text);
		break;
	}
}

static void put_record(struct writing *writing, const struct zone_line *line)
{
	size_t length_at;
	size_t end;

	put_name(writing, line->name);
	put_u16(writing, line->type);
	put_u16(writing, 1);
	put_u32(writing, line->ttl_s);
	length_at = writing->at;
	put_u16(writing, 0);
	put_data(writing, line);
	end = writing->at;
	writing->at = length_at;
	put_u16(writing, (unsigned)(end - length_at - 2));
	writing->at = end;
}

static unsigned put_records(
	struct writing *writing, const struct zone *zone, const char *name, uint16_t type)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < zone->count; i++) {
		if (strcmp(zone->lines[i].name, name) != 0 || zone->lines[i].type != type)
			continue;
		put_record(writing, &zone->lines[i]);
		count++;
	}
	return count;
}

static const char *alias_of(const struct zone *zone, const char *name)
{
	for (uint32_t i = 0; i < zone->count; i++)
		if (zone->lines[i].type == DNS_TYPE_CNAME && strcmp(zone->lines[i].name, name) == 0)
			return zone->lines[i].text;
	return NULL;
}

static void put_soa(struct writing *writing, uint32_t ttl_s)
{
	put_name(writing, "test");
	put_u16(writing, DNS_TYPE_SOA);
	put_u16(writing, 1);
	put_u32(writing, 86400);
	put_u16(writing, 2 + 20);
	put_name(writing, ".");
	put_name(writing, ".");
	for (unsigned i = 0; i < 4; i++)
		put_u32(writing, 1);
	put_u32(writing, ttl_s);
}

size_t zone_answer(const struct zone *zone, const char *name, uint16_t type,
	uint8_t message[ZONE_MESSAGE_BYTES])
{
	struct writing writing = {.bytes = message, .at = 12};
	const char *at = name;
	unsigned count = 0;
	const char *alias;

	memset(message, 0, 12);
	message[2] = 0x81; /* a response, recursion desired */
	message[3] = 0x80 | zone->rcode;
	message[5] = 1;
	put_name(&writing, name);
	put_u16(&writing, type);
	put_u16(&writing, 1);
	if (zone->rcode != 0)
		return writing.at;
	for (unsigned hops = 0; hops < 20 && (alias = alias_of(zone, at)) != NULL; hops++) {
		count += put_records(&writing, zone, at, DNS_TYPE_CNAME);
		at = alias;
	}
	count += put_records(&writing, zone, at, type);
	message[6] = (uint8_t)(count >> 8);
	message[7] = (uint8_t)count;
	if (!zone_has_name(zone, at))
		message[3] |= 3;
	if (zone->negative_ttl_s != 0) {
		message[9] = 1;
		put_soa(&writing, zone->negative_ttl_s);
	}
	return writing.at;
}
