/* SPDX-License-Identifier: ISC */
/* The supervisor's end: each role is told to stop when those before it have; after a while what is left is ended. */
#include "role/supervise.h"

#include "sys/log.h"

/* For the scribe to close the log, and the front to answer, where calls were cut off. */
#define CLOSE_MS	   5000
#define STOP_SPARE_SECONDS 5 /* what a service manager waits beyond that */

/* Stopping goes down the road that a call takes, so that each role may still finish with those behind it. */
static const enum proc stop_order[] = {PROC_FRONT,	  PROC_VAULT,	PROC_PLANNER,
				       PROC_PLANNER_SELF, PROC_COURIER, PROC_COURIER_SELF,
				       PROC_RESOLVER,	  PROC_SCRIBE};

void stop_next(struct supervisor *s)
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
	/* A pulse ago: since then some may have ended. */
	uint32_t calls = s->children[PROC_VAULT].calls;

	if (calls)
		log_warn("%s: ended, with %u %s in flight", why, calls,
			 calls == 1 ? "call" : "calls");
	else
		log_warn("%s: ended", why);
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++)
		if (p != PROC_FRONT && p != PROC_SCRIBE)
			role_end(&s->children[p]);
	s->cut_off = true;
}

/* Those where the call begins and where it ends have been told, or are now, what became of it. */
static void end_the_rest(struct supervisor *s)
{
	role_end(&s->children[PROC_FRONT]);
	role_end(&s->children[PROC_SCRIBE]);
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

void stop(struct supervisor *s)
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

void stop_init(struct supervisor *s)
{
	s->drain = (struct loop_timer){.fn = on_drained, .arg = s};
}
