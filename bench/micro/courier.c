/* SPDX-License-Identifier: ISC */
/* What the courier does with an answer besides taking it in: look for the credential in it. */
#include "micro.h"

#include "role/secrets.h"

struct answered {
	struct buf forms, body;
	const struct exchange *exchange;
};

static void put_forms(const struct buf *shown, struct buf *forms)
{
	const struct bytes pairs = sample_credentials();

	secrets_forms(&provider_cloudflare, pairs, forms);
	secrets_shown_forms(&provider_cloudflare, pairs, buf_bytes(shown), forms);
}

static void make_forms(void *arg, uint64_t n)
{
	const struct buf *shown = arg;

	while (n--) {
		struct buf forms = BUF_INIT(SECRETS_FORMS_MAX);

		put_forms(shown, &forms);
		must(buf_status(&forms) == 0, "forms");
		buf_done(&forms);
	}
}

static void look(void *arg, uint64_t n)
{
	struct answered *a = arg;

	while (n--) {
		struct buf headers = BUF_INIT(1);

		must(secrets_scrub(buf_bytes(&a->forms), a->exchange, 200, &headers, &a->body) == 0,
		     "secrets_scrub");
	}
}

static void answer_row(struct answered *a, struct bytes body, const char *what)
{
	buf_reset(&a->body);
	buf_put_bytes(&a->body, body);
	micro_run(look, a, "looked for in %s (%zu bytes)", what, body.n);
}

void micro_courier(void)
{
	struct answered a = {.forms = BUF_INIT(SECRETS_FORMS_MAX),
			     .body = BUF_INIT(PROVIDER_BODY_MAX),
			     .exchange = provider_cloudflare.ops[OP_ZONES][0]};
	struct buf line = BUF_INIT(1024), shown = BUF_INIT(1024);
	struct bytes pairs = sample_credentials(), name, token;

	must(plist_next_pair(&pairs, &name, &token), "token");
	buf_printf(&line, "Authorization: Bearer %.*s", (int)token.n, (const char *)token.p);
	plist_put(&a.body, buf_bytes(&line));
	secrets_note(&provider_cloudflare, bytes_of(NULL, 0), buf_bytes(&a.body), &shown);
	put_forms(&shown, &a.forms);
	micro_run(make_forms, &shown, "a token's forms, and its header's, made");
	answer_row(&a, sample_zones(), "a list of 50 zones");
	answer_row(&a, sample_added(), "the add's answer");
	buf_done(&a.forms);
	buf_done(&a.body);
	buf_done(&line);
	buf_done(&shown);
}
