/* SPDX-License-Identifier: ISC */
/* What the vault cannot go on after: it ends, before anything is told to anybody, and the supervisor starts another. */
#include "vault_words.h"

FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, malloc, (size_t n), (n))
FAULT(void *, NULL, sodium_malloc, (size_t n), (n))
FAULT(int, -ENOMEM, loop_timer_set, (struct loop * l, struct loop_timer *t, int64_t ms), (l, t, ms))
FAULT(int, -1, crypto_secretbox_easy,
      (unsigned char *c, const unsigned char *m, unsigned long long n, const unsigned char *nonce,
       const unsigned char *k),
      (c, m, n, nonce, k))
FAULT(int, -1, crypto_secretbox_open_easy,
      (unsigned char *m, const unsigned char *c, unsigned long long n, const unsigned char *nonce,
       const unsigned char *k),
      (m, c, n, nonce, k))
FAULT(int, DNS_E_NAME, dns_name_parse, (struct dns_name * out, struct bytes in), (out, in))
FAULT(int, -EBADMSG, wire_decode, (const struct wire_msg *m, struct bytes *in, void *out),
      (m, in, out))

/* ---- configuration ---- */

static void no_locked_memory_for_keys(void)
{
	fault_set("sodium_malloc", 0, ENOMEM);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

static void no_memory_for_targets(void)
{
	fault_set("malloc", 0, ENOMEM);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

static void no_memory_for_authorities(void)
{
	fault_set("malloc", 1, ENOMEM);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

static void too_much_of_providers(void)
{
	struct bytes fields = {0};

	rig_put(&fields, rig_long(16000, 'x'));
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	for (unsigned n = 0; n < 17; n++)
		say(PROC_SUPERVISOR, s_provider, .provider = BYTES("desec"), .fields = fields);
	configure_end();
}

static void too_many_callers(void)
{
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED); /* tells one */
	for (unsigned n = 0; n < VAULT_CALLERS_MAX; n++)
		say(PROC_SUPERVISOR, s_caller, .name = rig_text("c#", n));
	configure_end();
}

static void name_of_a_caller_too_long(void)
{
	const struct s_caller m = {.name = rig_long(IPC_CALLER_MAX + 1, 'a')};

	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	turn();
	rig.role.ops->control(&rig.role, MSG_s_caller, &m, -1);
}

static void too_much_is_denied(void)
{
	struct bytes ids = rig_long(IPC_PIECE_MAX, 'i');

	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	for (unsigned n = 0; n <= DENY_MAX * INTEGRATION_ID_BYTES / IPC_PIECE_MAX; n++)
		say(PROC_SUPERVISOR, s_deny, .ids = ids);
	configure_end();
}

/* ---- limits ---- */

/* One call of a caller who may make one a second; then NAME fails, at the SKIPth time, for the next. */
static void limited(const char *name, unsigned skip)
{
	const struct caller_rules rules = {.name = "backend", .rate = 1, .burst = 1, .zones = 1};
	struct call c = {.rules = rules};

	assert_int_equal(limit_caller(&rules), 0);
	assert_int_equal(dns_name_parse(&c.zone, BYTES(ZONE)), 0);
	fault_set(name, skip, ENOMEM);
	assert_int_equal(limit_caller(&rules), 1);
	assert_int_equal(limit_zone(&c), 0);
}

static void no_timer_for_refusals(void)
{
	limited("loop_timer_set", 0);
}

static void no_memory_for_a_zone(void)
{
	limited("calloc", 0);
}

static void no_memory_for_zones(void)
{
	limited("calloc", 1);
}

static void no_memory_for_a_limit(void)
{
	fault_set("calloc", 0, ENOMEM);
	limited("none", 0);
}

static void no_memory_for_limits(void)
{
	fault_set("calloc", 1, ENOMEM);
	limited("none", 0);
}

static void under_way(unsigned skip)
{
	struct call c = {.rules = {.name = "backend", .in_flight = 1}};

	fault_set("calloc", skip, ENOMEM);
	assert_int_equal(limit_under_way(&c), 0);
}

static void no_memory_for_a_caller(void)
{
	under_way(0);
}

static void no_memory_for_callers(void)
{
	under_way(1);
}

/* So many are begun that the front is to wait, and nothing would let it go on. */
static void no_timer_for_a_hold(void)
{
	struct call c = {.provider = provider_by_name(BYTES("cloudflare"))};

	vault.calls.n = ROLE_CALLS_MANY + 1;
	fault_set("loop_timer_set", 0, ENOMEM);
	for (unsigned n = 0; n < ROLE_CALLS_MANY; n++)
		(void)limit_opening(&c);
}

/* ---- lanes ---- */

/* The one at the head is over, and the next one's turn does not come. */
static void no_turn_for_the_next(void)
{
	struct integration i = desec();
	uint64_t id = add_until_change(1, &i);

	ask_add(2, handle_of(&i));
	given(0);
	zone_is(0, ZONE, ZONE);
	turn();
	fault_set("loop_timer_set", 0, ENOMEM);
	say(PROC_PLANNER, pv_result, .call = id, .changed = 1);
	turn();
}

/* ---- lines ---- */

/* An outcome that the log has not taken. */
static void keep_an_outcome(void)
{
	struct integration i = cloudflare();

	written(add_is_done(add_until_change(1, &i), 0), false);
}

static void kept_line_is_broken(void)
{
	keep_an_outcome();
	fault_set("wire_decode", 0, EBADMSG);
	lines_again();
}

static void no_memory_for_live_calls(void)
{
	keep_an_outcome();
	fault_set("malloc", 0, ENOMEM);
	lines_greet();
}

static void no_memory_when_scribe_is_lost(void)
{
	keep_an_outcome();
	fault_set("calloc", 0, ENOMEM);
	lines_lost();
}

/* ---- what was renewed ---- */

static const unsigned char id[INTEGRATION_ID_BYTES] = "integration-id-";

static void no_locked_memory_for_renewed(void)
{
	fault_set("sodium_malloc", 0, ENOMEM);
	fresh_rotated(id, list_of(CREDENTIALS_RENEWED "|1"));
}

static void renewed_does_not_open(void)
{
	struct call c = {.integration = integration_of("digitalocean", "token|old")};

	fresh_rotated(id, list_of(CREDENTIALS_RENEWED "|1"));
	fault_set("crypto_secretbox_open_easy", 0, EINVAL);
	fresh_look(&c);
}

/* ---- handles ---- */

/* A handle that opened cannot hold such a name; if it does, something is broken here. */
static void name_in_handle_is_none(void)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);

	ask_remove(1, handle_of(&i), record_handle_of(&r));
	fault_set("dns_name_parse", 2, 0); /* two, when it is opened, are good */
	turn();
}

/* One of its own: what one that ended left in its sockets is not for the next. */
static void in_a_vault(void *arg)
{
	if (rig_setup(NULL) < 0)
		_exit(2);
	(*(void (*const *)(void))arg)();
}

static void test_ends(void **state)
{
	void (*const cases[])(void) = {
		no_locked_memory_for_keys,    no_memory_for_targets,
		no_memory_for_authorities,    too_much_of_providers,
		no_turn_for_the_next,	      kept_line_is_broken,
		no_memory_for_live_calls,     no_memory_when_scribe_is_lost,
		no_locked_memory_for_renewed, renewed_does_not_open,
		name_in_handle_is_none,	      too_many_callers,
		name_of_a_caller_too_long,    too_much_is_denied,
		no_timer_for_refusals,	      no_memory_for_a_zone,
		no_memory_for_zones,	      no_memory_for_a_limit,
		no_memory_for_limits,	      no_memory_for_a_caller,
		no_memory_for_callers,	      no_timer_for_a_hold,
	};

	for (size_t n = 0; n < ARRAY_LEN(cases); n++)
		assert_fatal(in_a_vault, (void *)&cases[n]);
}

/* Where it cannot be kept as nobody may read it, it is not kept: the old credential goes on. */
static void test_renewed_is_not_sealed(void **state)
{
	struct integration i = integration_of("digitalocean", "token|old");
	struct call c = {.integration = i};

	assert_int_equal(rig_setup(state), 0);
	fault_set("crypto_secretbox_easy", 0, EINVAL);
	fresh_rotated(id, list_of(CREDENTIALS_RENEWED "|1"));
	assert_true(fault_met());
	assert_int_equal(vault.newest.n, 0);
	fresh_look(&c);
	assert_false(c.fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ends, fault_no_child),
		rig_test(test_renewed_is_not_sealed),
	};

	return cmocka_run_group_tests_name("vault_faults", tests, NULL, vault_end);
}
