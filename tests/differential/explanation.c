/* SPDX-License-Identifier: Apache-2.0 */
#include "differential/explanation.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <string.h>

struct refusal {
	const char *reason;
	const char *why;
};

struct acceptance {
	const char *oracle; /* NULL: any */
	const char *part;
	const char *why;
};

static const struct refusal refusals[] = {
	{"a header that must stand once is repeated",
		"RFC 3261 7.3.1: two values could be told apart by no two elements alike"},
	{"header line without a name", "RFC 3261 25.1: header-name is a token, then a colon"},
	{"header line without a colon", "RFC 3261 25.1: header-name is a token, then a colon"},
	{"request URI is malformed",
		"RFC 3261 25.1: userinfo, host, port, parameters as written there"},
	{"request URI has headers", "RFC 3261 19.1.1, table 1: not allowed there"},
	{"request URI is too long", "bounded: 414"},
	{"request line is malformed", "RFC 3261 25.1: two single spaces"},
	{"request line has no method", "RFC 3261 25.1: a token"},
	{"request line has no version", "RFC 3261 7.1"},
	{"another version of SIP", "RFC 3261 21.5.6: 505"},
	{"response of another version of SIP", "RFC 3261 7.2"},
	{"status code isn't 100 to 699", "RFC 3261 7.2: three digits, first 1 to 6"},
	{"status line is malformed", "RFC 3261 7.2"},
	{"From is malformed", "RFC 3261 20.20: name-addr or addr-spec with a good URI"},
	{"To is malformed", "RFC 3261 20.39: the same"},
	{"Contact is malformed", "RFC 3261 20.10: we answer to that address, so it must be one"},
	{"Route is malformed", "RFC 3261 20.34: name-addr"},
	{"Record-Route is malformed", "RFC 3261 20.30: name-addr; it becomes a route of ours"},
	{"topmost Via is malformed", "RFC 3261 20.42: the answer's way stands there"},
	{"empty Via value", "RFC 3261 25.1: a list has no empty elements"},
	{"too many Via values", "bounded"},
	{"too many headers", "bounded"},
	{"too many Route or Record-Route values", "bounded"},
	{"CR or LF outside a line's end",
		"RFC 3261 25.1: TEXT-UTF8 holds neither; smuggling begins here"},
	{"control character in a line", "RFC 3261 25.1: only quoted pairs may hold them"},
	{"no empty line after the headers", "RFC 3261 7: the header section has an end"},
	{"Content-Length is beyond the message's end", "RFC 3261 18.3: a datagram cut short"},
	{"Content-Length isn't a number that we accept",
		"RFC 3261 20.14: digits, and no more than fit"},
	{"Content-Type is malformed", "RFC 3261 20.15: type/subtype; it decides what the body is"},
	{"CSeq isn't a number below 2^31", "RFC 3261 8.1.1.5"},
	{"CSeq has no method", "RFC 3261 20.16"},
	{"CSeq method differs from the request's", "RFC 3261 8.1.1.5"},
	{"Max-Forwards isn't 0 to 255", "RFC 3261 20.22"},
	{"Expires isn't a 32-bit number", "RFC 3261 20.19"},
	{"Call-ID holds a space", "RFC 3261 25.1: callid is a word"},
	{"INVITE has more than one Contact", "RFC 3261 8.1.1.8: exactly one"},
	{"Via is missing", "RFC 3261 8.1.1: mandatory"},
	{"From is missing", "RFC 3261 8.1.1: mandatory"},
	{"To is missing", "RFC 3261 8.1.1: mandatory"},
	{"Call-ID is missing", "RFC 3261 8.1.1: mandatory"},
	{"CSeq is missing", "RFC 3261 8.1.1: mandatory"},
	{"Call-ID is empty", "RFC 3261 25.1: callid is a word"},
};

static const struct acceptance acceptances[] = {
	{NULL, "Date", "we use no Date: kept as text"},
	{NULL, "Accept", "we offer one type and read no Accept: kept as text"},
	{NULL, "Allow", "read as a list of names; one that is no method is none that we look for"},
	{NULL, "Supported",
		"read as a list of names; one that is no token is none that we look for"},
	{NULL, "Require",
		"read as a list of names; an unknown one gets 420, whatever its characters"},
	{NULL, "Proxy-Require", "for proxies: kept as text"},
	{NULL, "Privacy", "read as a list of names, by trunks that look for one"},
	{NULL, "Authorization", "judged by the digest server, which refuses it with 400 or 401"},
	{NULL, "Proxy-Authorization", "as Authorization"},
	{NULL, "WWW-Authenticate", "judged by the digest client"},
	{NULL, "Proxy-Authenticate", "judged by the digest client"},
	{NULL, "User-Agent", "kept as text"},
	{NULL, "Server", "kept as text"},
	{NULL, "Subject", "kept as text; may be empty (RFC 3261 20.36)"},
	{NULL, "Warning", "kept as text"},
	{NULL, "Unsupported", "kept as text"},
	{NULL, "Retry-After", "judged where it is used; a bad one is none"},
	{NULL, "Session-Expires", "judged by the session timer, for which a bad one is none"},
	{NULL, "Min-SE", "judged by the session timer"},
	{NULL, "RSeq", "judged where it is used"},
	{NULL, "RAck", "judged where it is used: no match is 481"},
	{NULL, "Event", "judged by the subscription machines: 489"},
	{NULL, "Content-Disposition", "kept as text"},
	{NULL, "Content-Encoding", "any is refused by the transaction user (415)"},
	{NULL, "MIME-Version", "kept as text"},
	{NULL, "Identity", "passed on and recorded as it is (RFC 8224 4)"},
	{NULL, "Refer-To", "judged by whoever takes the REFER"},
	{NULL, "(other)", "an extension header is any text (RFC 3261 7.3.1)"},
	{"libre", "Via", "RFC 2543 knew no branch; RFC 3261 17.2.3 says how to match without"},
	{"libre", "From", "addr-spec may be an absolute URI of any scheme (RFC 3261 25.1)"},
	{"libre", "To", "addr-spec may be an absolute URI of any scheme (RFC 3261 25.1)"},
	{"libre", "start line", "SIP-Version has no case (RFC 3261 7.1)"},
	{"libre", "several", "two of the above at once"},
	{"osip2", "Via", "Vias below the topmost go back as they came (RFC 3261 8.2.6.2); unread"},
	{"osip2", "To", "quoted pairs may hold any 7-bit character, NUL too (RFC 4475 3.1.1.2)"},
	{"osip2", "From",
		"user and scheme may hold what RFC 3261 25.1 lists; parameters are kept as text"},
	{"osip2", "Contact", "headers of a Contact's URI are unread; parameters are kept as text"},
	{"osip2", "Content-Type", "a multipart body is unread unless it is a session description"},
	{"osip2", "Route", "a fold that holds only blanks is joined like any other"},
	{"osip2", "Record-Route", "a fold that holds only blanks is joined like any other"},
	{"osip2", "CSeq", "LWS may be a tab (RFC 3261 25.1)"},
	{"osip2", "start line",
		"absolute URIs of any scheme: 416 is for the transaction user to say"},
	{"osip2", "body", "bodies are unread until somebody wants them"},
	{"osip2", "Call-ID", "a word may hold all that RFC 3261 25.1 lists"},
	{"osip2", "several", "two of the above at once"},
	{"sofia", "Via", "Vias below the topmost go back as they came (RFC 3261 8.2.6.2); unread"},
	{"sofia", "From", "parameters of From but tag are kept as text; base64 in tags is common"},
	{"sofia", "To", "parameters of To but tag are kept as text"},
	{"sofia", "Contact", "unknown parameters are kept as text"},
	{"sofia", "Content-Type", "parameters of the media type are kept as text"},
	{"sofia", "start line",
		"a method is any token (RFC 4475 3.1.1.2), and a user part has ?, /, ; and more"},
	{"sofia", "several", "two of the above at once"},
};

const char *explanation_of_refusal(const char *reason)
{
	for (size_t i = 0; i < TD_COUNT_OF(refusals); i++)
		if (strcmp(refusals[i].reason, reason) == 0)
			return refusals[i].why;
	return NULL;
}

const char *explanation_of_acceptance(const char *oracle, const char *part)
{
	for (size_t i = 0; i < TD_COUNT_OF(acceptances); i++)
		if ((acceptances[i].oracle == NULL || strcmp(acceptances[i].oracle, oracle) == 0) &&
			strcmp(acceptances[i].part, part) == 0)
			return acceptances[i].why;
	return NULL;
}
