/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a name server's answer: the first says to which type, then comes the message. It
 * is read by itself, then given to a resolver that asks on, with the same answer to everything.
 */
#include "resolver/answer.h"
#include "server.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check_answer(const struct answer *answer)
{
	if (answer->record_count > ANSWER_RECORDS_MAX || answer->names_used > ANSWER_NAMES_BYTES)
		abort();
	for (uint32_t i = 0; i < answer->record_count; i++) {
		const struct answer_record *record = &answer->records[i];
		struct name name;

		if ((uint32_t)record->name_offset + record->name_length > answer->names_used)
			abort();
		if (record->name_length != 0 &&
			name_parse(answer_name(record, answer->names), &name) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SRV, DNS_TYPE_NAPTR};
	static const struct name asked = {6, "a.test"};
	static struct server server;
	const struct resolver_config config = server_config();
	struct answer answer;

	if (size_bytes == 0)
		return 0;
	if (answer_read(bytes + 1, size_bytes - 1, &asked, types[bytes[0] % 4], &answer) == 0)
		check_answer(&answer);
	server_init(&server, &config, "");
	server_watch(&server, 0, bytes[0] % 4 < 2 ? "sip:a.test:5060" : "sip:a.test");
	for (unsigned i = 0; i < SERVER_QUESTIONS_MAX && server.question_count != 0; i++) {
		server.question_count--;
		resolver_answer(server.resolver, server.questions[server.question_count].id,
			bytes + 1, size_bytes - 1, server.now_ms);
	}
	server_fini(&server);
	return 0;
}
