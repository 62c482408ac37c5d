/* SPDX-License-Identifier: ISC */
/* The vault's life: what it is configured with and when that holds, whom it tells that it can serve, who is blamed, and how it ends. Each test begins where the one before it left the vault. */
#include "vault_words.h"

#include <sys/socket.h>

/* ---- before it serves ---- */

/* The number that the next descriptor would have. */
static int next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* What comes before s_vault belongs to nothing; descriptors are not for it. */
static void test_configured(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct s_vault m = {.policy_default = POLICY_STRICT, .call_ms = 1};
	const struct s_root_key none = {.state = KEY_ACTIVE};
	struct vault_config *was = vault.config;

	configure_key();
	say(PROC_SUPERVISOR, s_provider, .provider = BYTES("desec"));
	say(PROC_SUPERVISOR, s_address, .family = 4);
	configure_end();
	assert_ptr_equal(vault.config, was);
	assert_int_equal(vault.config->keys.n, 0);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_vault, &m, fd);
	close(fd);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_root_key, &none, -1); /* all zeros */
	turn();
	assert_int_equal(next_fd(), fd); /* the vault closed its copy */
	assert_int_equal(vault.next_config->keys.n, 0);
	/* nothing holds before s_apply, and what was not applied is gone with the next s_vault */
	assert_ptr_equal(vault.config, was);
	configure(POLICY_GUARDED, POLICY_STRICT);
	assert_int_equal(vault.config->keys.n, 1);
	assert_int_equal(vault.config->policy.loosest, POLICY_GUARDED);
	assert_int_equal(vault.config->policy_default, POLICY_STRICT);
	assert_int_equal(vault.config->call_ms, RIG_CALLS);
	assert_true(plist_has(vault.config->policy.targets, BYTES("acme-dns.example")));
	assert_true(plist_has(vault.config->policy.authorities, BYTES("ca.example")));
	assert_null(vault.next_config);
}

/* The front is told what is missing, one thing after the other, and each once. */
static void test_status(void **state)
{
	connect_to(PROC_FRONT);
	expect_status(false, "the scribe starts");
	scribe_comes();
	expect_status(false, "a role restarts");
	for (enum proc p = PROC_PLANNER; p < PROC_COUNT; p++)
		connect_to(p);
	expect_status(true, "");
	say(PROC_SUPERVISOR, s_start, 0);
	hear(PROC_SUPERVISOR, r_ready);
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	configure_end();
	expect_status(false, "no root key");
	configure(POLICY_ARTICLE, POLICY_GUARDED);
	expect_status(true, "");
	connect_to(PROC_FRONT);
	expect_status(true, ""); /* a new one knows nothing */
}

/* ---- who is gone, who is bad ---- */

static void test_gone(void **state)
{
	for (enum proc p = PROC_PLANNER; p <= PROC_COURIER_SELF; p++) {
		disconnect(p);
		expect_status(false, "a role restarts");
		connect_to(p);
		expect_status(true, "");
	}
	connect_to(PROC_PLANNER); /* in place of one that is still there */
	expect_status(false, "a role restarts");
	expect_status(true, "");
}

/* What is no message of that edge ends who said it, and nobody else. */
static void test_bad(void **state)
{
	static const enum proc peers[] = {PROC_FRONT,	PROC_SCRIBE,	   PROC_PLANNER,
					  PROC_COURIER, PROC_PLANNER_SELF, PROC_COURIER_SELF,
					  PROC_RESOLVER};

	for (size_t n = 0; n < ARRAY_LEN(peers); n++) {
		enum proc p = peers[n];

		assert_int_equal(send(rig.ends[p].watch.fd, "\xff\xff", 2, 0), 2);
		expect_denounced(p);
		if (p == PROC_SCRIBE) {
			expect_status(false, "the scribe restarts");
			scribe_comes();
		} else {
			if (p != PROC_FRONT && p != PROC_RESOLVER)
				expect_status(false, "a role restarts");
			connect_to(p);
		}
		if (p != PROC_RESOLVER) /* without it the rest is served */
			expect_status(true, "");
	}
}

/* Who asked is gone: the change goes on to its end, and the next front hears nothing of it. */
static void test_front_gone(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = add_until_change(1, &i);

	connect_to(PROC_FRONT);
	expect_status(true, "");
	say(PROC_PLANNER, pv_result, .call = id, .changed = 1);
	expect_let_go(0);
	logged("add_record.outcome", "ok");
}

/* ---- answers that cannot be sealed ---- */

static void expect_unsealed(uint64_t n)
{
	logged("rewrap_handle.outcome", "ok");
	expect_error(n, CODE_OVERLOADED, "", "the handle cannot be sealed now; try again");
}

static void test_no_active_key(void **state)
{
	struct integration i = cloudflare();
	struct s_root_key m = {.state = KEY_OPEN_ONLY};
	struct cv_rotated rotated = {.fields = list_of(CREDENTIALS_RENEWED "|1|token|new")};
	uint64_t id;

	memcpy(m.secret, rig_root, sizeof(m.secret));
	configure_begin(POLICY_ARTICLE, POLICY_GUARDED);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_root_key, &m, -1);
	configure_end();
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(1), .handle = handle_of(&i));
	expect_unsealed(1);
	/* a renewed one cannot be given out either, and the answer comes without */
	i = integration_of("digitalocean", "token|old");
	i.id[0] = 'x';
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(2), .handle = handle_of(&i));
	id = given(0);
	expect_op(0, OP_ZONES);
	memcpy(rotated.integration, i.id, sizeof(rotated.integration));
	channel_send_fd(&rig.ends[PROC_COURIER], MSG_cv_rotated, &rotated, -1);
	turn();
	say(PROC_PLANNER, pv_result, .call = id);
	expect_let_go(0);
	logged("get_zones.outcome", "ok");
	hear(PROC_FRONT, vf_zones_end);
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

/* As many names as a handle takes, and as long as they can be, beside a long credential. */
static void test_handle_too_long(void **state)
{
	static const char label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct bytes fields = list_of("access_key_id|AKIA000011112222|secret_access_key|"
				      "0123456789012345678901234567890123456789|session_token"),
		     zones = {0};
	char name[DNS_NAME_MAX + 1];

	rig_put(&fields, rig_long(4096, 's'));
	for (unsigned n = 0; n < HANDLE_ZONES_MAX; n++) {
		snprintf(name, sizeof(name), "%09u.%s.%s.%s.%s", n, label, label, label, label);
		rig_put(&zones, bytes_str(name));
	}
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(1), .provider = BYTES("route53"),
	    .credentials = fields, .zones = zones, .policy = IPC_POLICY_DEFAULT);
	logged("make_integration.outcome", "ok");
	expect_error(1, CODE_INVALID_REQUEST, "", "the handle would be too long");
}

/* No verb of ours is without an answer; what is none gets none. */
static void test_no_verb(void **state)
{
	struct call c = {.verb = VERB_COUNT, .front_epoch = vault.front_epoch};

	answer(&c);
	c.verb = (enum verb)(VERB_COUNT + 1);
	answer(&c);
	assert_silence();
}

/* ---- the end ---- */

/* What is in flight is finished, and its lines are written, as long as they can be; nothing new begins. */
static void test_stop(void **state)
{
	struct integration i = cloudflare();
	uint64_t id = add_until_change(1, &i);
	const struct vs_line *line;

	rig.stopped = false;
	say(PROC_SUPERVISOR, s_stop, 0);
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(2), .handle = handle_of(&i));
	expect_error(2, CODE_OVERLOADED, "", "too many calls in flight");
	assert_false(rig.stopped);
	line = add_is_done(id, 0);
	assert_silence();
	assert_false(rig.stopped);
	assert_int_equal(vault.config->keys.n, 1);
	/* a scribe that cannot write is not waited for */
	say(PROC_SCRIBE, sv_status, .writable = 0);
	turn();
	assert_true(rig.stopped);
	assert_int_equal(vault.config->keys.n, 0);
	assert_true(sodium_is_zero((const unsigned char *)vault.config->keys.keys,
				   sizeof(vault.config->keys.keys)));
	written(line, true);
	expect_status(false, "the scribe starts");
	rig.stopped = false;
	say(PROC_SCRIBE, sv_status, .writable = 1);
	turn();
	assert_true(rig.stopped);
	expect_status(false, "no root key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_configured),
		rig_test(test_status),
		rig_test(test_gone),
		rig_test(test_bad),
		rig_test(test_front_gone),
		rig_test(test_no_active_key),
		rig_test(test_handle_too_long),
		rig_test(test_no_verb),
		rig_test(test_stop),
	};

	return cmocka_run_group_tests_name("vault_edges", tests, rig_begin, vault_end);
}
