/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the control plane's map. Called by main.c for --print-map only. */
#include "app/map.h"

#include <tandem/compiler.h>

#include <stdio.h>

void map_print(void)
{
	static const char *const lines[] = {
#define MAP_LINE(folder, kind, text) #folder " (" kind "): " text,
		CONTROLPLANE_MAP(MAP_LINE)
#undef MAP_LINE
	};

	for (unsigned i = 0; i < TD_COUNT_OF(lines); i++)
		(void)printf("%u. %s\n", i + 1, lines[i]);
}
