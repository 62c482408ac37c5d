/* SPDX-License-Identifier: ISC */
/*
 * What login servers answer, each login of each provider. Input: which, status (2 bytes), the body. What is taken are the fields that the login promises, fit for a header line, and a time; what
 * is refused says why in words of ours, and tells nothing of the answer but an error's name.
 */
#include "base/xml.h"
#include "fuzz.h"
#include "provider/kit.h"

#define LOGINS_MAX 64
#define CANARY	   "Z+q7"
#define NOW	   1790000000

static struct {
	const struct provider *provider;
	const struct login *login;
} logins[LOGINS_MAX];
static size_t n_logins;

static void add(const struct provider *p, const struct login *login)
{
	if (!login)
		return;
	CHECK(n_logins < LOGINS_MAX);
	logins[n_logins].provider = p;
	logins[n_logins++].login = login;
	add(p, login->first);
}

static void find_logins(void)
{
	for (size_t i = 0; providers[i]; i++) {
		const struct provider *p = providers[i];

		add(p, p->login);
		add(p, p->assume);
		if (p->oauth) {
			add(p, p->oauth->code);
			add(p, p->oauth->refresh);
		}
		if (p->delegated)
			add(p, p->delegated->probe);
	}
}

static bool promised(const struct login *login, struct bytes name)
{
	for (size_t i = 0; i < PROVIDER_LOGIN_TAKES && login->takes[i].path; i++)
		if (bytes_is(name, login->takes[i].field))
			return true;
	return bytes_is(name, CREDENTIALS_EXPIRES);
}

static void check_fields(const struct login *login, struct bytes fields, int64_t expires)
{
	struct bytes name, value;
	char text[32];
	size_t n = 0;

	CHECK(plist_get(fields, CREDENTIALS_EXPIRES, &value));
	snprintf(text, sizeof(text), "%lld", (long long)expires);
	CHECK(bytes_is(value, text) && expires >= 0);
	while (plist_next(&fields, &name) && plist_next(&fields, &value)) {
		CHECK(promised(login, name) && value.n && bytes_printable(value));
		n++;
	}
	CHECK(fields.n == 0 && n <= PROVIDER_LOGIN_TAKES + 1);
	/* All are there; a refresh token is the old one at least, where the credential has one. */
	for (size_t i = 0; i < PROVIDER_LOGIN_TAKES && login->takes[i].path; i++)
		n--;
	CHECK(n == 1);
}

static void check_refusal(const char *detail)
{
	size_t n = strlen(detail);

	CHECK(n > 0 && n <= PROVIDER_DETAIL_MAX && bytes_printable(bytes_str(detail)));
	CHECK(!strstr(detail, CANARY));
}

static void try_answer(const struct provider *p, const struct login *login, struct answer *a)
{
	static const char refresh[] = CREDENTIALS_REFRESH;
	struct buf fields = BUF_INIT(1 << 20), credentials = BUF_INIT(1024);
	char detail[PROVIDER_DETAIL_MAX + 1] = "";
	int64_t expires = -1;
	enum code code;

	plist_put(&credentials, bytes_str(refresh));
	plist_put(&credentials, BYTES("old"));
	code = login_read(p, login, buf_bytes(&credentials), NOW, a, &fields, &expires, detail);
	CHECK(code < CODE_COUNT);
	if (code == CODE_OK) {
		CHECK(a->status >= 200 && a->status < 300 && buf_status(&fields) == 0);
		check_fields(login, buf_bytes(&fields), expires);
	} else {
		check_refusal(detail);
	}
	buf_done(&fields);
	buf_done(&credentials);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json cleanup(json_cleanup) = NULL;
	struct bytes in = bytes_of(data, size);
	struct answer a = {.status = 0};
	size_t which;
	int r;

	if (!n_logins)
		find_logins();
	which = fuzz_byte(&in) % n_logins;
	a.status = (fuzz_byte(&in) << 8 | fuzz_byte(&in)) % 1000;
	a.body = in;
	r = logins[which].login->xml ? xml_parse(in, PROVIDER_JSON_DEPTH, &json)
				     : json_parse(in, PROVIDER_JSON_DEPTH, &json, NULL, 0);
	CHECK(r >= 0);
	a.json = json;
	try_answer(logins[which].provider, logins[which].login, &a);
	return 0;
}
