/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map as text. Called by main for --print-map and by the test that compares it with docs.
 */
#include "stage/map.h"

const char *stage_name(unsigned stage)
{
	static const char *const names[STAGE_ID_COUNT] = {
#define STAGE_MAP_NAME(name, help) #name,
		STAGE_MAP(STAGE_MAP_NAME)
#undef STAGE_MAP_NAME
	};

	return stage < STAGE_ID_COUNT ? names[stage] : "?";
}

const char *stage_help(unsigned stage)
{
	static const char *const texts[STAGE_ID_COUNT] = {
#define STAGE_MAP_HELP(name, help) help,
		STAGE_MAP(STAGE_MAP_HELP)
#undef STAGE_MAP_HELP
	};

	return stage < STAGE_ID_COUNT ? texts[stage] : "?";
}
