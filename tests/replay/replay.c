/* SPDX-License-Identifier: ISC */
/*
 * replay PROVIDER FILE…: feeds recorded answers to the provider's parses and prints what each makes of it, a line an exchange:
 *
 *	zones ok 3			so many zones that we may change
 *	add ok				(or look, remove… : the exchange's name in the table)
 *	add error provider_auth_failed
 *	add restart			somebody interfered, or it may be done already: look again
 *	login ok			a credential was traded for something short-lived
 *	unmatched GET /v2/account	nothing in the table has that method and path
 *
 * Exit status: 0; 1 when a file could not be read whole; 2 for a wrong command line.
 */
#include "base/xml.h"
#include "match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the exchange was about, as far as it can be told ---- */

/* The longest name with a dot among the query's values and the path's segments. */
static struct dns_name guess_name(const struct recording *r)
{
	struct bytes list = buf_bytes(&r->query), key, value;
	struct dns_name best, n;

	if (dns_name_parse(&best, BYTES("a.example")) != 0)
		abort();
	for (bool found = false; plist_next(&list, &key) && plist_next(&list, &value);)
		if (memchr(value.p, '.', value.n) && dns_name_parse(&n, value) == 0 &&
		    (!found || n.len > best.len)) {
			best = n;
			found = true;
		}
	return best;
}

static void set_up(struct engine *e, const struct provider *p, const struct match *m,
		   const struct recording *r)
{
	struct bytes list = buf_bytes(&r->query), type = m->type;
	struct dns_name zone, name = guess_name(r);

	engine_init(e, p, (enum op_kind)(m->number / PROVIDER_STEPS_MAX));
	e->op.step = (unsigned)m->number % PROVIDER_STEPS_MAX;
	e->op.value = BYTES("value");
	e->op.fqdn = e->op.zone = name;
	if (dns_name_parse(&zone, m->zone) == 0 && zone.len > 0) {
		e->op.zone = zone;
		if (!dns_name_within(&name, &zone))
			e->op.fqdn = zone;
	}
	if (!type.n)
		(void)plist_get(list, "type", &type);
	e->op.type = rr_type_parse(type);
	if (e->op.type == RR_NONE)
		e->op.type = RR_TXT;
}

/* ---- results ---- */

static void print_bytes(struct bytes text)
{
	for (size_t i = 0; i < text.n; i++)
		putchar(text.p[i] > 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
}

static void print_result(const struct exchange *x, const struct op *op)
{
	if (op->error != CODE_OK)
		printf("%s error %s\n", x->name, code_text(op->error));
	else if (op->restarts)
		printf("%s restart\n", x->name);
	else if (strcmp(x->name, "zones") == 0 || op->zone_count)
		printf("%s ok %zu\n", x->name, op->zone_count);
	else
		printf("%s ok\n", x->name);
}

static int replay_exchange(const struct provider *p, const struct match *m, struct recording *r)
{
	struct engine e;
	int failed;

	set_up(&e, p, m, r);
	failed = engine_feed(&e, &r->answer);
	if (failed == 0)
		print_result(provider_exchange(p, (unsigned)m->number), &e.op);
	engine_done(&e);
	return failed;
}

static int replay_login(const struct provider *p, const struct login *login, struct recording *r)
{
	struct buf fields = BUF_INIT(PROVIDER_BODY_MAX);
	char detail[PROVIDER_DETAIL_MAX + 1];
	json_t *json cleanup(json_cleanup) = NULL;
	int64_t expires;
	enum code code;
	int failed = login->xml ? xml_parse(r->answer.body, PROVIDER_JSON_DEPTH, &json)
				: json_parse(r->answer.body, PROVIDER_JSON_DEPTH, &json, NULL, 0);

	if (failed < 0)
		return failed;
	r->answer.json = json;
	code = login_read(p, login, bytes_of(NULL, 0), 0, &r->answer, &fields, &expires, detail);
	printf(code == CODE_OK ? "login ok\n" : "login error %s\n", code_text(code));
	buf_done(&fields);
	return 0;
}

/* ---- files ---- */

static int replay_one(const struct provider *p, const json_t *o)
{
	struct recording r;
	struct match m;
	int failed = 0;

	recording_read(&r, p, o);
	if (!match_find(p, &r, json_get_bytes(o, "request_body"), &m)) {
		printf("unmatched ");
		print_bytes(r.method.n ? r.method : BYTES("?"));
		putchar(' ');
		print_bytes(r.path.n ? buf_bytes(&r.path) : BYTES("/"));
		putchar('\n');
	} else {
		failed = m.login ? replay_login(p, m.login, &r) : replay_exchange(p, &m, &r);
	}
	recording_done(&r);
	return failed;
}

static int fail(const char *file, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "replay: %s: %s\n", file, what);
	return 1;
}

static int replay_file(const struct provider *p, const char *file)
{
	json_error_t error;
	json_t *all cleanup(json_cleanup) = json_load_file(file, JSON_ALLOW_NUL, &error), *o;
	int failed = 0;
	size_t i;

	if (!all)
		return fail(file, error.text);
	if (json_is_object(all) && json_object_get(all, "method"))
		return replay_one(p, all) ? fail(file, "out of memory") : 0;
	if (!json_is_array(all))
		return fail(file, "not a list of recorded exchanges");
	json_array_foreach(all, i, o)
	{
		if (!json_is_string(json_object_get(o, "method")) ||
		    !json_is_string(json_object_get(o, "uri")))
			failed = failed ? failed
					: fail(file,
					       "has something in its list that is no exchange");
		else if (replay_one(p, o) != 0)
			return fail(file, "out of memory");
	}
	return failed;
}

int main(int argc, char **argv)
{
	const struct provider *p = argc > 2 ? provider_by_name(bytes_str(argv[1])) : NULL;
	int failed = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: replay PROVIDER FILE...\n");
		return 2;
	}
	if (!p) {
		fprintf(stderr, "replay: there is no provider of that name; there are:");
		for (size_t i = 0; providers[i]; i++)
			fprintf(stderr, " %s", providers[i]->name);
		fprintf(stderr, "\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		failed |= replay_file(p, argv[i]);
	return failed;
}
