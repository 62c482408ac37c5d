/* SPDX-License-Identifier: ISC */
#include "role/supervisor.h"

#include "role/child.h"
#include "role/confine.h"
#include "role/events.h"
#include "role/manager.h"
#include "role/tell.h"
#include "sys/harden.h"
#include "sys/log.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEADY_MS 10000 /* a role that lived this long starts anew without delay */
/* For the scribe to close the log, and the front to answer, where calls were cut off. */
#define CLOSE_MS	   5000
#define STOP_SPARE_SECONDS 5 /* what a service manager waits beyond that */

#define EXIT_NOTE_MAX 128

/* Who speaks with whom; the first named is SIDE_A. */
static const struct {
	enum proc a, b;
} edges[] = {
	{PROC_FRONT, PROC_VAULT},     {PROC_VAULT, PROC_SCRIBE},
	{PROC_VAULT, PROC_PLANNER},   {PROC_VAULT, PROC_PLANNER_SELF},
	{PROC_VAULT, PROC_COURIER},   {PROC_VAULT, PROC_COURIER_SELF},
	{PROC_PLANNER, PROC_COURIER}, {PROC_PLANNER_SELF, PROC_COURIER_SELF},
};

/* Stopping goes down the road that a call takes, so that each role may still finish with those behind it. */
static const enum proc stop_order[] = {PROC_FRONT,	  PROC_VAULT,	PROC_PLANNER,
				       PROC_PLANNER_SELF, PROC_COURIER, PROC_COURIER_SELF,
				       PROC_SCRIBE};

struct supervisor {
	struct loop *loop;
	struct config *config;
	const char *dev_token, *reload_path;
	struct child children[PROC_COUNT]; /* [PROC_SUPERVISOR] is not used */
	struct startup files;
	struct loop_fd signals;
	struct loop_timer drain, pulse;
	bool stopping, announced;
	bool cut_off;			/* what was not finished in time is ended */
	bool reloading;			/* until all that were told have taken it in */
	char refused[CONFIG_ERROR_MAX]; /* why the last reload was; "": it was not */
	struct events events;
	struct manager manager;
	uint64_t edge_number[ARRAY_LEN(edges)]; /* of the edge that is there now */
	uint64_t next_edge;
};

static void show_state(struct supervisor *s)
{
	const struct manager_view view = {.children = s->children,
					  .announced = s->announced,
					  .stopping = s->stopping,
					  .refused = s->refused};

	manager_status(&s->manager, &view);
}

/* ---- starting and restarting ---- */

static void connect_edge(struct supervisor *s, size_t i)
{
	enum proc a = edges[i].a, b = edges[i].b;
	uint64_t number = ++s->next_edge;
	int fds[2];

	if (!s->children[a].confined || !s->children[b].confined)
		return; /* when the other one is in its sandbox too */
	if (channel_pair(fds) < 0)
		log_fatal("socketpair: %m");
	channel_send_fd(&s->children[a].control, MSG_s_peer,
			&(const struct s_peer){.proc = (uint8_t)b, .edge = number}, fds[0]);
	channel_send_fd(&s->children[b].control, MSG_s_peer,
			&(const struct s_peer){.proc = (uint8_t)a, .edge = number}, fds[1]);
	s->edge_number[i] = number;
	close(fds[0]);
	close(fds[1]);
}

/* For the metrics. A front that is not there hears of all when it comes. */
static void tell_state(struct supervisor *s, const struct child *c)
{
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
static void confine(struct supervisor *s, struct child *c)
{
	struct buf filter = BUF_INIT(SANDBOX_FILTER_MAX);
	int r = confine_filter(c->proc, c->pid, &filter);

	if (r < 0)
		log_fatal("the filter of %s: %s", proc_name(c->proc), strerror(-r));
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
		restart_later(s, c);
		return;
	}
	tell_role(p, &c->control, s->config, &s->files);
	if (p == PROC_FRONT)
		tell_listeners(&c->control, &s->files);
	confine(s, c); /* and on_confined() goes on */
}

static void on_restart(void *arg)
{
	struct child *c = arg;

	if (!c->owner->stopping)
		start_child(c->owner, c->proc);
}

static void stop_next(struct supervisor *s);
static void maybe_reloaded(struct supervisor *s);

static void child_exited(struct child *c, int status)
{
	struct supervisor *s = c->owner;
	bool steady = loop_now(s->loop) - c->started > STEADY_MS, hung = c->hung;
	char text[EXIT_NOTE_MAX];

	child_ended(c);
	maybe_reloaded(s); /* the next one is told what holds now */
	if (s->stopping) {
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

static void reap(struct supervisor *s)
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

static void end_child(struct child *c)
{
	if (c->pid)
		kill(c->pid, SIGKILL);
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
		end_child(c);
	}
	if (loop_timer_set(s->loop, &s->pulse, CHILD_PULSE_MS) < 0)
		log_fatal("out of memory");
}

/* ---- what the roles report ---- */

/* Where in the table the two meet; its length when they do not. */
static size_t edge_between(enum proc a, enum proc b)
{
	size_t i = 0;

	while (i < ARRAY_LEN(edges) && !(edges[i].a == a && edges[i].b == b) &&
	       !(edges[i].a == b && edges[i].b == a))
		i++;
	return i;
}

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
	size_t i = edge_between(c->proc, bad);

	if (i == ARRAY_LEN(edges)) {
		log_warn("%s denounced %s, whom it does not know: ended", proc_name(c->proc),
			 proc_name(bad));
		end_child(c);
		return;
	}
	if (m->edge != s->edge_number[i])
		return; /* that one is gone already */
	log_warn("%s sent %s what it must not: ended", proc_name(bad), proc_name(c->proc));
	end_child(&s->children[bad]);
	if (is_core(bad) && !is_core(c->proc))
		end_child(c);
}

static void announce(struct supervisor *s)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (!s->children[p].ready)
			return;
	if (s->announced)
		return;
	s->announced = true;
	startup_announce(&s->files);
	if (s->dev_token)
		printf("token=%s\n", s->dev_token);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		/* Whoever waits for these lines would wait for ever; and a token that nobody was told is good for nothing. */
		if (s->dev_token)
			log_fatal("standard output: %m");
		log_warn("standard output: %m: nobody was told where this listens");
	}
	notify_send("READY=1");
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
		end_child(c);
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
	for (size_t i = 0; i < ARRAY_LEN(edges); i++)
		if (edges[i].a == c->proc || edges[i].b == c->proc)
			connect_edge(s, i);
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
		announce(c->owner);
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
	end_child(c);
}

/* ---- signals ---- */

static void stop_next(struct supervisor *s)
{
	bool answers = false;

	for (size_t i = 0; i < ARRAY_LEN(stop_order); i++) {
		struct child *c = &s->children[stop_order[i]];

		/* Nobody waits for a front that does no more than answer what was cut off. */
		if (s->cut_off && c->proc == PROC_FRONT && c->told_to_stop) {
			answers = c->pid;
			continue;
		}
		if (!c->pid)
			continue;
		/* One that has just been started hears of its end when it has heard of its begin. */
		if (!c->confined || c->told_to_stop)
			return;
		/* The scribe is the last: whatever was to be written came before this line. */
		if (c->proc == PROC_SCRIBE)
			events_add(&s->events, "gateway.stop", POSTERN_VERSION);
		channel_send(&c->control, s_stop, 0);
		c->told_to_stop = true;
		return;
	}
	if (!answers)
		loop_stop(s->loop);
}

static void cut_off(struct supervisor *s, const char *why)
{
	uint32_t calls =
		s->children[PROC_VAULT].calls; /* a pulse ago: since then some may have ended */

	if (calls)
		log_warn("%s: ended, with %u %s in flight", why, calls,
			 calls == 1 ? "call" : "calls");
	else
		log_warn("%s: ended", why);
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (p != PROC_FRONT && p != PROC_SCRIBE)
			end_child(&s->children[p]);
	s->cut_off = true;
}

/* Those where the call begins and where it ends have been told, or are now, what became of it. */
static void end_the_rest(struct supervisor *s)
{
	end_child(&s->children[PROC_FRONT]);
	end_child(&s->children[PROC_SCRIBE]);
}

/* First the calls. The front can still answer that nobody knows how they ended, and the scribe write it. */
static void on_drained(void *arg)
{
	struct supervisor *s = arg;

	if (s->cut_off) {
		end_the_rest(s);
		return;
	}
	cut_off(s, "not finished in time");
	if (loop_timer_set(s->loop, &s->drain, CLOSE_MS) < 0)
		log_fatal("out of memory");
}

static void stop(struct supervisor *s)
{
	if (s->stopping) {
		cut_off(s, "told to stop twice");
		end_the_rest(s);
		return;
	}
	log_info("stopping");
	s->stopping = true;
	notify_stopping(s->config->drain_seconds + CLOSE_MS / 1000 + STOP_SPARE_SECONDS);
	if (s->children[PROC_VAULT].pid)
		child_ping(&s->children[PROC_VAULT]); /* how many calls are there? */
	show_state(s);
	startup_stop_listening(&s->files);
	if (loop_timer_set(s->loop, &s->drain, s->config->drain_seconds * INT64_C(1000)) < 0)
		log_fatal("out of memory");
	stop_next(s);
}

/* Whoever waits for a reload to be over is told so when it holds everywhere. */
static void maybe_reloaded(struct supervisor *s)
{
	bool applying = false;

	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		applying = applying || s->children[p].applying;
	if (applying || !s->reloading)
		return;
	s->reloading = false;
	log_info("reloaded");
	if (s->announced && !s->stopping)
		notify_send("READY=1");
}

/* Callers, keys, policy and what the gateway has at providers are read anew; listeners and the log stay where they are until a restart. */
static void take_fresh(struct supervisor *s, struct config *fresh)
{
	config_free(s->config);
	s->config = fresh;
	s->refused[0] = 0;
	s->reloading = true;
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		struct child *c = &s->children[p];

		if (!c->pid || !tell_again(p, &c->control, fresh))
			continue;
		child_ping(c);
		c->applying = true;
	}
	events_config(&s->events, s->config, !s->reload_path);
	maybe_reloaded(s);
}

/* False: there is nothing new. */
static bool reload(struct supervisor *s)
{
	struct config *fresh;
	char err[CONFIG_ERROR_MAX];

	if (!s->reload_path) {
		log_info("nothing to reload in dev mode");
		return false;
	}
	if (config_load(s->reload_path, &fresh, err) != 0) {
		log_warn("not reloaded: %s", err);
		snprintf(s->refused, sizeof(s->refused), "%s", err);
		return false;
	}
	take_fresh(s, fresh);
	return true;
}

static void on_hup(struct supervisor *s)
{
	if (s->stopping)
		return;
	if (s->announced)
		notify_reloading();
	/* Of what is new maybe_reloaded() says when it holds. */
	if (!reload(s) && s->announced && !s->reloading)
		notify_send("READY=1");
	show_state(s);
}

static void on_signal(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo info;

	while (read(s->signals.fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			on_hup(s);
		else
			stop(s);
	}
}

static void watch_signals(struct supervisor *s)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->signals = (struct loop_fd){.fd = -1, .fn = on_signal, .arg = s};
	if (fd < 0 || loop_watch(s->loop, &s->signals, fd, EPOLLIN) < 0)
		log_fatal("signalfd: %m");
}

/* ---- life ---- */

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

int supervisor_run(struct config *config, const char *dev_token, const char *reload_path)
{
	struct supervisor s = {.config = config,
			       .dev_token = dev_token,
			       .reload_path = reload_path,
			       .drain = {.fn = on_drained, .arg = &s},
			       .pulse = {.fn = on_pulse, .arg = &s}};
	int r;

	log_init(proc_name(PROC_SUPERVISOR));
	if (config->log_json)
		log_as(LOG_JSON);
	else if (log_is_journal())
		log_as(LOG_JOURNAL);
	if (loop_new(&s.loop) < 0)
		log_fatal("event loop: %m");
	harden_raise_files();
	watch_signals(&s);
	manager_begin(&s.manager, s.loop);
	startup_open(&s.files, s.config);
	if (harden_self() < 0)
		log_fatal("hardening: %m");
	init_children(&s);
	events_init(&s.events, s.loop, &s.children[PROC_SCRIBE].control);
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		start_child(&s, p);
	events_add(&s.events, "gateway.start", POSTERN_VERSION);
	events_config(&s.events, s.config, !reload_path);
	on_pulse(&s);
	r = loop_run(s.loop, NULL, NULL);
	events_done(&s.events);
	startup_stop_listening(&s.files);
	manager_end(&s.manager);
	config_free(s.config);
	loop_free(s.loop);
	return r < 0;
}
