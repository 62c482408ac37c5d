/* SPDX-License-Identifier: ISC */
/* `postern audit verify`, `prove`, `checkpoint`, `keys`: the log against what was signed of it. */
#include "base/text.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "role/config_read.h"
#include "seal/handle.h"
#include "store/verify.h"
#include "store/walk.h"
#include "sys/nettle.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX  16
#define PROOF_MAX (64 * 1024)
#define NOTES_MAX (16 * 1024 * 1024) /* bytes; what is more is left out */

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
		return cli_fail_with(CLI_UNREADABLE, "%s: %s", arg, strerror(-r));
	rest = buf_bytes(&text);
	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != ',' && rest.p[n] != '\n')
			n++;
		if (n && v->n_keys == KEYS_MAX)
			return cli_fail_with(CLI_USAGE, "--key: too many keys");
		if (n && note_parse_verifier(&v->keys[v->n_keys++], bytes_of(rest.p, n)) != 0)
			return cli_fail_with(CLI_USAGE,
					     "--key: this is no key: NAME+ID+BASE64 is wanted");
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
			return cli_fail_with(CLI_UNREADABLE, "%s", err);
		if (!a->key)
			take_configured_keys(v);
	}
	if (status != CLI_OK)
		return status;
	if (!v->n_keys)
		return cli_fail_with(
			CLI_USAGE,
			"nobody signs this log: no key is configured, and none was given (--key)");
	if (!dir)
		dir = v->config->audit_dir;
	v->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->dirfd < 0)
		return cli_fail_with(CLI_UNREADABLE, "%s: %s", dir, strerror(errno));
	return CLI_OK;
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
		return cli_fail_with(CLI_UNREADABLE, "--receipt: %s", strerror(-r));
	out->given = true;
	if (parse_receipt(buf_bytes(&text), out) || open_receipt(v, buf_bytes(&text), out))
		return CLI_OK;
	return cli_fail_with(
		CLI_USAGE, "--receipt: INDEX:LEAF is wanted, or a record handle with --config (and "
			   "its --customer)");
}

/* A pipe, say, that is named in its place keeps nobody waiting. */
static int read_kept(const char *path, struct buf *text)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return cli_read_file(path, text);
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? cli_read_file(path, text) : -EMEDIUMTYPE;
}

static int take_since(const struct auditor *v, struct buf *text, struct verify *out)
{
	struct bytes signed_text;
	int r = read_kept(v->a->since, text);

	if (r < 0)
		return cli_fail_with(CLI_UNREADABLE, "%s: %s", v->a->since,
				     r == -EMEDIUMTYPE ? "this is no file" : strerror(-r));
	buf_putc(text, '\n'); /* cli_read_file() took it off */
	if (note_open(buf_bytes(text), v->keys, v->n_keys, &signed_text) != 0 ||
	    checkpoint_parse(&out->since, signed_text) != 0)
		return cli_fail_with(CLI_USAGE,
				     "%s: this is no checkpoint that one of the keys has signed",
				     v->a->since);
	out->has_since = true;
	return CLI_OK;
}

static void print_bad(const struct verify *v)
{
	printf("BAD: line %llu", (unsigned long long)v->bad);
	if (v->bad_to > v->bad)
		printf(", or one up to %llu", (unsigned long long)v->bad_to);
	printf(": %s\n", v->why);
}

static void print_good(const struct verify *v)
{
	printf("good: %llu lines, %llu checkpoints; the last covers %llu lines",
	       (unsigned long long)v->size, (unsigned long long)v->checkpoints,
	       (unsigned long long)v->covered);
	if (v->voids)
		printf("; %llu numbers are void", (unsigned long long)v->voids);
	if (v->gaps)
		printf("; %llu gaps in the checkpoints", (unsigned long long)v->gaps);
	if (v->started)
		printf("; those before line %llu were not looked at",
		       (unsigned long long)v->started);
	puts("");
}

static int print_verdict(const struct verify *v, const struct buf *notes)
{
	if (v->good)
		print_good(v);
	else
		print_bad(v);
	fwrite(notes->p, 1, notes->n, stdout); /* main() looks at what came of it */
	if (v->torn)
		printf("note: the log ends in %llu bytes that are no line yet: being written, or "
		       "cut by a crash\n",
		       (unsigned long long)v->torn);
	return v->good ? CLI_OK : CLI_FAILED;
}

static void keep_note(void *arg, const char *text)
{
	struct buf *notes = arg;

	buf_printf(notes, "note: %s\n", text);
}

struct watched {
	struct progress progress;
	uint64_t all; /* bytes; 0 when nobody knows how many of them are read */
};

static void watch(void *arg, uint64_t bytes)
{
	struct watched *w = arg;

	progress_show(&w->progress, "verifying", bytes, w->all);
}

static int verify_log(const struct auditor *v, struct verify *verify, struct watched *w,
		      const struct buf *notes)
{
	int r;

	/* With --from, what stands before is passed over. */
	if (verify->from || log_bytes(v->dirfd, &w->all) < 0)
		w->all = 0;
	r = log_verify(v->dirfd, verify);
	progress_end(&w->progress);

	if (r < 0)
		return cli_fail_with(CLI_UNREADABLE, "the log cannot be read: %s",
				     r == -EMEDIUMTYPE ? "a name in it is no file's"
						       : strerror(-r));
	return print_verdict(verify, notes);
}

int audit_verify(const struct audit_arguments *a)
{
	struct buf since cleanup(buf_done) = BUF_INIT(NOTE_MAX + 1);
	struct buf notes cleanup(buf_done) = BUF_INIT(NOTES_MAX);
	struct watched watched = {0};
	struct verify verify = {.note = keep_note,
				.note_arg = &notes,
				.progress = terminal_is(STDERR_FILENO) ? watch : NULL,
				.progress_arg = &watched};
	struct auditor v;
	int status = auditor_init(&v, a);

	(void)nettle_load(); /* a long log is hashed sooner */
	verify.verifiers = v.keys;
	verify.n_verifiers = v.n_keys;
	if (status == CLI_OK && a->receipt)
		status = take_receipt(&v, &verify.receipt);
	if (status == CLI_OK && a->since)
		status = take_since(&v, &since, &verify);
	if (status == CLI_OK && a->from &&
	    text_to_u64(bytes_str(a->from), INT64_MAX, &verify.from) != 0)
		status = cli_fail_with(CLI_USAGE, "--from takes a number");
	if (status == CLI_OK)
		status = verify_log(&v, &verify, &watched, &notes);
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

struct proof {
	const char *what; /* "index" or "old" */
	uint64_t n, size;
	struct tree_ranges ranges;
	/* What was signed of SIZE lines, if anything was: what the log has must be that. */
	bool is_signed;
	struct tree_hash signed_root;
};

static int print_proof(const struct proof *p, const struct tree_hash *proof,
		       const struct tree_hash *root)
{
	struct buf b cleanup(buf_done) = BUF_INIT(PROOF_MAX);

	buf_printf(&b, "{\"%s\":%llu,\"size\":%llu,\"root\":", p->what, (unsigned long long)p->n,
		   (unsigned long long)p->size);
	put_hash(&b, root);
	buf_puts(&b, ",\"proof\":[");
	for (size_t i = 0; i < p->ranges.n; i++) {
		if (i)
			buf_putc(&b, ',');
		put_hash(&b, &proof[i]);
	}
	buf_puts(&b, "]}\n");
	return cli_print(buf_bytes(&b)) ? CLI_OK : CLI_FAILED;
}

static int make_proof(const struct auditor *v, const struct proof *p)
{
	struct tree_hash proof[TREE_RANGES_MAX], root;
	int r = log_hashes(v->dirfd, &p->ranges, p->size, proof, &root);

	if (r == -ERANGE && !p->is_signed)
		return cli_fail_with(CLI_USAGE, "the log has not as many lines");
	if (r < 0 && r != -ERANGE)
		return cli_fail_with(CLI_UNREADABLE, "the log cannot be read: %s", strerror(-r));
	if (r < 0 || (p->is_signed && memcmp(&root, &p->signed_root, sizeof(root)) != 0))
		return cli_fail("the log's first %llu lines are not those that were signed: `audit "
				"verify` says more",
				(unsigned long long)p->size);
	if (!p->is_signed)
		fprintf(stderr, "postern: no checkpoint has %llu lines: this root is not signed\n",
			(unsigned long long)p->size);
	return print_proof(p, proof, &root);
}

/* The last checkpoint that is good; its note borrowed from TEXT. CLI_OK, or it was said why not. */
static int last_checkpoint(const struct auditor *v, struct buf *text, struct checkpoint_record *out)
{
	int fd = log_open_file(v->dirfd, CHECKPOINTS_NAME), r = fd;

	if (fd >= 0) {
		r = checkpoints_last(fd, text);
		close(fd);
	}
	if (r < 0 && r != -ENOENT)
		return cli_fail_with(CLI_UNREADABLE, CHECKPOINTS_NAME ": %s",
				     r == -EMEDIUMTYPE ? "this is no file" : strerror(-r));
	if (r < 0 || !text->n)
		return cli_fail("there is no checkpoint");
	if (checkpoint_record_parse(buf_bytes(text), v->keys, v->n_keys, out) != 0)
		return cli_fail("the last checkpoint is none that one of the keys has signed");
	return CLI_OK;
}

/* The size of the tree, and what was signed of it. */
static int take_size(const struct auditor *v, struct proof *p)
{
	struct buf text cleanup(buf_done) = BUF_INIT(STORE_RECORDS_MAX);
	struct checkpoint_record last;
	int r;

	if (!v->a->size) {
		r = last_checkpoint(v, &text, &last);
		if (r != CLI_OK)
			return r;
		p->size = last.checkpoint.size;
		p->signed_root = last.checkpoint.root;
		p->is_signed = true;
		return CLI_OK;
	}
	if (text_to_u64(bytes_str(v->a->size), INT64_MAX, &p->size) != 0)
		return cli_fail_with(CLI_USAGE, "--size takes a number");
	r = log_find_checkpoint(v->dirfd, v->keys, v->n_keys, p->size, &p->signed_root);
	if (r < 0)
		return cli_fail_with(CLI_UNREADABLE, CHECKPOINTS_NAME ": %s", strerror(-r));
	p->is_signed = r == 0;
	return CLI_OK;
}

static int prove(const struct auditor *v)
{
	const struct audit_arguments *a = v->a;
	struct proof p = {.what = a->index ? "index" : "old"};
	int status = take_size(v, &p);

	if (status != CLI_OK)
		return status;
	if (text_to_u64(bytes_str(a->index ? a->index : a->old), INT64_MAX, &p.n) != 0)
		return cli_fail_with(CLI_USAGE, "a number is wanted");
	if (a->index ? p.n >= p.size : !p.n || p.n > p.size)
		return cli_fail_with(CLI_USAGE,
				     "%llu is not within the %llu lines that the checkpoint covers",
				     (unsigned long long)p.n, (unsigned long long)p.size);
	if (a->index)
		tree_inclusion(p.n, p.size, &p.ranges);
	else
		tree_consistency(p.n, p.size, &p.ranges);
	return make_proof(v, &p);
}

/* In the tree that the last checkpoint covers, or one of SIZE. */
int audit_prove(const struct audit_arguments *a)
{
	struct auditor v;
	int status = auditor_init(&v, a);

	if (status == CLI_OK)
		status = prove(&v);
	auditor_done(&v);
	return status;
}

/* ---- checkpoint, keys ---- */

int audit_checkpoint(const struct audit_arguments *a)
{
	struct buf text cleanup(buf_done) = BUF_INIT(STORE_RECORDS_MAX);
	struct checkpoint_record last;
	struct auditor v;
	int status = auditor_init(&v, a);

	if (status == CLI_OK)
		status = last_checkpoint(&v, &text, &last);
	if (status == CLI_OK)
		status = cli_print(last.note) ? CLI_OK : CLI_FAILED;
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
