/* SPDX-License-Identifier: ISC */
/* big-log DIR CHANGES: a signed log as the scribe writes it, with that many changes (an intent and an outcome each). Prints the verifier's key. */
#include "base/text.h"
#include "store/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define BATCH	   10000 /* changes a sync and a checkpoint */
#define START_USEC INT64_C(1800000000000000)

static void put_key(const struct note_signer *signer)
{
	struct buf b = BUF_INIT(NOTE_MAX);

	note_put_verifier(&b, &signer->verifier);
	printf("%.*s\n", (int)buf_bytes(&b).n, (const char *)buf_bytes(&b).p);
	buf_done(&b);
}

static bool stage(struct store *s, const char *event, uint64_t change)
{
	struct audit_line l = audit_line_empty();
	struct store_receipt receipt;
	char id[32], fqdn[64];

	snprintf(id, sizeof(id), "r-%016" PRIx64, change);
	snprintf(fqdn, sizeof(fqdn), "_acme-challenge.h%" PRIu64 ".example.com", change);
	l.time = START_USEC + (int64_t)change * 1000;
	l.event = bytes_str(event);
	l.request_id = bytes_str(id);
	l.caller = BYTES("backend");
	l.customer = BYTES("customer-42");
	l.integration = BYTES("0123456789abcdef0123456789abcdef");
	l.provider = BYTES("powerdns");
	l.zone = BYTES("example.com");
	l.fqdn = bytes_str(fqdn);
	l.type = BYTES("TXT");
	l.value = BYTES("gfj9Xq-Rg85nM0Zqv1Cq3qJ5nV0Yl8mE2Jb3lT0r9wA");
	l.mode = BYTES("coexist");
	l.profile = BYTES("guarded");
	return store_stage(s, &l, &receipt) == 0;
}

static bool write_changes(struct store *s, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		if (!stage(s, "add_record.intent", i) || !stage(s, "add_record.outcome", i))
			return false;
		if ((i % BATCH == BATCH - 1 || i == n - 1) &&
		    (store_commit(s, START_USEC + (int64_t)i * 1000) != 0 ||
		     store_checkpoint(s) != 0))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {
		1}; /* no secret: the log is a bench's */
	struct note_signer signer;
	struct store_config config = {
		.segment_bytes = UINT64_C(256) << 20, .signers = &signer, .n_signers = 1};
	struct store *s;
	uint64_t changes;
	int dirfd, rc;

	if (argc != 3 || text_to_u64(bytes_str(argv[2]), INT64_MAX, &changes) != 0) {
		fputs("usage: big-log DIR CHANGES\n", stderr);
		return 2;
	}
	note_signer_init(&signer, BYTES("bench.example"), seed);
	dirfd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || store_open(&s, dirfd, &config, START_USEC) < 0) {
		perror(argv[1]);
		return 1;
	}
	put_key(&signer);
	rc = write_changes(s, changes) ? 0 : 1;
	if (rc)
		fprintf(stderr, "big-log: %s\n", store_problem(s));
	store_free(s);
	close(dirfd);
	return rc;
}
