/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of sip.dns. */
#include "config/schema_rows.h"

const struct schema_field schema_dns_fields[SCHEMA_DNS_FIELDS] = {
	ROW("sip.dns", "servers", SCHEMA_NAME_SERVER,
		"Name servers, in this order; none given: those of /etc/resolv.conf.", RESTART,
		LIST(config_dns, servers, server_count)),
	ROW("sip.dns", "timeout_ms", SCHEMA_NUMBER,
		"A name server that is silent this long is asked again, after each round twice as long.",
		RESTART, DEFAULT("1000"), RANGE(50, 10000), UNIT("ms"), AT(config_dns, timeout_ms)),
	ROW("sip.dns", "tries", SCHEMA_NUMBER, "Rounds through the name servers.", RESTART,
		DEFAULT("2"), RANGE(1, 8), AT(config_dns, tries)),
	ROW("sip.dns", "min_ttl_s", SCHEMA_NUMBER, "Shorter times to live are taken for this.",
		RELOAD, DEFAULT("5"), RANGE(1, 3600), UNIT("s"), AT(config_dns, min_ttl_s)),
	ROW("sip.dns", "max_ttl_s", SCHEMA_NUMBER, "Longer ones for this.", RELOAD, DEFAULT("3600"),
		RANGE(1, 604800), UNIT("s"), AT(config_dns, max_ttl_s)),
	ROW("sip.dns", "negative_ttl_s", SCHEMA_NUMBER,
		"That a name doesn't exist is believed for at most this long.", RELOAD,
		DEFAULT("60"), RANGE(1, 3600), UNIT("s"), AT(config_dns, negative_ttl_s)),
	ROW("sip.dns", "stale_s", SCHEMA_NUMBER,
		"While no name server answers, what has expired is used for this long; 0: not at all.",
		RELOAD, DEFAULT("86400"), RANGE(0, 2592000), UNIT("s"), AT(config_dns, stale_s)),
	ROW("sip.dns", "max_names", SCHEMA_NUMBER, "Names and types that are remembered.", RESTART,
		DEFAULT("8192"), RANGE(256, 1000000), AT(config_dns, max_names)),
};
