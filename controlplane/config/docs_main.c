/* SPDX-License-Identifier: Apache-2.0 */
/* tandem-config-docs: prints docs/configuration.md, or the example in it with --example. */
#include "config/config.h"

#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--example") == 0)
		return fputs(config_example(), stdout) == EOF;
	return config_write_documentation(stdout) != 0;
}
