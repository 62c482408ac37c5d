/* SPDX-License-Identifier: ISC */
#include "config_rig.h"

#include <arpa/inet.h>

#define KEY	"root_key \"a\" { file = \"@/a.key\" }\n"
#define CALLERS "callers = \"@/callers\"\n"
#define RESOLVER_BAD                                                                               \
	"@/conf:1: resolver.servers: must be addresses and ports, such as 192.0.2.1:53 and "       \
	"[2001:db8::1]:53"
#define FOUR  "\"192.0.2.1:53\", \"192.0.2.1:53\", \"192.0.2.1:53\", \"192.0.2.1:53\""
#define EIGHT FOUR ", " FOUR
#define BASE  "listen = {\"127.0.0.1:8080\"}\naudit_dir = \"/log\"\n" CALLERS KEY

static int set_up_all(void **state)
{
	if (set_up(state) < 0)
		return -1;
	put_file("b.key", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", ROOT_KEY_BYTES, 0600);
	put_text("callers", "a uid:1 all\nb uid:2 get_zones\n", 0644);
	return 0;
}

static struct config *load(const char *text)
{
	struct config *c;

	put_text("conf", text, 0644);
	err[0] = 0;
	if (config_load(at("conf"), &c, err) != 0)
		fail_msg("%s", err);
	return c;
}

static void test_minimal(void **state)
{
	struct config *c = load(BASE);
	unsigned char hash[32];
	struct buf text = BUF_INIT(4096);

	assert_int_equal(c->listens, 1);
	assert_null(c->unix_socket);
	assert_string_equal(c->audit_dir, "/log");
	assert_string_equal(c->ca_file, "/etc/ssl/certs/ca-certificates.crt");
	assert_int_equal(c->n_keys, 1);
	assert_int_equal(c->keys[0].state, KEY_ACTIVE);
	assert_int_equal(c->keys[0].secret[31], 'a');
	assert_int_equal(c->n_callers, 2);
	assert_int_equal(c->policy_loosest, POLICY_GUARDED);
	assert_int_equal(c->policy_default, POLICY_GUARDED);
	assert_false(c->standing_authority);
	assert_int_equal(c->targets.n + c->authorities.n + c->self_hosted.n, 0);
	assert_int_equal(c->resolver_servers.n + c->resolver_allow.n, 0);
	assert_true(c->segment_bytes == 64u << 20 && c->segment_seconds == 0);
	assert_int_equal(c->connections_max, 10000);
	assert_int_equal(c->calls_max, 10000);
	assert_int_equal(c->call_seconds, 30);
	assert_int_equal(c->drain_seconds, 35);
	assert_int_equal(c->uid_base, 1900000000);
	assert_int_equal(config_read_text(at("conf"), &text, err), 0);
	crypto_hash_sha256(hash, text.p, text.n);
	assert_memory_equal(c->hash, hash, sizeof(hash));
	buf_done(&text);
	config_free(c);
}

static void test_everything(void **state)
{
	struct config *c = load(
		"# a comment\n"
		"listen = {\"127.0.0.1:8080\", \"[::1]:0\"} // another\n"
		"unix_socket = \"/run/p.sock\"\naudit_dir = '/log'\nca_file = /ca.pem\n" CALLERS
		"uid_base = 70000\n" KEY
		"root_key \"b\" { state = \"open-only\" file = \"@/b.key\" }\n"
		"policy { loosest = article default = strict standing_authority = true\n"
		"  targets = {\"DCV.example.\", \"b.example\"} authorities = {\"ca.example\"} }\n"
		"self_hosted { allow = {\"10.0.0.0/8\"} plain_http = {\"127.0.0.1\", \"::1\"} }\n"
		"resolver { servers = {\"192.0.2.1:53\", \"[2001:db8::1]:5353\"} allow = "
		"{\"10.0.0.0/8\", \"::1\"} }\n"
		"sandbox = require\n"
		"log_format = json\n"
		"audit { segment_size = 1 segment_age = 3600 origin = \"log.example\"\n"
		"  checkpoint_keys = {\"@/a.key\", \"@/b.key\"} }\n"
		"limits { connections = 5 calls = 6 call_seconds = 7 drain_seconds = 8 }\n");
	const struct sockaddr_in6 *v6 = (const void *)&c->listen[1].address;

	assert_int_equal(c->listens, 2);
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(v6->sin6_port, 0);
	assert_int_equal(v6->sin6_addr.s6_addr[15], 1);
	assert_int_equal(c->listen[1].length, sizeof(*v6));
	assert_string_equal(c->unix_socket, "/run/p.sock");
	assert_string_equal(c->ca_file, "/ca.pem");
	assert_int_equal(c->uid_base, 70000);
	assert_int_equal(c->n_keys, 2);
	assert_int_equal(c->keys[0].state, KEY_ACTIVE);
	assert_int_equal(c->keys[1].state, KEY_OPEN_ONLY);
	assert_int_equal(c->keys[1].secret[0], 'b');
	assert_int_equal(c->policy_loosest, POLICY_ARTICLE);
	assert_int_equal(c->policy_default, POLICY_STRICT);
	assert_true(c->standing_authority);
	assert_true(plist_has(buf_bytes(&c->targets), BYTES("dcv.example")));
	assert_int_equal(plist_count(buf_bytes(&c->targets)), 2);
	assert_true(plist_has(buf_bytes(&c->authorities), BYTES("ca.example")));
	assert_int_equal(c->self_hosted.n, 3);
	assert_false(c->self_hosted.rules[0].plain_http);
	assert_true(c->self_hosted.rules[1].plain_http && c->self_hosted.rules[2].plain_http);
	assert_true(bytes_is(buf_bytes(&c->resolver_servers), "192.0.2.1:53,[2001:db8::1]:5353"));
	assert_int_equal(c->resolver_allow.n, 2);
	assert_true(c->segment_bytes == 1u << 20 && c->segment_seconds == 3600);
	assert_int_equal(c->connections_max, 5);
	assert_int_equal(c->calls_max, 6);
	assert_int_equal(c->call_seconds, 7);
	assert_int_equal(c->drain_seconds, 8);
	assert_true(c->sandbox_required);
	assert_true(c->log_json);
	assert_string_equal(c->origin, "log.example");
	assert_int_equal(c->n_checkpoint_keys, 2);
	assert_int_equal(c->checkpoint_seeds[1][0], 'b');
	config_free(c);
}

static void test_default_policy_follows(void **state)
{
	struct config *c = load(BASE "policy { loosest = strict }\n");

	assert_int_equal(c->policy_default, POLICY_STRICT);
	config_free(c);
	c = load(BASE "policy { loosest = article }\n");
	assert_int_equal(c->policy_default, POLICY_GUARDED);
	config_free(c);
}

static const struct {
	const char *text, *error;
} bad[] = {
	{"", "@/conf:1: listen: is missing, and so is unix_socket"},
	{"unix_socket = \"/s\"\n", "@/conf:2: audit_dir: is missing"},
	{"unix_socket = \"/s\"\naudit_dir = \"/l\"\n", "@/conf:3: callers: is missing"},
	{"unix_socket = \"/s\"\naudit_dir = \"/l\"\n" CALLERS,
	 "@/conf:4: root_key: there must be an active one"},
	{"unix_socket = \"/s\"\naudit_dir = \"/l\"\n" CALLERS
	 "root_key \"a\" { file = \"@/a.key\" state = \"open-only\" }\n",
	 "@/conf:5: root_key: there must be an active one"},
	/* syntax */
	{BASE "colour = red\n", "@/conf:5: colour: there is no such key"},
	{BASE "policy {\n colour = red }\n", "@/conf:6: policy.colour: there is no such key"},
	{BASE "root_key \"s\" { secret = 00 }\n",
	 "@/conf:5: root_key.secret: there is no such key"},
	{BASE "\npolicy { loosest }\n", "@/conf:6: missing equal sign after option 'loosest'"},
	{BASE "policy {\n", "@/conf:6: policy: is not closed"},
	{BASE "policy { default", "@/conf:6: missing equal sign after option 'default'"},
	{BASE "audit_dir", "@/conf:6: missing equal sign after option 'audit_dir'"},
	{BASE "/* so\n", "@/conf:6: a comment is not closed"},
	{BASE "end_of_file = x", "@/conf:6: end_of_file: is given twice"},
	{BASE "}\n", "@/conf:5: unexpected closing brace"},
	{BASE "uid_base = { hunter2 }\n", "@/conf:5: syntax error"},
	{BASE "ca_file = \"/a\n", "@/conf:6: premature end of file"},
	{BASE "root_key { file = \"@/b.key\" }\n",
	 "@/conf:5: missing title for section 'root_key'"},
	/* twice */
	{BASE "audit_dir = \"/m\"\n", "@/conf:5: audit_dir: is given twice"},
	{BASE "listen = {\"127.0.0.1:1\"}\n", "@/conf:5: listen: is given twice"},
	{BASE "limits { calls = 1 }\n\nlimits { connections = 2 }\n",
	 "@/conf:7: limits: is given twice"},
	{BASE "limits { calls = 1\n calls = 2 }\n", "@/conf:6: limits.calls: is given twice"},
	{BASE "root_key \"a\" { file = \"@/b.key\" }\n", "@/conf:5: found duplicate title 'a'"},
	{BASE "root_key \"b\" { file = \"@/a.key\" }\n",
	 "@/conf:5: root_key.file: is the same key as another one"},
	/* values */
	{"listen = {\"0.0.0.0:80\"}\n", "@/conf:1: listen: must be a loopback address: without TLS "
					"there is no listening elsewhere"},
	{"listen = {\"127.0.0.1:80\",\n\"[2001:db8::1]:80\"}\n",
	 "@/conf:2: listen: must be a loopback address: without TLS there is no listening "
	 "elsewhere"},
	{"listen = {\"[::ffff:127.0.0.1]:80\"}\n",
	 "@/conf:1: listen: must be a loopback address: without TLS there is no listening "
	 "elsewhere"},
	{"listen = {\"::1:80\"}\n",
	 "@/conf:1: listen: must have an IPv6 address in brackets, such as [::1]:8080"},
	{"listen = {\"localhost:80\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"127.0.0.1\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"127.0.0.1:65536\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"127.0.0.1:\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"[127.0.0.1]x:80\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"\"}\n",
	 "@/conf:1: listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"listen = {\"127.0.0.1:1\", \"127.0.0.1:2\", \"127.0.0.1:3\", \"127.0.0.1:4\",\n"
	 "\"127.0.0.1:5\", \"127.0.0.1:6\", \"127.0.0.1:7\", \"127.0.0.1:8\",\n\"127.0.0.1:9\"}\n",
	 "@/conf:3: listen: has too many addresses"},
	{"audit_dir = \"log\"\n", "@/conf:1: audit_dir: must be an absolute path"},
	{"audit_dir = \"\"\n", "@/conf:1: audit_dir: must be an absolute path"},
	{"unix_socket = "
	 "\"/2345678901234567890123456789012345678901234567890123456789012345678901234"
	 "5678901234567890123456789012345678\"\n",
	 "@/conf:1: unix_socket: is too long for a socket's path"},
	{"policy { default = literal }\n",
	 "@/conf:1: policy.default: must be article, guarded or strict"},
	{"policy {\n default = article\n}\n",
	 "@/conf:3: policy.default: is looser than policy.loosest"},
	{"policy { standing_authority = yes }\n",
	 "@/conf:1: policy.standing_authority: must be true or false"},
	{"policy { targets = {\"*.example\"} }\n",
	 "@/conf:1: policy.targets: must be domain names"},
	{"self_hosted { allow = {\"10.0.0.1/8\"} }\n",
	 "@/conf:1: self_hosted.allow: must be addresses, or networks such as 10.0.0.0/8 with no "
	 "bits behind them"},
	{"self_hosted { plain_http = {\"localhost\"} }\n",
	 "@/conf:1: self_hosted.plain_http: must be addresses, or networks such as 10.0.0.0/8 with "
	 "no bits behind them"},
	{"resolver { allow = {\"all\"} }\n",
	 "@/conf:1: resolver.allow: must be addresses, or networks such as 10.0.0.0/8 with no bits "
	 "behind them"},
	{"resolver { servers = {\"192.0.2.1\"} }\n", RESOLVER_BAD},
	{"resolver { servers = {\"192.0.2.1:0\"} }\n", RESOLVER_BAD},
	{"resolver { servers = {\"dns.example:53\"} }\n", RESOLVER_BAD},
	{"resolver { servers = {\"::1:53\"} }\n", RESOLVER_BAD},
	{"resolver { servers = {\"192.0.2.1:53,192.0.2.2:53\"} }\n", RESOLVER_BAD},
	{"resolver { servers = {" EIGHT ", \"192.0.2.9:53\"} }\n",
	 "@/conf:1: resolver.servers: is one server too many"},
	{"audit { segment_size = 0 }\n",
	 "@/conf:1: audit.segment_size: must be a number from 1 to 1024"},
	{"audit { origin = \"two words\" }\n", "@/conf:1: audit.origin: must be 1 to 128 printable "
					       "characters without spaces and plus signs"},
	{"audit { checkpoint_keys = {\"one\"} }\n",
	 "@/conf:1: audit.checkpoint_keys: one: names a systemd credential, and there are none"},
	{"audit { checkpoint_keys = {\"@/none\"} }\n",
	 "@/conf:1: audit.checkpoint_keys: @/none: No such file or directory"},
	{BASE "audit { origin = \"x\" }\n",
	 "@/conf:6: audit: origin and checkpoint_keys go together"},
	{BASE "audit { checkpoint_keys = {\"@/a.key\"} }\n",
	 "@/conf:6: audit: origin and checkpoint_keys go together"},
	{"log_format = \"xml\"\n", "@/conf:1: log_format: must be text or json"},
	{"sandbox = \"no\"\n", "@/conf:1: sandbox: must be require or best-effort"},
	{"audit { segment_age = 59 }\n",
	 "@/conf:1: audit.segment_age: must be day, or seconds from 60 to 31536000"},
	{"limits { call_seconds = 31 }\n",
	 "@/conf:1: limits.call_seconds: must be a number from 1 to 30"},
	{"limits { drain_seconds = 0 }\n",
	 "@/conf:1: limits.drain_seconds: must be a number from 1 to 600"},
	{"limits { drain_seconds = 601 }\n",
	 "@/conf:1: limits.drain_seconds: must be a number from 1 to 600"},
	{"limits { calls = 010 }\n", "@/conf:1: limits.calls: must be a number from 1 to 1000000"},
	{"limits { calls = -1 }\n", "@/conf:1: limits.calls: must be a number from 1 to 1000000"},
	{"limits { caller_rate = 0 }\n",
	 "@/conf:1: limits.caller_rate: must be none, or a number from 1 to 1000000"},
	{"limits { integration_burst = many }\n",
	 "@/conf:1: limits.integration_burst: must be none, or a number from 1 to 1000000"},
	{"tls { listen = {\"example.com:1\"} }\n",
	 "@/conf:1: tls.listen: must be an address and a port, such as 127.0.0.1:8080"},
	{"tls { certificate = \"@/none\" }\n",
	 "@/conf:1: tls.certificate: @/none: No such file or directory"},
	{"tls { certificate = \"none\" }\n", "@/conf:1: tls.certificate: must be an absolute path"},
	{"tls { key = \"@/none\" }\n", "@/conf:1: tls.key: No such file or directory"},
	{BASE "tls { key = \"@/a.key\" }\n", "@/conf:6: tls.listen: is missing"},
	{BASE "tls { client_certificates = \"require\" }\n", "@/conf:6: tls.listen: is missing"},
	{BASE "tls { listen = {\"0.0.0.0:1\"} key = \"@/a.key\" }\n",
	 "@/conf:6: tls.certificate: is missing"},
	{BASE "tls { listen = {\"0.0.0.0:1\"} certificate = \"@/callers\" }\n",
	 "@/conf:6: tls.key: is missing"},
	{BASE "tls { listen = {\"0.0.0.0:1\"} certificate = \"@/callers\" key = \"@/a.key\" }\n",
	 "@/conf:6: tls.certificate: holds no certificate in PEM"},
	{BASE "denied = \"@/none\"\n", "@/none: No such file or directory"},
	{"uid_base = 0\n", "@/conf:1: uid_base: must be a number from 1000 to 4294967285"},
	{"uid_base = 65530\n", "@/conf:1: uid_base: must leave out 65534 and 65535"},
	/* keys */
	{"root_key \"k\" { }\n", "@/conf:1: root_key.file: is missing"},
	{"root_key \"k\" { state = \"new\" }\n",
	 "@/conf:1: root_key.state: must be active or open-only"},
	{KEY "root_key \"k\" { state = \"active\" }\n", "@/conf:2: root_key.file: is missing"},
	{"root_key \"k\" {\n file = \"@/none\"\n}\n",
	 "@/conf:3: root_key.file: @/none: No such file or directory"},
	/* callers */
	{"unix_socket = \"/s\"\naudit_dir = \"/l\"\ncallers = \"@/none\"\n" KEY,
	 "@/none: No such file or directory"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct config *c = NULL;

		put_text("conf", bad[i].text, 0644);
		if (config_load(at("conf"), &c, err) == 0)
			fail_msg("taken: %s", bad[i].text);
		assert_null(c);
		expect_error(bad[i].error);
	}
}

static void expect_unreadable(const char *want)
{
	struct config *c = NULL;

	assert_int_equal(config_load(at("conf"), &c, err), CONFIG_E_BAD);
	expect_error(want);
}

static void test_config_file(void **state)
{
	static const char nul[] = BASE "\0";

	put_text("conf", BASE, 0664);
	expect_unreadable("@/conf: must not be writable for group or others");
	put_text("conf", BASE, 0646);
	expect_unreadable("@/conf: must not be writable for group or others");
	put_file("conf", nul, sizeof(nul), 0644);
	expect_unreadable("@/conf: is not a text file");
	unlink(at("conf"));
	expect_unreadable("@/conf: No such file or directory");
	assert_int_equal(mkfifo(at("conf"), 0600), 0);
	expect_unreadable("@/conf: is not a regular file");
	unlink(at("conf"));
	assert_int_equal(mkdir(at("conf"), 0700), 0);
	expect_unreadable("@/conf: is not a regular file");
	assert_int_equal(rmdir(at("conf")), 0);
	if (geteuid() == 0) {
		put_text("conf", BASE, 0644);
		assert_int_equal(chown(at("conf"), 12345, 0), 0);
		expect_unreadable("@/conf: must be owned by root or by who runs this");
	}
}

/* ---- serve --dev ---- */

static void test_dev(void **state)
{
	char token[TOKEN_TEXT_MAX], again[TOKEN_TEXT_MAX];
	struct config *c, *d;
	struct stat st;

	assert_int_equal(config_dev("127.0.0.1:0", at("x/y"), &c, token, err), 0);
	assert_int_equal(stat(at("x/y"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_string_equal(c->audit_dir, at("x/y/audit"));
	assert_int_equal(c->n_keys, 1);
	assert_int_equal(c->n_callers, 1);
	assert_string_equal(c->callers[0].name, "dev");
	assert_int_equal(c->callers[0].verbs, VERBS_ALL);
	assert_int_equal(c->policy_loosest, POLICY_ARTICLE);
	assert_int_equal(c->policy_default, POLICY_GUARDED);
	assert_true(address_listed(&c->self_hosted, &(struct ip){4, {127, 0, 0, 9}}, true));
	assert_true(address_listed(&c->self_hosted, &(struct ip){6, {[15] = 1}}, true));
	assert_false(address_listed(&c->self_hosted, &(struct ip){4, {10, 0, 0, 1}}, false));
	/* The key stays, the token does not. */
	assert_int_equal(config_dev("[::1]:1", at("x/y"), &d, again, err), 0);
	assert_memory_equal(c->keys[0].secret, d->keys[0].secret, ROOT_KEY_BYTES);
	assert_string_not_equal(token, again);
	config_free(c);
	config_free(d);
	assert_int_equal(config_dev("0.0.0.0:1", at("x/y"), &c, token, err), CONFIG_E_BAD);
	expect_error("listen: must be a loopback address: without TLS there is no listening "
		     "elsewhere");
	put_file("x/f", "", 0, 0600);
	assert_int_equal(config_dev("127.0.0.1:1", at("x/f"), &c, token, err), CONFIG_E_BAD);
	expect_error("@/x/f: Not a directory");
	assert_int_equal(chmod(at("x/y/root.key"), 0644), 0);
	assert_int_equal(config_dev("127.0.0.1:1", at("x/y"), &c, token, err), CONFIG_E_BAD);
	expect_error("@/x/y/root.key: must have no permission for group or others (chmod 600)");
	unlink(at("x/y/root.key"));
	unlink(at("x/y/checkpoint.key"));
	unlink(at("x/f"));
	rmdir(at("x/y"));
	rmdir(at("x"));
}

/* No control characters on a terminal or in a log. */
static void test_errors_are_printable(void **state)
{
	struct config *c;

	put_text("conf", "\x1b[31m\xff = 1\n", 0644);
	assert_int_equal(config_load(at("conf"), &c, err), CONFIG_E_BAD);
	assert_true(bytes_printable(bytes_str(err)));
}

static void test_example(void **state)
{
	struct buf example = test_file("../examples/postern.conf");
	struct config *c = NULL;

	/* All is right up to the first file that is not here. */
	put_file("conf", example.p, example.n, 0644);
	assert_int_equal(config_load(at("conf"), &c, err), CONFIG_E_BAD);
	assert_non_null(strstr(err, ": root_key.file: /etc/postern/keys/root.key: "));
	buf_done(&example);
	example = test_file("../examples/callers");
	put_file("c", example.p, example.n, 0644);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(callers_load(at("c"), c, err), 0);
	assert_true(c->n_callers > 0);
	config_free(c);
	buf_done(&example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_default_policy_follows),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_config_file),
		cmocka_unit_test(test_dev),
		cmocka_unit_test(test_errors_are_printable),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests_name("config", tests, set_up_all, tear_down);
}
