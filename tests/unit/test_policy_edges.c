/* SPDX-License-Identifier: ISC */
/* The policy, asked as no caller should: names and values that are not canonical, and what lies just behind them. */
#include "test.h"

#include "policy/policy.h"

struct question {
	const char *name;
	enum rr_type type;
	enum record_mode mode;
	const char *value;
	enum policy_rule want;
};

/* VALUE as it is, canonical or not, from an exact-size copy. */
static void ask(const struct policy_config *config, enum policy_profile profile,
		const struct question *q)
{
	struct bytes value = bytes_str(q->value);
	unsigned char *copy = test_exact(value);
	struct dns_name name;
	struct policy_record r = {
		.name = &name, .type = q->type, .mode = q->mode, .value = bytes_of(copy, value.n)};
	enum policy_rule got;

	assert_int_equal(dns_name_parse(&name, bytes_str(q->name)), 0);
	got = policy_check(config, profile, &r);
	if (got != q->want)
		fail_msg("%s \"%s\": %s, not %s", q->name, q->value, policy_rule_text(got),
			 policy_rule_text(q->want));
	free(copy);
}

/* Nothing behind a value's end is read. */
static void test_ends_of_values(void **state)
{
	static const char *const allowed[] = {"", " ", "\t\r", "v", "V", "v ", "v\t ", "x",
					      /* what stands beside the white space in ASCII */
					      "v\x0e=x", "\x0ev=x", "v\x08=x", "\x08v=x"};
	const struct policy_config config = {.loosest = POLICY_GUARDED};

	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		ask(&config, POLICY_GUARDED,
		    &(struct question){"www.example.com", RR_TXT, MODE_COEXIST, allowed[i],
				       RULE_ALLOWED});
}

/* Nor a label behind a name's last: where that would begin there is something that is not allowed. */
static void test_ends_of_names(void **state)
{
	static const char *const names[] = {"www.x_dmarc", "www.x_validation-persist",
					    "www.x_other"};
	const struct policy_config config = {.loosest = POLICY_GUARDED};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct dns_name name;
		struct policy_record r = {.name = &name, .type = RR_TXT, .value = BYTES("x")};

		assert_int_equal(dns_name_parse(&name, bytes_str(names[i])), 0);
		assert_int_equal(name.labels, 2);
		memcpy(name.text + name.len, ".dmarc", 7);
		assert_int_equal(policy_check(&config, POLICY_GUARDED, &r), RULE_ALLOWED);
	}
}

/* Under strict a name is a CA's to its last label: no second one of theirs may follow. */
static void test_strict_names(void **state)
{
	static const struct question questions[] = {
		{"_ujmmovf2vn55tgye._acme-challenge.example.com", RR_TXT, MODE_COEXIST, "x",
		 RULE_ALLOWED},
		{"_ujmmovf2vn55tgye._acme-challenge._acme-challenge.example.com", RR_TXT,
		 MODE_COEXIST, "x", RULE_NAME_STRICT},
		{"_0123456789abcdefghij.example.com", RR_TXT, MODE_COEXIST, "x", RULE_ALLOWED},
		{"_0123456789abcdefghij._acme-challenge.example.com", RR_TXT, MODE_COEXIST, "x",
		 RULE_NAME_STRICT},
		/* each character counts, the first too */
		{"_-123456789abcdefghij.example.com", RR_TXT, MODE_COEXIST, "x", RULE_NAME_STRICT},
		{"_0123456789abcdefghi_.example.com", RR_TXT, MODE_COEXIST, "x", RULE_NAME_STRICT},
	};
	const struct policy_config config = {.loosest = POLICY_ARTICLE};

	for (size_t i = 0; i < ARRAY_LEN(questions); i++)
		ask(&config, POLICY_STRICT, &questions[i]);
}

/* What cannot be read is on no list. */
static void test_strict_values(void **state)
{
	static const struct question questions[] = {
		{"_dnsauth.example.com", RR_CNAME, MODE_REPLACE, "a..b", RULE_TARGET_STRICT},
		{"_dnsauth.example.com", RR_CNAME, MODE_REPLACE, "", RULE_TARGET_STRICT},
		{"_dnsauth.example.com", RR_CNAME, MODE_REPLACE, "*.pki.goog", RULE_TARGET_STRICT},
		{"_dnsauth.example.com", RR_CNAME, MODE_REPLACE, "x.pki.goog", RULE_ALLOWED},
		{"example.com", RR_CAA, MODE_COEXIST, "0 issue \"\\\"", RULE_AUTHORITY_STRICT},
		{"example.com", RR_CAA, MODE_COEXIST, "", RULE_AUTHORITY_STRICT},
		{"example.com", RR_CAA, MODE_COEXIST, "0 issue \"pki..goog\"",
		 RULE_AUTHORITY_STRICT},
		{"example.com", RR_CAA, MODE_COEXIST, "0 issue \" pki.goog \"", RULE_ALLOWED},
		{"example.com", RR_CAA, MODE_COEXIST, "0 issue \" \"", RULE_ALLOWED},
		{"example.com", RR_CAA, MODE_COEXIST, "0 issue \"   \"", RULE_ALLOWED},
	};
	struct buf list = BUF_INIT(1000);
	struct policy_config config = {.standing_authority = true};

	plist_put(&list, BYTES("pki.goog"));
	config.targets = config.authorities = buf_bytes(&list);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++)
		ask(&config, POLICY_STRICT, &questions[i]);
	buf_done(&list);
}

static void test_what_is_no_rule(void **state)
{
	assert_string_equal(policy_rule_sentence(POLICY_RULE_COUNT), "unknown");
	assert_string_equal(policy_rule_sentence((enum policy_rule) - 1), "unknown");
	assert_string_equal(policy_rule_text((enum policy_rule) - 1), "unknown");
	assert_string_equal(policy_profile_text((enum policy_profile) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_of_values),	cmocka_unit_test(test_ends_of_names),
		cmocka_unit_test(test_strict_names),	cmocka_unit_test(test_strict_values),
		cmocka_unit_test(test_what_is_no_rule),
	};

	return cmocka_run_group_tests_name("policy_edges", tests, NULL, NULL);
}
