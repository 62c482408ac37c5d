/* SPDX-License-Identifier: ISC */
/* Where secrets are read from, beyond plain files (test_config_secrets, test_config_provider): inherited descriptors. */
#include "config_rig.h"

#include <sys/mman.h>

static struct buf got;

/* From descriptor FD: NULL, or why not. */
static const char *read_fd(int fd)
{
	char source[32];

	snprintf(source, sizeof(source), "fd:%d", fd);
	buf_reset(&got);
	return config_read_secret(bytes_str(source), &got);
}

static void expect(const char *source, const char *why)
{
	const char *is = config_read_secret(bytes_str(source), &got);

	assert_non_null(is);
	assert_string_equal(is, why);
}

/* What can seek is read from its begin, as often as it is asked for; and no child has it. */
static void test_descriptor(void **state)
{
	int fd = memfd_create("secret", 0);

	assert_true(fd > 2 && write(fd, "s3cret", 6) == 6);
	for (int i = 0; i < 3; i++) {
		assert_null(read_fd(fd));
		assert_true(bytes_is(buf_bytes(&got), "s3cret"));
	}
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_string_equal(read_fd(fd), "is not open");
}

static void test_pipe(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "once", 4), 4);
	close(fds[1]);
	assert_null(read_fd(fds[0]));
	assert_true(bytes_is(buf_bytes(&got), "once"));
	assert_string_equal(read_fd(fds[0]), "is empty, or was read before");
	close(fds[0]);
}

/* The program's own are no secrets, whatever is open there. */
static void test_numbers(void **state)
{
	static const char *const bad[] = {"fd:",   "fd:0",  "fd:1", "fd:2",
					  "fd:-1", "fd:03", "fd:x", "fd:2147483648"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect(bad[i], "must have the number of a descriptor after fd:");
	expect("fd:1023", "is not open");
}

static void test_too_long(void **state)
{
	struct buf small = BUF_INIT(4);

	put_file("k", "12345", 5, 0600);
	assert_string_equal(config_read_secret(bytes_str(at("k")), &small), "is too long");
	buf_done(&small);
}

static void test_root_key(void **state)
{
	unsigned char key[ROOT_KEY_BYTES], want[ROOT_KEY_BYTES];
	int fd = memfd_create("key", 0);
	char source[32];

	memset(want, 'w', sizeof(want));
	assert_int_equal(write(fd, want, sizeof(want)), sizeof(want));
	snprintf(source, sizeof(source), "fd:%d", fd);
	assert_int_equal(config_read_key_from(source, key, err), 0);
	assert_memory_equal(key, want, sizeof(key));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(config_read_key_from(source, key, err), CONFIG_E_BAD);
	assert_non_null(strstr(err, ": must be 32 bytes long"));
	assert_true(sodium_is_zero(key, sizeof(key)));
	close(fd);
}

static void test_looks(void **state)
{
	static const struct {
		struct bytes source;
		bool good;
	} cases[] = {
		{BYTES("/etc/key"), true}, {BYTES("name"), true}, {BYTES("fd:3"), true},
		{BYTES(""), false},	   {BYTES("./k"), false}, {BYTES("a/b"), false},
		{BYTES("/a\0b"), false},
	};
	char *longest = calloc(1, IPC_PATH_MAX + 1);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(config_source_valid(cases[i].source), cases[i].good);
	memset(longest, 'a', IPC_PATH_MAX);
	assert_false(config_source_valid(bytes_of(longest, IPC_PATH_MAX)));
	assert_true(config_source_valid(bytes_of(longest, IPC_PATH_MAX - 1)));
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	expect(longest, "is too long");
	unsetenv("CREDENTIALS_DIRECTORY");
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor), cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_numbers),	   cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_root_key),   cmocka_unit_test(test_looks),
	};
	int r;

	got = BUF_INIT(4096);
	r = cmocka_run_group_tests_name("config_sources", tests, set_up, tear_down);
	buf_done(&got);
	return r;
}
