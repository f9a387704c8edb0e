/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a termination's specification as it came from the control plane, which is not trusted.
 */
#ifndef TD_TERMINATION_SPEC_H
#define TD_TERMINATION_SPEC_H

#include <tandem/contract.h>

struct media_plan;

/* TD_RESULT_OK; BAD_VALUE: a field out of its range; MALFORMED: a reserved field isn't zero;
 * PORT_FOREIGN: local address or port isn't in the plan. Pure. */
enum td_result termination_spec_check(
	const struct td_termination_spec *spec, const struct media_plan *plan);

#endif
