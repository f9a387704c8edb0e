/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of the dataplane: its stages in order. The pipeline runs over this list, the program
 * prints it (--print-map), and a test compares it with docs/architecture.md.
 *
 * A stage looks at every packet of the burst whose verdict is still VERDICT_CONTINUE. Each is a
 * file of its own, stage/<name>.c; none keeps state outside the context and the terminations.
 */
#ifndef TD_STAGE_MAP_H
#define TD_STAGE_MAP_H

struct burst;
struct stage_context;

/* X(name, help): in the order in which a burst passes them. */
#define STAGE_MAP(X)                                                                     \
	X(parse, "find Ethernet, VLAN, IP and UDP; what isn't media goes to the kernel") \
	X(classify, "local port to termination, or to the worker that owns it")          \
	X(demux, "tell RTP from RTCP, check header and payload type")                    \
	X(admit, "accept the peer's address only, learn it where that is allowed")       \
	X(police, "hold each termination to its packet rate")                            \
	X(feedback, "RTCP ends here: take loss, jitter and round-trip time from it")     \
	X(measure, "sequence, loss, jitter, duplicates per source")                      \
	X(rewrite, "give the packet the other side's SSRC, sequence and timestamp")      \
	X(readdress, "new Ethernet, IP and UDP headers towards the other side")          \
	X(account, "count what was sent, refused and why")

/* A stage: changes packets and the terminations they belong to, returns nothing. Worker thread. */
typedef void stage_function(struct burst *burst, struct stage_context *context);

#define STAGE_MAP_PROTOTYPE(name, help) stage_function stage_##name;
STAGE_MAP(STAGE_MAP_PROTOTYPE)
#undef STAGE_MAP_PROTOTYPE

enum stage_id {
#define STAGE_MAP_ENUM(name, help) STAGE_ID_##name,
	STAGE_MAP(STAGE_MAP_ENUM)
#undef STAGE_MAP_ENUM
	STAGE_ID_COUNT
};

/* Name and one line of help of a stage (enum stage_id); "?" out of range. */
const char *stage_name(unsigned stage);
const char *stage_help(unsigned stage);

#endif
