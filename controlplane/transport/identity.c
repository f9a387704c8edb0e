/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/identity.h"

#include "sip/uri.h"

#include <openssl/x509v3.h>

#include <string.h>

/* An ASN.1 string as text; empty if it holds a zero byte, with which names were once forged. */
static struct span text_of(const ASN1_STRING *string)
{
	struct span text = {.text = (const char *)ASN1_STRING_get0_data(string),
		.length = (uint32_t)ASN1_STRING_length(string)};

	if (text.length == 0 || memchr(text.text, '\0', text.length) != NULL)
		return SPAN("");
	if (text.text[text.length - 1] == '.')
		text.length--;
	return text;
}

/* The host of a general name, empty if it stands for none. */
static struct span host_of(const GENERAL_NAME *name)
{
	struct sip_uri uri;

	if (name->type == GEN_DNS)
		return text_of(name->d.dNSName);
	/* RFC 5922 7.1: a user part makes it somebody's, not the domain's. */
	if (name->type == GEN_URI &&
		sip_uri_parse(text_of(name->d.uniformResourceIdentifier), &uri) == 0 &&
		uri.scheme == SIP_SCHEME_SIP && span_is_empty(uri.user))
		return uri.host;
	return SPAN("");
}

bool identity_visit(const X509 *certificate, identity_visit_function *visit, void *context)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool is_done = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !is_done; i++) {
		struct span host = host_of(sk_GENERAL_NAME_value(names, i));

		is_done = !span_is_empty(host) && visit(context, host);
	}
	GENERAL_NAMES_free(names);
	return is_done;
}

struct wanted_host {
	struct span host;
	bool allows_wildcards;
};

static bool is_wanted(void *context, struct span host)
{
	const struct wanted_host *wanted = context;
	struct span rest = wanted->host;
	const char *dot;

	if (span_equal_nocase(host, rest))
		return true;
	if (!wanted->allows_wildcards || host.length < 3 || memcmp(host.text, "*.", 2) != 0)
		return false;
	dot = memchr(rest.text, '.', rest.length);
	if (dot == NULL || dot == rest.text)
		return false;
	rest.length -= (uint32_t)(dot - rest.text);
	rest.text = dot;
	host.text++;
	host.length--;
	return span_equal_nocase(host, rest) &&
	       memchr(host.text + 1, '.', host.length - 1) != NULL; /* not all of .com */
}

bool identity_names_host(const X509 *certificate, const char *host, bool allows_wildcards)
{
	struct wanted_host wanted = {span_from(host), allows_wildcards};

	if (wanted.host.length != 0 && wanted.host.text[wanted.host.length - 1] == '.')
		wanted.host.length--;
	return !span_is_empty(wanted.host) && identity_visit(certificate, is_wanted, &wanted);
}

bool identity_names_ip(const X509 *certificate, const struct td_ip *ip)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t size = td_ip_size_bytes(ip);
	bool is_found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !is_found && size != 0; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		is_found = name->type == GEN_IPADD &&
			   (size_t)ASN1_STRING_length(name->d.iPAddress) == size &&
			   memcmp(ASN1_STRING_get0_data(name->d.iPAddress), ip->bytes, size) == 0;
	}
	GENERAL_NAMES_free(names);
	return is_found;
}

struct list {
	char *text;
	size_t size;
	size_t used;
};

static bool append(void *context, struct span host)
{
	struct list *list = context;
	int length = snprintf(list->text + list->used, list->size - list->used, "%s%.*s",
		list->used != 0 ? "," : "", SPAN_ARGS(host));

	if (length < 0 || list->used + (size_t)length >= list->size)
		return true; /* cut: enough to recognise it by */
	list->used += (size_t)length;
	return false;
}

void identity_text(const X509 *certificate, char *text, size_t size)
{
	struct list list = {.text = text, .size = size};

	text[0] = '\0';
	(void)identity_visit(certificate, append, &list); /* true: it was cut */
	/* What stands in a certificate is its owner's choice, and goes into the log. */
	for (char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			*at = '?';
	if (text[0] == '\0')
		(void)snprintf(text, size, "none");
}
