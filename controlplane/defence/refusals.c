/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/refusals.h"

#include <tandem/time.h>

/* The first of the places that an origin may have. Its low bits are the dice that overload
 * control casts: those of all refused ones are alike. */
static uint32_t place_of(uint64_t origin)
{
	return (uint32_t)(origin >> 32) % (REFUSALS_MAX / REFUSALS_PER_PLACE) * REFUSALS_PER_PLACE;
}

void refusals_add(struct refusals *refusals, uint64_t origin, uint64_t now_ms)
{
	uint32_t first = place_of(origin);
	uint32_t at = first;

	for (uint32_t i = first; i < first + REFUSALS_PER_PLACE; i++) {
		if (refusals->origins[i] == origin) {
			at = i;
			break;
		}
		if (refusals->ends_s[i] < refusals->ends_s[at])
			at = i;
	}
	refusals->origins[at] = origin;
	refusals->ends_s[at] = (uint32_t)(now_ms / TD_MS_PER_S) + REFUSAL_LIFE_S;
}

bool refusals_have(const struct refusals *refusals, uint64_t origin, uint64_t now_ms)
{
	uint32_t first = place_of(origin);

	for (uint32_t i = first; i < first + REFUSALS_PER_PLACE; i++)
		if (refusals->origins[i] == origin)
			return refusals->ends_s[i] > now_ms / TD_MS_PER_S;
	return false;
}
