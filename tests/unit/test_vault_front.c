/* SPDX-License-Identifier: ISC */
/* What the front asks of the vault: which handles open, what is refused, by which field, and that a refusal goes to nobody but the log and the front. */
#include "vault_words.h"

/* Refused before anything was sent: a line, and the answer. */
static const struct vs_line *expect_refusal(uint64_t n, const char *event, enum code code,
					    const char *field, const char *detail)
{
	const struct vs_line *m = logged(event, "refused");

	assert_bytes(m->code, code_text(code));
	expect_error(n, code, field, detail);
	return m;
}

static void expect_refused_add(uint64_t n, enum code code, const char *field, const char *detail)
{
	expect_refusal(n, "add_record.refused", code, field, detail);
}

/* ---- handles ---- */

static void test_handle_is_not_valid(void **state)
{
	struct integration other = cloudflare(), nobody = integration_of("nobody", "a|b");

	ask_add(1, BYTES("pti1_AAAA"));
	expect_refused_add(1, CODE_HANDLE_INVALID, "integration_handle", "not valid");
	other.customer = BYTES("another");
	ask_add(2, handle_of(&other));
	expect_refused_add(2, CODE_HANDLE_INVALID, "integration_handle", "not valid");
	ask_add(3, handle_of(&nobody));
	expect_refused_add(3, CODE_HANDLE_INVALID, "integration_handle", "not valid");
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(4), .handle = BYTES("pti1_"));
	expect_refusal(4, "get_zones.refused", CODE_HANDLE_INVALID, "integration_handle",
		       "not valid");
	ask_remove(5, BYTES("pti1_AAAA"), BYTES(""));
	expect_refusal(5, "remove_record.refused", CODE_HANDLE_INVALID, "integration_handle",
		       "not valid");
}

/* At that second it is expired; a moment before it was not. It can still be inspected and rewrapped. */
static void test_handle_expires(void **state)
{
	struct integration i = cloudflare();
	int64_t now = clock_usec() / 1000000;
	struct bytes handle;

	i.expires = now;
	handle = handle_of(&i);
	ask_add(1, handle);
	expect_refused_add(1, CODE_HANDLE_INVALID, "integration_handle", "has expired");
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(2), .handle = handle);
	logged("inspect_handle.outcome", "ok");
	assert_true(hear(PROC_FRONT, vf_handle)->expires == now);
	i.expires = now + 1;
	say(PROC_FRONT, fv_get_zones, FROM_FRONT(3), .handle = handle_of(&i));
	given(0);
	say(PROC_PLANNER, pv_result, .call = expect_op(0, OP_ZONES)->call);
	expect_let_go(0);
	logged("get_zones.outcome", "ok");
	hear(PROC_FRONT, vf_zones_end);
}

/* ---- add_record ---- */

static void test_add_is_refused(void **state)
{
	struct integration i = cloudflare();
	struct bytes handle;
	const struct vs_line *m;

	i.zones = list_of("example.com|example.net");
	handle = handle_of(&i);
	ask_add_of(1, handle, "no name", "TXT", "proof", MODE_COEXIST);
	m = expect_refusal(1, "add_record.refused", CODE_INVALID_REQUEST, "record.fqdn",
			   "not a domain name");
	assert_bytes(m->fqdn, "no name");
	ask_add_of(2, handle, FQDN, "CNAME", "no name", MODE_COEXIST);
	m = expect_refusal(2, "add_record.refused", CODE_INVALID_REQUEST, "record.value",
			   "not a value of this type");
	assert_bytes(m->value, "");
	assert_bytes(m->type, "CNAME");
	ask_add_of(3, handle, FQDN, "AAAA", "::1", MODE_COEXIST);
	m = expect_refusal(3, "add_record.refused", CODE_POLICY_DENIED, "record",
			   "type_coexist: only TXT and CAA may stand beside other records");
	assert_bytes(m->type, "AAAA");
	ask_add_of(4, handle, "www.example.com", "TXT", "proof", MODE_REPLACE);
	m = expect_refusal(4, "add_record.refused", CODE_POLICY_DENIED, "record", "name_replace");
	assert_bytes(m->profile, "article");
	assert_bytes(m->mode, "replace");
	ask_add_of(5, handle, FQDN, "TXT", "proof", MODE_COEXIST);
	expect_refused_add(5, CODE_POLICY_DENIED, "record.fqdn", "outside the handle's zones");
}

/* The second of its zones holds the name. */
static void test_add_within_zones(void **state)
{
	struct integration i = cloudflare();
	uint64_t id;

	i.zones = list_of("example.com|" ZONE);
	id = add_until_change(1, &i);
	written(add_is_done(id, 0), true);
}

/* A gateway that has become stricter is as strict with old handles; a handle that is stricter stays so. */
static void test_profile_of_handle(void **state)
{
	struct integration i = cloudflare();

	configure(POLICY_STRICT, POLICY_STRICT);
	ask_add_of(1, handle_of(&i), "_other." ZONE, "TXT", "proof", MODE_COEXIST);
	assert_bytes(expect_refusal(1, "add_record.refused", CODE_POLICY_DENIED, "record",
				    "(profile strict)")
			     ->profile,
		     "strict");
	configure(POLICY_ARTICLE, POLICY_GUARDED);
	i.policy = POLICY_STRICT;
	ask_add_of(2, handle_of(&i), "_other." ZONE, "TXT", "proof", MODE_COEXIST);
	expect_refused_add(2, CODE_POLICY_DENIED, "record", "(profile strict)");
}

/* ---- remove_record ---- */

static void test_record_handle_is_not_valid(void **state)
{
	struct integration i = cloudflare();

	ask_remove(1, handle_of(&i), BYTES("ptr1_AAAA"));
	expect_refusal(1, "remove_record.refused", CODE_HANDLE_INVALID, "record_handle",
		       "not valid");
}

static void test_record_of_another(void **state)
{
	struct integration i = cloudflare(), other = powerdns();
	struct record r = record_of(&i);
	const struct vs_line *m;

	r.integration[0] ^= 1;
	ask_remove(1, handle_of(&i), record_handle_of(&r));
	m = expect_refusal(1, "remove_record.refused", CODE_HANDLE_MISMATCH, "record_handle",
			   "made for another integration");
	assert_bytes(m->zone, ZONE);
	r = record_of(&other);
	ask_remove(2, handle_of(&i), record_handle_of(&r));
	expect_refusal(2, "remove_record.refused", CODE_HANDLE_MISMATCH, "record_handle",
		       "made for another integration");
}

/* It was there before the add: the customer's own, where no replace could have overwritten it. */
static void test_found_record_is_kept(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);

	r.found = true;
	r.fqdn = BYTES(ZONE);
	ask_remove(1, handle_of(&i), record_handle_of(&r));
	logged("remove_record.outcome", "kept");
	assert_int_equal(hear(PROC_FRONT, vf_removed)->removed, 0);
}

/* Where a replace could have, it is removed, as one that the gateway made. */
static void expect_removal(uint64_t n, const struct record *r)
{
	struct integration i = cloudflare();
	const struct vf_removed *m;
	const struct vp_op *op;

	ask_remove(n, handle_of(&i), record_handle_of(r));
	given(0);
	op = begin_change(0, "remove_record.intent", OP_REMOVE);
	assert_bytes(op->record_id, "record-1");
	assert_bytes(op->zone_id, ZONE);
	assert_bytes(op->value, "proof");
	say(PROC_PLANNER, pv_result, .call = op->call, .changed = 1, .removed = 1);
	expect_let_go(0);
	logged("remove_record.outcome", "ok");
	m = hear(PROC_FRONT, vf_removed);
	assert_true(m->call == n && m->removed == 1 && m->index == 41);
	assert_memory_equal(m->leaf, "what the scribe says of the leaf", LEAF_HASH_BYTES);
}

static void test_record_is_removed(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);

	expect_removal(1, &r);
	r.found = true;
	expect_removal(2, &r);
}

/* ---- make_integration ---- */

#define TOKEN "0123456789012345678901234567890123456789"

static void make(uint64_t n, const char *provider, const char *credentials, const char *zones,
		 uint8_t policy, int64_t expires)
{
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(n), .provider = bytes_str(provider),
	    .credentials = list_of(credentials), .zones = list_of(zones), .policy = policy,
	    .expires = expires);
}

static void expect_unmade(uint64_t n, enum code code, const char *field, const char *detail)
{
	expect_refusal(n, "make_integration.refused", code, field, detail);
}

static void test_make_is_refused(void **state)
{
	const uint8_t preset = IPC_POLICY_DEFAULT;
	int64_t now = clock_usec() / 1000000;
	struct bytes many = {0};

	make(1, "nobody", "", "", preset, 0);
	expect_unmade(1, CODE_INVALID_REQUEST, "provider", "no such provider");
	make(2, "cloudflare", "api_token|" TOKEN, "example.org|no name", preset, 0);
	expect_unmade(2, CODE_INVALID_REQUEST, "zones", "at most 64 domain names");
	for (unsigned i = 0; i <= HANDLE_ZONES_MAX; i++)
		rig_put(&many, rig_text("zone#.example", i));
	say(PROC_FRONT, fv_make_integration, FROM_FRONT(3), .provider = BYTES("cloudflare"),
	    .credentials = list_of("api_token|" TOKEN), .zones = many, .policy = preset);
	expect_unmade(3, CODE_INVALID_REQUEST, "zones", "at most 64 domain names");
	make(4, "cloudflare", "api_token|" TOKEN, "", preset, now);
	expect_unmade(4, CODE_INVALID_REQUEST, "expires_at", "in the past");
	make(5, "cloudflare", "api_token|short", "", preset, 0);
	expect_unmade(5, CODE_INVALID_REQUEST, "credentials.api_token", "does not have the form");
	make(6, "cloudflare", "api_token|" TOKEN "|more|x", "", preset, 0);
	expect_unmade(6, CODE_INVALID_REQUEST, "credentials", "does not know");
	make(7, "powerdns", "url|http://dns.example:0|api_key|x", "", preset, 0);
	expect_unmade(7, CODE_INVALID_REQUEST, "credentials.url", "not a URL");
	configure(POLICY_GUARDED, POLICY_GUARDED);
	make(8, "cloudflare", "api_token|" TOKEN, "", POLICY_ARTICLE, 0);
	expect_unmade(8, CODE_POLICY_DENIED, "policy", "looser than this gateway allows");
	configure(POLICY_ARTICLE, POLICY_GUARDED);
}

/* What is not to be verified is sealed at once: nobody else hears of it. */
static void test_make_unverified(void **state)
{
	int64_t now = clock_usec() / 1000000;
	struct integration i;

	make(1, "cloudflare", "api_token|" TOKEN, "Example.ORG|example.org.|b.example",
	     IPC_POLICY_DEFAULT, now + 1);
	logged("make_integration.outcome", "ok");
	i = opened(hear(PROC_FRONT, vf_integration)->handle);
	assert_bytes(credential(&i, "api_token"), TOKEN);
	assert_int_equal(plist_count(i.zones), 2);
	assert_true(plist_has(i.zones, BYTES("example.org")));
	assert_true(plist_has(i.zones, BYTES("b.example")));
	assert_int_equal(i.policy, POLICY_GUARDED);
	assert_true(i.created == now && i.expires == now + 1);
	make(2, "powerdns", "url|https://dns.example|api_key|x", "", POLICY_STRICT, 0);
	logged("make_integration.outcome", "ok");
	i = opened(hear(PROC_FRONT, vf_integration)->handle);
	assert_bytes(credential(&i, "server_id"), "localhost");
	assert_int_equal(i.policy, POLICY_STRICT);
	assert_true(i.expires == 0);
}

/* ---- inspect_handle, rewrap_handle ---- */

static void inspect(uint64_t n, struct bytes handle)
{
	say(PROC_FRONT, fv_inspect_handle, FROM_FRONT(n), .handle = handle);
}

static void test_inspect(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	const struct vf_handle *m;

	inspect(1, handle_of(&i));
	assert_bytes(logged("inspect_handle.outcome", "ok")->provider, "cloudflare");
	m = hear(PROC_FRONT, vf_handle);
	assert_int_equal(m->kind, HANDLE_INTEGRATION);
	assert_memory_equal(m->key_id, rig_ring()->keys[0].id, KEY_ID_BYTES);
	assert_memory_equal(m->integration, i.id, INTEGRATION_ID_BYTES);
	assert_bytes(m->provider, "cloudflare");
	assert_bytes(m->customer, CUSTOMER);
	inspect(2, record_handle_of(&r));
	assert_bytes(logged("inspect_handle.outcome", "ok")->provider, "cloudflare");
	m = hear(PROC_FRONT, vf_handle);
	assert_int_equal(m->kind, HANDLE_RECORD);
	assert_memory_equal(m->key_id, rig_ring()->keys[0].id, KEY_ID_BYTES);
	assert_bytes(m->fqdn, FQDN);
	assert_bytes(m->zone, ZONE);
	assert_bytes(m->value, "proof");
	assert_true(m->log_index == 7);
	assert_memory_equal(m->leaf, r.leaf, LEAF_HASH_BYTES);
}

static void expect_uninspected(uint64_t n, enum code code, const char *detail)
{
	expect_refusal(n, "inspect_handle.refused", code, "handle", detail);
}

static void test_inspect_is_refused(void **state)
{
	struct integration i = cloudflare();
	struct record r = record_of(&i);
	struct setup s = {.customer = BYTES(CUSTOMER),
			  .provider = BYTES("route53"),
			  .way = SETUP_DELEGATED,
			  .external_id = BYTES("0123456789abcdef")};
	struct buf b = BUF_INIT(SETUP_HANDLE_MAX);

	inspect(1, BYTES("no handle"));
	expect_uninspected(1, CODE_HANDLE_INVALID, "not valid");
	assert_int_equal(setup_seal(rig_ring(), rig_nonce, &s, &b), 0);
	inspect(2, rig_taken(&b));
	expect_uninspected(2, CODE_INVALID_REQUEST, "short-lived");
	i.customer = r.customer = BYTES("another");
	inspect(3, handle_of(&i));
	expect_uninspected(3, CODE_HANDLE_INVALID, "not valid");
	inspect(4, record_handle_of(&r));
	expect_uninspected(4, CODE_HANDLE_INVALID, "not valid");
}

static void test_rewrap_is_refused(void **state)
{
	struct integration i = cloudflare();

	i.customer = BYTES("another");
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(1), .handle = handle_of(&i));
	expect_refusal(1, "rewrap_handle.refused", CODE_HANDLE_INVALID, "handle", "not valid");
}

static void test_rewrap(void **state)
{
	struct integration i = cloudflare(), new;
	struct record r = record_of(&i), read;
	struct buf plain = BUF_INIT(RECORD_HANDLE_MAX);
	struct bytes old = handle_of(&i), m;

	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(1), .handle = old);
	logged("rewrap_handle.outcome", "ok");
	m = hear(PROC_FRONT, vf_rewrapped)->handle;
	assert_false(bytes_eq(m, old));
	new = opened(m);
	assert_true(bytes_eq(new.credentials, i.credentials));
	say(PROC_FRONT, fv_rewrap_handle, FROM_FRONT(2), .handle = record_handle_of(&r));
	logged("rewrap_handle.outcome", "ok");
	m = hear(PROC_FRONT, vf_rewrapped)->handle;
	assert_int_equal(record_open(rig_ring(), m, BYTES(CUSTOMER), &plain, &read), 0);
	assert_true(bytes_eq(read.value, r.value) && read.log_index == 7);
	buf_done(&plain);
}

/* ---- a request that cannot begin ---- */

/* One of each kind, all with one request id. */
static void ask_everything(struct bytes request_id)
{
#define SAME(n) .call = (n), .request_id = request_id, .caller = BYTES("backend")
	say(PROC_FRONT, fv_make_integration, SAME(11), .provider = BYTES("nobody"));
	say(PROC_FRONT, fv_begin_integration, SAME(12), .provider = BYTES("nobody"));
	say(PROC_FRONT, fv_get_zones, SAME(13));
	say(PROC_FRONT, fv_add_record, SAME(14));
	say(PROC_FRONT, fv_remove_record, SAME(15));
	say(PROC_FRONT, fv_inspect_handle, SAME(16));
	say(PROC_FRONT, fv_rewrap_handle, SAME(17));
}

static void test_request_id_in_flight(void **state)
{
	struct integration i = cloudflare();

	inspect(1, handle_of(&i));
	ask_everything(BYTES("request-1"));
	for (unsigned n = 11; n <= 17; n++)
		expect_error(n, CODE_CONFLICT, "X-Request-Id",
			     "a request with this id is in flight");
	logged("inspect_handle.outcome", "ok");
	hear(PROC_FRONT, vf_handle);
}

static void test_too_many_calls(void **state)
{
	size_t n = vault.calls.n;

	vault.calls.n = 20000;
	ask_everything(BYTES("x"));
	for (unsigned call = 11; call <= 17; call++)
		assert_int_equal(expect_error(call, CODE_OVERLOADED, "", "too many calls in flight")
					 ->retry_after,
				 1);
	vault.calls.n = n;
}

/* What is not the front's to say is not listened to, whatever the channel lets through. */
static void test_not_the_fronts(void **state)
{
	const struct vf_zones_end m = {.call = 1};

	vault.front.fn(vault.front.arg, &vault.front, MSG_vf_zones_end, &m, -1);
}

/* ---- the front's own refusals ---- */

static void test_front_refused(void **state)
{
	const struct vs_line *m;

	say(PROC_FRONT, fv_refused, FROM_FRONT(1), .verb = VERB_ADD_RECORD, .code = CODE_FORBIDDEN,
	    .fqdn = rig_long(IPC_FQDN_MAX, 'a'), .type = BYTES("TXT"));
	m = logged("add_record.refused", "refused");
	assert_bytes(m->request_id, "request-1");
	assert_bytes(m->caller, "backend");
	assert_bytes(m->code, "forbidden");
	assert_int_equal(m->fqdn.n, DNS_NAME_MAX);
	assert_true(m->duration_ms == -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_handle_is_not_valid),
		rig_test(test_handle_expires),
		rig_test(test_add_is_refused),
		rig_test(test_add_within_zones),
		rig_test(test_profile_of_handle),
		rig_test(test_record_handle_is_not_valid),
		rig_test(test_record_of_another),
		rig_test(test_found_record_is_kept),
		rig_test(test_record_is_removed),
		rig_test(test_make_is_refused),
		rig_test(test_make_unverified),
		rig_test(test_inspect),
		rig_test(test_inspect_is_refused),
		rig_test(test_rewrap_is_refused),
		rig_test(test_rewrap),
		rig_test(test_request_id_in_flight),
		rig_test(test_too_many_calls),
		rig_test(test_not_the_fronts),
		rig_test(test_front_refused),
	};

	return cmocka_run_group_tests_name("vault_front", tests, rig_setup, vault_end);
}
