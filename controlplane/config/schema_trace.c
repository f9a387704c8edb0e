/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of trace and trace.hep. */
#include "config/schema_rows.h"

const struct schema_field schema_trace_fields[SCHEMA_TRACE_FIELDS] = {
	ROW("trace", "memory_mb", SCHEMA_NUMBER,
		"Memory for the last SIP messages (tandemctl call trace), about 15 kB a call; 0: none "
		"are kept.",
		RESTART, DEFAULT("64"), RANGE(0, 4096), UNIT("MiB"), AT(config_trace, memory_mb)),
	ROW("trace", "hep", SCHEMA_SECTION, "Export of SIP messages to a HEP collector (Homer).",
		RESTART, AT(config_trace, hep)),

	ROW("trace.hep", "collector", SCHEMA_TEXT,
		"Where HEP version 3 goes: udp:ADDRESS:PORT. Empty: nowhere.", RESTART,
		RANGE(1, CONFIG_TEXT_BYTES - 1), AT(config_hep, collector)),
	ROW("trace.hep", "capture_id", SCHEMA_NUMBER, "Tells this appliance from others there.",
		RESTART, DEFAULT("1"), RANGE(0, UINT32_MAX), AT(config_hep, capture_id)),
	ROW("trace.hep", "password_file", SCHEMA_FILE,
		"File that holds the collector's password on its first line; others must not be able "
		"to read it.",
		RESTART, AT(config_hep, password_file)),
};
