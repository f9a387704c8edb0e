/* SPDX-License-Identifier: Apache-2.0 */
/* Writes docs/configuration.md from the schema, so that the page can't say anything else. */
#include "config/schema.h"
#include "config/value.h"

#include <errno.h>

static const char introduction[] =
	"<!-- Written by tandem-config-docs from controlplane/config/schema.c; don't edit. -->\n"
	"# Configuration\n"
	"\n"
	"One YAML file, read by `tandem-controlplane --config FILE`. Try a file with\n"
	"`--check-config`: every mistake is told with its line and column, several in one run.\n"
	"Anchors, aliases and tags are refused. A value may be quoted, except numbers and\n"
	"true/false.\n"
	"\n"
	"`SIGHUP` or `tandemctl reload` reads the file again. A file with a mistake changes\n"
	"nothing. Keys marked **reload** take effect at once (calls in progress keep what they\n"
	"began with); a change of the others is named in the log and waits for a restart.\n"
	"\n"
	"Enough to begin with:\n"
	"\n"
	"```yaml\n";

static const char pattern_help[] =
	"## Number patterns\n"
	"\n"
	"| Written | Stands for |\n"
	"| --- | --- |\n"
	"| `0`-`9` `+` `#` `*` | itself |\n"
	"| `X` | 0 to 9 |\n"
	"| `Z` | 1 to 9 |\n"
	"| `N` | 2 to 9 |\n"
	"| `[13-5]` | one of 1, 3, 4, 5 |\n"
	"| `.` at the end | one or more of anything |\n"
	"| `*` at the end | nothing, or anything |\n"
	"\n"
	"An exact `number` beats every pattern. Among patterns the more specific one wins: at the\n"
	"first place where they differ, the smaller set; a fixed end beats `.`, which beats `*`.\n"
	"Of two routes that are alike the one with `from: TRUNK` beats `from: any`. A pattern that\n"
	"begins with `*` or `[` must be quoted. Numbers are compared without visual separators.\n"
	"\n"
	"## Trunk sources\n"
	"\n"
	"A prefix may lie inside another trunk's shorter one: the longest match decides. The same\n"
	"prefix in two trunks that share a transport is refused.\n"
	"\n"
	"`sources: [target]` takes the addresses that the trunk's target has, by name or not, as\n"
	"they are at the time. Who rules that name's zone then rules who may call in. A trunk with\n"
	"such an address among its own `sources` keeps it. An address that the name leaves is the\n"
	"trunk's for as long as it has calls. A trunk that names its prefixes must name those of all\n"
	"its targets too: answers from elsewhere are a stranger's.\n"
	"\n"
	"## Secrets\n"
	"\n"
	"Give `password_file`, or `password` in a configuration file without access for others\n"
	"(`chmod o= FILE`). Passwords are wiped from memory when they are no longer needed and are\n"
	"never printed.\n";

const char *config_example(void)
{
	return "node: rack1\n"
	       "sip:\n"
	       "  listen:\n"
	       "    - {transport: udp, address: 192.0.2.10}\n"
	       "    - {transport: tcp, address: 192.0.2.10}\n"
	       "media:\n"
	       "  addresses: [192.0.2.10]\n"
	       "dataplane:\n"
	       "  ports:\n"
	       "    - device: \"0000:3b:00.0\"\n"
	       "trunks:\n"
	       "  - name: carrier\n"
	       "    sources: [198.51.100.0/24]\n"
	       "    target: sip:198.51.100.10\n"
	       "  - name: office\n"
	       "    sources: [203.0.113.5]\n"
	       "    target: sip:203.0.113.5:5070;transport=tcp\n"
	       "routes:\n"
	       "  - {from: carrier, pattern: +4930555XXXX, to: [office]}\n"
	       "  - {from: office, pattern: \"*\", to: [carrier]}\n";
}

/* Text in a table cell: '|' would end it. */
static void write_cell(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
}

static void write_row(const struct schema_field *field, FILE *out)
{
	char expected[VALUE_WHY_BYTES];

	value_expected(field, expected);
	(void)fprintf(out, "| `%s` | ", field->key);
	if (field->list_max != 0)
		(void)fprintf(out, "list, at most %u: ", field->list_max);
	write_cell(expected, out);
	if (field->is_required)
		(void)fprintf(out, " | **required**");
	else if (field->default_text != NULL && field->is_inherited)
		(void)fprintf(out, " | that of `%s`", field->default_text);
	else if (field->default_text != NULL)
		(void)fprintf(out, " | `%s`", field->default_text);
	else
		(void)fprintf(out, " | none");
	(void)fprintf(
		out, " | %s | ", field->applies == CONFIG_APPLIES_RELOAD ? "reload" : "restart");
	write_cell(field->help, out);
	(void)fprintf(out, " |\n");
}

static void write_section(const char *section, const char *title, const char *help, FILE *out)
{
	(void)fprintf(out, "## %s\n\n%s\n\n", title, help);
	(void)fprintf(out, "| Key | Value | Default | Applies at | Meaning |\n"
			   "| --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		const struct schema_field *field = schema_field_at(i);

		if (strcmp(field->section, section) == 0)
			write_row(field, out);
	}
	(void)fprintf(out, "\n");
}

int config_write_documentation(FILE *out)
{
	(void)fprintf(out, "%s%s```\n\n", introduction, config_example());
	write_section("", "Top level", "Sections and what stands outside of them.", out);
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		const struct schema_field *field = schema_field_at(i);
		char path[SCHEMA_PATH_BYTES];
		char title[SCHEMA_PATH_BYTES + 4];

		if (field->type != SCHEMA_SECTION)
			continue;
		schema_path(field, path);
		(void)snprintf(
			title, sizeof(title), "%s%s", path, field->list_max != 0 ? "[]" : "");
		write_section(path, title, field->help, out);
	}
	(void)fprintf(out, "%s", pattern_help);
	return ferror(out) ? -EIO : 0;
}
