/* SPDX-License-Identifier: ISC */
/*
 * policy_check against the naive reading. Input: a byte of switches, a byte of type and mode, the
 * name up to a newline, the value. In the name each byte over 0x7f stands for a label of interest,
 * which a fuzzer would be long in finding.
 */
#include "naive_policy.h"
#include "policy/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LABEL(i) ((i) % ARRAY_LEN(labels))

static const char *const labels[] = {
	"_acme-challenge.",
	"_abcdefghijklmn27.",
	"_abcdefghijklmn01.",
	"_dnsauth.",
	"_globalsign-domain-verification.",
	"_0123456789abcdef0123456789abcdef.",
	"_abcdefghijklmnopqrst.",
	"_abcdefghijklmnopqrs.",
	"_abcdefghijklmnopqrstuvwxyz0123456789abcd.",
	"_abcdefghijklmnopqrstuvwxyz0123456789abcde.",
	"_validation-persist.",
	"_ip-validation-persist.",
	"_validation-contactemail.",
	"_validation-contactphone.",
	"_ta-4f66.",
	"_ta.",
	"_dmarc.",
	"_DomainKey.",
	"_example.",
	"_tcp.",
	"_udpx.",
	"_.",
	"_x1.",
	"x_y.",
	"www.",
	"example.com",
};

static const char *const names[] = {"acm-validations.aws", "dcv.digicert.com", NULL};
static const char *const issuers[] = {"letsencrypt.org", "pki.goog", NULL};
static const char *const none[] = {NULL};

static void read_name(struct bytes *in, struct buf *name)
{
	while (in->n) {
		unsigned char c = in->p[0];

		*in = bytes_of(in->p + 1, in->n - 1);
		if (c == '\n')
			return;
		if (c > 0x7f)
			buf_puts(name, labels[LABEL(c)]);
		else
			buf_putc(name, c);
	}
}

static void put_list(struct buf *list, const char *const *items)
{
	for (size_t i = 0; items[i]; i++)
		plist_put(list, bytes_str(items[i]));
}

static void compare(unsigned switches, const struct policy_record *r, const char *value)
{
	const char *const *targets = switches & 8 ? none : names;
	const char *const *authorities = switches & 8 ? none : issuers;
	struct buf target_list = BUF_INIT(200), authority_list = BUF_INIT(200);
	struct naive_case c = {
		.standing = switches & 4,
		.name = r->name->text,
		.type = rr_type_text(r->type),
		.mode = record_mode_text(r->mode),
		.value = value,
		.targets = targets,
		.authorities = authorities,
	};
	enum policy_profile profile = (enum policy_profile)(switches % 4 % POLICY_PROFILES);
	enum policy_profile loosest = (enum policy_profile)((switches >> 4) % POLICY_PROFILES);
	enum policy_rule rule;

	put_list(&target_list, targets);
	put_list(&authority_list, authorities);
	c.profile = policy_profile_text(profile > loosest ? profile : loosest);
	rule = policy_check(&(struct policy_config){.loosest = loosest,
						    .standing_authority = c.standing,
						    .targets = buf_bytes(&target_list),
						    .authorities = buf_bytes(&authority_list)},
			    profile, r);
	if ((rule == RULE_ALLOWED) != naive_policy_allows(&c))
		abort();
	buf_done(&target_list);
	buf_done(&authority_list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(4096), value = BUF_INIT(RECORD_VALUE_MAX + 1);
	struct bytes in;
	struct dns_name name;

	if (size < 3)
		return 0;
	struct policy_record r = {.name = &name,
				  .type = (enum rr_type)((data[1] & 7) % RR_TYPES),
				  .mode = data[1] & 8 ? MODE_REPLACE : MODE_COEXIST};
	in = bytes_of(data + 2, size - 2);
	read_name(&in, &text);
	if (dns_name_parse(&name, buf_bytes(&text)) == 0 &&
	    (r.type == RR_NONE || record_value_canonical(r.type, in, &value) == 0)) {
		buf_putc(&value, 0);
		r.value = bytes_of(value.p, value.n - 1);
		compare(data[0], &r, (const char *)value.p);
	}
	buf_done(&text);
	buf_done(&value);
	return 0;
}
