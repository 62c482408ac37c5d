/* SPDX-License-Identifier: ISC */
/* What the names of httpreq mean for production. */
#include "cli/doctor.h"

#define DAY	      86400
#define EXPIRES_DAYS  14
#define CLIENTS_VERBS (1u << VERB_ADD_RECORD | 1u << VERB_REMOVE_RECORD)

static void judge_handle(struct report *r, const char *name, const struct httpreq_facts *f,
			 int64_t now)
{
	if (!f->opens)
		report(r, GRADE_FAIL, "httpreq",
		       "Is customer right, and the root key here that it was sealed with?",
		       "%s: its handle does not open", name);
	else if (f->expires && f->expires <= now)
		report(r, GRADE_FAIL, "httpreq", "Make another, and put it into handle_file.",
		       "%s: its handle has expired", name);
	else if (f->expires && f->expires <= now + EXPIRES_DAYS * DAY)
		report(r, GRADE_WARN, "httpreq", "Make another, and put it into handle_file.",
		       "%s: its handle expires in %lld days", name,
		       (long long)(f->expires - now) / DAY);
	if (f->renews)
		report(r, GRADE_WARN, "httpreq",
		       "Use a credential that lasts: a key of the provider's, or a role.",
		       "%s: its credential is renewed, and nobody keeps the newer handle", name);
}

static bool has_token(const struct config *c, size_t caller)
{
	for (size_t i = 0; i < c->n_identities; i++)
		if (c->identities[i].caller == caller && c->identities[i].kind == IDENTITY_TOKEN)
			return true;
	return false;
}

static void judge_user(struct report *r, const char *name, const struct config *c, size_t i)
{
	const struct config_caller *caller = &c->callers[i];

	if (!has_token(c, i))
		report(r, GRADE_FAIL, "httpreq", "`postern keygen --token NAME` makes one.",
		       "%s: %s has no token, and clients have nothing else", name, caller->name);
	if ((caller->verbs & CLIENTS_VERBS) != CLIENTS_VERBS)
		report(r, GRADE_FAIL, "httpreq", "Give it add_record and remove_record.",
		       "%s: %s may not both add and remove", name, caller->name);
	if (caller->verbs & ~CLIENTS_VERBS)
		report(r, GRADE_WARN, "httpreq", "Give it add_record and remove_record only.",
		       "%s: whoever steals the token of %s may do more than add and remove", name,
		       caller->name);
}

void judge_httpreq(struct report *r, const struct config_facts *f)
{
	const struct config *c = f->config;

	if (c->n_httpreq)
		report(r, GRADE_OK, "httpreq", NULL,
		       "/present and /cleanup are served, for %zu name%s", c->n_httpreq,
		       c->n_httpreq > 1 ? "s" : "");
	judge_way(r, "httpreq", &f->handles);
	for (size_t i = 0; i < c->n_httpreq; i++) {
		const struct config_httpreq *h = &c->httpreq[i];

		judge_handle(r, h->name, &f->httpreq[i], f->now);
		if (h->unknown.n)
			report(r, GRADE_WARN, "httpreq",
			       "Take it out of callers; or is it spelt otherwise in the callers "
			       "file?",
			       "%s: no such caller: %.*s", h->name, (int)h->unknown.n,
			       (const char *)h->unknown.p);
		for (size_t k = 0; k < c->n_callers; k++)
			if (h->callers[k / 8] & 1u << k % 8)
				judge_user(r, h->name, c, k);
	}
}
