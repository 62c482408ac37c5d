/* SPDX-License-Identifier: ISC */
/*
 * The vault when memory runs out, or something else that never fails does: in calls from end to end each allocation in turn. Whatever it was, the vault ends, or the answer is the right one, or it
 * is "overloaded": never another refusal, never half an answer, never a change without its intent.
 */
#include "vault_words.h"

FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, malloc, (size_t n), (n))
FAULT(int, -ENOMEM, idmap_put, (struct idmap * m, struct idmap_node *node), (m, node))
FAULT(int, -ENOMEM, loop_timer_set, (struct loop * l, struct loop_timer *t, int64_t ms), (l, t, ms))

/* ---- everybody else, who does what he is asked ---- */

static struct {
	bool durable; /* the intent is */
	unsigned answers;
	uint16_t number; /* of the last answer */
	const void *answer;
	struct bytes zones, fresh;
	size_t replaced; /* records that the log has */
	bool renews;	 /* the courier's login gives new fields, once */
} world;

static int err = -1; /* standard error, which a child's is not */

/* In a child: there cmocka's own would be taken for another test's. */
#define check(is)                                                                                  \
	do {                                                                                       \
		if (!(is)) {                                                                       \
			dprintf(err, "line %d: not %s\n", __LINE__, #is);                          \
			_exit(2);                                                                  \
		}                                                                                  \
	} while (0)

static void courier_hears(enum proc p, uint16_t number, const void *msg)
{
	uint64_t call = *(const uint64_t *)msg;

	if (number == MSG_vc_trade) {
		say(p, cv_traded, .call = call,
		    .code = ((const struct vc_trade *)msg)->probe ? CODE_PROVIDER_AUTH_FAILED
								  : CODE_OK,
		    .fields = list_of("token|t1|refresh_token|r1"));
	} else if (number == MSG_vc_call || number == MSG_vc_change) {
		check(number == MSG_vc_call || world.durable);
	}
}

static void planner_hears(enum proc p, uint16_t number, const void *msg)
{
	const struct vp_op *op = msg;

	if (number != MSG_vp_op)
		return;
	if (world.renews) {
		struct cv_rotated m = {.call = op->call,
				       .integration = "integration-id-",
				       .fields = list_of(CREDENTIALS_RENEWED "|1|token|new")};

		channel_send_fd(&rig.ends[PROC_COURIER], MSG_cv_rotated, &m, -1);
		turn();
		world.renews = false;
	}
	if (op->op == OP_ZONES)
		say(p, pv_zones, .call = op->call, .zones = list_of(ZONE "|" ZONE "|b.example|2"));
	if (op->op == OP_ADD)
		say(p, pv_replaced, .call = op->call,
		    .lines = list_of("www 60 A 192.0.2.1|www 60 A 192.0.2.2"));
	turn();
	if (op->op == OP_FIND_ZONE)
		say(p, pv_result, .call = op->call, .zone = BYTES(ZONE), .zone_id = BYTES(ZONE));
	else if (op->op == OP_ZONES)
		say(p, pv_result, .call = op->call);
	else
		say(p, pv_result, .call = op->call, .changed = 1, .removed = op->op == OP_REMOVE,
		    .record_id = BYTES("record-1"));
}

static void resolver_hears(uint16_t number, const void *msg)
{
	uint64_t call = *(const uint64_t *)msg;

	if (number == MSG_vr_check) {
		say(PROC_RESOLVER, rv_server, .call = call, .name = BYTES("ns1.example.org"),
		    .address = BYTES("192.0.2.1"), .visible = 1);
		say(PROC_RESOLVER, rv_checked, .call = call, .visible = 1);
	} else if (number == MSG_vr_follow) {
		say(PROC_RESOLVER, rv_followed, .call = call, .fqdn = BYTES(FQDN));
	}
}

static void scribe_hears(uint16_t number, const void *msg)
{
	const struct vs_line *m = msg;
	struct sv_written answer = {.durable = 1, .seq = 41, .leaf = "leaf"};

	if (number != MSG_vs_line)
		return;
	world.durable = world.durable || bytes_find(m->event, BYTES(".intent")) < m->event.n;
	world.replaced += plist_count(m->replaced);
	if (bytes_is(m->event, "add_record.outcome") && bytes_is(m->result, "ok"))
		check(world.replaced == 2); /* on whatever lines */
	answer.token = m->token;
	channel_send_fd(&rig.ends[PROC_SCRIBE], MSG_sv_written, &answer, -1);
}

static void front_hears(uint16_t number, const void *msg)
{
	if (number == MSG_vf_zones) {
		world.zones = ((const struct vf_zones *)msg)->zones;
	} else if (number == MSG_vf_fresh) {
		world.fresh = ((const struct vf_fresh *)msg)->handle;
	} else if (number != MSG_vf_status) {
		world.answers++;
		world.number = number;
		world.answer = msg;
	}
}

static void hear_one(enum proc p)
{
	struct heard *h = rig.head[p];

	rig.head[p] = h->next;
	if (p == PROC_COURIER || p == PROC_COURIER_SELF)
		courier_hears(p, h->number, h->msg);
	else if (p == PROC_PLANNER || p == PROC_PLANNER_SELF)
		planner_hears(p, h->number, h->msg);
	else if (p == PROC_RESOLVER)
		resolver_hears(h->number, h->msg);
	else if (p == PROC_SCRIBE)
		scribe_hears(h->number, h->msg);
	else if (p == PROC_FRONT)
		front_hears(h->number, h->msg);
	else
		check(h->number != MSG_r_bad_peer); /* nobody is to blame */
}

/* Until nobody has anything to say. */
static void play(void)
{
	bool more = true;

	while (more) {
		turn();
		more = false;
		for (enum proc p = 0; p < PROC_COUNT; p++)
			for (; rig.head[p]; more = true)
				hear_one(p);
	}
}

/* ---- calls, and what their answers must say ---- */

struct scenario {
	void (*ask)(void); /* what is said to the vault, nothing of it heard yet */
	uint16_t answer;
	void (*answered)(const void *msg); /* NULL: nothing more is to be seen in it */
};

static struct bytes handles[4]; /* made before anything fails */

static void say_add(void)
{
	ask_add(1, handles[0]);
}

static void is_record(const void *msg)
{
	struct buf plain = BUF_INIT(RECORD_HANDLE_MAX);
	struct record r;

	check(record_open(rig_ring(), ((const struct vf_record *)msg)->handle, BYTES(CUSTOMER),
			  &plain, &r) == 0);
	check(bytes_is(r.provider_id, "record-1") && bytes_is(r.value, "proof"));
	check(bytes_is(r.zone_id, ZONE) && bytes_is(r.fqdn, FQDN) && r.log_index == 41);
	buf_done(&plain);
}

static void say_remove(void)
{
	ask_remove(1, handles[0], handles[1]);
}

static void is_removed(const void *msg)
{
	check(((const struct vf_removed *)msg)->removed == 1);
}

static void say_follow(void)
{
	say(PROC_FRONT, fv_add_record, FROM_FRONT(1), .handle = handles[0],
	    .fqdn = BYTES("_acme-challenge.alias." ZONE), .type = BYTES("TXT"),
	    .value = BYTES("proof"), .ttl = 60, .follow_cname = 1);
}

static void say_check(void)
{
	say(PROC_FRONT, fv_check_record, FROM_FRONT(1), .handle = handles[0],
	    .record_handle = handles[1]);
}

static void is_checked(const void *msg)
{
	const struct vf_checked *m = msg;

	check(m->visible && bytes_eq(m->servers, list_of("ns1.example.org|192.0.2.1|true||")));
}

static void say_zones(void)
{
	world.renews = true;
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(1), .handle = handles[2]);
}

/* The renewed credential may have been lost, and is not told then; half of it is not. */
static void are_zones(const void *msg)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;

	check(bytes_eq(world.zones, list_of(ZONE "|" ZONE "|b.example|2")));
	if (!world.fresh.n)
		return;
	check(integration_open(rig_ring(), world.fresh, BYTES(CUSTOMER), &plain, &i) == 0);
	check(bytes_is(credential(&i, "token"), "new"));
	buf_done(&plain);
}

static void say_inspect(void)
{
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(1), .handle = handles[1]);
}

static void is_handle(const void *msg)
{
	const struct vf_handle *m = msg;

	check(memcmp(m->key_id, rig_ring()->keys[0].id, KEY_ID_BYTES) == 0);
	check(bytes_is(m->value, "proof") && bytes_is(m->fqdn, FQDN));
}

static void say_rewrap(void)
{
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(1), .handle = handles[0]);
}

static void say_make(void)
{
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("powerdns"),
	    .credentials = list_of("url|https://dns.example|api_key|x"), .zones = list_of(ZONE),
	    .policy = IPC_POLICY_DEFAULT, .verify = 1);
}

static void is_made(const void *msg)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;

	check(integration_open(rig_ring(), ((const struct vf_integration *)msg)->handle,
			       BYTES(CUSTOMER), &plain, &i) == 0);
	check(plist_count(i.zones) == 1 && plist_count(i.credentials) == 6);
	buf_done(&plain);
}

static void say_begin(void)
{
	say(PROC_FRONT, fv_begin_integration, FROM_FRONT(1), .provider = BYTES("digitalocean"),
	    .redirect_uri = BYTES("https://app.example/"));
}

static void is_begun(const void *msg)
{
	const struct vf_setup *m = msg;

	check(m->authorize_url.n == 344);
	check(bytes_find(m->authorize_url, BYTES("&code_challenge_method=S256")) <
	      m->authorize_url.n);
}

static void say_begin_trust(void)
{
	say(PROC_FRONT, fv_begin_integration, FROM_FRONT(1), .provider = BYTES("route53"));
}

static void is_begun_trust(const void *msg)
{
	check(plist_count(((const struct vf_setup *)msg)->instructions) == 12);
}

static void say_code(void)
{
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("digitalocean"),
	    .credentials = list_of("code|the-code|state|"
				   "YSBzdGF0ZSBvZiBleGFjdGx5IDMyIGJ5dGVzLCB5ZXM"),
	    .policy = IPC_POLICY_DEFAULT, .verify = 1, .setup = handles[3]);
}

static void is_traded(const void *msg)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;

	check(integration_open(rig_ring(), ((const struct vf_integration *)msg)->handle,
			       BYTES(CUSTOMER), &plain, &i) == 0);
	check(bytes_is(credential(&i, "token"), "t1"));
	check(bytes_is(credential(&i, "refresh_token"), "r1"));
	buf_done(&plain);
}

static void say_role(void)
{
	struct bytes setup;

	setup = handles[2];
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("route53"),
	    .credentials = list_of("role_arn|arn:aws:iam::444455556666:role/dns"),
	    .policy = IPC_POLICY_DEFAULT, .verify = 1, .setup = setup);
}

/* ---- one call, something of which fails ---- */

/* Encoding is the test's too, into a buffer that grows: let it be as large as it gets. */
static int begin(void)
{
	if (rig_setup(NULL) < 0)
		return -1;
	say(PROC_SUPERVISOR, s_confine, .filter = rig_long(SANDBOX_FILTER_MAX, 'x'));
	turn();
	return 0;
}

static struct attempt {
	const struct scenario *s;
	const char *call;
	unsigned skip;
	bool twice; /* the next one fails too */
} attempt;

static void make_attempt(void *arg)
{
	const struct vf_error *error;
	bool met;

	/* One of its own: what one that ended left in its sockets is not for the next. */
	check(begin() == 0);
	attempt.s->ask();
	fault_set(attempt.call, attempt.skip, ENOMEM);
	if (attempt.twice)
		fault_set(attempt.call, 0, ENOMEM);
	play();
	met = !faults[0].name;
	(void)fault_met(); /* none fails from here on; the second of two need not have been met */
	if (!met)
		exit(77); /* so many calls there are not */
	check(world.answers == 1);
	check(vault.calls.n == 0 && vault.lines.n == 0 && vault.lanes.n == 0);
	error = world.answer;
	if (world.number == MSG_vf_error)
		check(error->code == CODE_OVERLOADED && error->field.n == 0);
	else
		check(world.number == attempt.s->answer);
	if (world.number == attempt.s->answer && attempt.s->answered)
		attempt.s->answered(world.answer);
}

/* Each call of CALL in turn fails. */
static void each_fails(const char *call, const struct scenario *s, bool twice)
{
	attempt = (struct attempt){s, call, 0, twice};
	for (;; attempt.skip++) {
		int status = end_of(make_attempt, NULL);

		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			break;
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			fail_msg("%s number %u: status %x", call, attempt.skip, (unsigned)status);
	}
	assert_true(attempt.skip > 0);
}

static void sweep(struct scenario s)
{
	static const char *const calls[] = {"malloc", "calloc", "idmap_put", "loop_timer_set"};

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		each_fails(calls[i], &s, false);
}

static void test_add(void **state)
{
	struct integration i = powerdns();

	handles[0] = handle_of(&i);
	sweep((struct scenario){say_add, MSG_vf_record, is_record});
	each_fails("malloc", &(struct scenario){say_add, MSG_vf_record, is_record}, true);
}

static void test_add_within_zones(void **state)
{
	struct integration i = cloudflare();

	i.zones = list_of(ZONE);
	handles[0] = handle_of(&i);
	sweep((struct scenario){say_add, MSG_vf_record, is_record});
}

static void test_remove(void **state)
{
	struct integration i = powerdns();
	struct record r = record_of(&i);

	handles[0] = handle_of(&i);
	handles[1] = record_handle_of(&r);
	sweep((struct scenario){say_remove, MSG_vf_removed, is_removed});
}

static void test_follow(void **state)
{
	struct integration i = powerdns();

	handles[0] = handle_of(&i);
	sweep((struct scenario){say_follow, MSG_vf_record, is_record});
}

static void test_check(void **state)
{
	struct integration i = powerdns();
	struct record r = record_of(&i);

	handles[0] = handle_of(&i);
	handles[1] = record_handle_of(&r);
	sweep((struct scenario){say_check, MSG_vf_checked, is_checked});
}

static void test_zones(void **state)
{
	struct integration i = integration_of("digitalocean", "token|old");

	handles[2] = handle_of(&i);
	sweep((struct scenario){say_zones, MSG_vf_zones_end, are_zones});
}

static void test_inspect_and_rewrap(void **state)
{
	struct integration i = powerdns();
	struct record r = record_of(&i);

	handles[0] = handle_of(&i);
	handles[1] = record_handle_of(&r);
	sweep((struct scenario){say_inspect, MSG_vf_handle, is_handle});
	sweep((struct scenario){say_rewrap, MSG_vf_rewrapped, NULL});
}

static void test_make(void **state)
{
	sweep((struct scenario){say_make, MSG_vf_integration, is_made});
}

static void test_begin(void **state)
{
	sweep((struct scenario){say_begin, MSG_vf_setup, is_begun});
	sweep((struct scenario){say_begin_trust, MSG_vf_setup, is_begun_trust});
}

static void test_code(void **state)
{
	struct setup s = {.id = "integration-id-",
			  .customer = BYTES(CUSTOMER),
			  .provider = BYTES("digitalocean"),
			  .created = RIG_NOW,
			  .expires = RIG_NOW + 900,
			  .state = BYTES("a state of exactly 32 bytes, yes"),
			  .verifier = BYTES("a-verifier-of-forty-three-characters-or-more"),
			  .redirect_uri = BYTES("https://app.example/")};

	handles[3] = setup_handle_of(&s);
	sweep((struct scenario){say_code, MSG_vf_integration, is_traded});
}

static void test_role(void **state)
{
	struct setup s = {.id = "integration-id-",
			  .customer = BYTES(CUSTOMER),
			  .provider = BYTES("route53"),
			  .way = SETUP_DELEGATED,
			  .created = RIG_NOW,
			  .expires = RIG_NOW + 900,
			  .external_id = BYTES("0123456789abcdef")};

	handles[2] = setup_handle_of(&s);
	sweep((struct scenario){say_role, MSG_vf_integration, NULL});
}

static int setup(void **state)
{
	err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return sodium_init() < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_add, fault_no_child),
		cmocka_unit_test_teardown(test_add_within_zones, fault_no_child),
		cmocka_unit_test_teardown(test_remove, fault_no_child),
		cmocka_unit_test_teardown(test_follow, fault_no_child),
		cmocka_unit_test_teardown(test_check, fault_no_child),
		cmocka_unit_test_teardown(test_zones, fault_no_child),
		cmocka_unit_test_teardown(test_inspect_and_rewrap, fault_no_child),
		cmocka_unit_test_teardown(test_make, fault_no_child),
		cmocka_unit_test_teardown(test_begin, fault_no_child),
		cmocka_unit_test_teardown(test_code, fault_no_child),
		cmocka_unit_test_teardown(test_role, fault_no_child),
	};

	return cmocka_run_group_tests_name("vault_memory", tests, setup, NULL);
}
