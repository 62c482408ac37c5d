/* SPDX-License-Identifier: ISC */
#include "config_rig.h"

#define ID(x) "000000000000000000000000000000" x

static struct config *load(const char *text)
{
	struct config *c;

	put_text("k", text, 0644);
	assert_int_equal(config_new(&c, err), 0);
	err[0] = 0;
	if (deny_load(at("k"), c, err) != 0) {
		config_free(c);
		return NULL;
	}
	return c;
}

/* Sorted, each once. */
static void test_good(void **state)
{
	static const struct {
		const char *text, *last_bytes;
	} cases[] = {
		{"", ""},
		{"# nobody\n\n \t\n", ""},
		{ID("05"), "\5"},
		{"  " ID("05") "\t# why\r\n", "\5"},
		{ID("ff") "\n" ID("01") "\n" ID("80") "\n" ID("01") "\n" ID("01"), "\1\x80\xff"},
		{ID("aA") "\n" ID("AA") "\n", "\xaa"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config *c = load(cases[i].text);
		size_t n = strlen(cases[i].last_bytes);

		assert_non_null(c);
		assert_int_equal(c->denied.n, n * INTEGRATION_ID_BYTES);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(c->denied.p[k * INTEGRATION_ID_BYTES + 15],
					 (unsigned char)cases[i].last_bytes[k]);
		config_free(c);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{"x", "1"},	  {ID("05") "\n\n" ID("0"), "3"},
		{ID("050"), "1"}, {ID("05") " " ID("06"), "1"},
		{ID("0g"), "1"},  {"pti1_AAAA", "1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char want[200];

		assert_null(load(cases[i].text));
		snprintf(want, sizeof(want),
			 "@/k:%s: must be an integration's id, 32 hexadecimal digits, as the log "
			 "has it",
			 cases[i].line);
		expect_error(want);
	}
	put_text("k", "", 0666);
	struct config *c;
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(deny_load(at("k"), c, err), CONFIG_E_BAD);
	expect_error("@/k: must not be writable for group or others");
	config_free(c);
}

static void test_many(void **state)
{
	struct buf text = BUF_INIT(8u << 20);
	struct config *c;

	for (unsigned i = 0; i < DENY_MAX; i++)
		buf_printf(&text, "%032x\n", DENY_MAX - i);
	put_file("k", text.p, text.n, 0600);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(deny_load(at("k"), c, err), 0);
	assert_int_equal(c->denied.n, DENY_MAX * INTEGRATION_ID_BYTES);
	for (size_t i = 1; i < DENY_MAX; i++)
		assert_true(memcmp(c->denied.p + (i - 1) * INTEGRATION_ID_BYTES,
				   c->denied.p + i * INTEGRATION_ID_BYTES,
				   INTEGRATION_ID_BYTES) < 0);
	config_free(c);
	buf_puts(&text, ID("00"));
	put_file("k", text.p, text.n, 0600);
	assert_int_equal(config_new(&c, err), 0);
	assert_int_equal(deny_load(at("k"), c, err), CONFIG_E_BAD);
	expect_error("@/k:100001: is one too many");
	config_free(c);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("config_deny", tests, set_up, tear_down);
}
