/* SPDX-License-Identifier: ISC */
/*
 * postern.conf and the callers file: the input up to a NUL, and behind it. What is taken is within what the roles can be told; what is refused is told in one line that begins with the file. Files
 * that a seed names (a root key, a callers file, a service account) lie in a directory of the target's own, which is descriptor 100: "/proc/self/fd/100/root.key".
 */
#include "fuzz.h"
#include "role/config.h"
#include "role/config_read.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define SECRET "c-l-i-e-n-t"
#define DIR_FD 100
#define DIR    "/proc/self/fd/100"

static char path[] = "/dev/shm/postern-fuzz-conf-XXXXXX";
static const char *const names[] = {"postern.conf", "callers",	    "root.key", "other.key",
				    "zero.key",	    "account.json", "secret"};

static void put_file(const char *name, struct bytes text)
{
	int fd = openat(DIR_FD, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && (text.n == 0 || write(fd, text.p, text.n) == (ssize_t)text.n));
	close(fd);
}

static void end(void)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlinkat(DIR_FD, names[i], 0);
	rmdir(path);
}

static void begin(void)
{
	static const unsigned char keys[3][ROOT_KEY_BYTES] = {{1}, {2}};
	static bool begun;
	int fd;

	if (begun)
		return;
	begun = true;
	CHECK(sodium_init() >= 0 && mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0 && dup2(fd, DIR_FD) == DIR_FD && atexit(end) == 0);
	close(fd);
	put_file("root.key", bytes_of(keys[0], ROOT_KEY_BYTES));
	put_file("other.key", bytes_of(keys[1], ROOT_KEY_BYTES));
	put_file("zero.key", bytes_of(keys[2], ROOT_KEY_BYTES));
	put_file("secret", BYTES(SECRET "\n"));
	put_file("account.json",
		 BYTES("{\"type\":\"service_account\",\"client_email\":\"a@p.iam.gserviceaccount."
		       "com\","
		       "\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nAA\\n-----END PRIVATE "
		       "KEY-----\\n\"}"));
}

static void check_names(struct bytes list)
{
	struct bytes item;
	struct dns_name name;

	CHECK(plist_valid(list, SIZE_MAX, DNS_NAME_MAX));
	while (plist_next(&list, &item))
		CHECK(dns_name_parse(&name, item) == 0 && bytes_eq(dns_name_text(&name), item));
}

static bool is_loopback(const struct config_listen *l)
{
	const struct sockaddr_in *v4 = (const void *)&l->address;
	const struct sockaddr_in6 *v6 = (const void *)&l->address;

	if (l->address.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127 && l->length == sizeof(*v4);
	return l->address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) &&
	       l->length == sizeof(*v6);
}

static void check_callers(const struct config *c)
{
	CHECK(c->n_callers <= CONFIG_CALLERS_MAX);
	for (size_t i = 0; i < c->n_callers; i++) {
		const struct config_caller *a = &c->callers[i];

		CHECK(caller_name_valid(bytes_str(a->name)));
		CHECK(a->verbs && !(a->verbs & ~VERBS_ALL));
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(a->name, c->callers[k].name) != 0);
	}
}

static void check_keys(const struct config *c)
{
	bool active = false;

	CHECK(c->n_keys <= CONFIG_KEYS_MAX);
	for (size_t i = 0; i < c->n_keys; i++) {
		CHECK(!sodium_is_zero(c->keys[i].secret, ROOT_KEY_BYTES));
		for (size_t k = 0; k < i; k++)
			CHECK(memcmp(c->keys[i].secret, c->keys[k].secret, ROOT_KEY_BYTES) != 0);
		active = active || c->keys[i].state == KEY_ACTIVE;
	}
	CHECK(active && c->n_checkpoint_keys <= STORE_SIGNERS_MAX);
	CHECK(!c->origin[0] == !c->n_checkpoint_keys);
	CHECK(!c->origin[0] || note_name_valid(bytes_str(c->origin)));
}

static void check_taken(const struct config *c)
{
	CHECK(c->listens <= CONFIG_LISTEN_MAX && (c->listens || c->unix_socket));
	for (size_t i = 0; i < c->listens; i++)
		CHECK(is_loopback(&c->listen[i]));
	CHECK(c->audit_dir && c->audit_dir[0] == '/' && c->ca_file && c->ca_file[0] == '/');
	CHECK(strlen(c->audit_dir) < IPC_PATH_MAX && strlen(c->ca_file) < IPC_PATH_MAX);
	check_keys(c);
	check_callers(c);
	CHECK(c->policy_loosest < POLICY_PROFILES && c->policy_default < POLICY_PROFILES);
	CHECK(c->policy_default >= c->policy_loosest);
	check_names(buf_bytes(&c->targets));
	check_names(buf_bytes(&c->authorities));
	CHECK(c->self_hosted.n <= ADDRESS_RULES_MAX && c->chosen.n <= ADDRESS_RULES_MAX);
	CHECK(c->n_providers <= CONFIG_PROVIDERS_MAX);
	for (size_t i = 0; i < c->n_providers; i++) {
		CHECK(c->providers[i].provider);
		CHECK(plist_count(buf_bytes(&c->providers[i].open)) % 2 == 0);
		CHECK(plist_count(buf_bytes(&c->providers[i].secret)) % 2 == 0);
	}
	CHECK(c->segment_bytes >= 1 << 20 && c->segment_bytes <= UINT64_C(1) << 30);
	CHECK(c->connections_max >= 1 && c->calls_max >= 1);
	CHECK(c->call_seconds >= 1 && c->call_seconds <= 30);
	CHECK(c->drain_seconds >= 1 && c->drain_seconds <= 600);
	CHECK(c->uid_base >= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), text = fuzz_part(&in, 0);
	char err[CONFIG_ERROR_MAX] = "";
	struct config *c = NULL;
	int r;

	begin();
	put_file("postern.conf", text);
	put_file("callers", in);
	r = config_load(DIR "/postern.conf", &c, err);
	CHECK(r == 0 || r == CONFIG_E_BAD);
	if (r == 0) {
		check_taken(c);
	} else {
		CHECK(!c && bytes_printable(bytes_str(err)));
		/* The file that is at fault, and behind it what is wrong. */
		CHECK(bytes_starts(bytes_str(err), BYTES(DIR)) || err[0] == '/');
		CHECK(strstr(err, ": "));
		/* The fuzzer finds it in here, and may write it itself. */
		if (bytes_find(text, BYTES(SECRET)) == text.n)
			CHECK(!strstr(err, SECRET));
	}
	config_free(c);
	return 0;
}
