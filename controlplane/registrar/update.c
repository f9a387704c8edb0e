/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A REGISTER against the bindings of its user (RFC 3261 10.3, steps 6 to 8). It is judged as a
 * whole before anything changes, so that it is carried out or not, never half.
 *
 * Nothing but the bindings remembers a REGISTER: there is no transaction. That its copies have no
 * effect comes from Call-ID and CSeq, of each binding and of the user's last request.
 */
#include "registrar/store.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	S_PER_HOUR = 3600,
};

/* One Contact of the request, and what is to become of it. */
struct wish {
	struct binding_terms terms;
	struct registrar_binding *binding; /* that it replaces or ends; NULL: a new one */
	bool is_done;			   /* by an earlier copy of the request */
};

struct update {
	struct registrar *registrar;
	struct registrar_user *user;
	const struct registrar_request *request;
	struct registrar_verdict *verdict;
	uint64_t call_id_hash;
	uint32_t default_expires_s;
	bool has_expires;
	bool is_star;
	uint32_t wish_count;
	struct wish wishes[REGISTRAR_CONTACTS_MAX];
	struct span agent;
	struct span path; /* in path_bytes */
	char path_bytes[REGISTRAR_PATH_MAX_BYTES + 1];
};

static void refuse(struct update *update, unsigned status, const char *reason)
{
	struct registrar_counts *counts = &update->registrar->counts;

	update->verdict->status = status;
	update->verdict->reason = reason;
	counts->refused_malformed += status == 400;
	counts->refused_brief += status == 423;
	counts->refused_first_hop += status == 439;
	counts->refused_order += status == 500;
	counts->refused_full += status == 503;
}

static bool is_refused(const struct update *update)
{
	return update->verdict->status != 200;
}

static void read_path(struct update *update)
{
	update->path.text = update->path_bytes;
	if (sip_routes_join(update->request->message, SIP_HEADER_PATH, update->path_bytes,
		    sizeof(update->path_bytes), &update->path.length) != 0)
		refuse(update, 400, "Path is malformed or too long");
}

/* True if the first proxy of the path kept the flow (RFC 5626 5.1). */
static bool path_is_outbound(const struct update *update)
{
	struct span first = update->path;
	const char *end = first.length != 0 ? memchr(first.text, '\n', first.length) : NULL;
	struct sip_name_addr hop;
	struct span value;

	if (end != NULL)
		first.length = (uint32_t)(end - first.text);
	return first.length != 0 && sip_name_addr_parse(first, &hop) == 0 &&
	       sip_param_find(hop.uri.params, "ob", &value);
}

static void read_head(struct update *update)
{
	const struct sip_message *message = update->request->message;
	const struct sip_header *expires = sip_message_find(message, SIP_HEADER_EXPIRES);
	const struct sip_header *agent = sip_message_find(message, SIP_HEADER_USER_AGENT);

	update->call_id_hash = users_call_id_hash(message->call_id);
	update->has_expires = expires != NULL;
	update->default_expires_s = expires != NULL ? sip_expires_parse(expires->value)
						    : update->request->limits->expires_s;
	if (agent != NULL)
		update->agent = agent->value;
	if (update->agent.length > REGISTRAR_AGENT_MAX_BYTES)
		update->agent.length = REGISTRAR_AGENT_MAX_BYTES;
}

/* Applies the registrar's limits to what a contact asks for. */
static void grant(struct update *update, const struct sip_contact *contact, struct wish *wish)
{
	const struct config_bindings *limits = update->request->limits;
	uint32_t expires_s = contact->has_expires ? contact->expires_s : update->default_expires_s;

	if (expires_s > limits->max_expires_s)
		expires_s = limits->max_expires_s;
	/* Never refused above one hour (RFC 3261 10.3): the schema bounds min_expires_s by it. */
	if (expires_s != 0 && expires_s < limits->min_expires_s) {
		refuse(update, 423, "registration interval is too brief");
		update->verdict->min_expires_s = limits->min_expires_s;
	}
	wish->terms.expires_s = expires_s;
	wish->terms.expires_ms =
		td_after(update->request->now.mono_ms, (uint64_t)expires_s * TD_MS_PER_S);
}

/* The binding that a contact is about: the same instance's flow, or the same URI. */
static struct registrar_binding *find_binding(
	const struct update *update, const struct wish *wish, const struct sip_uri *uri)
{
	for (struct registrar_binding *one = update->user->bindings; one != NULL; one = one->next) {
		struct sip_uri other;

		if (wish->terms.reg_id != 0 || one->reg_id != 0) {
			if (one->reg_id == wish->terms.reg_id &&
				span_equal(registrar_binding_instance(one), wish->terms.instance))
				return one;
			continue;
		}
		if (sip_uri_parse(registrar_binding_uri(one), &other) == 0 &&
			sip_uri_equal(uri, &other))
			return one;
	}
	return NULL;
}

/* RFC 3261 10.3 step 7: requests of one Call-ID take effect in their order only. */
static void check_order(struct update *update, struct wish *wish)
{
	const struct registrar_binding *binding = wish->binding;
	uint32_t cseq = update->request->message->cseq.number;

	if (binding == NULL || binding->call_id_hash != update->call_id_hash)
		return;
	if (cseq < binding->cseq)
		refuse(update, 500, "CSeq is below that of an earlier REGISTER");
	wish->is_done = cseq == binding->cseq;
}

static const char *misfit(const struct sip_contact *contact)
{
	const struct sip_uri *uri = &contact->name_addr.uri;

	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return "Contact is no SIP URI";
	if (uri->headers.length != 0)
		return "Contact's URI has headers";
	if (uri->text.length > REGISTRAR_URI_MAX_BYTES ||
		contact->instance.length > REGISTRAR_INSTANCE_MAX_BYTES)
		return "Contact is too long";
	return NULL;
}

static void take_contact(struct update *update, const struct sip_contact *contact)
{
	const struct sip_message *message = update->request->message;
	struct wish *wish = &update->wishes[update->wish_count++];
	const char *reason = misfit(contact);
	/* RFC 5626 6: a flow of its own, if the sender knows what that is. */
	bool is_outbound = contact->reg_id != 0 && contact->instance.length != 0 &&
			   sip_message_lists(message, SIP_HEADER_SUPPORTED, "outbound");

	if (reason != NULL) {
		refuse(update, 400, reason);
		return;
	}
	*wish = (struct wish){.terms = {
				      .uri = contact->name_addr.uri.text,
				      .instance = contact->instance,
				      .path = update->path,
				      .agent = update->agent,
				      .flow = update->request->flow,
				      .call_id_hash = update->call_id_hash,
				      .cseq = message->cseq.number,
				      .reg_id = is_outbound ? contact->reg_id : 0,
				      .q_permille = contact->q_permille,
			      }};
	if (is_outbound && message->via_count > 1 && !path_is_outbound(update)) {
		refuse(update, 439, "the first hop does not keep flows");
		return;
	}
	update->verdict->is_outbound = update->verdict->is_outbound || is_outbound;
	grant(update, contact, wish);
	wish->binding = find_binding(update, wish, &contact->name_addr.uri);
	if (!is_refused(update))
		check_order(update, wish);
}

/* "*" stands alone and ends everything. */
static void take_star(struct update *update)
{
	const struct sip_message *message = update->request->message;

	update->is_star = true;
	if (message->contact_count != 1 || !update->has_expires || update->default_expires_s != 0) {
		refuse(update, 400, "Contact * needs Expires: 0 and no other Contact");
		return;
	}
	for (struct registrar_binding *one = update->user->bindings; one != NULL; one = one->next)
		if (one->call_id_hash == update->call_id_hash && message->cseq.number < one->cseq)
			refuse(update, 500, "CSeq is below that of an earlier REGISTER");
}

/* Two Contacts of one request may mean the same binding: the later one counts. */
static void drop_doubles(struct update *update)
{
	for (uint32_t i = 0; i < update->wish_count; i++) {
		for (uint32_t j = i + 1; j < update->wish_count; j++) {
			const struct wish *later = &update->wishes[j];
			struct wish *earlier = &update->wishes[i];
			struct sip_uri a;
			struct sip_uri b;
			bool is_same;

			if (earlier->terms.reg_id != 0 || later->terms.reg_id != 0)
				is_same =
					earlier->terms.reg_id == later->terms.reg_id &&
					span_equal(earlier->terms.instance, later->terms.instance);
			else
				is_same = sip_uri_parse(earlier->terms.uri, &a) == 0 &&
					  sip_uri_parse(later->terms.uri, &b) == 0 &&
					  sip_uri_equal(&a, &b);
			earlier->is_done = earlier->is_done || is_same;
		}
	}
}

static void read_contacts(struct update *update)
{
	struct sip_contact_cursor cursor = {0};
	struct sip_contact contact;
	int more = 0;

	while (!is_refused(update) &&
		(more = sip_contact_next(update->request->message, &cursor, &contact)) > 0) {
		if (contact.is_star)
			take_star(update);
		else if (update->is_star)
			refuse(update, 400, "Contact * stands alone");
		else if (update->wish_count == update->request->limits->max_per_user)
			refuse(update, 400, "more contacts than a user may have");
		else
			take_contact(update, &contact);
	}
	if (more < 0)
		refuse(update, 400, "Contact is malformed");
	drop_doubles(update);
}

/* The binding to give up for a new one: longest without refresh, and none that the request is
 * about. */
static struct registrar_binding *stalest(const struct update *update)
{
	struct registrar_binding *stale = NULL;

	for (struct registrar_binding *one = update->user->bindings; one != NULL; one = one->next) {
		bool is_wanted = false;

		for (uint32_t i = 0; i < update->wish_count; i++)
			is_wanted = is_wanted || update->wishes[i].binding == one;
		if (!is_wanted && (stale == NULL || one->sequence < stale->sequence))
			stale = one;
	}
	return stale;
}

/* Brings in a new binding. False: there is no memory for it. */
static bool bring_in(struct update *update, struct wish *wish)
{
	struct registrar *registrar = update->registrar;
	struct registrar_binding *binding;

	while (update->user->binding_count >= update->request->limits->max_per_user) {
		binding = stalest(update);
		if (binding == NULL)
			return false;
		store_drop(registrar, binding, REGISTRAR_EVICTED);
	}
	binding = store_add(registrar, update->user);
	if (binding == NULL)
		return false;
	store_set(registrar, binding, &wish->terms);
	binding->added_wall_ns = update->request->now.wall_ns;
	wish->binding = binding;
	store_tell(registrar, binding, REGISTRAR_ADDED);
	return true;
}

static bool is_same_flow(const struct sip_flow *a, const struct sip_flow *b)
{
	return a->transport == b->transport && a->connection_id == b->connection_id &&
	       td_endpoint_equal(&a->remote, &b->remote) && td_endpoint_equal(&a->local, &b->local);
}

/* Carries out one wish. False: no room, no memory. */
static bool carry_out(struct update *update, struct wish *wish)
{
	struct registrar *registrar = update->registrar;
	bool has_moved;

	if (wish->is_done)
		return true;
	if (wish->terms.expires_s == 0) {
		if (wish->binding != NULL)
			store_drop(registrar, wish->binding, REGISTRAR_REMOVED);
		wish->binding = NULL;
		return true;
	}
	if (wish->binding == NULL)
		return bring_in(update, wish);
	has_moved = !is_same_flow(&wish->binding->flow, wish->terms.flow);
	store_set(registrar, wish->binding, &wish->terms);
	if (has_moved)
		store_tell(registrar, wish->binding, REGISTRAR_MOVED);
	return true;
}

/* True if the slab has room for what the request adds beyond what goes for it. */
static bool has_room(const struct update *update)
{
	const struct slab *slab = update->registrar->bindings;
	uint32_t max = update->request->limits->max_per_user;
	uint32_t room = slab_capacity(slab) - slab_in_use(slab);
	uint32_t kept = update->user->binding_count;
	uint32_t wanted = 0;

	for (uint32_t i = 0; i < update->wish_count; i++) {
		const struct wish *wish = &update->wishes[i];
		bool is_end = wish->terms.expires_s == 0;

		if (wish->is_done)
			continue;
		wanted += !is_end && wish->binding == NULL;
		kept -= is_end && wish->binding != NULL;
		room += is_end && wish->binding != NULL;
	}
	if (kept + wanted > max)
		room += kept + wanted - max; /* evicted */
	return wanted <= room;
}

/* Takes all the memory that the request needs, or none. */
static bool prepare(struct update *update)
{
	for (uint32_t i = 0; i < update->wish_count; i++) {
		struct wish *wish = &update->wishes[i];

		if (wish->is_done || wish->terms.expires_s == 0)
			continue;
		if (store_prepare(update->registrar, wish->binding, &wish->terms) == 0)
			continue;
		while (i-- > 0)
			store_discard(update->registrar, &update->wishes[i].terms);
		return false;
	}
	return true;
}

static void carry_out_all(struct update *update)
{
	bool was_there = update->user->bindings != NULL;
	bool is_good = true;

	while (update->is_star && update->user->bindings != NULL)
		store_drop(update->registrar, update->user->bindings, REGISTRAR_REMOVED);
	/* Who leaves makes room for who comes. */
	for (uint32_t i = 0; i < update->wish_count; i++)
		if (update->wishes[i].terms.expires_s == 0)
			(void)carry_out(update, &update->wishes[i]); /* an end needs nothing */
	for (uint32_t i = 0; i < update->wish_count; i++) {
		if (update->wishes[i].terms.expires_s != 0)
			is_good = carry_out(update, &update->wishes[i]) && is_good;
		store_discard(update->registrar, &update->wishes[i].terms);
	}
	if (!is_good)
		refuse(update, 503, "no room for another binding");
	if (was_there || update->user->bindings != NULL)
		update->registrar->sink.keep(update->registrar->sink.context, update->user);
}

/* A copy that the network made of the last request, or one that came late. */
static bool is_repeat(struct update *update)
{
	struct registrar_user *user = update->user;
	uint32_t cseq = update->request->message->cseq.number;

	if (user->last_ms == 0 || user->last_call_id_hash != update->call_id_hash ||
		td_since(update->request->now.mono_ms, user->last_ms) > REGISTRAR_REPEAT_MS ||
		cseq > user->last_cseq)
		return false;
	if (cseq < user->last_cseq)
		refuse(update, 500, "CSeq is below that of an earlier REGISTER");
	else
		update->registrar->counts.repeated++;
	return true;
}

void registrar_register(struct registrar *registrar, struct registrar_user *user,
	const struct registrar_request *request, struct registrar_verdict *ret_verdict)
{
	struct update update = {
		.registrar = registrar,
		.user = user,
		.request = request,
		.verdict = ret_verdict,
	};
	bool is_known;

	*ret_verdict = (struct registrar_verdict){.status = 200};
	read_head(&update);
	is_known = is_repeat(&update);
	if (is_refused(&update))
		return;
	read_path(&update);
	if (!is_refused(&update))
		read_contacts(&update);
	if (is_known || is_refused(&update))
		return;
	if (update.wish_count == 0 && !update.is_star) {
		registrar->counts.fetched++;
		return;
	}
	if (!has_room(&update) || !prepare(&update)) {
		refuse(&update, 503, "no room for another binding");
		return;
	}
	carry_out_all(&update);
	if (is_refused(&update))
		return;
	registrar->counts.accepted++;
	user->last_call_id_hash = update.call_id_hash;
	user->last_cseq = request->message->cseq.number;
	user->last_ms = request->now.mono_ms;
}
