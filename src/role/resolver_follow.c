/* SPDX-License-Identifier: ISC */
/* Where the CNAMEs at a name lead, as recursive servers see it: one question for each. */
#include "role/resolver.h"

#include <stdlib.h>

struct follow {
	struct idmap_node node;				/* by call */
	struct dns_name names[RESOLVER_CNAMES_MAX + 1]; /* in the order of the CNAMEs */
	size_t n;
	struct question *question;
	struct loop_timer deadline, patience;
};

static void follow_free(struct follow *f)
{
	idmap_remove(&resolver.follows, &f->node);
	if (f->question)
		question_cancel(f->question);
	loop_timer_clear(resolver.role->loop, &f->deadline);
	loop_timer_clear(resolver.role->loop, &f->patience);
	free(f);
}

static void end(struct follow *f, enum code code, const char *detail)
{
	channel_send(&resolver.vault, rv_followed, .call = f->node.id, .code = (uint8_t)code,
		     .fqdn = dns_name_text(&f->names[f->n - 1]), .detail = bytes_str(detail));
	follow_free(f);
}

static void on_deadline(void *arg)
{
	end(arg, CODE_PROVIDER_TIMEOUT, "DNS does not say in time whether the name is a CNAME");
}

static void on_patience(void *arg)
{
	end(arg, CODE_PROVIDER_UNAVAILABLE, "DNS does not say whether the name is a CNAME");
}

static bool was_there(const struct follow *f, const struct dns_name *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (dns_name_eq(&f->names[i], name))
			return true;
	return false;
}

static void ask(struct follow *f);

static void on_answer(void *arg, struct bytes answer)
{
	struct follow *f = arg;
	struct dns_name target;
	struct message m;
	int r;

	f->question = NULL;
	if (!resolver_understands(answer, &f->names[f->n - 1], DNS_TYPE_CNAME, &m)) {
		on_patience(f);
		return;
	}
	r = answer_alias(&m, &f->names[f->n - 1], &target);
	if (r == DNS_E_ABSENT)
		end(f, CODE_OK, "");
	else if (r != 0)
		end(f, CODE_INVALID_REQUEST,
		    "a CNAME leads to a name that is none of ours to write");
	else if (was_there(f, &target))
		end(f, CODE_INVALID_REQUEST, "the CNAMEs at the name lead in a circle");
	else if (f->n == RESOLVER_CNAMES_MAX + 1)
		end(f, CODE_INVALID_REQUEST, "more than 8 CNAMEs, one behind the other");
	else {
		f->names[f->n++] = target;
		ask(f);
	}
}

static void ask(struct follow *f)
{
	if (question_start(resolver.recursive, &f->names[f->n - 1], DNS_TYPE_CNAME, on_answer, f,
			   &f->question) < 0)
		end(f, CODE_OVERLOADED, "out of memory");
	else
		resolver_timer(&f->patience, RESOLVER_LOOK_MS);
}

int follow_begin(const struct vr_follow *m)
{
	struct follow *f;

	if (idmap_find(&resolver.follows, m->call) || idmap_find(&resolver.checks, m->call))
		return -EBADMSG;
	f = calloc(1, sizeof(*f));
	if (f && dns_name_parse(&f->names[0], m->fqdn) != 0) {
		free(f);
		return -EBADMSG;
	}
	if (f)
		f->node.id = m->call;
	if (!f || resolver.follows.n + resolver.checks.n >= RESOLVER_ERRANDS_MAX ||
	    idmap_put(&resolver.follows, &f->node) < 0) {
		free(f);
		channel_send(&resolver.vault, rv_followed, .call = m->call, .code = CODE_OVERLOADED,
			     .detail = BYTES("too many look-ups at once"));
		return 0;
	}
	f->n = 1;
	f->deadline = (struct loop_timer){.fn = on_deadline, .arg = f};
	f->patience = (struct loop_timer){.fn = on_patience, .arg = f};
	resolver_timer(&f->deadline,
		       m->timeout_ms < RESOLVER_FOLLOW_MS ? m->timeout_ms : RESOLVER_FOLLOW_MS);
	ask(f);
	return 0;
}

void follow_abort(uint64_t call)
{
	struct idmap_node *node = idmap_find(&resolver.follows, call);

	if (node)
		follow_free(idmap_holder(node, struct follow, node));
}

static void drop(struct idmap_node *node, void *arg)
{
	follow_free(idmap_holder(node, struct follow, node));
}

void follows_end(void)
{
	idmap_each(&resolver.follows, drop, NULL);
}
