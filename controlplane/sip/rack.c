/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and a method between spaces.
 */
#include "sip/rack.h"

#include "sip/scan.h"

#include <errno.h>

enum {
	CSEQ_MAX = 0x7fffffff, /* RFC 3261 8.1.1.5 */
};

/* Cuts the next word off; empty at the end. */
static struct span next_word(struct span *rest)
{
	const char *end = sip_span_end(*rest);
	const char *at = sip_scan_space(rest->text, end);
	const char *after = at;

	while (after != end && *after != ' ' && *after != '\t')
		after++;
	*rest = sip_span_between(after, end);
	return sip_span_between(at, after);
}

static int read_number(struct span word, uint64_t max, uint32_t *ret_number)
{
	uint64_t number;

	if (!sip_number_parse(word, max, &number))
		return -EBADMSG;
	*ret_number = (uint32_t)number;
	return 0;
}

int sip_rack_read(const struct sip_message *message, struct sip_rack *ret_rack)
{
	const struct sip_header *header = sip_message_find(message, SIP_HEADER_RACK);
	struct span rest;
	struct span method;
	int result;

	if (header == NULL)
		return -ENOENT;
	rest = header->value;
	if (rest.length == 0)
		return -EBADMSG;
	result = read_number(next_word(&rest), UINT32_MAX, &ret_rack->rseq);
	if (result == 0)
		result = read_number(next_word(&rest), CSEQ_MAX, &ret_rack->cseq);
	if (result != 0)
		return result;
	method = next_word(&rest);
	if (ret_rack->rseq == 0 || method.length == 0 || span_trim(rest).length != 0)
		return -EBADMSG;
	ret_rack->method = sip_method_find(method);
	return 0;
}

int sip_rseq_read(const struct sip_message *message, uint32_t *ret_rseq)
{
	const struct sip_header *header = sip_message_find(message, SIP_HEADER_RSEQ);
	int result;

	if (header == NULL)
		return -ENOENT;
	result = read_number(header->value, UINT32_MAX, ret_rseq);
	return result == 0 && *ret_rseq == 0 ? -EBADMSG : result;
}

void sip_rack_build(struct sip_builder *builder, const struct sip_rack *rack)
{
	sip_build_header_format(builder, SIP_HEADER_RACK, "%u %u %s", rack->rseq, rack->cseq,
		sip_method_name(rack->method));
}
