/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compound RTCP. What is read is given to a termination, whose next report must be sound.
 */
#include "rtp/rtcp.h"

#include "termination/report.h"
#include "world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct termination termination;
	static const struct termination_random random = {0x01020304, 5, 6, 7};
	const struct report_request request = {3000000000u, UINT64_C(1700000000000000000), true};
	struct td_termination_spec spec = world_spec(1, 1, 20000, "198.51.100.10", 4000);
	uint8_t packet[SWEEP_RTCP_MAX_BYTES];
	struct rtcp_news news;
	size_t length;

	if (rtcp_parse(data, (uint32_t)size, random.ssrc, &news) != 0)
		return 0;
	termination_init(&termination, &spec, 1, &random, 1000000000);
	report_take(&termination, &news, 2000000000, UINT64_C(1700000000000000000));
	report_rate(&termination);
	length = report_build(&termination, &request, packet, sizeof(packet));
	if (length == 0 || rtcp_parse(packet, (uint32_t)length, 0, &news) != 0)
		abort();
	return 0;
}
