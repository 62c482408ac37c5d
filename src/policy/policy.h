/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The record policy: is this record about certificates? Pure functions over plain
 * structs. Every rule has a name, so that a refusal can say which one it was.
 */
#include "dns/record.h"

enum policy_profile { POLICY_ARTICLE, POLICY_GUARDED, POLICY_STRICT, POLICY_PROFILES };

/* One list makes the enum and the texts: name, identifier in answers and logs, sentence for people. */
#define POLICY_RULES(X)                                                                            \
	X(ALLOWED, "allowed", "the record is allowed")                                             \
	X(TYPE_COEXIST, "type_coexist", "only TXT and CAA may stand beside other records")         \
	X(TYPE_REPLACE, "type_replace", "only TXT, CAA, CNAME and NS may replace records")         \
	X(NAME_REPLACE, "name_replace",                                                            \
	  "records are replaced only at _acme-challenge or an unregistered underscored name")      \
	X(REGISTERED_LABEL, "registered_label",                                                    \
	  "a label is registered with IANA for something else")                                    \
	X(UNDERSCORED_LABEL, "underscored_label", "an underscored label stands behind the first")  \
	X(VALUE_VERSION_TAG, "value_version_tag",                                                  \
	  "a TXT value begins with v= (SPF, DKIM, DMARC…)")                                        \
	X(STANDING_AUTHORITY, "standing_authority",                                                \
	  "the record gives standing authority to issue, which is not switched on")                \
	X(NAME_STRICT, "name_strict", "certificate authorities do not use this name")              \
	X(TARGET_STRICT, "target_strict", "the target is not on the operator's list")              \
	X(AUTHORITY_STRICT, "authority_strict", "the CAA authority is not on the operator's list") \
	X(NS_STRICT, "ns_strict", "NS is allowed only at _acme-challenge")

enum policy_rule {
#define X(name, id, sentence) RULE_##name,
	POLICY_RULES(X)
#undef X
		POLICY_RULE_COUNT
};

/* What the operator decided; from the config, the same for every call. Lists are plists of canonical names. */
struct policy_config {
	enum policy_profile loosest; /* a handle's profile is never looser than this */
	bool standing_authority;     /* allow records that give standing authority */
	struct bytes targets; /* strict: CNAME and NS targets must be one of these or below one */
	struct bytes authorities; /* strict: CAA issuers must be one of these */
};

/* A record in question. NAME and VALUE are canonical. */
struct policy_record {
	const struct dns_name *name;
	enum rr_type type;
	enum record_mode mode;
	struct bytes value;
};

/* The first rule that refuses the record under PROFILE, or RULE_ALLOWED. */
enum policy_rule policy_check(const struct policy_config *config, enum policy_profile profile,
			      const struct policy_record *record);

const char *policy_rule_text(enum policy_rule r);     /* "name_replace" */
const char *policy_rule_sentence(enum policy_rule r); /* for people */
const char *policy_profile_text(enum policy_profile p);
/* POLICY_PROFILES when it is none. */
enum policy_profile policy_profile_parse(struct bytes in);

/*
 * Is the label (canonical) in IANA's "Underscored and Globally Scoped DNS Node Names" registry, patterns
 * (_ta-*) included? The table is made at build time from data/iana-underscored-names.csv.
 */
bool policy_label_registered(struct bytes label);
/* The date and source of that data file, for `postern policy` and the log. */
const char *policy_registry_date(void);
