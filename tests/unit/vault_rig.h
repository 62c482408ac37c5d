/* SPDX-License-Identifier: ISC */
#pragma once

/* The vault, on role_rig.h: it is configured, and everybody is there. */
#include "role_rig.h"

#include "role/vault.h"

#define RIG_CALLS 30000 /* ms that a call may take */
#define CUSTOMER  "acme"
#define FQDN	  "_acme-challenge.www.example.org"
#define ZONE	  "example.org"

static const unsigned char rig_root[ROOT_KEY_BYTES] = "root key A, thirty-two bytes lon";

static inline void expect_status(bool ready, const char *reason)
{
	const struct vf_status *m = hear(PROC_FRONT, vf_status);

	assert_int_equal(m->ready, ready);
	assert_bytes(m->reason, reason);
}

/* What s_apply ends. */
static inline void configure_begin(enum policy_profile loosest, enum policy_profile preset)
{
	say(PROC_SUPERVISOR, s_vault, .policy_loosest = (uint8_t)loosest,
	    .policy_default = (uint8_t)preset, .targets = list_of("acme-dns.example"),
	    .authorities = list_of("ca.example"), .call_ms = RIG_CALLS);
	say(PROC_SUPERVISOR, s_caller, .name = BYTES("backend"), .providers = UINT64_MAX);
}

static inline void configure_key(void)
{
	struct s_root_key m = {.state = KEY_ACTIVE};

	memcpy(m.secret, rig_root, sizeof(m.secret));
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_root_key, &m, -1);
}

static inline void configure_end(void)
{
	say(PROC_SUPERVISOR, s_apply, 0);
	turn();
}

static inline void configure(enum policy_profile loosest, enum policy_profile preset)
{
	configure_begin(loosest, preset);
	configure_key();
	say(PROC_SUPERVISOR, s_provider, .provider = BYTES("digitalocean"),
	    .fields = list_of("client_id|our-client"));
	say(PROC_SUPERVISOR, s_provider, .provider = BYTES("dnsimple"),
	    .fields = list_of("client_id|our-client|.authorize|https://test.example/auth?x=1"));
	say(PROC_SUPERVISOR, s_provider, .provider = BYTES("route53"),
	    .fields = list_of("account_id|111122223333|access_key_id|AKIA|region|us-east-1"));
	configure_end();
}

/* The vault as it begins: nothing is told it yet. */
static inline int rig_begin(void **state)
{
	if (rig_begin_as(PROC_VAULT, &vault_ops) < 0)
		return -1;
	rig_init_end(PROC_FRONT, &edge_front_vault, SIDE_A);
	rig_init_end(PROC_SCRIBE, &edge_vault_scribe, SIDE_B);
	for (enum proc p = PROC_PLANNER; p <= PROC_PLANNER_SELF; p++)
		rig_init_end(p, &edge_vault_planner, SIDE_B);
	for (enum proc p = PROC_COURIER; p <= PROC_COURIER_SELF; p++)
		rig_init_end(p, &edge_vault_courier, SIDE_B);
	rig_init_end(PROC_RESOLVER, &edge_vault_resolver, SIDE_B);
	rig.role.ops->init(&rig.role);
	return 0;
}

/* A scribe that can write. */
static inline void scribe_comes(void)
{
	connect_to(PROC_SCRIBE);
	assert_int_equal(hear(PROC_SCRIBE, vs_live)->more, 0);
	say(PROC_SCRIBE, sv_status, .writable = 1);
	turn();
}

/* The vault as it serves. */
static inline int rig_setup(void **state)
{
	if (rig_begin(state) < 0)
		return -1;
	configure(POLICY_ARTICLE, POLICY_GUARDED);
	scribe_comes();
	for (enum proc p = PROC_PLANNER; p < PROC_COUNT; p++)
		connect_to(p);
	connect_to(PROC_FRONT);
	say(PROC_SUPERVISOR, s_start, 0);
	hear(PROC_SUPERVISOR, r_ready);
	expect_status(true, "");
	return 0;
}

/* After each test: nothing is left over. */
static inline int rig_settle(void **state)
{
	assert_silence();
	assert_int_equal(vault.calls.n, 0);
	assert_int_equal(vault.lines.n, 0);
	assert_int_equal(vault.lanes.n, 0);
	assert_int_equal(vault.requests.n, 0);
	assert_int_equal(vault.opening, 0);
	rig.used = 0;
	return 0;
}

/* The test's ends, and what the vault keeps where a leak checker does not look. */
static inline int vault_end(void **state)
{
	buf_done(&vault.config->targets);
	buf_done(&vault.config->authorities);
	buf_done(&vault.config->gateway);
	sodium_free(vault.config);
	return rig_end(state);
}

#define rig_test(f) cmocka_unit_test_teardown(f, rig_settle)
