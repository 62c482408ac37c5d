/* SPDX-License-Identifier: ISC */
/* The supervisor's roles: starting them, what they report, starting them anew. */
#include "role/supervise.h"

#include "role/confine.h"
#include "role/tell.h"
#include "sys/log.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define STEADY_MS 10000 /* a role that lived this long starts anew without delay */

#define EXIT_NOTE_MAX 128

/*
 * When each is started. The first answer waits for no more than the first three; what calls providers follows, so that what is wrong with it shows at the start; the others, which not every gateway needs,
 * when they are first spoken to.
 */
static const enum {
	AT_ONCE,
	AFTER_FRONT,
	AT_FIRST_WORD
} begins[PROC_COUNT] = {
	[PROC_FRONT] = AT_ONCE,
	[PROC_VAULT] = AT_ONCE,
	[PROC_SCRIBE] = AT_ONCE,
	[PROC_PLANNER] = AFTER_FRONT,
	[PROC_COURIER] = AFTER_FRONT,
	[PROC_PLANNER_SELF] = AT_FIRST_WORD,
	[PROC_COURIER_SELF] = AT_FIRST_WORD,
	[PROC_RESOLVER] = AT_FIRST_WORD,
};

/* ---- starting and restarting ---- */

/* For the metrics. A front that is not there hears of all when it comes. */
static void tell_state(struct supervisor *s, const struct child *c)
{
	if (!c->wanted)
		return;
	channel_send(&s->children[PROC_FRONT].control, s_role, .proc = (uint8_t)c->proc,
		     .up = c->confined, .holds = c->confined ? c->holds : 0,
		     .restarts = c->restarts);
}

static void restart_later(struct supervisor *s, struct child *c)
{
	c->failures++;
	c->restarts++;
	tell_state(s, c);
	if (loop_timer_set(s->loop, &c->restart, child_backoff(c)) < 0)
		log_fatal("out of memory");
}

/* The last that it hears before it hears others. */
static void confine(struct child *c)
{
	struct buf filter = BUF_INIT(SANDBOX_FILTER_MAX);
	int r = confine_filter(c->proc, c->pid, &filter);

	if (r < 0)
		role_cannot(c, "the filter", r);
	else
		channel_send(&c->control, s_confine, .filter = buf_bytes(&filter));
	buf_done(&filter);
}

static void start_child(struct supervisor *s, enum proc p)
{
	struct child *c = &s->children[p];
	uint32_t uid = geteuid() == 0 ? s->config->uid_base + (uint32_t)p : 0;
	int r = child_start(c, s->loop, s->files.exe_fd, uid);

	if (r < 0) {
		log_warn("start of %s: %s", proc_name(p), strerror(-r));
		edges_lost(s, p);
		restart_later(s, c);
		return;
	}
	tell_role(p, &c->control, s->config, &s->files);
	if (p == PROC_FRONT)
		tell_listeners(&c->control, &s->files);
	confine(c); /* and on_confined() goes on */
}

void role_want(struct supervisor *s, enum proc p)
{
	if (s->children[p].wanted || s->cut_off)
		return;
	s->children[p].wanted = true;
	start_child(s, p);
}

bool role_is_to_come(const struct child *c)
{
	return begins[c->proc] != AT_ONCE && !c->confined && c->restarts == 0;
}

static void want_all(struct supervisor *s, unsigned when)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (begins[p] == when)
			role_want(s, p);
}

static void on_restart(void *arg)
{
	struct child *c = arg;

	if (!c->owner->stopping)
		start_child(c->owner, c->proc);
}

static void child_exited(struct child *c, int status)
{
	struct supervisor *s = c->owner;
	bool steady = loop_now(s->loop) - c->started > STEADY_MS, hung = c->hung;
	char text[EXIT_NOTE_MAX];

	child_ended(c);
	edges_lost(s, c->proc);
	maybe_reloaded(s); /* the next one is told what holds now */
	if (s->stopping) {
		c->restarts++; /* it is not to come any more */
		stop_next(s);
		return;
	}
	if (hung)
		snprintf(text, sizeof(text), "%s did not answer any more, and was ended",
			 proc_name(c->proc));
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "%s ended by signal %d", proc_name(c->proc),
			 WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "%s ended with status %d", proc_name(c->proc),
			 WEXITSTATUS(status));
	if (steady)
		c->failures = 0;
	restart_later(s, c);
	log_warn("%s; started again in %d ms", text, (int)child_backoff(c));
	events_add(&s->events, "role.restart", text);
}

void roles_reap(struct supervisor *s)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
			if (s->children[p].pid == pid) {
				child_exited(&s->children[p], status);
				break;
			}
	show_state(s);
}

void role_end(struct child *c)
{
	if (c->pid)
		kill(c->pid, SIGKILL);
}

void role_cannot(struct child *c, const char *what, int r)
{
	if (!c->owner->announced)
		log_fatal("%s of %s: %s", what, proc_name(c->proc), strerror(-r));
	log_warn("%s of %s: %s", what, proc_name(c->proc), strerror(-r));
	role_end(c);
}

/* A role whose loop does not turn any more is as good as dead, and nobody else may notice. */
static void on_pulse(void *arg)
{
	struct supervisor *s = arg;

	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		struct child *c = &s->children[p];

		if (!c->pid || c->hung || child_pulse(c))
			continue;
		log_warn("%s does not answer: ended", proc_name(p));
		c->hung = true;
		c->ready = false;
		role_end(c);
	}
	if (loop_timer_set(s->loop, &s->pulse, CHILD_PULSE_MS) < 0)
		log_fatal("out of memory");
}

/* ---- what the roles report ---- */

static bool is_core(enum proc p)
{
	return p == PROC_VAULT || p == PROC_SCRIBE;
}

/*
 * A role may only denounce whom it speaks with now. One that meets the network or what came from there and denounces the vault or the
 * scribe ends with it: one of the two is broken, and a broken one shall not be able to end the core again and again, but only as often as it
 * is started anew.
 */
static void on_bad_peer(struct child *c, const struct r_bad_peer *m)
{
	struct supervisor *s = c->owner;
	enum proc bad = (enum proc)m->proc;
	const struct supervisor_edge *e = edge_between(s, c->proc, bad);

	if (!e) {
		log_warn("%s denounced %s, whom it does not know: ended", proc_name(c->proc),
			 proc_name(bad));
		role_end(c);
		return;
	}
	if (m->edge != e->number)
		return; /* that one is gone already */
	log_warn("%s sent %s what it must not: ended", proc_name(bad), proc_name(c->proc));
	role_end(&s->children[bad]);
	if (is_core(bad) && !is_core(c->proc))
		role_end(c);
}

/* Roles of the same kind lack the same: it is said when they are new, not at each restart. */
static void tell_lacks(struct supervisor *s, struct child *c, unsigned holds)
{
	bool fatal = s->config->sandbox_required && (holds & SANDBOX_REQUIRED) != SANDBOX_REQUIRED;
	struct buf text = BUF_INIT(300);

	for (unsigned bit = 0; bit < SANDBOX_BITS; bit++)
		if (!(holds & 1u << bit))
			buf_printf(&text, "%s%s", text.n ? "; " : "", sandbox_text(bit));
	buf_putc(&text, 0);
	if (fatal)
		log_fatal("%s: this system cannot take away: %s (sandbox = \"require\")",
			  proc_name(c->proc), (const char *)text.p);
	if (!c->lacks_told)
		log_warn("%s: this system cannot take away: %s", proc_name(c->proc),
			 (const char *)text.p);
	c->lacks_told = true;
	buf_done(&text);
}

/* It is in its sandbox: only now it may hear others. */
static void on_confined(struct child *c, unsigned holds)
{
	struct supervisor *s = c->owner;

	if (c->confined) {
		log_warn("%s says twice that it is in its sandbox: ended", proc_name(c->proc));
		role_end(c);
		return;
	}
	if (holds != SANDBOX_ALL)
		tell_lacks(s, c, holds);
	c->confined = true;
	c->silent = 0;
	c->holds = holds;
	for (enum proc p = PROC_FRONT; c->proc == PROC_FRONT && p < PROC_COUNT; p++)
		tell_state(s, &s->children[p]);
	tell_state(s, c);
	edges_connect(s, c->proc);
	channel_send(&c->control, s_start, 0);
	if (c->proc == PROC_SCRIBE)
		events_greet(&s->events);
	if (s->stopping)
		stop_next(s);
}

static void on_control(void *arg, struct channel *ch, uint16_t number, const void *msg, int fd)
{
	struct child *c = arg;

	c->silent = 0; /* whatever it says, it lives */
	switch (number) {
	case MSG_r_confined:
		on_confined(c, ((const struct r_confined *)msg)->holds);
		break;
	case MSG_r_ready:
		c->ready = true;
		if (c->proc == PROC_FRONT)
			want_all(c->owner, AFTER_FRONT);
		maybe_announce(c->owner);
		break;
	case MSG_r_event:
		if (c->proc == PROC_SCRIBE)
			events_heard(&c->owner->events, msg);
		break;
	case MSG_r_bad_peer:
		on_bad_peer(c, msg);
		break;
	case MSG_r_pong:
		child_heard(c, msg);
		maybe_reloaded(c->owner);
		break;
	}
	show_state(c->owner);
}

static void on_control_closed(void *arg, struct channel *ch, bool bad)
{
	struct child *c = arg;

	/* Its exit follows; a role that only closed its edge is of no use any more. */
	role_end(c);
}

/* ---- all of them ---- */

static void init_children(struct supervisor *s)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		struct child *c = &s->children[p];
		*c = (struct child){.proc = p, .owner = s};
		c->restart = (struct loop_timer){.fn = on_restart, .arg = c};
		channel_init(&c->control, s->loop, &edge_supervisor, SIDE_A, on_control,
			     on_control_closed, c);
	}
}

void roles_start(struct supervisor *s)
{
	s->pulse = (struct loop_timer){.fn = on_pulse, .arg = s};
	init_children(s);
	events_init(&s->events, s->loop, &s->children[PROC_SCRIBE].control);
	edges_init(s);
	want_all(s, AT_ONCE);
	on_pulse(s);
}
