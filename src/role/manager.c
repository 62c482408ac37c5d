/* SPDX-License-Identifier: ISC */
#include "role/manager.h"

#include "sys/log.h"

#include <stdio.h>

static void on_watchdog(void *arg)
{
	struct manager *m = arg;

	/* No more than that this loop turns: a role whose loop does not is ended by the supervisor (child_pulse()). */
	notify_send("WATCHDOG=1");
	if (loop_timer_set(m->loop, &m->watchdog, m->watchdog_ms) < 0)
		log_fatal("out of memory");
}

void manager_begin(struct manager *m, struct loop *loop)
{
	uint64_t usec = notify_watchdog();
	int r = notify_open();

	if (r < 0)
		log_fatal("NOTIFY_SOCKET: %s", strerror(-r));
	*m = (struct manager){.loop = loop, .watchdog_ms = (int64_t)(usec / 2000) + 1};
	m->watchdog = (struct loop_timer){.fn = on_watchdog, .arg = m};
	if (usec && notify_wanted())
		on_watchdog(m);
}

void manager_end(struct manager *m)
{
	loop_timer_clear(m->loop, &m->watchdog);
	notify_close();
}

/* The first role that is to be there and is not; NULL: all are. One that is started late, when it is first needed, keeps nobody from being served. */
static const struct child *missing(const struct manager_view *v)
{
	for (enum proc p = PROC_FRONT; p < PROC_COUNT; p++) {
		const struct child *c = &v->children[p];

		if (c->wanted && !c->ready && (c->restarts || !v->announced))
			return c;
	}
	return NULL;
}

static void put_stopping(const struct manager_view *v, char *text, size_t size)
{
	uint32_t calls = v->children[PROC_VAULT].calls;

	if (calls)
		snprintf(text, size, "stopping: %u %s in flight", calls,
			 calls == 1 ? "call" : "calls");
	else
		snprintf(text, size, "stopping");
}

static void put_state(const struct manager_view *v, char *text, size_t size)
{
	const char *problem = v->children[PROC_VAULT].problem;
	const struct child *c = missing(v);
	const char *state = v->announced ? "degraded" : "starting";

	/* A front is there when it has something to serve: what it waits for says more. */
	if (problem[0])
		snprintf(text, size, "%s: %s", state, problem);
	else if (c && v->announced)
		snprintf(text, size, "%s: %s is started again", state, proc_name(c->proc));
	else if (c)
		snprintf(text, size, "%s", state);
	else if (v->refused[0])
		snprintf(text, size, "serving; the last reload was refused: %s", v->refused);
	else
		snprintf(text, size, "serving");
}

void manager_status(struct manager *m, const struct manager_view *v)
{
	char text[sizeof(m->status)];

	if (!notify_wanted())
		return;
	if (v->stopping)
		put_stopping(v, text, sizeof(text));
	else
		put_state(v, text, sizeof(text));
	if (strcmp(text, m->status) == 0)
		return;
	memcpy(m->status, text, sizeof(text));
	notify_status(text);
}
