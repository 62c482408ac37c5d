/* SPDX-License-Identifier: ISC */
#include "role/supervisor.h"

#include "role/supervise.h"
#include "role/tell.h"
#include "sys/harden.h"
#include "sys/log.h"
#include "sys/settle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* ---- what others are told ---- */

void show_state(struct supervisor *s)
{
	const struct manager_view view = {.children = s->children,
					  .announced = s->announced,
					  .stopping = s->stopping,
					  .refused = s->refused};

	manager_status(&s->manager, &view);
}

void maybe_announce(struct supervisor *s)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (s->children[p].wanted && !s->children[p].ready)
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

/* ---- reload ---- */

void maybe_reloaded(struct supervisor *s)
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

/* ---- signals ---- */

static void on_signal(void *arg, uint32_t events)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo info;

	while (read(s->signals.fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			roles_reap(s);
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

int supervisor_run(struct config *config, const char *dev_token, const char *reload_path)
{
	struct supervisor s = {
		.config = config, .dev_token = dev_token, .reload_path = reload_path};
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
	stop_init(&s);
	roles_start(&s);
	events_add(&s.events, "gateway.start", POSTERN_VERSION);
	events_config(&s.events, s.config, !reload_path);
	if (settle_later(s.loop) < 0)
		log_fatal("out of memory");
	r = loop_run(s.loop, NULL, NULL);
	events_done(&s.events);
	startup_stop_listening(&s.files);
	manager_end(&s.manager);
	config_free(s.config);
	loop_free(s.loop);
	return r < 0;
}
