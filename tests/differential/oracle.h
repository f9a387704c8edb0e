/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsers that nobody here wrote, to compare ours with: does each take a message or not?
 */
#ifndef TD_DIFFERENTIAL_ORACLE_H
#define TD_DIFFERENTIAL_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

struct oracle {
	const char *name;
	/* Prepares the library; called once. False: it can't. */
	bool (*begin)(void);
	/* True if the library takes the bytes as one well-formed message of a datagram. */
	bool (*accepts)(const char *bytes, size_t length);
};

extern const struct oracle oracle_libre;
extern const struct oracle oracle_osip;
extern const struct oracle oracle_sofia;

#endif
