/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of SIP's text as the generator needs: finding the headers of a message that came, and
 * putting one together. Written apart from the control plane's parser, so that one fault can't
 * hide in both. No clock, no I/O, no allocation.
 */
#ifndef TD_CALLS_SIP_TEXT_H
#define TD_CALLS_SIP_TEXT_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a buffer that somebody else owns. */
struct piece {
	const char *text;
	size_t length;
};

#define PIECE(literal) ((struct piece){(literal), sizeof(literal) - 1})
/* For "%.*s". */
#define PIECE_ARGS(piece) (int)(piece).length, (piece).text

/* A message that came. Pieces borrow its bytes; header values are trimmed. */
struct sip_view {
	unsigned status;     /* 0: a request */
	struct piece method; /* request: of the start line; response: of CSeq */
	struct piece uri;    /* request */
	struct piece vias;   /* all Via lines with their CRLFs */
	struct piece branch; /* of the first Via */
	struct piece from;
	struct piece to;
	struct piece to_tag; /* empty: none */
	struct piece call_id;
	struct piece cseq;
	struct piece contact_uri; /* without brackets; empty: none */
	struct piece body;
	unsigned retry_after_s;
	bool has_record_route;
	bool has_scattered_vias;
};

/* Reads a whole datagram. -EBADMSG: it isn't a message with Via, From, To, Call-ID and CSeq, or
 * its body is shorter than Content-Length says, or other lines stand between its Via lines. */
td_must_check int sip_view_read(const char *bytes, size_t length, struct sip_view *ret_view);

bool piece_is(struct piece piece, const char *text);
/* True if needle lies somewhere inside. */
bool piece_has(struct piece piece, const char *needle);
/* Reads the decimal digits at the end of text before stop (or its end). False: there are none. */
bool piece_number_before(struct piece text, char stop, uint64_t *ret_number);

/* Puts a message together; what doesn't fit sets has_overflowed. */
struct writer {
	char *bytes; /* borrows */
	size_t size;
	size_t length;
	bool has_overflowed;
};

void writer_put(struct writer *writer, struct piece piece);
void writer_put_number(struct writer *writer, uint64_t number);
/* Digits with leading zeros. */
void writer_put_digits(struct writer *writer, uint64_t number, unsigned digits);

#endif
