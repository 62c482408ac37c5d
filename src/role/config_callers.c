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

/* NULL, or what is wrong. A token put there by mistake is never told. */
static const char *credential_parse(struct bytes text, struct config_caller *out)
{
	struct bytes kind = take(&text, ":");
	uint64_t uid;

	if (bytes_is(kind, "sha256"))
		return hash_parse(text, out->token_sha256)
			       ? NULL
			       : "credential: must have 64 lower-case hex digits after sha256:";
	if (!bytes_is(kind, "uid"))
		return "credential: must be sha256:HEX or uid:NUMBER";
	/* The largest is no uid but chown's "leave it". */
	if (text_to_u64(text, UINT32_MAX - 1, &uid) != 0)
		return "credential: must have a number after uid:";
	out->by_uid = true;
	out->uid = (uint32_t)uid;
	return NULL;
}

static const char *clash(const struct config *c, const struct config_caller *new)
{
	for (size_t i = 0; i < c->n_callers; i++) {
		const struct config_caller *old = &c->callers[i];
		if (strcmp(old->name, new->name) == 0)
			return "name: is that of another caller";
		if (old->by_uid == new->by_uid &&
		    old->uid ==
			    new->uid &&memcmp(old->token_sha256, new->token_sha256,
					      sizeof(new->token_sha256)) == 0)
			return "credential: is that of another caller";
	}
	return c->n_callers == CONFIG_CALLERS_MAX ? "name: is one caller too many" : NULL;
}

static const char *line_parse(struct config *c, struct bytes line)
{
	struct config_caller caller = {.by_uid = false};
	struct bytes name, credential, verbs;
	const char *why;

	line = take(&line, "#");
	name = take_word(&line);
	credential = take_word(&line);
	verbs = take_word(&line);
	if (!name.n)
		return NULL;
	if (!caller_name_valid(name))
		return "name: must be 1 to 64 of a-z, 0-9, _ and -";
	memcpy(caller.name, name.p, name.n);
	why = credential_parse(credential, &caller);
	if (why)
		return why;
	if (caller_verbs_parse(verbs, &caller.verbs) != 0)
		return "verbs: must be all, or verbs with commas between";
	if (take_word(&line).n)
		return "verbs: have something behind them";
	why = clash(c, &caller);
	if (!why)
		c->callers[c->n_callers++] = caller;
	return why;
}

int callers_load(const char *path, struct config *c, char *err)
{
	struct buf text cleanup(buf_done) = BUF_INIT(CONFIG_FILE_MAX);
	int r = config_read_text(path, &text, err);
	struct bytes rest = buf_bytes(&text);

	if (r != 0)
		return r;
	for (unsigned number = 1; rest.n; number++) {
		const char *why = line_parse(c, take(&rest, "\n"));
		if (why)
			return config_bad(err, "%s:%u: %s", path, number, why);
	}
	return 0;
}
