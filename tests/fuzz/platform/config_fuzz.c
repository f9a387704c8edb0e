/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: refused with a place, or good enough to be written out again. */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static FILE *sink;
	struct config_errors errors;
	struct config *config = NULL;
	int error;

	if (sink == NULL)
		sink = fopen("/dev/null", "w");
	error = config_load_text(
		(const char *)bytes, size_bytes, "/nonexistent/fuzz.yaml", &config, &errors);
	config_errors_print(&errors, sink);
	if ((error == 0) != (config != NULL) || (error == 0) != (errors.total_count == 0))
		abort();
	if (config == NULL)
		return 0;
	if (config_diff(config, config, NULL, NULL) != 0)
		abort();
	if (config_write_dataplane_arguments(config, sink) != 0)
		abort();
	config_destroy(config);
	return 0;
}
