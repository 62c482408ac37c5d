/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Credentials for any provider, made from its table: each field gets the first of our texts that its pattern takes.
 * Secrets are canaries: no two fields have the same, and no other text holds them. Deterministic.
 */
#include "base/buf.h"
#include "provider/provider.h"

#include <regex.h>
#include <stdio.h>

/* xorshift64*; never 0. */
struct dice {
	uint64_t state;
};

static inline uint64_t dice_roll(struct dice *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return d->state * UINT64_C(2685821657736338717);
}

/* Below N. */
static inline size_t dice_below(struct dice *d, size_t n)
{
	return (size_t)((dice_roll(d) >> 20) % n);
}

/* True PERCENT times in a hundred. */
static inline bool dice_is(struct dice *d, unsigned percent)
{
	return dice_below(d, 100) < percent;
}

static inline bool sample_fits(const struct field_def *f, const char *text)
{
	char pattern[1024];
	regex_t re;
	bool ok;

	snprintf(pattern, sizeof(pattern), "^(%s)$", f->pattern ? f->pattern : ".*");
	if (strlen(text) > f->max || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	ok = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
}

#define SAMPLE_UUID "01234567-89ab-cdef-0123-456789abcdef"
static const char *const sample_texts[] = {
	"https://pdns.example:8443/prefix",
	"ns1.example:5353",
	"example.org,example.net",
	"me@example.com",
	SAMPLE_UUID,
	"AKIAIOSFODNN7EXAMPLE",
	"Z0123456789ABCDEFGHIJ",
	"arn:aws:iam::123456789012:role/postern",
	"postern-0123456789abcdefghijkl@my-project.iam.gserviceaccount.com",
	"my-project",
	"0123456789abcdef",
	"12345",
	"hmac-sha256",
	"service_account",
};

#define SAMPLE_ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
/* The families of canaries, the nastiest first: what must be escaped in JSON, XML, URLs. 'x' is one of the letters. */
static const struct {
	const char *form, *letters;
} sample_canaries[] = {
	{"xx\"x\\x<x>x&x'x+x/x%xxx=x{x}xx;xx:xxxxxxxx", SAMPLE_ALNUM},
	{"xxxxxxx/xxxxxxxxx+xxxxxxxxxxxxxx/xxxxxxxxxx=", SAMPLE_ALNUM},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SAMPLE_ALNUM},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SAMPLE_ALNUM},
	{"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "0123456789abcdef"},
	{"pk1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SAMPLE_ALNUM},
	{"sk1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SAMPLE_ALNUM},
	{"-----BEGIN PRIVATE KEY-----\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n-----END PRIVATE "
	 "KEY-----\n",
	 SAMPLE_ALNUM},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxx_xxxxxxxxxxxxxxx-xxxxxxxx",
	 SAMPLE_ALNUM},
};

static inline void sample_canary(size_t family, struct dice *d, char *out, size_t size)
{
	const char *letters = sample_canaries[family].letters;
	size_t n = 0;

	/* pk1_ and the words of PEM have no x */
	for (const char *f = sample_canaries[family].form; *f && n + 1 < size; f++)
		out[n++] = *f == 'x' ? letters[dice_below(d, strlen(letters))] : *f;
	out[n] = 0;
}

/* False when none of ours fits: then a family, or a text, is missing here. */
static inline bool sample_field(const struct provider *p, const struct field_def *f, char *out,
				size_t size)
{
	struct dice d = {UINT64_C(0x9e3779b97f4a7c15)};

	for (const char *s = p->name; *s; s++)
		d.state = d.state * 31 + (unsigned char)*s;
	for (const char *s = f->name; *s; s++)
		d.state = d.state * 37 + (unsigned char)*s;
	for (size_t i = 0; f->secret && i < ARRAY_LEN(sample_canaries); i++) {
		sample_canary(i, &d, out, size);
		if (sample_fits(f, out))
			return true;
	}
	snprintf(out, size, "%s", f->preset ? f->preset : "");
	for (size_t i = 0; !f->secret && !f->preset && i < ARRAY_LEN(sample_texts); i++) {
		snprintf(out, size, "%s", sample_texts[i]);
		if (sample_fits(f, out))
			return true;
	}
	return f->preset != NULL && !f->secret;
}

static inline bool sample_goes(const struct field_def *f, enum category way)
{
	return !f->whole && (f->ways ? f->ways : 1u << CATEGORY_STATIC) & 1u << way;
}

/*
 * All fields of that way, of those that may be left out only those with SOME, to OUT, a plist of pairs. False when one
 * has no sample.
 */
static inline bool sample_credentials(const struct provider *p, enum category way, bool some,
				      struct buf *out)
{
	char text[2048];

	for (const struct field_def *f = p->fields; f->name; f++) {
		if (!sample_goes(f, way) || (f->optional && !some))
			continue;
		if (!sample_field(p, f, text, sizeof(text)))
			return false;
		plist_put(out, bytes_str(f->name));
		plist_put(out, bytes_str(text));
	}
	return buf_status(out) == 0;
}
