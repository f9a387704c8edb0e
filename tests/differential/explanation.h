/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why we and another parser may differ about a message. Each entry was found by comparing, looked
 * at, and is right by the clause it names. A difference without an entry fails the test.
 */
#ifndef TD_DIFFERENTIAL_EXPLANATION_H
#define TD_DIFFERENTIAL_EXPLANATION_H

/* Why we are right to refuse for that reason (sip_parse_error.reason) what another parser takes;
 * NULL: nobody has explained it yet. */
const char *explanation_of_refusal(const char *reason);

/* Why we are right to take what an oracle refuses because of part: a header's name, "start line",
 * "body" or "several". NULL: nobody has explained it yet. */
const char *explanation_of_acceptance(const char *oracle, const char *part);

#endif
