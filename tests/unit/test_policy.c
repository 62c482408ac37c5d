/* SPDX-License-Identifier: ISC */
#include "test.h"

#include "naive_policy.h"
#include "policy/policy.h"

static const char *const targets[] = {"dcv.digicert.com", "acm-validations.aws", "sectigo.com",
				      NULL};
static const char *const authorities[] = {"letsencrypt.org", "pki.goog", NULL};
static const char *const none[] = {NULL};

/* What a record's check needs, with the lists as the config holds them. */
struct setting {
	struct policy_config config;
	const char *const *targets, *const *authorities;
	struct buf target_list, authority_list;
};

static void put_list(struct buf *list, const char *const *items)
{
	buf_init(list, 1000);
	for (size_t i = 0; items[i]; i++)
		plist_put(list, bytes_str(items[i]));
}

static void setting_init(struct setting *s, bool standing, bool lists)
{
	*s = (struct setting){.targets = lists ? targets : none,
			      .authorities = lists ? authorities : none};
	put_list(&s->target_list, s->targets);
	put_list(&s->authority_list, s->authorities);
	s->config.standing_authority = standing;
	s->config.targets = buf_bytes(&s->target_list);
	s->config.authorities = buf_bytes(&s->authority_list);
}

static void setting_done(struct setting *s)
{
	buf_done(&s->target_list);
	buf_done(&s->authority_list);
}

struct rr {
	const char *name, *type, *mode, *value;
};

/* The rule, which must be the naive reading's too. RECORD's name is one. */
static enum policy_rule rule_of(const struct setting *s, enum policy_profile p, const struct rr *rr)
{
	struct buf value = BUF_INIT(RECORD_VALUE_MAX + 1);
	struct dns_name name;
	struct policy_record r = {.name = &name,
				  .type = rr_type_parse(bytes_str(rr->type)),
				  .mode = record_mode_parse(bytes_str(rr->mode))};
	enum policy_rule rule;

	assert_int_equal(dns_name_parse(&name, bytes_str(rr->name)), 0);
	if (r.type != RR_NONE)
		assert_int_equal(record_value_canonical(r.type, bytes_str(rr->value), &value), 0);
	buf_putc(&value, 0);
	r.value = bytes_of(value.p, value.n - 1);
	rule = policy_check(&s->config, p, &r);
	const struct naive_case c = {.profile = policy_profile_text(p),
				     .standing = s->config.standing_authority,
				     .name = name.text,
				     .type = rr->type,
				     .mode = rr->mode,
				     .value = (const char *)value.p,
				     .targets = s->targets,
				     .authorities = s->authorities};
	if (naive_policy_allows(&c) != (rule == RULE_ALLOWED))
		fail_msg("%s %s %s %s: %s, but the naive reading differs", policy_profile_text(p),
			 rr->name, rr->type, rr->mode, policy_rule_text(rule));
	buf_done(&value);
	return rule;
}

static void expect(const struct setting *s, enum policy_profile p, const struct rr *rr,
		   enum policy_rule want)
{
	enum policy_rule got = rule_of(s, p, rr);

	if (got != want)
		fail_msg("%s %s %s %s \"%s\": %s, not %s", policy_profile_text(p), rr->name,
			 rr->type, rr->mode, rr->value, policy_rule_text(got),
			 policy_rule_text(want));
}

/* ---- the 704 vectors ---- */

static const char *usual_value(const char *type)
{
	if (strcmp(type, "CAA") == 0)
		return "0 issue \"letsencrypt.org\"";
	if (strcmp(type, "CNAME") == 0 || strcmp(type, "NS") == 0)
		return "x.acm-validations.aws";
	return "gfj9Xq-Rg85nM";
}

/* Where the standing-authority rule, which the vectors' "strict" has not, is what decides. */
static bool standing_name(const char *name)
{
	return strncmp(name, "_validation-", 12) == 0 || strncmp(name, "_ip-validation-", 15) == 0;
}

static bool contact_name(const char *name)
{
	return strncmp(name, "_validation-contact", 19) == 0;
}

static void check_vector(const struct setting *off, const struct setting *on, const struct rr *rr,
			 bool literal, bool strict)
{
	bool article = rule_of(off, POLICY_ARTICLE, rr) == RULE_ALLOWED;
	bool guarded = rule_of(off, POLICY_GUARDED, rr) == RULE_ALLOWED;
	bool guarded_on = rule_of(on, POLICY_GUARDED, rr) == RULE_ALLOWED;
	bool contact_on = contact_name(rr->name) && literal;

	if (article != literal || guarded != (strict && !standing_name(rr->name)) ||
	    guarded_on != (strict || contact_on))
		fail_msg("%s %s %s: article %d, guarded %d, with standing authority %d", rr->name,
			 rr->type, rr->mode, article, guarded, guarded_on);
	/* A tighter profile allows nothing that a looser one refuses. */
	assert_true(guarded || rule_of(off, POLICY_STRICT, rr) != RULE_ALLOWED);
	assert_true(guarded_on || rule_of(on, POLICY_STRICT, rr) != RULE_ALLOWED);
}

static void test_policy_vectors(void **state)
{
	json_t *v = test_json("vectors/policy/record_policy_cases.json"), *c;
	struct setting off, on;
	size_t i, names = 0;

	setting_init(&off, false, true);
	setting_init(&on, true, true);
	json_array_foreach(json_object_get(v, "cases"), i, c)
	{
		struct rr rr = {.name = json_string_value(json_object_get(c, "name")),
				.type = json_string_value(json_object_get(c, "type")),
				.mode = json_string_value(json_object_get(c, "mode"))};
		bool literal = bytes_is(json_get_bytes(c, "literal"), "allow");
		bool strict = bytes_is(json_get_bytes(c, "strict"), "allow");
		struct dns_name name;

		rr.value = usual_value(rr.type);
		/* No name to us (dns/name.h): refused before the policy is asked. */
		if (dns_name_parse(&name, bytes_str(rr.name)) != 0) {
			assert_non_null(strchr(rr.name, '*'));
			assert_false(strict);
			continue;
		}
		check_vector(&off, &on, &rr, literal, strict);
		names++;
	}
	assert_int_equal(i, 704);
	assert_int_equal(names, 670);
	json_decref(v);
	setting_done(&off);
	setting_done(&on);
}

/* ---- the registry ---- */

static bool registered(const char *label)
{
	struct bytes b = bytes_str(label);
	unsigned char *p = test_exact(b);
	bool r = policy_label_registered(bytes_of(p, b.n));

	free(p);
	return r;
}

static void test_registry(void **state)
{
	struct buf file = test_file("vectors/iana/node-names.txt");
	size_t n = 0;

	buf_putc(&file, 0);
	for (char *save, *line = strtok_r((char *)file.p, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save), n++) {
		char longer[80];

		if (!registered(line))
			fail_msg("%s", line);
		if (strcmp(line, "_ta-*") == 0)
			continue;
		snprintf(longer, sizeof(longer), "%sx", line);
		assert_false(registered(longer));
		assert_false(registered(line + 1));
	}
	assert_int_equal(n, 52);
	buf_done(&file);
	assert_true(registered("_ta-4f66"));
	assert_true(registered("_ta-"));
	assert_true(registered("_example"));
	assert_false(registered("_ta"));
	assert_false(registered("_tax"));
	assert_false(registered("_t"));
	assert_false(registered("_"));
	assert_false(registered(""));
	assert_non_null(strstr(policy_registry_date(), "2024-02-16"));
}

/* ---- vectors/policy/profiles.txt ---- */

static char *column(char **line)
{
	char *word;

	do
		word = strsep(line, " ");
	while (word && !*word);
	return word;
}

static void check_profiles(const struct setting *s, char *line)
{
	const char *want[POLICY_PROFILES];
	struct rr rr = {.name = column(&line), .type = column(&line), .mode = column(&line)};

	for (size_t p = 0; p < POLICY_PROFILES; p++)
		want[p] = column(&line);
	assert_non_null(line);
	rr.value = line + strspn(line, " ");
	for (unsigned p = 0; p < POLICY_PROFILES; p++) {
		const char *got = policy_rule_text(rule_of(s, (enum policy_profile)p, &rr));

		if (strcmp(got, want[p]) != 0)
			fail_msg("%s %s %s %s \"%s\": %s, not %s",
				 policy_profile_text((enum policy_profile)p), rr.name, rr.type,
				 rr.mode, rr.value, got, want[p]);
	}
}

static void test_profiles(void **state)
{
	struct buf file = test_file("vectors/policy/profiles.txt");
	struct setting plain, standing, empty;
	size_t n = 0;

	setting_init(&plain, false, true);
	setting_init(&standing, true, true);
	setting_init(&empty, false, false);
	buf_putc(&file, 0);
	for (char *save, *line = strtok_r((char *)file.p, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const struct setting *s = *line == 's' ? &standing : *line == 'e' ? &empty : &plain;

		if (*line == '#')
			continue;
		column(&line);
		check_profiles(s, line);
		n++;
	}
	assert_int_equal(n, 124);
	setting_done(&plain);
	setting_done(&standing);
	setting_done(&empty);
	buf_done(&file);
}

/* Each hazard's name, its row's first field, stands in profiles.txt or is no name to us. */
static void test_hazards_are_covered(void **state)
{
	struct buf hazards = test_file("vectors/iana/policy-hazards.csv");
	struct buf profiles = test_file("vectors/policy/profiles.txt");
	size_t names = 0, malformed = 0;

	buf_putc(&hazards, 0);
	/* The heading goes first. */
	for (char *rest = (char *)hazards.p, *line = strsep(&rest, "\n");
	     (line = strsep(&rest, "\n")) && *line;) {
		struct bytes name = bytes_of(line, strcspn(line, ","));
		struct dns_name parsed;

		if (dns_name_parse(&parsed, name) != 0) {
			malformed++; /* \095dmarc…, *.example.com */
			continue;
		}
		assert_true(bytes_find(buf_bytes(&profiles), name) < profiles.n);
		names++;
	}
	assert_int_equal(names, 24);
	assert_int_equal(malformed, 2);
	buf_done(&hazards);
	buf_done(&profiles);
}

/* ---- each rule at its edges ---- */

static void test_types_and_modes(void **state)
{
	static const char *const types[] = {"A", "MX", "SRV", "TLSA", "TXT", "CAA", "CNAME", "NS"};
	struct setting s;

	setting_init(&s, true, true);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		for (unsigned p = 0; p < POLICY_PROFILES; p++) {
			struct rr rr = {"_acme-challenge.example.com", types[i], "coexist",
					usual_value(types[i])};

			expect(&s, (enum policy_profile)p, &rr,
			       i == 4 || i == 5 ? RULE_ALLOWED : RULE_TYPE_COEXIST);
			rr.mode = "replace";
			expect(&s, (enum policy_profile)p, &rr,
			       i >= 4 ? RULE_ALLOWED : RULE_TYPE_REPLACE);
		}
	setting_done(&s);
}

static void test_version_tags(void **state)
{
	static const struct {
		const char *value;
		bool refused;
	} cases[] = {
		{"v=spf1 -all", true},
		{"V=DKIM1; p=x", true},
		{"v=", true},
		{" v=DKIM1", true},
		{"\t\r\n\v\fv=x", true},
		{"v =DMARC1", true},
		{"v \t= DMARC1", true},
		{"v", false},
		{"v ", false},
		{" ", false},
		{"vv=x", false},
		{"x v=spf1", false},
		{"=v=", false},
		{"v-=x", false},
		{"\"v=spf1\"", false},
		{"\x01v=spf1", false},
		{"\x0ev=spf1", false},
	};
	struct setting s;

	setting_init(&s, false, false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rr rr = {"www.example.com", "TXT", "coexist", cases[i].value};

		expect(&s, POLICY_GUARDED, &rr,
		       cases[i].refused ? RULE_VALUE_VERSION_TAG : RULE_ALLOWED);
		expect(&s, POLICY_ARTICLE, &rr, RULE_ALLOWED);
		rr.name = "_acme-challenge.example.com";
		rr.mode = "replace";
		expect(&s, POLICY_GUARDED, &rr,
		       cases[i].refused ? RULE_VALUE_VERSION_TAG : RULE_ALLOWED);
	}
	setting_done(&s);
}

/* What a caller should never hand in is refused, not guessed at. */
static void test_fails_closed(void **state)
{
	struct dns_name name;
	struct policy_config config = {.loosest = POLICY_GUARDED};
	struct policy_record r = {.name = &name, .type = RR_CAA, .value = BYTES("0 issue \"\\\"")};

	assert_int_equal(dns_name_parse(&name, BYTES("_atproto.example.com")), 0);
	assert_int_equal(policy_check(&config, POLICY_GUARDED, &r), RULE_STANDING_AUTHORITY);
	r = (struct policy_record){.name = &name, .type = RR_TXT, .value = BYTES("v=spf1")};
	assert_int_equal(policy_check(&config, POLICY_ARTICLE, &r), RULE_VALUE_VERSION_TAG);
	r.value = BYTES("x");
	assert_int_equal(policy_check(&config, POLICY_ARTICLE, &r), RULE_ALLOWED);
	assert_int_equal(policy_check(&config, POLICY_PROFILES, &r), RULE_NAME_STRICT);
	config.loosest = POLICY_STRICT;
	assert_int_equal(policy_check(&config, POLICY_ARTICLE, &r), RULE_NAME_STRICT);
	r.type = (enum rr_type)99;
	assert_int_equal(policy_check(&config, POLICY_ARTICLE, &r), RULE_TYPE_COEXIST);
	r.mode = MODE_REPLACE;
	assert_int_equal(policy_check(&config, POLICY_ARTICLE, &r), RULE_TYPE_REPLACE);
}

/* Names and values that were never made canonical, and a list that was not: nothing is let through for it. */
static void test_fails_closed_strictly(void **state)
{
	struct dns_name name = {0};
	struct policy_config config = {.loosest = POLICY_STRICT, .standing_authority = true};
	struct policy_record r = {.name = &name, .type = RR_TXT, .mode = MODE_REPLACE};

	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_NAME_REPLACE);
	assert_int_equal(dns_name_parse(&name, BYTES("_acme-challenge.example.com")), 0);
	config.targets = BYTES("\0\0\0\1-\0\0\0\7acm.aws");
	r.type = RR_CNAME;
	r.value = BYTES("-");
	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_TARGET_STRICT);
	r.value = BYTES("x.acm.aws");
	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_ALLOWED);
	r.type = RR_CAA;
	r.value = BYTES("0 issue \"\\\"");
	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_AUTHORITY_STRICT);
	/* 20 characters, as CAs have them */
	assert_int_equal(dns_name_parse(&name, BYTES("_abcdefghijklmnopqrst.example.com")), 0);
	r.type = RR_CNAME;
	r.value = BYTES("x.acm.aws");
	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_ALLOWED);
	name.text[7] = '{';
	assert_int_equal(policy_check(&config, POLICY_STRICT, &r), RULE_NAME_STRICT);
}

static void test_texts(void **state)
{
	for (unsigned p = 0; p < POLICY_PROFILES; p++)
		assert_int_equal(policy_profile_parse(
					 bytes_str(policy_profile_text((enum policy_profile)p))),
				 p);
	assert_int_equal(policy_profile_parse(BYTES("Strict")), POLICY_PROFILES);
	assert_int_equal(policy_profile_parse(BYTES("")), POLICY_PROFILES);
	assert_string_equal(policy_profile_text(POLICY_PROFILES), "unknown");
	assert_string_equal(policy_rule_text(RULE_NAME_REPLACE), "name_replace");
	assert_string_equal(policy_rule_text(POLICY_RULE_COUNT), "unknown");
	assert_non_null(strstr(policy_rule_sentence(RULE_NS_STRICT), "NS"));
	assert_string_equal(policy_rule_sentence(POLICY_RULE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_vectors),
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_hazards_are_covered),
		cmocka_unit_test(test_types_and_modes),
		cmocka_unit_test(test_version_tags),
		cmocka_unit_test(test_fails_closed),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_fails_closed_strictly),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
