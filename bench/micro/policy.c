/* SPDX-License-Identifier: ISC */
#include "micro.h"

#include "policy/policy.h"

static void canonicalise(void *arg, uint64_t n)
{
	while (n--) {
		struct buf value = BUF_INIT(RECORD_VALUE_MAX);
		struct dns_name name;

		must(dns_name_parse(&name, BYTES(SAMPLE_FQDN)) == 0 &&
			     record_value_canonical(RR_TXT, BYTES(SAMPLE_VALUE), &value) == 0,
		     "canonical");
		buf_done(&value);
	}
}

static void check(void *arg, uint64_t n)
{
	static const struct policy_config config = {.loosest = POLICY_ARTICLE};
	const struct policy_record record = {
		.name = arg, .type = RR_TXT, .mode = MODE_COEXIST, .value = BYTES(SAMPLE_VALUE)};

	while (n--)
		must(policy_check(&config, POLICY_GUARDED, &record) == RULE_ALLOWED, "policy");
}

void micro_policy(void)
{
	struct dns_name name;

	must(dns_name_parse(&name, BYTES(SAMPLE_FQDN)) == 0, "name");
	micro_run(canonicalise, NULL, "an add's name and value made canonical");
	micro_run(check, &name, "an add under guarded");
}
