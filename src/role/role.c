/* SPDX-License-Identifier: ISC */
#include "role/role.h"

#include "base/memory.h"
#include "role/confine.h"

#include "sys/harden.h"
#include "sys/log.h"
#include "sys/settle.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef SANITIZED
/* The leak checker attaches to the process, and ours do not let anybody. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:symbolize=0"; /* what would start a program could not be told */
}
#endif

static const struct role_ops *const ops_of[PROC_COUNT] = {
	[PROC_FRONT] = &front_ops,	    [PROC_VAULT] = &vault_ops,
	[PROC_SCRIBE] = &scribe_ops,	    [PROC_PLANNER] = &planner_ops,
	[PROC_PLANNER_SELF] = &planner_ops, [PROC_COURIER] = &courier_ops,
	[PROC_COURIER_SELF] = &courier_ops, [PROC_RESOLVER] = &resolver_ops,
};

/* The old edge may be denounced while it is closed, still by its number. */
static void take_peer(struct role *r, const struct s_peer *m, int fd)
{
	r->ops->peer(r, m, fd);
	r->edges[m->proc] = m->edge;
}

/* Before the role hears anybody but the supervisor. */
static void confine(struct role *r, const struct s_confine *m)
{
	struct sandbox box = confine_of(r->self, r->dir_fd);
	unsigned holds;
	int e;

	if (r->ops->prepare)
		r->ops->prepare(r);
	box.filter = m->filter;
	box.off = m->off;
	e = sandbox_enter(&box, &holds);
	if (e < 0)
		log_fatal("sandbox: %s", strerror(-e));
	r->confined = true;
	channel_send(&r->control, r_confined, .holds = holds);
}

/* In its turn: what came before is heard, and has taken effect. */
static void pong(struct role *r, const struct s_ping *m)
{
	struct role_report report = {.problem = ""};

	if (r->ops->report)
		r->ops->report(&report);
	channel_send(&r->control, r_pong, .number = m->number, .calls = report.calls,
		     .problem = bytes_str(report.problem));
}

static void on_control(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	struct role *r = arg;

	if (!r->confined && (number == MSG_s_peer || number == MSG_s_start))
		log_fatal("told to serve outside the sandbox");
	switch (number) {
	case MSG_s_confine:
		confine(r, msg);
		break;
	case MSG_s_peer:
		if (fd >= 0)
			take_peer(r, msg, fd);
		break;
	case MSG_s_start:
		r->ops->start(r);
		break;
	case MSG_s_ping:
		pong(r, msg);
		break;
	case MSG_s_stop:
		r->stopping = true;
		r->ops->stop(r);
		break;
	default:
		r->ops->control(r, number, msg, fd);
	}
}

/* Without a supervisor there is nothing to serve. */
static void on_control_closed(void *arg, struct channel *c, bool bad)
{
	struct role *r = arg;

	loop_stop(r->loop);
}

static void after_batch(void *arg)
{
	struct role *r = arg;

	if (r->ops->after)
		r->ops->after(r);
	r->failures = memory_failures();
}

bool role_out_of_memory(const struct role *r)
{
	return memory_failures() != r->failures;
}

int role_main(enum proc self)
{
	struct role r = {.self = self, .ops = ops_of[self], .dir_fd = -1};

	log_init(proc_name(self));
	if (!r.ops)
		log_fatal("the supervisor is started by `postern serve`");
	/* fexecve() leaves the number of a descriptor as the name; `ps` and /proc shall show the role. */
	prctl(PR_SET_NAME, proc_name(self));
	if (harden_self() < 0)
		log_fatal("hardening: %m");
	if (sodium_init() < 0)
		log_fatal("libsodium does not work here");
	if (loop_new(&r.loop) < 0)
		log_fatal("event loop: %m");
	channel_init(&r.control, r.loop, &edge_supervisor, SIDE_B, on_control, on_control_closed,
		     &r);
	if (channel_open(&r.control, ROLE_CONTROL_FD) < 0)
		log_fatal("not started by a supervisor");
	if (r.ops->init)
		r.ops->init(&r);
	if (settle_later(r.loop) < 0)
		log_fatal("out of memory");
	if (loop_run(r.loop, after_batch, &r) < 0)
		log_fatal("event loop: %m");
	return 0;
}

void role_ready(struct role *r)
{
	channel_send(&r->control, r_ready, 0);
}

void role_take_edge(struct channel *c, enum proc peer, int fd)
{
	if (channel_is_open(c)) {
		channel_close(c);
		c->closed(c->arg, c, false);
	}
	if (channel_open(c, fd) < 0)
		log_fatal("edge to %s: %m", proc_name(peer));
}

void role_add_address(struct address_rules *rules, const struct s_address *m)
{
	struct address_rule *rule = &rules->rules[rules->n];

	if (rules->n == ADDRESS_RULES_MAX)
		log_fatal("too many addresses");
	*rule = (struct address_rule){
		.net.family = m->family, .bits = m->bits, .plain_http = m->plain_http};
	memcpy(rule->net.a, m->a, sizeof(rule->net.a));
	rules->n++;
}

void role_bad_peer(struct role *r, enum proc peer)
{
	log_warn("%s broke the rules: it is ended", proc_name(peer));
	channel_send(&r->control, r_bad_peer, .proc = (uint8_t)peer, .edge = r->edges[peer]);
}
