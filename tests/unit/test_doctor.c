/* SPDX-License-Identifier: ISC */
/* What `postern doctor` makes of a configuration and its files. */
#include "doctor_rig.h"

#include "role/config_read.h"

#include <sodium.h>

#define NOW 1800000000
#define DAY 86400

static struct config *config;
static struct config_facts facts;

static void by_config(struct report *r)
{
	judge_config(r, &facts);
}

/* ---- all is well ---- */

static struct place good_place(const char *path, uint64_t device)
{
	return (struct place){
		.path = path, .mode = 0700, .device = device, .free = UINT64_C(1) << 40};
}

static void add_caller(const char *name, enum identity_kind kind)
{
	struct config_caller *c = &config->callers[config->n_callers];

	*c = (struct config_caller){.verbs = 1u << VERB_ADD_RECORD,
				    .limits = {.rate = 1, .burst = 1, .zones = 1}};
	snprintf(c->name, sizeof(c->name), "%s", name);
	config->identities[config->n_identities++] =
		(struct config_identity){.caller = config->n_callers++, .kind = kind};
}

static int set_up(void **state)
{
	char err[CONFIG_ERROR_MAX];

	told = BUF_INIT(64 * 1024);
	if (config_new(&config, err) != 0)
		return -1;
	config->n_keys = 1;
	memset(config->keys[0].secret, 'a', ROOT_KEY_BYTES);
	config->n_checkpoint_keys = 1;
	memcpy(config->origin, "log.example", sizeof("log.example"));
	config->denied_file = strdup("/etc/postern/denied");
	add_caller("issuer", IDENTITY_TOKEN);
	facts = (struct config_facts){.config = config,
				      .checkpoint_keys = {good_place("/etc/postern/c.key", 1)},
				      .config_file = good_place("/etc/postern/postern.conf", 1),
				      .callers = good_place("/etc/postern/callers", 1),
				      .audit = good_place("/var/log/postern", 2),
				      .root = good_place("/", 1),
				      .tls = {.from = NOW - 90 * DAY,
					      .until = NOW + 60 * DAY,
					      .names = "gateway.example",
					      .chain = 2,
					      .ordered = true},
				      .ca_readable = true,
				      .now = NOW};
	return 0;
}

static int tear_down(void **state)
{
	config_free(config);
	buf_done(&told);
	return 0;
}

static void again(void)
{
	tear_down(NULL);
	assert_int_equal(set_up(NULL), 0);
}

static void test_all_is_well(void **state)
{
	unsigned char id[KEY_ID_BYTES];
	char line[64];

	/* The one thing that no program can know is said all the same. */
	assert_int_equal(judge(by_config), GRADE_NOTE);
	root_key_id(id, config->keys[0].secret);
	snprintf(line, sizeof(line), "ok keys: %02x%02x%02x%02x seals and opens\n", id[0], id[1],
		 id[2], id[3]);
	assert_true(says(line));
	assert_true(says("note keys: without a copy of the root key"));
	assert_true(says("ok log: signed as log.example, by 1 key\n"));
	assert_true(says("ok log: /var/log/postern: 1048576 MiB are left\n"));
	assert_true(says("ok tls: none, and none needed"));
	assert_true(!says("warn") && !says("FAIL"));
	assert_ptr_equal(strstr(strstr((const char *)told.p, "note") + 1, "note"), NULL);
	facts.has_tls = true;
	judge(by_config);
	assert_true(says("ok tls: gateway.example; 60 days left; 2 in the chain\n"));
}

/* ---- one thing is not ---- */

static void several_active(void)
{
	config->n_keys = 3;
	memset(config->keys[1].secret, 'b', ROOT_KEY_BYTES);
	memset(config->keys[2].secret, 'c', ROOT_KEY_BYTES);
	config->keys[2].state = KEY_OPEN_ONLY;
}

static void plain_key(void)
{
	facts.keys[0] = good_place("/etc/postern/root.key", 1);
}

static void key_in_memory(void)
{
	plain_key();
	facts.keys[0].on = ON_MEMORY;
}

static void open_way(struct place *p)
{
	snprintf(p->open, sizeof(p->open), "/open");
}

static void key_way(void)
{
	plain_key();
	open_way(&facts.keys[0]);
}

static void config_way(void)
{
	open_way(&facts.config_file);
}

static void callers_way(void)
{
	open_way(&facts.callers);
}

static void log_way(void)
{
	open_way(&facts.audit);
}

static void signer_way(void)
{
	open_way(&facts.checkpoint_keys[0]);
}

static void tls_way(void)
{
	facts.has_tls = true;
	facts.tls_key = good_place("/etc/postern/tls.key", 1);
	open_way(&facts.tls_key);
}

static void unsigned_log(void)
{
	config->n_checkpoint_keys = 0;
}

static void signer_on_same_disk(void)
{
	facts.checkpoint_keys[0].device = 2;
}

static void no_log_yet(void)
{
	facts.audit.error = -ENOENT;
}

static void log_unreadable(void)
{
	facts.audit.error = -EACCES;
}

static void log_writable(void)
{
	facts.audit.mode = 0770;
}

static void log_readable(void)
{
	facts.audit.mode = 0755;
}

static void log_of_other(void)
{
	facts.audit.uid = 1000;
}

static void log_in_memory(void)
{
	facts.audit.on = ON_MEMORY;
}

static void log_in_image(void)
{
	facts.audit.on = ON_OVERLAY;
}

static void log_on_network(void)
{
	facts.audit.on = ON_NETWORK;
}

static void log_on_root(void)
{
	facts.audit.device = 1;
	facts.checkpoint_keys[0].device = 3;
}

static void log_read_only(void)
{
	facts.audit.read_only = true;
}

static void little_room(void)
{
	facts.audit.free = (UINT64_C(1) << 30) - 1;
}

static void no_room(void)
{
	facts.audit.free = (64 << 20) - 1;
}

static void expired(void)
{
	facts.has_tls = true;
	facts.tls.until = NOW;
}

static void not_yet(void)
{
	facts.has_tls = true;
	facts.tls.from = NOW + 1;
}

static void expires(void)
{
	facts.has_tls = true;
	facts.tls.until = NOW + 14 * DAY;
}

static void expires_short(void)
{
	facts.has_tls = true;
	facts.tls.from = NOW - 5 * DAY;
	facts.tls.until = NOW + DAY;
}

static void nameless(void)
{
	facts.has_tls = true;
	facts.tls.names[0] = 0;
}

static void broken_chain(void)
{
	facts.has_tls = true;
	facts.tls.ordered = false;
}

static void not_looked_at(void)
{
	facts.has_tls = true;
	facts.tls_error = -ELIBACC;
}

static void ca_expired(void)
{
	facts.has_tls = true;
	facts.tls.ca_until = NOW;
}

static void ca_expires(void)
{
	facts.has_tls = true;
	facts.tls.ca_until = NOW + 14 * DAY;
}

static void crl_over(void)
{
	facts.has_tls = true;
	facts.tls.crl_until = NOW;
}

static void crl_soon(void)
{
	facts.has_tls = true;
	facts.tls.crl_until = NOW + 2 * DAY - 1;
}

static void nobody(void)
{
	config->n_callers = 0;
}

static void by_uid(void)
{
	add_caller("local", IDENTITY_UID);
}

static void by_certificate(void)
{
	add_caller("mtls", IDENTITY_URI);
}

static void no_rate(void)
{
	config->callers[0].limits.rate = 0;
}

static void no_brake(void)
{
	for (int i = 0; i < 7; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%d", i);
		add_caller(name, IDENTITY_TOKEN);
		config->callers[config->n_callers - 1].limits.zones = 0;
	}
}

static void all_verbs(void)
{
	config->callers[0].verbs = VERBS_ALL;
}

static void two_tokens(void)
{
	config->identities[config->n_identities++] =
		(struct config_identity){.caller = 0, .kind = IDENTITY_TOKEN};
}

static void integration_limit(void)
{
	config->integration_limits.rate = 0;
}

static void no_deny_list(void)
{
	free(config->denied_file);
	config->denied_file = NULL;
}

static void loose_policy(void)
{
	config->policy_loosest = POLICY_ARTICLE;
}

static void standing(void)
{
	config->standing_authority = true;
}

static void plain_http(void)
{
	config->self_hosted.n = 1;
	config->self_hosted.rules[0].plain_http = true;
}

static void no_authorities(void)
{
	facts.ca_readable = false;
}

/* One name, and all is well with it. */
static void with_httpreq(void)
{
	config->callers[0].verbs = 1u << VERB_ADD_RECORD | 1u << VERB_REMOVE_RECORD;
	config->n_httpreq = 1;
	memcpy(config->httpreq[0].name, "web", sizeof("web"));
	config->httpreq[0].callers[0] = 1;
	facts.httpreq[0].opens = true;
}

static void wrong_handle(void)
{
	with_httpreq();
	facts.httpreq[0].opens = false;
}

static void handle_expired(void)
{
	with_httpreq();
	facts.httpreq[0].expires = NOW;
}

static void handle_expires(void)
{
	with_httpreq();
	facts.httpreq[0].expires = NOW + 14 * DAY;
}

static void handle_renews(void)
{
	with_httpreq();
	facts.httpreq[0].renews = true;
}

static void handle_way(void)
{
	with_httpreq();
	facts.handles = good_place("/etc/postern/handles/web", 1);
	open_way(&facts.handles);
}

static void client_without_token(void)
{
	with_httpreq();
	config->identities[0].kind = IDENTITY_DNS;
}

static void client_may_not_remove(void)
{
	with_httpreq();
	config->callers[0].verbs = 1u << VERB_ADD_RECORD;
}

static void client_may_more(void)
{
	with_httpreq();
	config->callers[0].verbs |= 1u << VERB_GET_ZONES;
}

static void client_is_gone(void)
{
	with_httpreq();
	config->httpreq[0].unknown = BUF_INIT(10);
	buf_puts(&config->httpreq[0].unknown, "gone");
}

static const struct judgement of_config[] = {
	{with_httpreq, "ok httpreq: /present and /cleanup are served, for 1 name\n", GRADE_NOTE},
	{wrong_handle, "FAIL httpreq: web: its handle does not open\n", GRADE_FAIL},
	{handle_expired, "FAIL httpreq: web: its handle has expired\n", GRADE_FAIL},
	{handle_expires, "warn httpreq: web: its handle expires in 14 days\n", GRADE_WARN},
	{handle_renews, "warn httpreq: web: its credential is renewed", GRADE_WARN},
	{handle_way, "FAIL httpreq: /etc/postern/handles/web: others may write to /open\n",
	 GRADE_FAIL},
	{client_without_token, "FAIL httpreq: web: issuer has no token", GRADE_FAIL},
	{client_may_not_remove, "FAIL httpreq: web: issuer may not both add and remove\n",
	 GRADE_FAIL},
	{client_is_gone, "warn httpreq: web: no such caller: gone\n", GRADE_WARN},
	{client_may_more, "warn httpreq: web: whoever steals the token of issuer may do more",
	 GRADE_WARN},

	{several_active, "note keys: 2 keys are active, and the first of them seals\n", GRADE_NOTE},
	{several_active, " opens, ", GRADE_NOTE},
	{several_active, " opens only\n", GRADE_NOTE},
	{plain_key, "note keys: /etc/postern/root.key lies there in clear", GRADE_NOTE},
	{key_way, "FAIL keys: /etc/postern/root.key: others may write to /open\n", GRADE_FAIL},
	{config_way, "FAIL configuration: /etc/postern/postern.conf: others may write to /open\n",
	 GRADE_FAIL},
	{callers_way, "FAIL callers: /etc/postern/callers: others may write to /open\n",
	 GRADE_FAIL},
	{log_way, "FAIL log: /var/log/postern: others may write to /open\n", GRADE_FAIL},
	{signer_way, "FAIL log: /etc/postern/c.key: others may write to /open\n", GRADE_FAIL},
	{tls_way, "FAIL tls: /etc/postern/tls.key: others may write to /open\n", GRADE_FAIL},
	{unsigned_log, "warn log: no checkpoints", GRADE_WARN},
	{signer_on_same_disk, "note log: /etc/postern/c.key is on the log's own disk", GRADE_NOTE},
	{no_log_yet, "note log: /var/log/postern is not there yet\n", GRADE_NOTE},
	{log_unreadable, "FAIL log: /var/log/postern: Permission denied\n", GRADE_FAIL},
	{log_writable, "FAIL log: /var/log/postern: others may write to it\n", GRADE_FAIL},
	{log_readable, "note log: /var/log/postern: others may read it\n", GRADE_NOTE},
	{log_of_other, "note log: /var/log/postern belongs to uid 1000\n", GRADE_NOTE},
	{log_in_memory, "warn log: /var/log/postern lies in memory", GRADE_WARN},
	{log_in_image, "warn log: /var/log/postern belongs to a container's image", GRADE_WARN},
	{log_on_network, "note log: /var/log/postern is on a network", GRADE_NOTE},
	{log_on_root, "note log: /var/log/postern is on the root file system", GRADE_NOTE},
	{log_read_only, "FAIL log: /var/log/postern: the file system is read-only\n", GRADE_FAIL},
	{little_room, "warn log: /var/log/postern: 1023 MiB are left", GRADE_WARN},
	{no_room, "FAIL log: /var/log/postern: 63 MiB are left", GRADE_FAIL},
	{expired, "FAIL tls: the certificate has expired\n", GRADE_FAIL},
	{not_yet, "FAIL tls: the certificate does not hold yet\n", GRADE_FAIL},
	{expires, "warn tls: the certificate expires in 14 days\n", GRADE_WARN},
	{expires_short, "warn tls: the certificate expires in 24 hours\n", GRADE_WARN},
	{nameless, "warn tls: the certificate names no host", GRADE_WARN},
	{broken_chain, "warn tls: the certificates do not make a chain", GRADE_WARN},
	{not_looked_at, "warn tls: the certificate cannot be looked at", GRADE_WARN},
	{ca_expired, "FAIL tls: an authority for clients has expired", GRADE_FAIL},
	{ca_expires, "warn tls: an authority for clients expires in 14 days\n", GRADE_WARN},
	{crl_over, "FAIL tls: a list of revoked certificates is out of date", GRADE_FAIL},
	{crl_soon, "warn tls: a list of revoked certificates is out of date in 47 hours\n",
	 GRADE_WARN},
	{nobody, "FAIL callers: there are none", GRADE_FAIL},
	{by_uid, "warn callers: cannot call, as nothing listens for their identities: local\n",
	 GRADE_WARN},
	{by_certificate,
	 "warn callers: cannot call, as nothing listens for their identities: mtls\n", GRADE_WARN},
	{no_rate, "warn callers: no limit holds for: issuer\n", GRADE_WARN},
	{no_brake, "warn callers: no limit holds for: c0, c1, c2, c3, c4...\n", GRADE_WARN},
	{all_verbs, "note callers: may do everything: issuer\n", GRADE_NOTE},
	{two_tokens, "note callers: more than one token holds for: issuer\n", GRADE_NOTE},
	{integration_limit, "warn handles: one integration can be used without limit\n",
	 GRADE_WARN},
	{no_deny_list, "note handles: there is no deny list\n", GRADE_NOTE},
	{loose_policy, "note policy: policy.loosest is article\n", GRADE_NOTE},
	{standing, "note policy: records may let an authority issue for ever", GRADE_NOTE},
	{plain_http, "note policy: credentials may travel in clear", GRADE_NOTE},
	{no_authorities, "FAIL providers: /etc/ssl/certs/ca-certificates.crt cannot be read",
	 GRADE_FAIL},
};

static void test_judgements(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(of_config); i++)
		expect_judgement(&of_config[i], by_config, again);
}

/* What is near a judgement and is none. */
static void test_no_false_alarm(void **state)
{
	key_in_memory();
	by_uid();
	config->unix_socket = strdup("/run/postern/postern.sock");
	facts.has_tls = true;
	facts.tls.from = NOW - 4 * DAY;
	facts.tls.until = NOW + 2 * DAY;
	facts.tls.ca_until = NOW + 14 * DAY + 1;
	facts.tls.crl_until = NOW + 2 * DAY + 1;
	facts.audit.free = UINT64_C(1) << 30;
	facts.audit.uid = config->uid_base + PROC_SCRIBE;
	assert_int_equal(judge(by_config), GRADE_NOTE);
	assert_true(!says("lies there in clear") && !says("belongs to uid"));
}

static void test_words_are_printable(void **state)
{
	facts.audit.path = "/var/log/\x1b[31m\n\xc3\xa9";
	judge(by_config);
	assert_true(says("/var/log/?[31m???: "));
	assert_true(!says("\x1b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_is_well, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_judgements, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_false_alarm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words_are_printable, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
