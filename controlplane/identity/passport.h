/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Identity header (RFC 8224, RFC 8588) says of the caller, for the record. Nothing is
 * verified: that is the job of a verification service, whose verdict comes as "verstat". Pure.
 */
#ifndef TD_IDENTITY_PASSPORT_H
#define TD_IDENTITY_PASSPORT_H

#include "sip/message.h"
#include "util/span.h"

/* The attestation level that the first SHAKEN PASSporT claims: 'A', 'B', 'C', or 0 if there is no
 * Identity header, or none that can be read. */
char passport_attestation(const struct sip_message *message);

/* The verstat parameter of a trunk's URI (TS 24.229 7.2A.20): 0 none, else enum
 * event_verstat. */
unsigned passport_verstat(const struct sip_name_addr *name);

#endif
