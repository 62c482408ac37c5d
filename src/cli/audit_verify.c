/* SPDX-License-Identifier: ISC */
/* `postern audit verify`, `prove`, `checkpoint`, `keys`: the log against what was signed of it. */
#include "base/text.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "role/config_read.h"
#include "seal/handle.h"
#include "store/verify.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS_MAX  16
#define PROOF_MAX (64 * 1024)

struct auditor {
	const struct audit_arguments *a;
	struct config *config; /* NULL: --dir and --key say all */
	struct note_verifier keys[KEYS_MAX];
	size_t n_keys;
	int dirfd;
};

/* ---- what is needed ---- */

/* "KEY,KEY", or one on each line of "@FILE". */
static int take_keys(struct auditor *v, const char *arg)
{
	struct buf text cleanup(buf_done) = BUF_INIT(64 * 1024);
	struct bytes rest;
	int r = cli_read_value(bytes_str(arg), &text);

	if (r < 0)
		return cli_fail("%s: %s", arg, strerror(-r));
	rest = buf_bytes(&text);
	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != ',' && rest.p[n] != '\n')
			n++;
		if (n && v->n_keys == KEYS_MAX)
			return cli_fail("--key: too many keys");
		if (n && note_parse_verifier(&v->keys[v->n_keys++], bytes_of(rest.p, n)) != 0)
			return cli_fail("--key: this is no key: NAME+ID+BASE64 is wanted");
		rest = bytes_skip(rest, n + 1);
	}
	return CLI_OK;
}

static void take_configured_keys(struct auditor *v)
{
	for (size_t i = 0; i < v->config->n_checkpoint_keys && v->n_keys < KEYS_MAX; i++) {
		struct note_signer s;

		note_signer_init(&s, bytes_str(v->config->origin), v->config->checkpoint_seeds[i]);
		v->keys[v->n_keys++] = s.verifier;
		sodium_memzero(&s, sizeof(s));
	}
}

static void auditor_done(struct auditor *v)
{
	if (v->dirfd >= 0)
		close(v->dirfd);
	config_free(v->config);
}

/* CLI_OK, or it was said why not. */
static int auditor_init(struct auditor *v, const struct audit_arguments *a)
{
	char err[CONFIG_ERROR_MAX];
	const char *dir = a->dir;
	int status = CLI_OK;

	*v = (struct auditor){.a = a, .dirfd = -1};
	if (a->key)
		status = take_keys(v, a->key);
	/* Who has a directory and a key needs nothing of the gateway's. */
	if (status == CLI_OK && !(a->dir && a->key)) {
		if (config_load(a->config, &v->config, err) != 0)
			return cli_fail("%s", err);
		if (!a->key)
			take_configured_keys(v);
	}
	if (status != CLI_OK)
		return status;
	if (!v->n_keys)
		return cli_fail(
			"nobody signs this log: no key is configured, and none was given (--key)");
	if (!dir)
		dir = v->config->audit_dir;
	v->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return v->dirfd < 0 ? cli_fail("%s: %s", dir, strerror(errno)) : CLI_OK;
}

/* ---- verify ---- */

/* "INDEX:LEAF" as `inspect` shows them. */
static bool parse_receipt(struct bytes text, struct verify_receipt *out)
{
	size_t colon = bytes_find(text, BYTES(":")), n;
	struct bytes hex = bytes_skip(text, colon + 1);

	return text_to_u64(bytes_of(text.p, colon), INT64_MAX, &out->index) == 0 &&
	       sodium_hex2bin(out->leaf.b, sizeof(out->leaf.b), (const char *)hex.p, hex.n, NULL,
			      &n, NULL) == 0 &&
	       n == sizeof(out->leaf.b);
}

/* From the handle itself, with the root keys of the configuration. */
static bool open_receipt(const struct auditor *v, struct bytes handle, struct verify_receipt *out)
{
	struct keyring *ring = v->config ? sodium_malloc(sizeof(*ring)) : NULL;
	struct buf plain cleanup(buf_done) = BUF_INIT(RECORD_HANDLE_MAX);
	struct record rec;
	bool ok = ring != NULL;

	if (!ok)
		return false;
	keyring_wipe(ring);
	for (size_t i = 0; i < v->config->n_keys && ok; i++)
		ok = keyring_add(ring, v->config->keys[i].secret, v->config->keys[i].state) == 0;
	ok = ok && record_open(ring, handle, bytes_str(v->a->customer), &plain, &rec) == 0;
	if (ok) {
		out->index = rec.log_index;
		memcpy(out->leaf.b, rec.leaf, sizeof(out->leaf.b));
	}
	sodium_free(ring);
	return ok;
}

static int take_receipt(const struct auditor *v, struct verify_receipt *out)
{
	struct buf text cleanup(buf_done) = BUF_INIT(RECORD_HANDLE_MAX + 1);
	int r = cli_read_value(bytes_str(v->a->receipt), &text);

	if (r < 0)
		return cli_fail("--receipt: %s", strerror(-r));
	out->given = true;
	if (parse_receipt(buf_bytes(&text), out) || open_receipt(v, buf_bytes(&text), out))
		return CLI_OK;
	return cli_fail("--receipt: INDEX:LEAF is wanted, or a record handle with --config (and "
			"its --customer)");
}

static int take_since(const struct auditor *v, struct buf *text, struct verify *out)
{
	struct bytes signed_text;
	int r = cli_read_file(v->a->since, text);

	if (r < 0)
		return cli_fail("%s: %s", v->a->since, strerror(-r));
	buf_putc(text, '\n'); /* cli_read_file() took it off */
	if (note_open(buf_bytes(text), v->keys, v->n_keys, &signed_text) != 0 ||
	    checkpoint_parse(&out->since, signed_text) != 0)
		return cli_fail("%s: this is no checkpoint that one of the keys has signed",
				v->a->since);
	out->has_since = true;
	return CLI_OK;
}

static int print_verdict(const struct verify *v)
{
	if (v->torn)
		fputs("postern: the last line is not whole: being written, or cut by a crash\n",
		      stderr);
	if (!v->good) {
		printf("BAD: line %llu", (unsigned long long)v->bad);
		if (v->bad_to > v->bad)
			printf(", or one up to %llu", (unsigned long long)v->bad_to);
		printf(": %s\n", v->why);
		return CLI_FAILED;
	}
	printf("good: %llu lines, %llu checkpoints; the last covers %llu lines",
	       (unsigned long long)v->size, (unsigned long long)v->checkpoints,
	       (unsigned long long)v->covered);
	if (v->voids)
		printf("; %llu numbers are void", (unsigned long long)v->voids);
	puts("");
	return CLI_OK;
}

int audit_verify(const struct audit_arguments *a)
{
	struct buf since cleanup(buf_done) = BUF_INIT(NOTE_MAX + 1);
	struct verify verify = {0};
	struct auditor v;
	int status = auditor_init(&v, a), r;

	verify.verifiers = v.keys;
	verify.n_verifiers = v.n_keys;
	if (status == CLI_OK && a->receipt)
		status = take_receipt(&v, &verify.receipt);
	if (status == CLI_OK && a->since)
		status = take_since(&v, &since, &verify);
	if (status == CLI_OK) {
		r = log_verify(v.dirfd, &verify);
		status = r < 0 ? cli_fail("the log cannot be read: %s", strerror(-r))
			       : print_verdict(&verify);
	}
	auditor_done(&v);
	return status;
}

/* ---- prove ---- */

static void put_hash(struct buf *b, const struct tree_hash *h)
{
	buf_putc(b, '"');
	text_put_b64(b, bytes_of(h->b, sizeof(h->b)));
	buf_putc(b, '"');
}

static int print_proof(const struct auditor *v, const char *what, uint64_t index, uint64_t size,
		       const struct tree_ranges *ranges)
{
	struct buf b cleanup(buf_done) = BUF_INIT(PROOF_MAX);
	struct tree_hash proof[TREE_RANGES_MAX], root;
	int r = log_hashes(v->dirfd, ranges, size, proof, &root);

	if (r < 0)
		return cli_fail("%s",
				r == -ERANGE ? "the log has not as many lines" : strerror(-r));
	buf_printf(&b, "{\"%s\":%llu,\"size\":%llu,\"root\":", what, (unsigned long long)index,
		   (unsigned long long)size);
	put_hash(&b, &root);
	buf_puts(&b, ",\"proof\":[");
	for (size_t i = 0; i < ranges->n; i++) {
		if (i)
			buf_putc(&b, ',');
		put_hash(&b, &proof[i]);
	}
	buf_puts(&b, "]}\n");
	return cli_print(buf_bytes(&b)) ? CLI_OK : CLI_FAILED;
}

/* The last checkpoint that is good; its note to *NOTE, borrowed from TEXT. */
static int last_checkpoint(const struct auditor *v, struct buf *text, struct checkpoint_record *out)
{
	int fd = openat(v->dirfd, CHECKPOINTS_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = checkpoints_last(fd, text);
	close(fd);
	if (r < 0)
		return r;
	r = text->n ? checkpoint_record_parse(buf_bytes(text), v->keys, v->n_keys, out)
		    : NOTE_E_BAD;
	return r == 0 ? 0 : -EBADMSG;
}

static int prove(const struct auditor *v, uint64_t size)
{
	const struct audit_arguments *a = v->a;
	struct tree_ranges ranges;
	uint64_t n;

	if (text_to_u64(bytes_str(a->index ? a->index : a->old), INT64_MAX, &n) != 0)
		return cli_fail("a number is wanted");
	if (a->index && n < size) {
		tree_inclusion(n, size, &ranges);
		return print_proof(v, "index", n, size, &ranges);
	}
	if (a->old && n > 0 && n <= size) {
		tree_consistency(n, size, &ranges);
		return print_proof(v, "old", n, size, &ranges);
	}
	return cli_fail("%llu is not within the %llu lines that the checkpoint covers",
			(unsigned long long)n, (unsigned long long)size);
}

/* In the tree that the last checkpoint covers, or one of SIZE. */
int audit_prove(const struct audit_arguments *a)
{
	struct buf text cleanup(buf_done) = BUF_INIT(STORE_RECORDS_MAX);
	struct checkpoint_record last;
	struct auditor v;
	int status = auditor_init(&v, a), r;
	uint64_t size = 0;

	if (status == CLI_OK && a->size && text_to_u64(bytes_str(a->size), INT64_MAX, &size) != 0)
		status = cli_fail("--size takes a number");
	if (status == CLI_OK && !a->size) {
		r = last_checkpoint(&v, &text, &last);
		if (r < 0)
			status = cli_fail("there is no checkpoint: %s", strerror(-r));
		else
			size = last.checkpoint.size;
	}
	if (status == CLI_OK)
		status = prove(&v, size);
	auditor_done(&v);
	return status;
}

/* ---- checkpoint, keys ---- */

int audit_checkpoint(const struct audit_arguments *a)
{
	struct buf text cleanup(buf_done) = BUF_INIT(STORE_RECORDS_MAX);
	struct checkpoint_record last;
	struct auditor v;
	int status = auditor_init(&v, a), r;

	if (status == CLI_OK) {
		r = last_checkpoint(&v, &text, &last);
		if (r < 0)
			status = cli_fail("there is no good checkpoint: %s", strerror(-r));
		else
			status = cli_print(last.note) ? CLI_OK : CLI_FAILED;
	}
	auditor_done(&v);
	return status;
}

int audit_keys(const struct audit_arguments *a)
{
	struct buf out cleanup(buf_done) = BUF_INIT(PROOF_MAX);
	struct auditor v;
	int status = auditor_init(&v, a);

	for (size_t i = 0; i < v.n_keys; i++) {
		note_put_verifier(&out, &v.keys[i]);
		buf_putc(&out, '\n');
	}
	if (status == CLI_OK)
		status = cli_print(buf_bytes(&out)) ? CLI_OK : CLI_FAILED;
	auditor_done(&v);
	return status;
}
