/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the messages of a leg that dialog/ doesn't write: responses of every kind and the INVITE
 * that begins a dialog. Bytes into the caller's buffer; what to say comes as a struct. Pure.
 */
#ifndef TD_LEG_REPLY_H
#define TD_LEG_REPLY_H

#include "dialog/dialog.h"
#include "leg/session_timer.h"
#include "sip/builder.h"
#include "sip/message.h"
#include "util/span.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stddef.h>
#include <stdint.h>

enum {
	LEG_CONTACT_BYTES = 96,
	LEG_MORE_HEADERS = 2,
};

/* One more header. */
struct leg_header {
	enum sip_header_id id; /* SIP_HEADER_OTHER: none */
	struct span value;
};

/* A response; zero and empty members are left out. */
struct leg_reply {
	unsigned status;
	struct span to_tag;
	struct span contact; /* also copies Record-Route: the response makes or keeps a dialog */
	struct span server;
	struct span unsupported;
	const char *warning;	     /* static text: Warning 399 */
	const char *authenticate[2]; /* WWW-Authenticate values, best first */
	uint16_t q850;
	uint32_t retry_after_s;
	uint32_t rseq; /* of a reliable provisional response (RFC 3262), 0: it isn't */
	bool has_allow;
	uint32_t methods; /* with has_allow: beyond LEG_ALLOW (leg/allow.h) */
	bool has_accept;
	uint32_t supported; /* enum leg_option: extensions for Supported and Require */
	uint32_t require;
	struct session_terms session; /* Session-Expires, Min-SE */
	struct leg_header more[LEG_MORE_HEADERS];
	struct span body; /* session description */
};

/* Writes the response to request that came from source. Returns its length (> 0), -ENOSPC or
 * -EINVAL. */
td_must_check int leg_build_reply(char *buffer, size_t size_bytes,
	const struct sip_message *request, const struct td_endpoint *source,
	const struct leg_reply *reply);

/* An INVITE that begins a dialog. */
struct leg_invite {
	const struct dialog *dialog; /* made with dialog_init_uac() */
	const char *branch;
	uint32_t max_forwards;
	struct span headers; /* complete lines about the caller and his way here */
	struct span user_agent;
	uint32_t methods;   /* for Allow, beyond LEG_ALLOW */
	uint32_t supported; /* enum leg_option: extensions for Supported and Require */
	uint32_t require;
	struct session_terms session; /* Session-Expires, Min-SE */
	const char *authorization;    /* value, NULL: none */
	bool is_proxy_authorization;
	struct span body;
};

td_must_check int leg_build_invite(
	char *buffer, size_t size_bytes, const struct leg_invite *invite);

/* Writes "<sip:ADDRESS:PORT;transport=tcp>", our Contact on a listener; or "<sips:ADDRESS:PORT>"
 * where TLS carries a dialog that a SIPS URI began (RFC 3261 12.1.1). Returns its span. */
struct span leg_contact(
	const struct sip_flow *flow, enum sip_scheme scheme, char contact[LEG_CONTACT_BYTES]);

/* Writes our Via value for a request on flow. */
void leg_build_via(struct sip_builder *builder, const struct sip_flow *flow, const char *branch);

#endif
