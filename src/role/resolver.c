/* SPDX-License-Identifier: ISC */
#include "role/resolver.h"

#include "sys/harden.h"
#include "sys/log.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_SPARE 64 /* for the loop, the edges, and the sockets of c-ares */
#define ASK_MAX	    16000
#define ASK_MIN	    64

struct resolver_role resolver;

void resolver_timer(struct loop_timer *t, int64_t msec)
{
	if (loop_timer_set(resolver.role->loop, t, msec) < 0)
		log_fatal("out of memory");
}

bool resolver_understands(struct bytes answer, const struct dns_name *name, uint16_t type,
			  struct message *m)
{
	return message_parse(m, answer) == 0 && answer_is_of(m, name, type);
}

/* ---- the edge ---- */

static void on_vault(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	uint64_t call = *(const uint64_t *)msg; /* each message begins with it */
	int r = 0;

	if (number == MSG_vr_check)
		r = check_begin(msg);
	else if (number == MSG_vr_follow)
		r = follow_begin(msg);
	else if (!check_abort(call))
		follow_abort(call);
	if (r < 0)
		channel_reject(c);
}

static void on_vault_closed(void *arg, struct channel *c, bool bad)
{
	if (bad)
		role_bad_peer(resolver.role, PROC_VAULT);
	checks_end();
	follows_end();
}

/* ---- life ---- */

static void resolver_init(struct role *r)
{
	resolver.role = r;
	channel_init(&resolver.vault, r->loop, &edge_vault_resolver, SIDE_B, on_vault,
		     on_vault_closed, NULL);
}

static void resolver_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	if (number == MSG_s_address)
		role_add_address(&resolver.rules, msg);
	else if (number == MSG_s_resolver)
		/* The wire's cap is the array's size. */
		snprintf(resolver.servers, sizeof(resolver.servers), "%.*s",
			 (int)((const struct s_resolver *)msg)->servers.n,
			 (const char *)((const struct s_resolver *)msg)->servers.p);
	if (fd >= 0)
		close(fd);
}

/* Each question to an authority has a socket of its own. */
static size_t most_at_once(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < ASK_MIN + FILES_SPARE)
		return ASK_MIN;
	return l.rlim_cur - FILES_SPARE < ASK_MAX ? (size_t)(l.rlim_cur - FILES_SPARE) : ASK_MAX;
}

/* The configuration of DNS. */
static void resolver_prepare(struct role *r)
{
	const char *servers = resolver.servers[0] ? resolver.servers : NULL;

	harden_raise_files();
	if (resolver_new_dns(&resolver.recursive, r->loop, servers) < 0)
		log_fatal("c-ares does not start");
	dnsask_init(&resolver.authorities, r->loop, resolver.recursive, &resolver.rules,
		    most_at_once());
}

static void resolver_peer(struct role *r, const struct s_peer *m, int fd)
{
	role_take_edge(&resolver.vault, PROC_VAULT, fd);
}

/* The vault was stopped before: nothing is in flight. */
static void resolver_stop(struct role *r)
{
	loop_stop(r->loop);
}

const struct role_ops resolver_ops = {
	.init = resolver_init,
	.control = resolver_control,
	.prepare = resolver_prepare,
	.peer = resolver_peer,
	.start = role_ready,
	.stop = resolver_stop,
};
