/* SPDX-License-Identifier: ISC */
#include "role/config_read.h"

#include "base/text.h"

#include <sodium.h>

#define BLANKS " \t"

bool caller_name_valid(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return name.n > 0 && name.n <= IPC_CALLER_MAX;
}

/* What stands before the first of STOPS, taken off *TEXT with it. */
static struct bytes take(struct bytes *text, const char *stops)
{
	struct bytes got = *text;
	size_t n = 0;

	while (n < text->n && !strchr(stops, text->p[n]))
		n++;
	got.n = n;
	if (n < text->n)
		*text = bytes_of(text->p + n + 1, text->n - n - 1);
	else
		*text = bytes_of(NULL, 0);
	return got;
}

static struct bytes take_word(struct bytes *line)
{
	struct bytes word = {0};

	while (line->n && !word.n)
		word = take(line, BLANKS);
	return word;
}

int caller_verbs_parse(struct bytes text, uint32_t *verbs)
{
	uint32_t mask = 0;

	if (bytes_is(text, "all")) {
		*verbs = VERBS_ALL;
		return 0;
	}
	/* A comma at the end would hide an empty verb behind it. */
	if (!text.n || text.p[text.n - 1] == ',')
		return CONFIG_E_BAD;
	while (text.n) {
		enum verb v = verb_parse(take(&text, ","));
		if (v == VERB_COUNT)
			return CONFIG_E_BAD;
		mask |= 1u << v;
	}
	*verbs = mask;
	return 0;
}

/* ---- identities ---- */

static bool hash_parse(struct bytes hex, unsigned char hash[32])
{
	struct buf again = BUF_INIT(64);
	size_t n;
	bool same;

	if (hex.n != 64 || sodium_hex2bin(hash, 32, (const char *)hex.p, hex.n, NULL, &n, NULL) ||
	    n != 32)
		return false;
	text_put_hex(&again, bytes_of(hash, 32));
	same = bytes_eq(hex, buf_bytes(&again)); /* lower case */
	buf_done(&again);
	return same;
}

static bool uid_parse(struct bytes text, unsigned char id[IDENTITY_BYTES])
{
	uint64_t v;
	uint32_t uid;

	/* The largest is no uid but chown's "leave it". */
	if (text_to_u64(text, UINT32_MAX - 1, &v) != 0)
		return false;
	uid = (uint32_t)v;
	memcpy(id, &uid, sizeof(uid));
	return true;
}

/* As certificates have it: a name of labels, with no wildcard. */
static bool dns_parse(struct bytes text, unsigned char id[IDENTITY_BYTES])
{
	struct dns_name name;

	if (dns_name_parse(&name, text) != 0)
		return false;
	identity_hash(dns_name_text(&name), id);
	return true;
}

/* "scheme:" and something behind it; compared byte by byte (RFC 5280 section 7.4 leaves no more to do). */
static bool uri_parse(struct bytes text, unsigned char id[IDENTITY_BYTES])
{
	size_t colon = bytes_find(text, BYTES(":"));

	if (colon == 0 || colon + 1 >= text.n || !bytes_printable(text))
		return false;
	identity_hash(text, id);
	return true;
}

void identity_hash(struct bytes text, unsigned char id[IDENTITY_BYTES])
{
	crypto_hash_sha256(id, text.p, text.n);
}

static const struct {
	const char *prefix;
	bool (*parse)(struct bytes text, unsigned char id[IDENTITY_BYTES]);
	const char *why; /* a token put there by mistake is never told */
} kinds[] = {
	[IDENTITY_TOKEN] = {"sha256", hash_parse,
			    "identity: must have 64 lower-case hex digits after sha256:"},
	[IDENTITY_UID] = {"uid", uid_parse, "identity: must have a number after uid:"},
	[IDENTITY_SPKI] = {"spki", hash_parse,
			   "identity: must have 64 lower-case hex digits after spki:"},
	[IDENTITY_DNS] = {"dns", dns_parse, "identity: must have a domain name after dns:"},
	[IDENTITY_URI] = {"uri", uri_parse, "identity: must have a URI after uri:"},
};

/* NULL, or what is wrong. */
static const char *identity_parse(struct bytes text, struct config_identity *out)
{
	struct bytes prefix = take(&text, ":");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!bytes_is(prefix, kinds[i].prefix))
			continue;
		out->kind = (enum identity_kind)i;
		return kinds[i].parse(text, out->id) ? NULL : kinds[i].why;
	}
	return "identity: must be sha256:HEX, uid:NUMBER, dns:NAME, uri:URI or spki:HEX";
}

static const char *identity_add(struct config *c, struct bytes text)
{
	struct config_identity *new = &c->identities[c->n_identities];
	const char *why;

	if (c->n_identities == CONFIG_IDENTITIES_MAX)
		return "identity: is one too many";
	*new = (struct config_identity){.caller = c->n_callers};
	why = identity_parse(text, new);
	if (why)
		return why;
	for (const struct config_identity *old = c->identities; old < new; old++)
		if (old->kind == new->kind && memcmp(old->id, new->id, sizeof(new->id)) == 0)
			return "identity: stands there already";
	c->n_identities++;
	return NULL;
}

static const char *identities_parse(struct config *c, struct bytes text)
{
	const char *why;

	/* A comma at the end would hide an empty one behind it. */
	if (text.n && text.p[text.n - 1] == ',')
		return "identity: has a comma at its end";
	do {
		why = identity_add(c, take(&text, ","));
	} while (!why && text.n);
	return why;
}

/* ---- what it may do, and how often ---- */

static const char *providers_parse(struct bytes text, struct config_caller *out)
{
	out->providers = 0;
	while (text.n) {
		struct bytes name = take(&text, ",");
		size_t i = 0;

		while (providers[i] && !bytes_is(name, providers[i]->name))
			i++;
		if (!providers[i])
			return "providers: must be names of providers with commas between";
		out->providers |= UINT64_C(1) << i;
	}
	return out->providers ? NULL : "providers: must be names of providers with commas between";
}

static const char *policy_parse(struct bytes text, struct config_caller *out)
{
	out->loosest = policy_profile_parse(text);
	return out->loosest == POLICY_PROFILES ? "policy: must be article, guarded or strict"
					       : NULL;
}

bool config_limit_parse(struct bytes text, uint32_t *out)
{
	uint64_t v = 0;

	if (!bytes_is(text, "none") && (text_to_u64(text, CONFIG_LIMIT_MAX, &v) != 0 || v == 0))
		return false;
	*out = (uint32_t)v;
	return true;
}

static const char *rate_parse(struct bytes text, struct config_caller *out)
{
	return config_limit_parse(text, &out->limits.rate) ? NULL : "rate: " CONFIG_LIMIT_WORDS;
}

static const char *burst_parse(struct bytes text, struct config_caller *out)
{
	return config_limit_parse(text, &out->limits.burst) ? NULL : "burst: " CONFIG_LIMIT_WORDS;
}

static const char *zones_parse(struct bytes text, struct config_caller *out)
{
	return config_limit_parse(text, &out->limits.zones) ? NULL : "zones: " CONFIG_LIMIT_WORDS;
}

static const char *in_flight_parse(struct bytes text, struct config_caller *out)
{
	return config_limit_parse(text, &out->limits.in_flight) ? NULL
								: "in_flight: " CONFIG_LIMIT_WORDS;
}

static const struct {
	const char *name;
	const char *(*parse)(struct bytes text, struct config_caller *out);
} options[] = {
	{"providers", providers_parse}, {"policy", policy_parse}, {"rate", rate_parse},
	{"burst", burst_parse},		{"zones", zones_parse},	  {"in_flight", in_flight_parse},
};

/* Those behind the three words: NAME=VALUE, each once. */
static const char *options_parse(struct bytes line, struct config_caller *out)
{
	struct bytes word;
	unsigned seen = 0;

	while ((word = take_word(&line)).n) {
		struct bytes name = take(&word, "=");
		const char *why;
		size_t i = 0;

		while (i < ARRAY_LEN(options) && !bytes_is(name, options[i].name))
			i++;
		if (i == ARRAY_LEN(options))
			return "options: must be providers=, policy=, rate=, burst=, zones= or "
			       "in_flight=";
		if (seen & 1u << i)
			return "options: one stands there twice";
		seen |= 1u << i;
		why = options[i].parse(word, out);
		if (why)
			return why;
	}
	return NULL;
}

/* ---- lines ---- */

static const char *name_problem(const struct config *c, struct bytes name)
{
	if (!caller_name_valid(name))
		return "name: must be 1 to 64 of a-z, 0-9, _ and -";
	for (size_t i = 0; i < c->n_callers; i++)
		if (bytes_is(name, c->callers[i].name))
			return "name: is that of another caller";
	return c->n_callers == CONFIG_CALLERS_MAX ? "name: is one caller too many" : NULL;
}

static const char *line_parse(struct config *c, struct bytes line)
{
	struct config_caller caller = {
		.providers = UINT64_MAX, .loosest = POLICY_ARTICLE, .limits = c->caller_limits};
	struct bytes name, identities;
	const char *why;

	line = take(&line, "#");
	name = take_word(&line);
	if (!name.n)
		return NULL;
	identities = take_word(&line);
	why = name_problem(c, name);
	if (!why)
		why = identities_parse(c, identities);
	if (!why && caller_verbs_parse(take_word(&line), &caller.verbs) != 0)
		why = "verbs: must be all, or verbs with commas between";
	if (!why)
		why = options_parse(line, &caller);
	if (why)
		return why;
	memcpy(caller.name, name.p, name.n);
	c->callers[c->n_callers++] = caller;
	return NULL;
}

int callers_load(const char *path, struct config *c, char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CONFIG_FILE_MAX);
	int r = config_read_text(path, &text, err);
	struct bytes rest = buf_bytes(&text);

	if (r != 0)
		return r;
	/* However many callers there are, one of them alone leaves room for others. */
	if (c->caller_limits.in_flight == UINT32_MAX)
		c->caller_limits.in_flight = (c->calls_max + 1) / 2;
	for (unsigned number = 1; rest.n; number++) {
		const char *why = line_parse(c, take(&rest, "\n"));
		if (why)
			return config_bad(err, "%s:%u: %s", path, number, why);
	}
	return 0;
}
