/* SPDX-License-Identifier: ISC */
#pragma once

/* What the vault's peers say in the course of a call, for tests of what lies beyond it. */
#include "vault_rig.h"

/* ---- handles, sealed by the test ---- */

/* CREDENTIALS as list_of() has it; all zones. */
static inline struct integration integration_of(const char *provider, const char *fields)
{
	return (struct integration){.id = "integration-id-",
				    .provider = bytes_str(provider),
				    .customer = BYTES(CUSTOMER),
				    .policy = POLICY_ARTICLE,
				    .created = RIG_NOW,
				    .credentials = list_of(fields)};
}

static inline struct integration cloudflare(void)
{
	return integration_of("cloudflare", "api_token|0123456789012345678901234567890123456789");
}

static inline struct integration powerdns(void)
{
	return integration_of("powerdns",
			      "url|https://dns.example|api_key|s3cr3t-key/+|server_id|localhost");
}

static inline struct integration desec(void)
{
	return integration_of("desec", "token|0123456789012345678901234567");
}

/* Its record, as an add made it. */
static inline struct record record_of(const struct integration *i)
{
	struct record r = {.customer = i->customer,
			   .provider = i->provider,
			   .zone = BYTES(ZONE),
			   .zone_id = BYTES(ZONE),
			   .fqdn = BYTES(FQDN),
			   .type = RR_TXT,
			   .value = BYTES("proof"),
			   .mode = MODE_COEXIST,
			   .provider_id = BYTES("record-1"),
			   .created = RIG_NOW,
			   .log_index = 7,
			   .leaf = "a leaf hash of thirty-two bytes"};

	memcpy(r.integration, i->id, sizeof(r.integration));
	return r;
}

static inline const struct keyring *rig_ring(void)
{
	static struct keyring ring;

	if (!ring.n)
		assert_int_equal(keyring_add(&ring, rig_root, KEY_ACTIVE), 0);
	return &ring;
}

static const unsigned char rig_nonce[NONCE_BYTES] = "a nonce of 24 bytes, twe";

static inline struct bytes rig_taken(struct buf *b)
{
	struct bytes copy = rig_copy(buf_bytes(b));

	buf_done(b);
	return copy;
}

static inline struct bytes handle_of(const struct integration *i)
{
	struct buf b = BUF_INIT(INTEGRATION_HANDLE_MAX);

	assert_int_equal(integration_seal(rig_ring(), rig_nonce, i, &b), 0);
	return rig_taken(&b);
}

static inline struct bytes record_handle_of(const struct record *r)
{
	struct buf b = BUF_INIT(RECORD_HANDLE_MAX);

	assert_int_equal(record_seal(rig_ring(), rig_nonce, r, &b), 0);
	return rig_taken(&b);
}

static inline struct bytes setup_handle_of(const struct setup *s)
{
	struct buf b = BUF_INIT(SETUP_HANDLE_MAX);

	assert_int_equal(setup_seal(rig_ring(), rig_nonce, s, &b), 0);
	return rig_taken(&b);
}

/* What an integration handle from the vault holds; good until the test ends. */
static inline struct integration opened(struct bytes handle)
{
	struct buf plain = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;

	assert_int_equal(integration_open(rig_ring(), handle, BYTES(CUSTOMER), &plain, &i), 0);
	i.provider = rig_copy(i.provider);
	i.customer = rig_copy(i.customer);
	i.zones = rig_copy(i.zones);
	i.credentials = rig_copy(i.credentials);
	buf_done(&plain);
	return i;
}

static inline struct bytes credential(const struct integration *i, const char *name)
{
	struct bytes v;

	return plist_get(i->credentials, name, &v) ? v : bytes_of(NULL, 0);
}

/* ---- the front asks ---- */

#define FROM_FRONT(n)                                                                              \
	.call = (n), .request_id = rig_text("request-#", n), .caller = BYTES("backend"),           \
	.customer = BYTES(CUSTOMER)

static inline void ask_add_of(uint64_t n, struct bytes handle, const char *fqdn, const char *type,
			      const char *value, enum record_mode mode)
{
	say(PROC_FRONT, fv_add_record, FROM_FRONT(n), .handle = handle, .fqdn = bytes_str(fqdn),
	    .type = bytes_str(type), .value = bytes_str(value), .mode = (uint8_t)mode, .ttl = 60);
}

static inline void ask_add(uint64_t n, struct bytes handle)
{
	ask_add_of(n, handle, FQDN, "TXT", "proof", MODE_COEXIST);
}

static inline void ask_remove(uint64_t n, struct bytes handle, struct bytes record)
{
	say(PROC_FRONT, fv_remove_record, FROM_FRONT(n), .handle = handle, .record_handle = record);
}

static inline const struct vf_error *expect_error(uint64_t n, enum code code, const char *field,
						  const char *detail)
{
	const struct vf_error *m = hear(PROC_FRONT, vf_error);

	assert_true(m->call == n);
	assert_string_equal(code_text((enum code)m->code), code_text(code));
	assert_bytes(m->field, field);
	assert_holds(m->detail, detail);
	return m;
}

/* ---- the scribe ---- */

static inline const struct vs_line *expect_line(const char *event, const char *result)
{
	const struct vs_line *m = hear(PROC_SCRIBE, vs_line);

	assert_bytes(m->event, event);
	assert_bytes(m->result, result);
	return m;
}

static inline void written(const struct vs_line *line, bool durable)
{
	struct sv_written m = {.token = line->token,
			       .durable = durable,
			       .seq = 41,
			       .leaf = "what the scribe says of the leaf"};

	channel_send_fd(&rig.ends[PROC_SCRIBE], MSG_sv_written, &m, -1);
	turn();
}

/* A line that gets into the log. */
static inline const struct vs_line *logged(const char *event, const char *result)
{
	const struct vs_line *m = expect_line(event, result);

	written(m, true);
	return m;
}

/* ---- planner and courier; CLASS is 1 for those of self-hosted providers ---- */

/* The courier is given the credential, and takes the call on. The vault's id of it. */
static inline uint64_t given(unsigned class)
{
	const struct vc_call *m = hear(PROC_COURIER + class, vc_call);

	if (m->tell)
		say(PROC_COURIER + class, cv_begun, .call = m->call);
	return m->call;
}

static inline const struct vp_op *expect_op(unsigned class, enum op_kind op)
{
	const struct vp_op *m = hear(PROC_PLANNER + class, vp_op);

	assert_int_equal(m->op, op);
	return m;
}

/* The planner finds that zone. */
static inline void zone_is(unsigned class, const char *zone, const char *id)
{
	const struct vp_op *m = expect_op(class, OP_FIND_ZONE);

	say(PROC_PLANNER + class, pv_result, .call = m->call, .zone = bytes_str(zone),
	    .zone_id = bytes_str(id));
}

/* The intent is durable, the change permitted; the planner is told. */
static inline const struct vp_op *begin_change(unsigned class, const char *event, enum op_kind op)
{
	logged(event, "");
	hear(PROC_COURIER + class, vc_change);
	return expect_op(class, op);
}

/* The courier was told to forget the call; the planner has ended it. */
static inline void expect_let_go(unsigned class)
{
	hear(PROC_COURIER + class, vc_end);
}

/* Both were told. */
static inline void expect_called_off(unsigned class)
{
	hear(PROC_PLANNER + class, vp_abort);
	hear(PROC_COURIER + class, vc_end);
}

/* An add of I's, of a provider that is not self-hosted, number N, up to where its zone is known. The vault's id of it. */
static inline uint64_t add_until_zone(uint64_t n, const struct integration *i)
{
	uint64_t id;

	ask_add(n, handle_of(i));
	id = given(0);
	zone_is(0, ZONE, ZONE);
	turn();
	return id;
}

/* An add of I's, number N, up to where the planner is told to make the change. The vault's id of it. */
static inline uint64_t add_until_change(uint64_t n, const struct integration *i)
{
	const struct provider *p = provider_by_name(i->provider);
	unsigned class = p->self_hosted;

	ask_add(n, handle_of(i));
	given(class);
	zone_is(class, ZONE, ZONE);
	return begin_change(class, "add_record.intent", OP_ADD)->call;
}

/* It went well; its last line is told the scribe, who has not answered yet. */
static inline const struct vs_line *add_is_done(uint64_t id, unsigned class)
{
	say(PROC_PLANNER + class, pv_result, .call = id, .changed = 1,
	    .record_id = BYTES("record-1"));
	expect_let_go(class);
	hear(PROC_FRONT, vf_record);
	return expect_line("add_record.outcome", "ok");
}

/* N calls of get_zones that the courier has taken on go to their ends. */
static inline void zones_come(const uint64_t *ids, size_t n)
{
	for (size_t k = 0; k < n; k++)
		expect_op(0, OP_ZONES);
	for (size_t k = 0; k < n; k++) {
		say(PROC_PLANNER, pv_result, .call = ids[k]);
		expect_let_go(0);
		logged("get_zones.outcome", "ok");
		hear(PROC_FRONT, vf_zones_end);
	}
}

/* ---- limits ---- */

/* A caller "backend" with RULES, in place of the rig's. */
static inline void configure_caller(const struct s_caller *rules, uint32_t rate, uint32_t burst)
{
	struct s_caller m = *rules;

	say(PROC_SUPERVISOR, s_vault, .call_ms = RIG_CALLS, .integration_rate = rate,
	    .integration_burst = burst);
	m.name = BYTES("backend");
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_caller, &m, -1);
	configure_key();
}

static inline void only(const struct s_caller *rules)
{
	configure_caller(rules, 0, 0);
	configure_end();
}

static inline int limits_settle(void **state)
{
	configure(POLICY_ARTICLE, POLICY_GUARDED);
	later(3600 * 1000);
	return rig_settle(state);
}

#define limits_test(f) cmocka_unit_test_teardown(f, limits_settle)

/* An add at a name of ZONE: as far as the intent, and then it is let go. */
static inline void add_in(uint64_t n, const char *zone, bool braked)
{
	struct integration i = cloudflare();
	char fqdn[100];

	snprintf(fqdn, sizeof(fqdn), "_acme-challenge.%s", zone);
	ask_add_of(n, handle_of(&i), fqdn, "TXT", "proof", MODE_COEXIST);
	given(0);
	zone_is(0, zone, zone);
	if (braked) {
		expect_let_go(0);
		logged("add_record.refused", "refused");
		assert_in_range(expect_error(n, CODE_RATE_LIMITED, "", "more zones")->retry_after,
				1, 3600);
		return;
	}
	begin_change(0, "add_record.intent", OP_ADD);
	say(PROC_PLANNER, pv_result, .call = vault.next_id - 1, .code = CODE_PROVIDER_REJECTED);
	expect_let_go(0);
	logged("add_record.outcome", "error");
	expect_error(n, CODE_PROVIDER_REJECTED, "", "");
}
