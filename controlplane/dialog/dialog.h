/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIP dialog (RFC 3261 12) as plain state: identifiers, route set, targets and sequence
 * numbers. It builds requests inside the dialog and judges those that arrive. It knows nothing
 * of INVITE usage (that is leg/), of transactions or of sockets. Its texts lie in one block of
 * exactly their size on a counted heap: 0.3 kB of what could be 4. Pure.
 */
#ifndef TD_DIALOG_DIALOG_H
#define TD_DIALOG_DIALOG_H

#include "sip/builder.h"
#include "sip/message.h"
#include "transaction/transaction.h"
#include "util/heap.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DIALOG_TEXT_MAX_BYTES = 4096, /* all texts of a dialog together; a route set can be long */
};

enum dialog_state {
	DIALOG_EARLY,
	DIALOG_CONFIRMED,
	DIALOG_TERMINATED
};

/* Where in dialog.text; length 0 is "none". */
struct dialog_text {
	uint16_t offset;
	uint16_t length;
};

struct dialog {
	uint8_t state;	/* enum dialog_state */
	uint8_t is_uac; /* 1: we sent the request that made it */
	uint8_t is_secure;
	uint8_t route_count;
	uint32_t local_cseq;  /* of the last request that we sent */
	uint32_t remote_cseq; /* of the last request that we accepted */
	uint8_t has_remote_cseq;
	uint8_t keeps_flow; /* 1: the peer is reached by flow alone (NAT, RFC 5626) */
	uint8_t reserved[2];
	struct sip_flow flow; /* where the peer's last request came from, or where we sent ours */
	struct dialog_text call_id;
	struct dialog_text local_tag;
	struct dialog_text remote_tag;
	struct dialog_text local_uri;	  /* complete From/To value of ours, without tag */
	struct dialog_text remote_uri;	  /* complete value of the peer's, without tag */
	struct dialog_text remote_target; /* URI of the peer's Contact */
	struct dialog_text local_contact; /* complete Contact value of ours: "<sip:...>" */
	struct dialog_text routes;	  /* the route set, one Route value per line ('\n') */
	uint16_t text_bytes;
	/* From here on nothing is journaled as it lies in memory. */
	char *text;	   /* owns: text_bytes of them, or NULL */
	struct heap *heap; /* borrows: where text comes from */
};

struct span dialog_span(const struct dialog *dialog, struct dialog_text text);

/* Begins the UAC's half before its INVITE goes out; to be completed by dialog_accept_response().
 * -ENOSPC (texts too long), -ENOMEM: there is nothing to free then. */
struct dialog_identity {
	struct heap *heap; /* borrows until dialog_fini() */
	struct span call_id;
	struct span local_tag;
	struct span local_uri;
	struct span remote_uri;
	struct span remote_target; /* request URI of the INVITE */
	struct span local_contact;
	struct span routes; /* its Route values (RFC 3327, RFC 3608), one per line; mostly none */
	bool keeps_flow;
};
td_must_check int dialog_init_uac(struct dialog *dialog, const struct dialog_identity *identity,
	uint32_t first_cseq, const struct sip_flow *flow);

/* Completes or updates the UAC's half from a 1xx (with tag) or 2xx (RFC 3261 12.1.2, 13.2.2.4:
 * a 2xx computes the route set anew). Of early forks it follows the one that spoke last; a 1xx may
 * lack a Contact (the target stays). On errors nothing changes. -EBADMSG (no tag, a 2xx without
 * usable Contact, a bad route, another call's), -ENOSPC, -ENOMEM. A response with another remote tag than
 * a confirmed dialog's is -EEXIST: a fork. */
td_must_check int dialog_accept_response(
	struct dialog *dialog, const struct sip_message *response, const struct sip_flow *flow);

/* Makes the UAS's half from a request (RFC 3261 12.1.1). -EBADMSG, -ENOSPC, -ENOMEM: there is
 * nothing to free then. */
struct dialog_half {
	struct heap *heap; /* borrows until dialog_fini() */
	struct span local_tag;
	struct span local_contact;
	bool keeps_flow;
};
td_must_check int dialog_init_uas(struct dialog *dialog, const struct sip_message *request,
	const struct dialog_half *half, const struct sip_flow *flow);

/* Makes another early dialog of the same INVITE as dialog's, one whose peer hasn't been heard yet
 * (RFC 3261 12.1: forks): target is the INVITE's request URI, cseq its number. -ENOMEM, -ENOSPC. */
td_must_check int dialog_fork(
	const struct dialog *dialog, struct span target, uint32_t cseq, struct dialog *ret_fork);

/* Frees the texts; the rest stays readable. A dialog of zeros may be given. */
void dialog_fini(struct dialog *dialog);

/* Puts a journaled dialog's texts back: the struct up to text is as it was written. -EBADMSG
 * (offsets beyond text), -ENOMEM. */
td_must_check int dialog_restore(struct dialog *dialog, struct heap *heap, struct span text);

/* True if message (request or response) belongs to this dialog by Call-ID and tags. */
bool dialog_matches(const struct dialog *dialog, const struct sip_message *message);

/* Checks a request inside the dialog and takes its CSeq. 0, or the status to answer: 500 with a
 * CSeq below the last (RFC 3261 12.2.2), 481 wrong dialog. */
unsigned dialog_accept_request(
	struct dialog *dialog, const struct sip_message *request, const struct sip_flow *flow);

/* Takes a new remote target from a target refresh request or its 2xx (INVITE, UPDATE).
 * -ENOSPC, -ENOMEM; a missing Contact changes nothing. */
td_must_check int dialog_refresh_target(struct dialog *dialog, const struct sip_message *message);

/* Writes a request inside the dialog up to and including CSeq, Max-Forwards and (for target
 * refresh methods) Contact; the caller adds its headers and finishes. Raises the local CSeq,
 * except for ACK and CANCEL, which take cseq as given. branch from transaction_branch(). */
void dialog_build_request(struct dialog *dialog, struct sip_builder *builder,
	enum sip_method method, const char *branch, uint32_t cseq_for_ack);
/* The same for a next hop that the caller has changed: the Via has its transport and its end. */
struct dialog_via {
	const char *branch;
	const struct sip_flow *hop;
};
void dialog_build_request_by(struct dialog *dialog, struct sip_builder *builder,
	enum sip_method method, const struct dialog_via *via, uint32_t cseq_for_ack);

/* Writes the Route headers of the INVITE that begins the dialog. */
void dialog_build_first_routes(const struct dialog *dialog, struct sip_builder *builder);

/* Where that request goes: the flow, if it is to be kept. Else the flow's listener and the address of the first route, or of the
 * remote target (RFC 3261 12.2.1.1), if it is an IP literal; else the flow the dialog was made
 * on. The transport is the URI's, or the flow's if it names none. connection_id stays while
 * transport and IP address do: use that connection if it still stands, else connect to remote.
 * Never asks a name server. */
struct sip_flow dialog_next_hop(const struct dialog *dialog);

#endif
