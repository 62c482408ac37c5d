/* SPDX-License-Identifier: ISC */
/* Where secrets are read from, beyond plain files (test_config_secrets, test_config_provider): inherited descriptors, links, files of a group. */
#include "config_rig.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/wait.h>

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

#define NOT_OURS  "is a symbolic link that belongs neither to root nor to who runs this"
#define TOO_MANY  "leads through too many symbolic links"
#define TOO_OPEN  "must have no permission for group or others (chmod 600)"
#define LINKS_MAX 8

static void put_link(const char *path, const char *to)
{
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

/* As Kubernetes exchanges the files of a Secret, and Let's Encrypt's clients a certificate's key. */
static void test_links(void **state)
{
	assert_int_equal(mkdir(at("..1"), 0755), 0);
	put_file("..1/k", "s3cret", 6, 0600);
	put_link(at("..data"), "..1");
	put_link(at("k"), "..data/k");
	buf_reset(&got);
	assert_null(config_read_secret(bytes_str(at("k")), &got));
	assert_true(bytes_is(buf_bytes(&got), "s3cret"));
	assert_int_equal(chmod(at("..1/k"), 0604), 0);
	expect(at("k"), TOO_OPEN);
	unlink(at("k"));
	unlink(at("..1/k"));
	unlink(at("..data"));
	assert_int_equal(rmdir(at("..1")), 0);

	put_link(at("k"), at("a.key"));
	assert_null(config_read_secret(bytes_str(at("k")), &got));
	assert_int_equal(chdir(dir), 0);
	assert_null(config_read_secret_file("k", &got));
	unlink(at("k"));
	put_link(at("k"), "nowhere");
	expect(at("k"), "No such file or directory");
	unlink(at("k"));
}

static void test_links_of_others(void **state)
{
	if (geteuid() != 0)
		skip();
	put_link(at("k"), "a.key");
	assert_int_equal(lchown(at("k"), 12345, 0), 0);
	expect(at("k"), NOT_OURS);
	unlink(at("k"));
	/* The second of two. */
	put_link(at("c"), "a.key");
	put_link(at("k"), "c");
	assert_int_equal(lchown(at("c"), 12345, 0), 0);
	expect(at("k"), NOT_OURS);
	unlink(at("c"));
	unlink(at("k"));
}

static void test_many_links(void **state)
{
	char name[16], to[16] = "a.key";

	for (int i = 1; i <= LINKS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		put_link(at(name), to);
		memcpy(to, name, sizeof(to));
	}
	assert_null(config_read_secret(bytes_str(at("l8")), &got));
	expect(at("l9"), TOO_MANY);
	for (int i = 1; i <= LINKS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		unlink(at(name));
	}
	put_link(at("k"), "k");
	expect(at("k"), TOO_MANY);
	unlink(at("k"));
}

/* In a child that is not root: 0 when the secret k was read. */
static int read_as(uid_t uid, gid_t gid)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(2);
		_exit(config_read_secret(bytes_str(at("k")), &got) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Root gives a secret out to who is not root by the group: Kubernetes' fsGroup, a package's user. Nobody else does, and no more than reading is given. */
static void test_of_a_group(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		gid_t group;
		bool good;
	} cases[] = {
		{0440, 0, 12345, true},	     {0640, 0, 12345, true},  {0400, 0, 12345, false},
		{0460, 0, 12345, false},     {0450, 0, 12345, false}, {0444, 0, 12345, false},
		{0441, 0, 12345, false},     {0640, 0, 12346, false}, {0400, 12345, 12345, true},
		{0440, 12345, 12345, false},
	};

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_file("k", "s3cret", 6, 0600);
		assert_int_equal(chown(at("k"), cases[i].owner, cases[i].group), 0);
		assert_int_equal(chmod(at("k"), cases[i].mode), 0);
		assert_int_equal(read_as(12345, 12345), cases[i].good ? 0 : 1);
	}
	/* Root itself needs no group's permission: there it is a mistake. */
	assert_int_equal(chown(at("k"), 0, 0), 0);
	expect(at("k"), TOO_OPEN);
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
		cmocka_unit_test(test_links),	   cmocka_unit_test(test_links_of_others),
		cmocka_unit_test(test_many_links), cmocka_unit_test(test_of_a_group),
	};
	int r;

	got = BUF_INIT(4096);
	r = cmocka_run_group_tests_name("config_sources", tests, set_up, tear_down);
	buf_done(&got);
	return r;
}
