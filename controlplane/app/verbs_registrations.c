/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tandemctl can ask about registrations: who has registered with us, and we with whom.
 */
#include "app/wire_parts.h"
#include "registrar/registrar.h"
#include "sip/contact.h"
#include "switchboard/switchboard.h"

#include <tandem/time.h>

#include <errno.h>
#include <jansson.h>

enum {
	REGISTRATIONS_SHOWN_MAX = 10000, /* more would keep the loop too long */
};

static void put_count(json_t *object, const char *key, uint64_t value)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* Peers' text may not be UTF-8: then it isn't shown. */
static void put_span(json_t *object, const char *key, struct span text)
{
	json_t *value = json_stringn(text.text != NULL ? text.text : "", text.length);

	(void)json_object_set_new(object, key, value != NULL ? value : json_string("?"));
}

static void binding_json(void *context, const struct switchboard_binding *shown)
{
	const struct registrar_binding *binding = shown->binding;
	char remote[TD_ENDPOINT_TEXT_BYTES];
	json_t *list = context;
	json_t *object;

	if (json_array_size(list) >= REGISTRATIONS_SHOWN_MAX)
		return;
	object = json_object();
	put_span(object, "trunk", span_from(shown->trunk));
	put_span(object, "user", span_from(shown->user));
	put_span(object, "contact", registrar_binding_uri(binding));
	put_span(object, "transport", span_from(sip_transport_name(binding->flow.transport)));
	put_span(object, "remote", span_from(td_endpoint_format(&binding->flow.remote, remote)));
	put_count(object, "expires_s", shown->left_s);
	put_count(object, "granted_s", binding->expires_s);
	(void)json_object_set_new(object, "q", json_real((double)binding->q_permille / SIP_Q_MAX));
	put_span(object, "instance", registrar_binding_instance(binding));
	put_count(object, "reg_id", binding->reg_id);
	put_span(object, "path", registrar_binding_path(binding));
	put_span(object, "user_agent", registrar_binding_agent(binding));
	put_count(object, "registered_at_s", binding->added_wall_ns / TD_NS_PER_S);
	put_count(object, "wrong_proofs", shown->failures);
	(void)json_array_append_new(list, object);
}

int wire_verb_registrations(void *context, const json_t *request, json_t **ret_result)
{
	const struct wire *wire = context;
	struct registrar_counts counts = switchboard_get_counts(wire->switchboard).registrar;
	json_t *object = json_object();
	json_t *list = json_array();

	(void)request;
	if (object == NULL || list == NULL) {
		json_decref(object);
		json_decref(list);
		return -ENOMEM;
	}
	switchboard_visit_bindings(wire->switchboard, binding_json, list);
	(void)json_object_set_new(object, "registrations", list);
	put_count(object, "total", counts.bindings);
	put_count(object, "users", counts.users);
	*ret_result = object;
	return 0;
}

json_t *wire_registrar_json(const struct registrar_counts *counts)
{
	json_t *object = json_object();

	put_count(object, "users", counts->users);
	put_count(object, "bindings", counts->bindings);
	put_count(object, "bytes", counts->bytes);
#define PUT_COUNTER(name, help) put_count(object, #name, counts->name);
	REGISTRAR_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	return object;
}

json_t *wire_registration_json(const struct wire *wire, uint32_t trunk)
{
	struct switchboard_registration registration;
	json_t *object;

	if (!switchboard_get_registration(wire->switchboard, trunk, &registration))
		return json_null();
	object = json_object();
	put_span(object, "state", span_from(registration.state));
	(void)json_object_set_new(object, "held", json_boolean(registration.is_held));
	put_count(object, "expires_s", registration.left_s);
	put_count(object, "next_s", registration.next_s);
	put_count(object, "failures", registration.failures);
	put_count(object, "last_status", registration.status);
	return object;
}
