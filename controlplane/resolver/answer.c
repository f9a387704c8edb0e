/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/answer.h"

#include "sip/uri.h"

#include <errno.h>

enum {
	HEADER_BYTES = 12,
	FIXED_BYTES = 10, /* of a record: type, class, TTL, length (RFC 1035 4.1.3) */
	CLASS_IN = 1,
	RCODE_OK = 0,
	RCODE_NXDOMAIN = 3,
	SOA_NUMBERS_BYTES = 20, /* behind its two names */
	SRV_NUMBERS_BYTES = 6,
	NAPTR_NUMBERS_BYTES = 4,
	LINES_KEPT_MAX = ANSWER_RECORDS_MAX + ANSWER_ALIASES_MAX,
};

/* A record as it lies in the message. */
struct line {
	size_t at; /* of its data */
	uint32_t length;
	uint32_t ttl_s;
	uint16_t type;
	struct name owner;
};

struct reading {
	const uint8_t *bytes;
	size_t length;
	size_t at;
	struct answer *answer;
};

static uint16_t get_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get_u32(const uint8_t *bytes)
{
	return (uint32_t)get_u16(bytes) << 16 | get_u16(bytes + 2);
}

const char *dns_type_name(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A:
		return "A";
	case DNS_TYPE_AAAA:
		return "AAAA";
	case DNS_TYPE_SRV:
		return "SRV";
	case DNS_TYPE_NAPTR:
		return "NAPTR";
	default:
		return "?";
	}
}

/* Reads the next record. 0; -EINVAL: one of no use to us, passed over; -EBADMSG. */
static int read_line(struct reading *reading, struct line *ret_line)
{
	int result = name_read(reading->bytes, reading->length, &reading->at, &ret_line->owner);
	const uint8_t *fixed = reading->bytes + reading->at;

	if (result == -EBADMSG || reading->length - reading->at < FIXED_BYTES)
		return -EBADMSG;
	ret_line->type = get_u16(fixed);
	ret_line->ttl_s = get_u32(fixed + 4);
	if (ret_line->ttl_s > INT32_MAX) /* RFC 2181 8 */
		ret_line->ttl_s = 0;
	ret_line->length = get_u16(fixed + 8);
	ret_line->at = reading->at + FIXED_BYTES;
	if (ret_line->length > reading->length - ret_line->at)
		return -EBADMSG;
	reading->at = ret_line->at + ret_line->length;
	return get_u16(fixed + 2) == CLASS_IN ? result : -EINVAL;
}

/* The name that ends a record's data at offset into it, as the whole rest. */
static int read_last_name(const struct reading *reading, const struct line *line, uint32_t offset,
	struct name *ret_name)
{
	size_t at = line->at + offset;
	/* Nothing behind the record may be part of it. */
	int result = name_read(reading->bytes, line->at + line->length, &at, ret_name);

	return result == 0 && at != line->at + line->length ? -EBADMSG : result;
}

static bool keep_name(struct answer *answer, struct answer_record *record, const struct name *name)
{
	if (answer->names_used + name->length > sizeof(answer->names))
		return false;
	record->name_offset = (uint16_t)answer->names_used;
	record->name_length = name->length;
	memcpy(answer->names + answer->names_used, name->text, name->length);
	answer->names_used += name->length;
	return true;
}

static bool read_address(
	const struct reading *reading, const struct line *line, struct answer_record *record)
{
	record->ip.family = line->type == DNS_TYPE_A ? TD_FAMILY_IPV4 : TD_FAMILY_IPV6;
	if (line->length != td_ip_size_bytes(&record->ip))
		return false;
	memcpy(record->ip.bytes, reading->bytes + line->at, line->length);
	return true;
}

static bool read_srv(
	const struct reading *reading, const struct line *line, struct answer_record *record)
{
	const uint8_t *numbers = reading->bytes + line->at;
	struct name target;

	if (line->length <= SRV_NUMBERS_BYTES ||
		read_last_name(reading, line, SRV_NUMBERS_BYTES, &target) != 0)
		return false;
	record->order = get_u16(numbers);
	record->preference = get_u16(numbers + 2);
	record->port = get_u16(numbers + 4);
	return keep_name(reading->answer, record, &target);
}

/* A character-string of a record's data (RFC 1035 3.3). False: it doesn't fit. */
static bool read_string(const struct reading *reading, const struct line *line, uint32_t *offset,
	struct span *ret_text)
{
	const uint8_t *bytes = reading->bytes + line->at;

	if (*offset >= line->length || bytes[*offset] > line->length - *offset - 1)
		return false;
	*ret_text = (struct span){(const char *)bytes + *offset + 1, bytes[*offset]};
	*offset += 1u + bytes[*offset];
	return true;
}

/* RFC 3263 4.1, RFC 7118 7: "SIP+D2U" and its like. False: not SIP's. */
static bool read_service(struct span service, struct answer_record *record)
{
	static const struct {
		const char *text;
		enum sip_transport transport;
		bool is_secure;
	} services[] = {
		{"SIP+D2U", SIP_TRANSPORT_UDP, false},
		{"SIP+D2T", SIP_TRANSPORT_TCP, false},
		{"SIPS+D2T", SIP_TRANSPORT_TLS, true},
	};

	for (size_t i = 0; i < TD_COUNT_OF(services); i++) {
		if (!span_is(service, services[i].text))
			continue;
		record->transport = (uint8_t)services[i].transport;
		record->is_secure = services[i].is_secure;
		return true;
	}
	record->transport = SIP_TRANSPORT_UNKNOWN;
	return (service.length > 6 && strncasecmp(service.text, "SIP+D2", 6) == 0) ||
	       (service.length > 7 && strncasecmp(service.text, "SIPS+D2", 7) == 0);
}

/* Only "s" records that rewrite nothing are SIP's (RFC 3263 4.1). */
static bool read_naptr(
	const struct reading *reading, const struct line *line, struct answer_record *record)
{
	uint32_t offset = NAPTR_NUMBERS_BYTES;
	struct span flags;
	struct span service;
	struct span pattern;
	struct name replacement;

	if (!read_string(reading, line, &offset, &flags) ||
		!read_string(reading, line, &offset, &service) ||
		!read_string(reading, line, &offset, &pattern) || offset >= line->length ||
		read_last_name(reading, line, offset, &replacement) != 0)
		return false;
	if (!span_is(flags, "s") || pattern.length != 0 || replacement.length == 0 ||
		!read_service(service, record))
		return false;
	record->order = get_u16(reading->bytes + line->at);
	record->preference = get_u16(reading->bytes + line->at + 2);
	return keep_name(reading->answer, record, &replacement);
}

static void take_record(struct reading *reading, const struct line *line)
{
	struct answer *answer = reading->answer;
	struct answer_record record = {.port = 0};
	bool is_good = false;

	if (answer->record_count == ANSWER_RECORDS_MAX)
		is_good = false;
	else if (line->type == DNS_TYPE_SRV)
		is_good = read_srv(reading, line, &record);
	else if (line->type == DNS_TYPE_NAPTR)
		is_good = read_naptr(reading, line, &record);
	else
		is_good = read_address(reading, line, &record);
	if (is_good)
		answer->records[answer->record_count++] = record;
	else
		answer->left_out++;
}

static void lower_ttl(struct answer *answer, uint32_t ttl_s)
{
	if (!answer->has_ttl || ttl_s < answer->ttl_s)
		answer->ttl_s = ttl_s;
	answer->has_ttl = true;
}

/* Reads the records of a section that may concern the question. -EBADMSG. */
static int read_lines(struct reading *reading, uint32_t count, uint16_t type, struct line *lines,
	uint32_t *ret_count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct line line;
		int result;

		if (i == ANSWER_LINES_MAX)
			return -EBADMSG; /* no honest answer is that long */
		result = read_line(reading, &line);
		if (result == -EBADMSG)
			return result;
		if (result != 0 || (line.type != type && line.type != DNS_TYPE_CNAME))
			continue;
		if (kept == LINES_KEPT_MAX)
			reading->answer->left_out++;
		else
			lines[kept++] = line;
	}
	*ret_count = kept;
	return 0;
}

/* Follows the CNAMEs from *name on, as far as the message holds them. -EBADMSG: in a circle. */
static int follow_aliases(
	const struct reading *reading, const struct line *lines, uint32_t count, struct name *name)
{
	for (unsigned hops = 0; hops <= ANSWER_ALIASES_MAX; hops++) {
		const struct line *alias = NULL;

		for (uint32_t i = 0; i < count && alias == NULL; i++)
			if (lines[i].type == DNS_TYPE_CNAME && name_equal(&lines[i].owner, name))
				alias = &lines[i];
		if (alias == NULL)
			return 0;
		if (read_last_name(reading, alias, 0, name) != 0 || name->length == 0)
			return -EBADMSG;
		lower_ttl(reading->answer, alias->ttl_s);
	}
	return -EBADMSG;
}

/* How long the absence holds: the smaller of the SOA's TTL and its last number (RFC 2308 5).
 * 1: there is one; 0: there is none; -EBADMSG. */
static int read_authority(struct reading *reading, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < ANSWER_LINES_MAX; i++) {
		struct line line;
		int result = read_line(reading, &line);

		if (result == -EBADMSG)
			return result;
		if (line.type != DNS_TYPE_SOA || line.length < SOA_NUMBERS_BYTES)
			continue;
		lower_ttl(reading->answer, line.ttl_s);
		lower_ttl(reading->answer,
			get_u32(reading->bytes + line.at + line.length - sizeof(uint32_t)));
		return 1;
	}
	return 0;
}

/* True if the message answers that question. Moves behind it. */
static bool is_answer_to(struct reading *reading, const struct name *name, uint16_t type)
{
	const uint8_t *bytes = reading->bytes;
	struct name asked;

	if (reading->length < HEADER_BYTES || (bytes[2] & 0xf8) != 0x80 || get_u16(bytes + 4) != 1)
		return false; /* a query, another operation, or not one question */
	reading->at = HEADER_BYTES;
	if (name_read(bytes, reading->length, &reading->at, &asked) != 0 ||
		!name_equal(&asked, name) || reading->length - reading->at < 4 ||
		get_u16(bytes + reading->at) != type ||
		get_u16(bytes + reading->at + 2) != CLASS_IN)
		return false;
	reading->at += 4;
	return true;
}

int answer_read(const uint8_t *message, size_t length, const struct name *name, uint16_t type,
	struct answer *ret_answer)
{
	struct reading reading = {.bytes = message, .length = length, .answer = ret_answer};
	struct line lines[LINES_KEPT_MAX];
	struct name owner = *name;
	uint32_t count;
	unsigned rcode;
	int result;

	*ret_answer = (struct answer){.outcome = ANSWER_REFUSED};
	if (!is_answer_to(&reading, name, type))
		return -EBADMSG;
	rcode = message[3] & 0x0f;
	if ((rcode != RCODE_OK && rcode != RCODE_NXDOMAIN) || (message[2] & 0x02) != 0)
		return 0; /* refused, or cut off although TCP was tried */
	if (read_lines(&reading, get_u16(message + 6), type, lines, &count) != 0 ||
		follow_aliases(&reading, lines, count, &owner) != 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < count; i++) {
		if (lines[i].type != type || !name_equal(&lines[i].owner, &owner))
			continue;
		lower_ttl(ret_answer, lines[i].ttl_s);
		take_record(&reading, &lines[i]);
	}
	if (ret_answer->record_count != 0) {
		ret_answer->outcome = ANSWER_FOUND;
		return 0;
	}
	result = read_authority(&reading, get_u16(message + 8));
	if (result < 0)
		return result;
	ret_answer->outcome = ANSWER_ABSENT;
	/* Nobody said that the alias's end has none: a server that only knows its own zone. */
	if (rcode == RCODE_OK && result == 0 && !name_equal(&owner, name)) {
		ret_answer->outcome = ANSWER_ALIAS;
		ret_answer->alias = owner;
	}
	return 0;
}
