/* SPDX-License-Identifier: ISC */
#include "cli/cli.h"
#include "cli/hook.h"

#include "sys/loop.h"

#include <stdlib.h>

#define POLL_FIRST   1000000 /* microseconds; then twice as long each time, */
#define POLL_LONGEST 8000000
#define RECENT_USEC  3600000000LL /* what hook_find() takes for of this order */

static int say(const struct hook_gateway *g, int status, const char *what,
	       const struct dns_name *name)
{
	return cli_fail_with(status, "%s %s: %.*s", what, name->text, (int)g->why.n,
			     (const char *)g->why.p);
}

static int say_state(const struct hook_gateway *g, int r)
{
	return cli_fail("%s: %s", g->state->path, strerror(-r));
}

/* ---- what is kept ---- */

/* One more, the newest; the oldest stays, as it may be the only one that says that we made the record. */
static void put_handle(struct hook_entry *e, struct bytes handle)
{
	struct buf kept cleanup(buf_done) = BUF_INIT(e->handles.max);
	struct bytes list = buf_bytes(&e->handles), item;
	size_t n = plist_count(list);

	if (plist_has(list, handle))
		return;
	for (size_t i = 0; plist_next(&list, &item); i++)
		if (n < HOOK_HANDLES_MAX || i != 1)
			plist_put(&kept, item);
	plist_put(&kept, handle);
	buf_reset(&e->handles);
	buf_put_bytes(&e->handles, buf_bytes(&kept));
}

static void drop_handle(struct hook_entry *e)
{
	struct bytes list = buf_bytes(&e->handles), first;

	if (plist_next(&list, &first))
		buf_consume(&e->handles, e->handles.n - list.n);
}

static struct bytes newest_handle(const struct hook_entry *e)
{
	struct bytes list = buf_bytes(&e->handles), item = {NULL, 0};

	while (plist_next(&list, &item))
		;
	return item;
}

/*
 * E is locked and says what the file does. *THERE: whether there is one. What cannot be read counts as pending: adding again shows
 * what is so.
 */
static int begin(struct hook_gateway *g, struct hook_entry *e, const struct dns_name *name,
		 struct bytes value, bool *there)
{
	int r;

	e->name = *name;
	buf_put_bytes(&e->value, value);
	if (buf_status(&e->value) < 0)
		return cli_fail_with(CLI_USAGE, "the value is too long");
	hook_entry_identify(e, g->settings);
	r = hook_entry_lock(g->state, e, true);
	if (r == 0)
		r = hook_entry_load(g->state, g->settings, e);
	if (r < 0)
		return say_state(g, r);
	*there = r != HOOK_E_NONE;
	if (r == 0)
		return CLI_OK;
	e->unsure = *there;
	buf_reset(&e->value);
	buf_reset(&e->handles);
	e->name = *name;
	buf_put_bytes(&e->value, value);
	return CLI_OK;
}

static int save(const struct hook_gateway *g, const struct hook_entry *e)
{
	int r = hook_entry_save(g->state, g->settings, e);

	return r < 0 ? say_state(g, r) : CLI_OK;
}

static int forget(const struct hook_gateway *g, struct hook_entry *e)
{
	int r = hook_entry_remove(g->state, e);

	return r < 0 ? say_state(g, r) : CLI_OK;
}

/* ---- add ---- */

static json_t *add_fields(const struct hook_gateway *g, const struct hook_entry *e)
{
	json_t *record = json_pack("{s:s, s:s, s:o}", "fqdn", e->name.text, "type", "TXT", "value",
				   json_from_bytes(buf_bytes(&e->value)));

	/* A gateway that does not know it need not be asked. */
	if (record && g->settings->follow_cname &&
	    json_object_set_new(record, "follow_cname", json_true()) < 0) {
		json_decref(record);
		return NULL;
	}
	return json_pack("{s:o}", "record", record);
}

/* With a handle at the end of the list, saved; the entry was saved before. *NOTHING: the gateway has surely added nothing. */
static int add(struct hook_gateway *g, struct hook_entry *e, bool *nothing)
{
	struct hook_answer answer cleanup(hook_answer_done) = {0};
	json_t *fields cleanup(json_cleanup) = add_fields(g, e);
	struct bytes handle;
	int status;

	*nothing = true;
	if (!fields)
		return cli_fail_with(CLI_USAGE, "the value is not UTF-8");
	status = hook_ask(g, "add_record", fields, &answer);
	*nothing = !answer.unsure && answer.status < 500;
	e->unsure |= answer.unsure;
	if (status != CLI_OK)
		return say(g, status, "adding", &e->name);
	*nothing = false;
	handle = json_get_bytes(answer.json, "record_handle");
	if (!handle.n || handle.n > HOOK_HANDLE_MAX)
		return cli_fail("adding %s: the answer has no record handle", e->name.text);
	put_handle(e, handle);
	return save(g, e);
}

int hook_add(struct hook_gateway *g, const struct dns_name *name, struct bytes value,
	     struct buf *ids)
{
	struct hook_entry e cleanup(hook_entry_done) = HOOK_ENTRY_INIT;
	bool there = false, nothing;
	int status = begin(g, &e, name, value, &there);

	/* From here on a crash leaves the entry: pending, which says that there may be a record. */
	if (status == CLI_OK && !there)
		status = save(g, &e);
	if (status != CLI_OK)
		return status;
	status = add(g, &e, &nothing);
	if (status != CLI_OK && nothing && !there)
		return forget(g, &e) == CLI_OK ? status : CLI_FAILED;
	plist_put(ids, bytes_str(e.id));
	return status;
}

/* ---- remove ---- */

/* A record handle that this gateway, or this integration, does not take any more. */
static bool handle_is_void(const struct hook_answer *a)
{
	struct bytes code = json_get_bytes(a->json, "code");

	return bytes_is(json_get_bytes(a->json, "field"), "record_handle") &&
	       (bytes_is(code, "handle_invalid") || bytes_is(code, "handle_mismatch"));
}

/* By the first of the handles, which is then dropped. *AGAIN: it was void. *GONE: the record is. */
static int remove_by_first(struct hook_gateway *g, struct hook_entry *e, bool *again, bool *gone)
{
	struct hook_answer answer cleanup(hook_answer_done) = {0};
	struct bytes list = buf_bytes(&e->handles), handle = {NULL, 0};
	json_t *fields cleanup(json_cleanup) = NULL;
	int status;

	if (plist_next(&list, &handle))
		fields = json_pack("{s:o}", "record_handle", json_from_bytes(handle));
	if (!fields)
		return cli_fail("out of memory");
	status = hook_ask(g, "remove_record", fields, &answer);
	if (status != CLI_OK && !handle_is_void(&answer))
		return say(g, status, "removing", &e->name);
	*again |= status != CLI_OK;
	e->unsure |= status != CLI_OK;
	/* Without a receipt nothing was to be changed: it was found, and is not ours to remove. */
	*gone |= json_is_true(json_at(answer.json, "removed")) || json_at(answer.json, "receipt");
	drop_handle(e);
	return CLI_OK;
}

/*
 * Locked and loaded. Where there is no handle, or none that opens, the record is added once more: what is there already is found, and
 * that gives a handle which removes it, where a replace could have overwritten it. Elsewhere it stays.
 */
static int remove_entry(struct hook_gateway *g, struct hook_entry *e)
{
	for (int round = 0; round < 2; round++) {
		bool again = false, gone = false, nothing;
		int status = CLI_OK;

		if (!e->handles.n)
			status = add(g, e, &nothing);
		while (status == CLI_OK && e->handles.n)
			status = remove_by_first(g, e, &again, &gone);
		if (status != CLI_OK)
			return status;
		if (gone || (!again && !e->unsure))
			return forget(g, e);
		if (!again)
			return cli_fail("removing %s: whose it is cannot be told any more, and at "
					"such a name it then stays",
					e->name.text);
	}
	return cli_fail("removing %s: the gateway does not take its own record handle",
			e->name.text);
}

int hook_remove(struct hook_gateway *g, const struct dns_name *name, struct bytes value)
{
	struct hook_entry e cleanup(hook_entry_done) = HOOK_ENTRY_INIT;
	bool there = false;
	int status = begin(g, &e, name, value, &there);

	if (status != CLI_OK)
		return status;
	/* Clients clean up after an add that was refused, too. */
	return there ? remove_entry(g, &e) : forget(g, &e);
}

/* ---- all that there are ---- */

/* Call FN with each entry of this configuration, loaded, and with those of which there is a left-over file only, which have no name. */
static int each_entry(struct hook_gateway *g,
		      int (*fn)(struct hook_gateway *g, struct hook_entry *e, void *arg), void *arg)
{
	struct buf ids cleanup(buf_done) = BUF_INIT(16 * 1024 * 1024);
	int r = hook_state_list(g->state, &ids), worst = CLI_OK;
	struct bytes list = buf_bytes(&ids), id;

	if (r < 0)
		return say_state(g, r);
	while (plist_next(&list, &id)) {
		struct hook_entry e cleanup(hook_entry_done) = HOOK_ENTRY_INIT;
		int status = CLI_OK;

		if (bytes_to_str(id, e.id, sizeof(e.id)) < 0)
			continue;
		r = hook_entry_load(g->state, g->settings, &e);
		if (r < 0)
			status = say_state(g, r);
		else if (r == HOOK_E_BAD)
			status = cli_fail("%s/%s.json: is none of ours", g->state->path, e.id);
		else if (r == 0 || r == HOOK_E_NONE)
			status = fn(g, &e, arg);
		if (status != CLI_OK)
			worst = status;
	}
	return worst;
}

struct found {
	const struct dns_name *name;
	struct buf *ids;
};

static int find_one(struct hook_gateway *g, struct hook_entry *e, void *arg)
{
	const struct found *f = arg;
	int64_t written;

	if (dns_name_eq(&e->name, f->name) && hook_entry_time(g->state, e, &written) == 0 &&
	    written > clock_usec() - RECENT_USEC)
		plist_put(f->ids, bytes_str(e->id));
	return CLI_OK;
}

void hook_find(struct hook_gateway *g, const struct dns_name *name, struct buf *ids)
{
	(void)each_entry(g, find_one, &(struct found){name, ids});
}

/* Is there such an entry, from before BEFORE? 0 or -errno. */
static int is_old(const struct hook_gateway *g, const struct hook_entry *e, int64_t before,
		  bool *out)
{
	int64_t written;
	int r = hook_entry_time(g->state, e, &written);

	*out = r == 0 && written < before;
	return r == -ENOENT ? 0 : r;
}

/* What was loaded before the lock was taken may be another by now. */
static int sweep_locked(struct hook_gateway *g, struct hook_entry *e, int64_t before)
{
	int r = hook_entry_load(g->state, g->settings, e), status;
	bool old = false;

	if (r == HOOK_E_NONE)
		return forget(g, e);
	if (r == 0)
		r = is_old(g, e, before, &old);
	if (r != 0)
		return r < 0 ? say_state(g, r) : CLI_FAILED;
	if (!old)
		return CLI_OK;
	status = remove_entry(g, e);
	if (status == CLI_OK)
		printf("removed %s\n", e->name.text);
	else
		cli_fail("%s/%s.json stays; delete it when the record is gone", g->state->path,
			 e->id);
	return status;
}

static int sweep_one(struct hook_gateway *g, struct hook_entry *e, void *arg)
{
	const int64_t *before = arg;
	bool old = true;
	int r = e->name.labels ? is_old(g, e, *before, &old) : 0;

	if (r == 0 && !old)
		return CLI_OK;
	if (r == 0)
		r = hook_entry_lock(g->state, e, false);
	if (r == HOOK_E_BUSY)
		return CLI_OK; /* another hook is at it */
	return r < 0 ? say_state(g, r) : sweep_locked(g, e, *before);
}

int hook_sweep(struct hook_gateway *g, int64_t before)
{
	return each_entry(g, sweep_one, &before);
}

/* ---- wait ---- */

/* A server that does not show it: what an administrator would ask next. */
static void put_lagging(struct buf *why, const json_t *answer)
{
	const json_t *servers = json_at(answer, "servers"), *server;
	size_t i;

	if (!json_array_size(servers))
		buf_puts(why, "DNS names no servers for the zone");
	json_array_foreach(servers, i, server)
	{
		struct bytes address = json_get_bytes(server, "address");
		struct bytes problem = json_get_bytes(server, "problem");

		if (json_is_true(json_at(server, "visible")))
			continue;
		client_put_printable(why, json_get_bytes(server, "name"));
		if (address.n)
			buf_putc(why, ' ');
		client_put_printable(why, address);
		buf_puts(why, ": ");
		client_put_printable(why, problem.n ? problem : BYTES("has not got it"));
		return;
	}
}

/* Ask once, for REST microseconds at most. Not seen is also what cannot be asked at the moment; WHY says which. An exit status. */
static int look(struct hook_gateway *g, struct hook_entry *e, int64_t rest, bool *seen)
{
	struct hook_answer answer cleanup(hook_answer_done) = {0};
	struct bytes handle = newest_handle(e);
	json_t *fields cleanup(json_cleanup) =
		json_pack("{s:o}", "record_handle", json_from_bytes(handle));
	int64_t ms = rest / 1000 + 1;
	int status;

	if (!fields)
		return cli_fail("out of memory");
	status = hook_ask_once(g, "check_record", fields,
			       ms < CLIENT_TIMEOUT_MS ? (long)ms : CLIENT_TIMEOUT_MS, &answer);
	*seen = status == CLI_OK && json_is_true(json_at(answer.json, "visible"));
	if (status == CLI_OK && !*seen)
		put_lagging(&g->why, answer.json);
	if (status == CLI_OK || status == CLI_NOT_REACHED || answer.status == 429 ||
	    answer.status >= 500)
		return CLI_OK;
	if (answer.status == 404)
		return cli_fail("checking %s: this gateway has no check_record: do without --wait",
				e->name.text);
	return say(g, status, "checking", &e->name);
}

/* Until E is seen, or END. An exit status. */
static int wait_for(struct hook_gateway *g, struct hook_entry *e, int64_t end, bool *seen)
{
	int64_t pause = POLL_FIRST;

	buf_reset(&g->why);
	buf_puts(&g->why, "there was no time to ask");
	for (;;) {
		int64_t rest = end - steady_usec();
		int status = rest > 0 ? look(g, e, rest, seen) : CLI_OK;

		rest = end - steady_usec();
		if (status != CLI_OK || *seen || rest <= 0)
			return status;
		hook_pause(pause < rest ? pause : rest);
		pause = pause * 2 < POLL_LONGEST ? pause * 2 : POLL_LONGEST;
	}
}

int hook_wait(struct hook_gateway *g, struct bytes ids)
{
	int64_t end = steady_usec() + (int64_t)g->settings->wait * 1000000;
	struct bytes id;

	/* One after the other: while the first is waited for, the others are on their way, too. */
	while (plist_next(&ids, &id)) {
		struct hook_entry e cleanup(hook_entry_done) = HOOK_ENTRY_INIT;
		bool seen = false;
		int status;

		if (bytes_to_str(id, e.id, sizeof(e.id)) < 0 ||
		    hook_entry_load(g->state, g->settings, &e) != 0 || !e.handles.n)
			continue; /* removed meanwhile */
		status = wait_for(g, &e, end, &seen);
		if (status != CLI_OK)
			return status;
		if (!seen) {
			cli_fail("%s: not at all name servers after %u seconds: %.*s", e.name.text,
				 g->settings->wait, (int)g->why.n, (const char *)g->why.p);
			return CLI_OK; /* the authority looks itself */
		}
	}
	return CLI_OK;
}
