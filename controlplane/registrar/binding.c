/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a binding's texts, and finds the way to it. */
#include "registrar/binding.h"

#include "sip/uri.h"

struct span registrar_binding_uri(const struct registrar_binding *binding)
{
	return (struct span){binding->texts, binding->uri_bytes};
}

struct span registrar_binding_instance(const struct registrar_binding *binding)
{
	return (struct span){binding->texts + binding->uri_bytes, binding->instance_bytes};
}

struct span registrar_binding_path(const struct registrar_binding *binding)
{
	return (struct span){
		binding->texts + binding->uri_bytes + binding->instance_bytes, binding->path_bytes};
}

struct span registrar_binding_agent(const struct registrar_binding *binding)
{
	return (struct span){
		binding->texts + binding->uri_bytes + binding->instance_bytes + binding->path_bytes,
		binding->agent_bytes};
}

/* True if the contact names the host that registered; *ret_port is where it listens. */
static bool is_own_host(const struct registrar_binding *binding, uint16_t *ret_port)
{
	struct span maddr;
	struct sip_uri uri;

	if (binding->path_bytes != 0 || binding->reg_id != 0 ||
		sip_uri_parse(registrar_binding_uri(binding), &uri) != 0 ||
		sip_param_find(uri.params, "maddr", &maddr) ||
		!td_ip_equal(&uri.host_ip, &binding->flow.remote.ip))
		return false;
	*ret_port = uri.port != 0 ? uri.port : SIP_PORT;
	return uri.scheme == SIP_SCHEME_SIP;
}

struct sip_flow registrar_binding_flow(const struct registrar_binding *binding)
{
	struct sip_flow flow = binding->flow;
	uint16_t port;

	/* By TCP the connection is used while it lives; the port is for a new one. */
	if ((flow.transport == SIP_TRANSPORT_UDP || flow.transport == SIP_TRANSPORT_TCP) &&
		is_own_host(binding, &port))
		flow.remote.port = port;
	return flow;
}

bool registrar_binding_keeps_flow(const struct registrar_binding *binding)
{
	uint16_t port;

	return !is_own_host(binding, &port);
}

bool registrar_binding_is_reachable(const struct registrar_binding *binding)
{
	uint16_t port;

	return binding->flow.transport == SIP_TRANSPORT_UDP ||
	       (binding->flow.transport == SIP_TRANSPORT_TCP && is_own_host(binding, &port));
}
