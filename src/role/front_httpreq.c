/* SPDX-License-Identifier: ISC */
/*
 * httpreq: the protocol of lego's provider of that name, spoken also by acme.sh (dns_acmeproxy), Caddy and Traefik. A client is known by HTTP Basic: a name in our configuration, which stands for an
 * integration's handle, and a caller's token. It asks to add a TXT record and to remove it, and keeps nothing in between.
 */
#include "role/front.h"

#include "base/text.h"
#include "sys/log.h"

#include <sodium.h>

#define CHALLENGE_LABEL "_acme-challenge."
#define PAIR_MAX	1024 /* bytes of a name, a colon and a token */
#define KEY_AUTH_MAX	2048

struct entry {
	char name[IPC_CALLER_MAX + 1];
	char customer[CUSTOMER_MAX + 1];
	struct buf handle, zones;
	unsigned char callers[IPC_CALLERS_MAX / 8];
	bool stale; /* and that was said */
};

struct entries {
	struct entry list[HTTPREQ_MAX];
	size_t n;
};

static struct entries now, next;
static unsigned epoch; /* how often they were told */

/* ---- the names ---- */

static void forget(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		buf_done(&e->list[i].handle);
		buf_done(&e->list[i].zones);
	}
	e->n = 0;
}

void httpreq_begin(void)
{
	forget(&next);
}

void httpreq_add(const struct s_httpreq *m)
{
	struct entry *e = &next.list[next.n];

	if (next.n == HTTPREQ_MAX)
		log_fatal("bug: too many names of httpreq");
	*e = (struct entry){.handle = BUF_INIT(INTEGRATION_HANDLE_MAX),
			    .zones = BUF_INIT(IPC_ZONES_MAX)};
	next.n++;
	buf_put_bytes(&e->handle, m->handle);
	buf_put_bytes(&e->zones, m->zones);
	memcpy(e->callers, m->callers, sizeof(e->callers));
	if (bytes_to_str(m->name, e->name, sizeof(e->name)) < 0 ||
	    bytes_to_str(m->customer, e->customer, sizeof(e->customer)) < 0 ||
	    buf_status(&e->handle) < 0 || buf_status(&e->zones) < 0)
		log_fatal("a name of httpreq could not be taken");
}

void httpreq_apply(void)
{
	forget(&now);
	now = next;
	next.n = 0;
	epoch++;
}

bool httpreq_on(void)
{
	return now.n > 0;
}

/* ---- who it is ---- */

static struct entry *entry_by_name(struct bytes name)
{
	for (size_t i = 0; i < now.n; i++)
		if (bytes_is(name, now.list[i].name))
			return &now.list[i];
	return NULL;
}

static bool may_use(const struct entry *e, const struct caller *caller)
{
	size_t i = (size_t)(caller - front.now.list);

	return e->callers[i / 8] & 1u << i % 8;
}

/* "Basic " and a name, a colon, a token in base64 (RFC 7617 section 2). The name cannot have a colon. False: it is no such thing. */
static bool take_pair(struct bytes authorization, unsigned char pair[PAIR_MAX], struct bytes *name,
		      struct bytes *token)
{
	static const char scheme[] = "Basic ";
	size_t n = sizeof(scheme) - 1, size, colon;
	struct bytes text;

	if (authorization.n <= n ||
	    !bytes_eq_nocase(bytes_of(authorization.p, n), bytes_str(scheme)))
		return false;
	text = bytes_skip(authorization, n);
	if (sodium_base642bin(pair, PAIR_MAX, (const char *)text.p, text.n, NULL, &size, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	colon = bytes_find(bytes_of(pair, size), BYTES(":"));
	*name = bytes_of(pair, colon);
	*token = bytes_skip(bytes_of(pair, size), colon + 1);
	return colon < size;
}

/* *ENTRY: what the name stands for, if the caller may use it; else NULL. */
static const struct caller *authenticate(const struct conn *c, struct entry **entry)
{
	const struct caller *caller = NULL;
	unsigned char pair[PAIR_MAX];
	struct bytes name, token;

	*entry = NULL;
	if (take_pair(c->head.authorization, pair, &name, &token)) {
		caller = front_caller_of(token);
		*entry = entry_by_name(name);
	}
	if (*entry && (!caller || !may_use(*entry, caller)))
		*entry = NULL;
	sodium_memzero(pair, sizeof(pair));
	return caller;
}

const struct caller *httpreq_caller(const struct conn *c, bool *may)
{
	struct entry *entry;
	const struct caller *caller = authenticate(c, &entry);

	*may = entry != NULL;
	return caller;
}

/* ---- what is asked ---- */

static const struct field_rule default_rules[] = {
	{"fqdn", FIELD_TEXT, .required = true, .max = IPC_FQDN_MAX},
	{"value", FIELD_TEXT, .required = true, .max = RECORD_VALUE_MAX},
	{NULL},
};

/* As Caddy's module acmeproxy writes it. */
static const struct field_rule capital_rules[] = {
	{"FQDN", FIELD_TEXT, .required = true, .max = IPC_FQDN_MAX},
	{"Value", FIELD_TEXT, .required = true, .max = RECORD_VALUE_MAX},
	{NULL},
};

static const struct field_rule raw_rules[] = {
	{"domain", FIELD_TEXT, .required = true, .max = IPC_FQDN_MAX - sizeof(CHALLENGE_LABEL)},
	{"token", FIELD_TEXT, .required = true, .max = KEY_AUTH_MAX},
	{"keyAuth", FIELD_TEXT, .required = true, .max = KEY_AUTH_MAX},
	{NULL},
};

static bool has_any(const json_t *o, const struct field_rule *rules)
{
	for (; rules->name; rules++)
		if (json_object_get(o, rules->name))
			return true;
	return false;
}

const struct field_rule *httpreq_rules(struct conn *c, const json_t *o)
{
	bool capital = json_object_get(o, "FQDN") ||
		       (json_object_get(o, "Value") && !json_object_get(o, "fqdn"));

	c->mode = has_any(o, raw_rules) ? raw_rules : capital ? capital_rules : default_rules;
	return c->mode;
}

static struct bytes either(const json_t *o, const char *a, const char *b)
{
	return json_get_bytes(o, json_object_get(o, a) ? a : b);
}

/* The record's name, as it was asked for. */
static void put_name(const json_t *o, struct buf *out)
{
	if (json_object_get(o, "domain")) {
		buf_puts(out, CHALLENGE_LABEL);
		buf_put_bytes(out, json_get_bytes(o, "domain"));
	} else {
		buf_put_bytes(out, either(o, "fqdn", "FQDN"));
	}
}

/* RFC 8555 section 8.4: the base64url of the key authorization's SHA-256. */
static void put_value(const json_t *o, struct buf *out)
{
	struct bytes key_auth = json_get_bytes(o, "keyAuth");
	unsigned char hash[32];

	if (json_object_get(o, "domain")) {
		crypto_hash_sha256(hash, key_auth.p, key_auth.n);
		text_put_b64url(out, bytes_of(hash, sizeof(hash)));
	} else {
		buf_put_bytes(out, either(o, "value", "Value"));
	}
}

/* acme.sh looks for the value in the answer, and Caddy for both. */
static void put_answer(struct conn *c, struct bytes name, struct bytes value)
{
	buf_puts(&c->pieces, "\"fqdn\":");
	json_put_string(&c->pieces, name);
	buf_puts(&c->pieces, ",\"value\":");
	json_put_string(&c->pieces, value);
}

/* The name may have been taken away, or the caller, since the head was judged. */
static const struct entry *entry_still(struct conn *c, const json_t *o)
{
	struct entry *entry;
	const struct caller *caller = authenticate(c, &entry);

	if (entry && caller->verbs & 1u << c->verb)
		return entry;
	api_note_refusal(c, CODE_UNAUTHENTICATED, o);
	conn_problem(c, CODE_UNAUTHENTICATED, 0, BYTES(""),
		     BYTES("a known name and its token are required"), 0);
	return NULL;
}

/* What both messages have. */
#define RECORD(c, e, fqdn_, value_)                                                                \
	.call = (c)->node.id, .request_id = bytes_str((c)->request_id),                            \
	.caller = bytes_str((c)->caller_name), .customer = bytes_str((e)->customer),               \
	.handle = buf_bytes(&(e)->handle), .fqdn = buf_bytes(fqdn_), .type = BYTES("TXT"),         \
	.value = buf_bytes(value_), .zones = buf_bytes(&(e)->zones), .follow_cname = 1

static void ask(struct conn *c, const json_t *o, bool present)
{
	struct buf name cleanup(buf_done) = BUF_INIT(IPC_FQDN_MAX),
			value cleanup(buf_done) = BUF_INIT(RECORD_VALUE_MAX);
	const struct entry *e = entry_still(c, o);

	if (!e)
		return;
	c->entry = (size_t)(e - now.list);
	c->entry_epoch = epoch;
	put_name(o, &name);
	put_value(o, &value);
	put_answer(c, buf_bytes(&name), buf_bytes(&value));
	if (!api_may_ask(c))
		return;
	if (present)
		channel_send(&front.vault, fv_add_record, RECORD(c, e, &name, &value),
			     .mode = MODE_COEXIST);
	else
		channel_send(&front.vault, fv_clean_record, RECORD(c, e, &name, &value));
}

void httpreq_present(struct conn *c, json_t *o)
{
	ask(c, o, true);
}

void httpreq_cleanup(struct conn *c, json_t *o)
{
	ask(c, o, false);
}

/* ---- what is said of it ---- */

void httpreq_describe(const struct conn *c, const json_t *o, struct bytes *customer,
		      struct buf *space)
{
	struct entry *entry;

	*customer = bytes_of(NULL, 0);
	if (authenticate(c, &entry) && entry)
		*customer = bytes_str(entry->customer);
	put_name(o, space);
	if (buf_status(space) < 0)
		buf_done(space);
}

struct bytes httpreq_field(const struct conn *c, struct bytes field)
{
	if (bytes_is(field, "record.fqdn"))
		return bytes_str(c->mode[0].name);
	if (bytes_is(field, "record.value"))
		return bytes_str(c->mode == raw_rules ? "keyAuth" : c->mode[1].name);
	return bytes_is(field, "X-Request-Id") ? field : bytes_of(NULL, 0);
}

/* What the head said of the name is gone by now. */
void httpreq_stale(const struct conn *c)
{
	struct entry *e = &now.list[c->entry];

	if (c->entry_epoch != epoch || e->stale)
		return;
	e->stale = true;
	log_warn("httpreq \"%s\": its credential was renewed; the handle in its file holds the "
		 "old one, which is of no use once the vault restarts",
		 e->name);
}
