/* SPDX-License-Identifier: ISC */
/* `httpreq "NAME" { … }`: for whom the front speaks that protocol, and what their names stand for. */
#include "role/config_read.h"

#include <stdlib.h>

#define CALLER_NAMES_MAX (CONFIG_CALLERS_MAX * (IPC_CALLER_MAX + 4))

void httpreq_draft_init(struct config_httpreq *h)
{
	*h = (struct config_httpreq){.handle = BUF_INIT(INTEGRATION_HANDLE_MAX + 2),
				     .zones = BUF_INIT(IPC_ZONES_MAX),
				     .caller_names = BUF_INIT(CALLER_NAMES_MAX),
				     .unknown = BUF_INIT(CALLER_NAMES_MAX)};
}

void httpreq_draft_done(struct config_httpreq *h)
{
	free(h->source);
	buf_done(&h->handle);
	buf_done(&h->zones);
	buf_done(&h->caller_names);
	buf_done(&h->unknown);
}

/* A handle on one line. It is no secret without a token; but it is nobody's to read, and is read as one. */
static const char *take_handle(struct config_httpreq *h, struct bytes value)
{
	const char *why = config_read_secret(value, &h->handle);
	struct handle_head head;

	if (why)
		return why;
	if (h->handle.n && h->handle.p[h->handle.n - 1] == '\n')
		buf_truncate(&h->handle, h->handle.n - 1);
	if (h->handle.n > INTEGRATION_HANDLE_MAX ||
	    handle_peek(buf_bytes(&h->handle), &head) != 0 || head.kind != HANDLE_INTEGRATION)
		return "does not hold an integration handle, and nothing else";
	h->source = strndup((const char *)value.p, value.n);
	return h->source ? NULL : "out of memory";
}

static const char *take_customer(struct config_httpreq *h, struct bytes value)
{
	if (!value.n)
		return "must not be empty; leave it out where there is none";
	return bytes_to_str(value, h->customer, sizeof(h->customer)) < 0 ? "is too long" : NULL;
}

static const char *take_zone(struct config_httpreq *h, struct bytes value)
{
	struct dns_name zone;

	if (dns_name_parse(&zone, value) != 0)
		return "must be domain names";
	if (plist_count(buf_bytes(&h->zones)) == HANDLE_ZONES_MAX)
		return "has too many names";
	plist_put(&h->zones, dns_name_text(&zone));
	return buf_status(&h->zones) < 0 ? "out of memory" : NULL;
}

static const char *take_caller(struct config_httpreq *h, struct bytes value)
{
	if (!caller_name_valid(value))
		return "must be names of the callers file";
	if (plist_has(buf_bytes(&h->caller_names), value))
		return "has a name twice";
	plist_put(&h->caller_names, value);
	return buf_status(&h->caller_names) < 0 ? "is one caller too many" : NULL;
}

static const struct {
	const char *key;
	const char *(*take)(struct config_httpreq *h, struct bytes value);
} keys[] = {
	{"handle_file", take_handle},
	{"customer", take_customer},
	{"zones", take_zone},
	{"callers", take_caller},
};

const char *httpreq_draft_take(struct config_httpreq *h, const char *key, struct bytes value)
{
	size_t i = 0;

	while (strcmp(keys[i].key, key) != 0)
		i++;
	return keys[i].take(h, value);
}

/* It is the user of HTTP Basic, which has no colon in it; a host's name will do. */
static bool name_valid(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr("._-", c)))
			return false;
	}
	return name.n > 0 && name.n <= IPC_CALLER_MAX;
}

const char *httpreq_draft_finish(struct config_httpreq *h, const char *name, struct config *c)
{
	if (!name_valid(bytes_str(name)))
		return "must be called by 1 to 64 of a-z, 0-9, '.', '_' and '-'";
	if (!h->source)
		return "lacks handle_file";
	if (!h->caller_names.n)
		return "lacks callers";
	if (c->n_httpreq == HTTPREQ_MAX)
		return "is one name too many";
	memcpy(h->name, name, strlen(name));
	c->httpreq[c->n_httpreq++] = *h;
	httpreq_draft_init(h);
	return NULL;
}

static void find_caller(struct config_httpreq *h, const struct config *c, struct bytes name)
{
	for (size_t i = 0; i < c->n_callers; i++)
		if (bytes_is(name, c->callers[i].name)) {
			h->callers[i / 8] |= (unsigned char)(1u << i % 8);
			return;
		}
	buf_puts(&h->unknown, h->unknown.n ? ", " : "");
	buf_put_bytes(&h->unknown, name);
}

int httpreq_find_callers(struct config *c, char *err)
{
	for (size_t i = 0; i < c->n_httpreq; i++) {
		struct config_httpreq *h = &c->httpreq[i];
		struct bytes names = buf_bytes(&h->caller_names), name;

		while (plist_next(&names, &name))
			find_caller(h, c, name);
		if (buf_status(&h->unknown) < 0)
			return config_bad(err, "out of memory");
	}
	return 0;
}
