/* SPDX-License-Identifier: ISC */
#include "policy/policy.h"

#include "registry_table.h"

#define ACME "_acme-challenge"

static const char *const profile_texts[POLICY_PROFILES] = {"article", "guarded", "strict"};

const char *policy_rule_text(enum policy_rule r)
{
	static const char *const texts[] = {
#define X(name, id, sentence) id,
		POLICY_RULES(X)
#undef X
	};

	return (unsigned)r < POLICY_RULE_COUNT ? texts[r] : "unknown";
}

const char *policy_rule_sentence(enum policy_rule r)
{
	static const char *const sentences[] = {
#define X(name, id, sentence) sentence,
		POLICY_RULES(X)
#undef X
	};

	return (unsigned)r < POLICY_RULE_COUNT ? sentences[r] : "unknown";
}

const char *policy_profile_text(enum policy_profile p)
{
	return (unsigned)p < POLICY_PROFILES ? profile_texts[p] : "unknown";
}

enum policy_profile policy_profile_parse(struct bytes in)
{
	unsigned p = 0;

	while (p < POLICY_PROFILES && !bytes_is(in, profile_texts[p]))
		p++;
	return (enum policy_profile)p;
}

static bool underscored(struct bytes label)
{
	return label.n && label.p[0] == '_';
}

bool policy_label_registered(struct bytes label)
{
	/* scripts/gen-registry.py takes no others. */
	if (!underscored(label))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(registry); i++) {
		struct bytes node = bytes_str(registry[i]);

		if (node.p[node.n - 1] == '*' ? bytes_starts(label, bytes_of(node.p, node.n - 1))
					      : bytes_eq(label, node))
			return true;
	}
	return false;
}

const char *policy_registry_date(void)
{
	return REGISTRY_AS_OF;
}

static bool one_of(struct bytes a, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_is(a, texts[i]))
			return true;
	return false;
}

/* Labels whose TXT lets a CA issue again and again, with no further word from us. */
static bool standing_label(struct bytes label)
{
	static const char *const labels[] = {"_validation-persist", "_ip-validation-persist",
					     "_validation-contactemail",
					     "_validation-contactphone"};

	return one_of(label, labels, ARRAY_LEN(labels));
}

static bool standing_tag(const char *tag)
{
	return strcmp(tag, "contactemail") == 0 || strcmp(tag, "contactphone") == 0;
}

/* ---- article ---- */

static enum policy_rule check_article(const struct policy_record *r)
{
	struct bytes first = dns_name_label(r->name, 0);
	bool beside = r->type == RR_TXT || r->type == RR_CAA;

	if (r->mode == MODE_COEXIST)
		return beside ? RULE_ALLOWED : RULE_TYPE_COEXIST;
	if (!beside && r->type != RR_CNAME && r->type != RR_NS)
		return RULE_TYPE_REPLACE;
	if (bytes_is(first, ACME))
		return RULE_ALLOWED;
	/* A bare "_" is nobody's name. */
	if (!underscored(first) || first.n == 1 || policy_label_registered(first))
		return RULE_NAME_REPLACE;
	return RULE_ALLOWED;
}

/* ---- guarded ---- */

static size_t skip_space(struct bytes v, size_t i)
{
	while (i < v.n && (v.p[i] == ' ' || (v.p[i] >= '\t' && v.p[i] <= '\r')))
		i++;
	return i;
}

/*
 * Space may stand before a DKIM tag, and before the "=" of a DKIM or DMARC one (RFC 6376 section
 * 3.2, RFC 7489 section 6.4). Where it may not, nothing of a CA's begins so either.
 */
static bool begins_with_version(struct bytes v)
{
	size_t i = skip_space(v, 0);

	if (i == v.n || (v.p[i] != 'v' && v.p[i] != 'V'))
		return false;
	i = skip_space(v, i + 1);
	return i < v.n && v.p[i] == '=';
}

/* A CAA value that cannot be read is not canonical; it counts as the worst. */
static bool gives_standing_authority(const struct policy_record *r)
{
	struct caa caa;

	for (unsigned i = 0; i < r->name->labels; i++)
		if (standing_label(dns_name_label(r->name, i)))
			return true;
	return r->type == RR_CAA && (caa_parse(&caa, r->value) != 0 || standing_tag(caa.tag));
}

/*
 * _validation-contactemail and -contactphone are in the registry for just what the rule about
 * standing authority is about, so that rule alone decides on them: switched on, their TXT may be
 * written beside others. They are never replaced: article refuses that.
 */
static enum policy_rule check_guarded(const struct policy_config *c, const struct policy_record *r)
{
	const struct dns_name *name = r->name;

	for (unsigned i = 0; i < name->labels; i++) {
		struct bytes label = dns_name_label(name, i);

		if (!bytes_is(label, ACME) && !standing_label(label) &&
		    policy_label_registered(label))
			return RULE_REGISTERED_LABEL;
	}
	for (unsigned i = 1; i < name->labels; i++) {
		struct bytes label = dns_name_label(name, i);

		if (underscored(label) && !bytes_is(label, ACME))
			return RULE_UNDERSCORED_LABEL;
	}
	if (r->type == RR_TXT && begins_with_version(r->value))
		return RULE_VALUE_VERSION_TAG;
	if (!c->standing_authority && gives_standing_authority(r))
		return RULE_STANDING_AUTHORITY;
	return RULE_ALLOWED;
}

/* ---- strict ---- */

/* "_" and MIN to MAX characters: lower-case letters and the digits LEAST to MOST. */
static bool token(struct bytes label, size_t min, size_t max, unsigned char least,
		  unsigned char most)
{
	if (!underscored(label) || label.n - 1 < min || label.n - 1 > max)
		return false;
	for (size_t i = 1; i < label.n; i++) {
		unsigned char c = label.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= least && c <= most))
			return false;
	}
	return true;
}

/*
 * How many labels at the front are a name that CAs look up; 0: none. The names are those of
 * tests/vectors/iana/certificate-validation-names.csv; guarded has refused what gives standing
 * authority, unless it is switched on.
 */
static unsigned ca_labels(const struct dns_name *name)
{
	static const char *const known[] = {ACME, "_dnsauth", "_globalsign-domain-verification"};
	struct bytes first = dns_name_label(name, 0);

	if (one_of(first, known, ARRAY_LEN(known)))
		return 1;
	/* dns-account-01: 16 characters of base32 */
	if (token(first, 16, 16, '2', '7') && bytes_is(dns_name_label(name, 1), ACME))
		return 2;
	/* The 32 hex digits of ACM, Sectigo and SSL.com, and what DigiCert uses. */
	if (token(first, 20, 40, '0', '9'))
		return 1;
	return standing_label(first);
}

/*
 * The domain itself may get a CAA (beside others: article saw to it). A TXT there is refused,
 * though CAs look for it: it cannot be told from a proof of ownership for another service
 * (google-site-verification=…, MS=…), and the Baseline Requirements (3.2.2.4.7) let a CA look at an
 * underscored name instead.
 */
static bool name_is_strict(const struct policy_record *r)
{
	unsigned i = ca_labels(r->name);

	if (i == 0 && r->type != RR_CAA)
		return false;
	for (; i < r->name->labels; i++)
		if (underscored(dns_name_label(r->name, i)))
			return false;
	return true;
}

static bool target_listed(struct bytes targets, struct bytes value)
{
	struct dns_name target, above;
	struct bytes item;

	if (dns_name_parse(&target, value) != 0)
		return false;
	while (plist_next(&targets, &item))
		if (dns_name_parse(&above, item) == 0 && dns_name_within(&target, &above))
			return true;
	return false;
}

static struct bytes trim(struct bytes a)
{
	while (a.n && a.p[0] == ' ')
		a = bytes_skip(a, 1);
	while (a.n && a.p[a.n - 1] == ' ')
		a.n--;
	return a;
}

/*
 * The issuer (RFC 8659 section 4.2) of an issue property must be listed, or there is none: `;`
 * takes rights away and gives none. Other properties name no authority, and what a new one will
 * mean nobody knows: refused, but for contacts, which the rule about standing authority has let
 * pass.
 */
static bool authority_listed(struct bytes authorities, struct bytes value)
{
	static const char *const issue[] = {"issue", "issuewild", "issuemail", "issuevmc"};
	struct dns_name issuer;
	struct bytes text;
	struct caa caa;

	if (caa_parse(&caa, value) != 0)
		return false;
	if (standing_tag(caa.tag))
		return true;
	if (!one_of(bytes_str(caa.tag), issue, ARRAY_LEN(issue)))
		return false;
	text = trim(bytes_of(caa.value.p, bytes_find(caa.value, BYTES(";"))));
	return text.n == 0 || (dns_name_parse(&issuer, text) == 0 &&
			       plist_has(authorities, dns_name_text(&issuer)));
}

static enum policy_rule check_strict(const struct policy_config *c, const struct policy_record *r)
{
	if (!name_is_strict(r))
		return RULE_NAME_STRICT;
	if ((r->type == RR_CNAME || r->type == RR_NS) && !target_listed(c->targets, r->value))
		return RULE_TARGET_STRICT;
	if (r->type == RR_CAA && !authority_listed(c->authorities, r->value))
		return RULE_AUTHORITY_STRICT;
	if (r->type == RR_NS && !bytes_is(dns_name_label(r->name, 0), ACME))
		return RULE_NS_STRICT;
	return RULE_ALLOWED;
}

enum policy_rule policy_check(const struct policy_config *config, enum policy_profile profile,
			      const struct policy_record *record)
{
	enum policy_rule rule = check_article(record);

	if (profile < config->loosest)
		profile = config->loosest;
	if (rule == RULE_ALLOWED && profile != POLICY_ARTICLE)
		rule = check_guarded(config, record);
	if (rule == RULE_ALLOWED && profile != POLICY_ARTICLE && profile != POLICY_GUARDED)
		rule = check_strict(config, record);
	return rule;
}
