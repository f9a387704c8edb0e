/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of the control plane: the stations that a SIP message and its consequences pass, in
 * order. `tandem-controlplane --print-map` prints it; a test compares it with
 * docs/architecture.md and checks that every folder named here exists.
 */
#ifndef TD_APP_MAP_H
#define TD_APP_MAP_H

/* X(folder, "kind", "what happens there") */
#define CONTROLPLANE_MAP(X)                                                                      \
	X(transport, "shell", "datagram or stream to one message; strangers are dropped unread") \
	X(sip, "pure", "message: one strict pass, refused with a reason or indexed")             \
	X(trunk, "pure", "whose address is it; is that trunk alive, and has it room")            \
	X(transaction, "pure", "retransmissions absorbed, timers A to M, CANCEL, ACK")           \
	X(dialog, "pure", "which dialog, is the sequence right, where do requests go")           \
	X(leg, "pure", "one INVITE usage: alerting, answer, re-INVITE, BYE")                     \
	X(call, "pure", "two legs joined: who is told what, and what media must do")             \
	X(route, "pure", "number to trunks, in order of preference")                             \
	X(sdp, "pure", "offer and answer relayed with our own addresses")                        \
	X(journal, "shell", "what a restart must know, written before anything goes out")        \
	X(media, "pure", "ledger: the dataplane's wanted state, repeated until it has it")       \
	X(events, "shell", "CDRs and events: journal, event log, Kafka")                         \
	X(api, "shell", "control socket for tandemctl")

/* Prints the map to standard output: "number folder (kind): text" per line. */
void map_print(void);

#endif
