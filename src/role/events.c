/* SPDX-License-Identifier: ISC */
#include "role/events.h"

#include "sys/log.h"

#include <stdlib.h>

#define EVENTS_MAX 4096 /* a log that is away for long: the oldest go, and that is said */
#define AGAIN_MS   1000 /* what could not be written is said again */

struct event {
	struct event *next;
	uint64_t number;
	bool sent;
	char *name, *value;
};

static void send_unsent(void *arg)
{
	struct events *e = arg;

	for (struct event *ev = e->first; ev; ev = ev->next) {
		if (ev->sent)
			continue;
		ev->sent = channel_is_open(e->scribe);
		channel_send(e->scribe, s_event, .number = ev->number, .event = bytes_str(ev->name),
			     .value = bytes_str(ev->value));
	}
}

/* The event at *AT leaves the list. */
static void drop(struct events *e, struct event **at)
{
	struct event *ev = *at;

	*at = ev->next;
	if (e->tail == &ev->next)
		e->tail = at;
	e->n--;
	free(ev->name);
	free(ev->value);
	free(ev);
}

void events_init(struct events *e, struct loop *loop, struct channel *scribe)
{
	*e = (struct events){.loop = loop, .scribe = scribe, .next_number = 1};
	e->tail = &e->first;
	e->again = (struct loop_timer){.fn = send_unsent, .arg = e};
}

void events_add(struct events *e, const char *event, const char *value)
{
	struct event *ev = calloc(1, sizeof(*ev));

	if (!ev || !(ev->name = strdup(event)) || !(ev->value = strdup(value)))
		log_fatal("out of memory");
	if (e->n == EVENTS_MAX) {
		log_warn("the event %s %s never got into the log", e->first->name, e->first->value);
		drop(e, &e->first);
	}
	ev->number = e->next_number++;
	*e->tail = ev;
	e->tail = &ev->next;
	e->n++;
	/* Those before it too: the last is said when the gateway ends, and nothing is said again then. */
	send_unsent(e);
}

void events_greet(struct events *e)
{
	for (struct event *ev = e->first; ev; ev = ev->next)
		ev->sent = false;
	send_unsent(e);
}

void events_heard(struct events *e, const struct r_event *m)
{
	struct event **at = &e->first;

	while (*at && (*at)->number != m->number)
		at = &(*at)->next;
	if (!*at)
		return;
	if (m->durable) {
		drop(e, at);
		return;
	}
	(*at)->sent = false;
	if (loop_timer_set(e->loop, &e->again, AGAIN_MS) < 0)
		log_fatal("out of memory");
}

void events_done(struct events *e)
{
	loop_timer_clear(e->loop, &e->again);
	while (e->first)
		drop(e, &e->first);
}
