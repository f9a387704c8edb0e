/* SPDX-License-Identifier: Apache-2.0 */
/* What is written from a configuration or its schema. */
#include "config/config.h"
#include "config/schema.h"
#include "config/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* docs/configuration.md is what the schema says; to renew it:
 * tandem-config-docs > docs/configuration.md */
static void test_documentation(void **state)
{
	const char *root = getenv("TANDEM_SOURCE_ROOT");
	char path[512];
	char *written = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&written, &length);
	char *found;
	FILE *file;

	(void)state;
	assert_non_null(root);
	(void)snprintf(path, sizeof(path), "%s/docs/configuration.md", root);
	assert_int_equal(config_write_documentation(out), 0);
	assert_int_equal(fclose(out), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	found = calloc(1, length + 2);
	assert_int_equal(fread(found, 1, length + 1, file), length);
	assert_string_equal(found, written);
	(void)fclose(file);
	free(found);
	free(written);
}

static void test_dataplane_arguments(void **state)
{
	static const char text[] =
		"node: t\nrun_dir: /r\nsip: {listen: [{address: 192.0.2.1}]}\n"
		"media: {addresses: [192.0.2.1, \"2001:db8::1\"], ports: 20000-20099, rest_s: 2}\n"
		"dataplane: {ports: [{name: n0, device: \"net_af_packet0,iface=e\", queues: 2, "
		"vlan: 7}, {name: n1, device: \"0000:3b:00.0\", tap: t1, checksum: trust}], "
		"workers: [2, 4], poll: adaptive, terminations: 100, memory_mb: 64, "
		"hugepages: false, eal_extra: [\"--log-level=8\"]}\n"
		"trunks: [{name: a, target: sip:10.0.0.1}]\n";
	static const char expected[] =
		"--run-dir\n/r\n"
		"--port\nname=n0,device=net_af_packet0,iface=e\n"
		"--port-option\nn0:queues=2,vlan=7,mtu=1500,tap=tandem0,checksum=verify\n"
		"--port\nname=n1,device=0000:3b:00.0\n"
		"--port-option\nn1:vlan=0,mtu=1500,tap=t1,checksum=trust\n"
		"--media-address\n192.0.2.1\n--media-address\n2001:db8::1\n"
		"--media-ports\n20000-20099\n--rest-ms\n2000\n--worker\n2\n--worker\n4\n"
		"--poll\nadaptive\n--terminations\n100\n--memory-mb\n64\n--no-huge\n"
		"--eal\n--log-level=8\n";
	struct config_errors errors;
	struct config *config = NULL;
	char *written = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&written, &length);

	(void)state;
	assert_int_equal(config_load_text(text, strlen(text), "t", &config, &errors), 0);
	assert_int_equal(config_write_dataplane_arguments(config, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(written, expected);
	free(written);
	config_destroy(config);
}

/* Each row is whole: a default that its own type takes, help, a place for its value. */
static void test_schema(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		const struct schema_field *field = schema_field_at(i);
		char expected[VALUE_WHY_BYTES];

		assert_true(field->help[0] != '\0');
		assert_true(field->size_bytes != 0);
		assert_true(field->type != SCHEMA_CHOICE || field->choices != NULL);
		assert_true(field->type != SCHEMA_NUMBER || field->max != 0);
		assert_true(!field->is_required || field->default_text == NULL);
		assert_ptr_equal(schema_find(field->section, span_from(field->key)), field);
		value_expected(field, expected);
		assert_true(expected[0] != '\0');
	}
	assert_null(schema_field_at(schema_field_count()));
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(schema_distance(SPAN("trunks"), SPAN("trunks"), 2), 0);
	assert_int_equal(schema_distance(SPAN("tunks"), SPAN("trunks"), 2), 1);
	assert_int_equal(schema_distance(SPAN("trnuks"), SPAN("trunks"), 2), 1);
	assert_int_equal(schema_distance(SPAN("media"), SPAN("trunks"), 2), 3);
	assert_int_equal(schema_distance(SPAN(""), SPAN("ab"), 2), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documentation),
		cmocka_unit_test(test_dataplane_arguments),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
