/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a certificate is for (RFC 5922 7): the DNS names and the "sip:" domains of its
 * subjectAltName, and IP addresses for peers that are configured by address. The subject's common
 * name never counts: no issuer that is trusted today leaves the subjectAltName out.
 */
#ifndef TD_TRANSPORT_IDENTITY_H
#define TD_TRANSPORT_IDENTITY_H

#include "util/span.h"

#include <tandem/endpoint.h>

#include <openssl/types.h>

#include <stdbool.h>
#include <stddef.h>

/* True if the certificate names that host. RFC 5922 7.2 wants no wildcards; with allows_wildcards
 * "*.example.com" names one label more than "example.com". */
bool identity_names_host(const X509 *certificate, const char *host, bool allows_wildcards);
bool identity_names_ip(const X509 *certificate, const struct td_ip *ip);

/* Calls visit with each host name until it returns true; then returns true. */
typedef bool identity_visit_function(void *context, struct span host);
bool identity_visit(const X509 *certificate, identity_visit_function *visit, void *context);

/* Writes the host names, separated by commas and cut at size - 1; "none" if there are none. */
void identity_text(const X509 *certificate, char *text, size_t size);

#endif
