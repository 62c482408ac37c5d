/* SPDX-License-Identifier: ISC */
/* What may be in a record of a checkpoint, and which is a file's last. */
#include "store_rig.h"

#include "store/verify.h"

static struct note_signer signer;

static off_t size_of(const struct log *l, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(l->dirfd, name, &st, 0), 0);
	return st.st_size;
}

static struct verify verified(const struct log *l)
{
	struct verify v = {.verifiers = &signer.verifier, .n_verifiers = 1};

	assert_int_equal(log_verify(l->dirfd, &v), 0);
	return v;
}

static void put_signed(struct log *l, const char *id)
{
	put(l, "a.outcome", id);
	assert_int_equal(store_checkpoint(l->store), 0);
}

static int parse(struct bytes record)
{
	unsigned char *copy = test_exact(record);
	struct checkpoint_record out;
	int r = checkpoint_record_parse(bytes_of(copy, record.n), &signer.verifier, 1, &out);

	free(copy);
	return r;
}

/* A record of a log of LINES lines; buf_done() it. */
static struct buf record_of(unsigned lines)
{
	struct log l = log_signed(&signer, 1 << 20);
	struct buf record = BUF_INIT(STORE_RECORDS_MAX);

	for (unsigned i = 1; i < lines; i++)
		put(&l, "a.outcome", "x");
	assert_int_equal(store_checkpoint(l.store), 0);
	assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &record), 0);
	log_done(&l);
	return record;
}

/* Cut anywhere, a bit changed anywhere, and hex in capitals. */
static void test_records(void **state)
{
	for (unsigned lines = 1; lines <= 7; lines += 3) {
		struct buf record = record_of(lines);

		assert_int_equal(parse(buf_bytes(&record)), 0);
		for (size_t i = 0; i < record.n; i++) {
			unsigned char was = record.p[i];

			assert_int_not_equal(parse(bytes_of(record.p, i)), 0);
			record.p[i] ^= 1;
			assert_int_not_equal(parse(buf_bytes(&record)), 0);
			record.p[i] = was >= 'a' && was <= 'f' ? (unsigned char)(was - 32) : 0;
			assert_int_not_equal(parse(buf_bytes(&record)), 0);
			record.p[i] = was;
		}
		buf_putc(&record, '\n');
		assert_int_equal(parse(buf_bytes(&record)), NOTE_E_BAD);
		buf_done(&record);
	}
	assert_int_equal(parse(BYTES("")), NOTE_E_BAD);
	assert_int_equal(parse(BYTES("\nfrontier\n")), NOTE_E_BAD);
}

/* The last whole one, however the file goes on. */
static void test_last(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	struct buf one, all, last = BUF_INIT(STORE_RECORDS_MAX);

	assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &last), 0);
	assert_int_equal(last.n, 0);
	put_signed(&l, "1");
	one = get_file(&l, CHECKPOINTS_NAME);
	put_signed(&l, "2");
	all = get_file(&l, CHECKPOINTS_NAME);
	for (size_t n = 0; n <= all.n; n++) {
		/* The record goes up to its frontier's newline; the empty line is not in it. */
		size_t whole = n == all.n ? all.n - one.n - 1 : n >= one.n ? one.n - 1 : 0;

		set_file(&l, CHECKPOINTS_NAME, bytes_of(all.p, n));
		buf_reset(&last);
		assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &last), 0);
		assert_int_equal(last.n, whole);
		if (whole)
			assert_memory_equal(last.p, n == all.n ? all.p + one.n : all.p, whole);
	}
	buf_done(&one);
	buf_done(&all);
	buf_done(&last);
	log_done(&l);
}

/* Of a file that is longer than what is read of it, too. */
static void test_last_of_many(void **state)
{
	struct log l = log_signed(&signer, 1 << 20);
	struct buf last = BUF_INIT(STORE_RECORDS_MAX);
	struct checkpoint_record record;
	char id[16];
	unsigned n = 0;

	while (size_of(&l, CHECKPOINTS_NAME) < STORE_RECORDS_MAX + 1000) {
		snprintf(id, sizeof(id), "%u", ++n);
		put_signed(&l, id);
		if (n % 4 == 0)
			reopen(&l);
		assert_int_equal(l.store->signed_size, n + 1);
	}
	assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &last), 0);
	assert_int_equal(checkpoint_record_parse(buf_bytes(&last), &signer.verifier, 1, &record),
			 0);
	assert_int_equal(record.checkpoint.size, n + 1);
	buf_done(&last);
	/* A start keeps all of it. */
	reopen(&l);
	assert_true(size_of(&l, CHECKPOINTS_NAME) > STORE_RECORDS_MAX);
	assert_int_equal(verified(&l).checkpoints, n);
	log_done(&l);
}

/* All but of the greatest length that there is: of the one before, not even its frontier is seen in as much of the file's end. */
static void test_last_of_long_ones(void **state)
{
	const size_t longest = NOTE_MAX + 16 + TREE_HASHES_MAX * (2 * TREE_HASH_BYTES + 1),
		     size = longest - 5;
	struct log l = log_signed(&signer, 1 << 20);
	struct buf file = BUF_INIT(1 << 20), last = BUF_INIT(STORE_RECORDS_MAX);
	struct buf little = BUF_INIT(longest);

	for (unsigned i = 0; i < 3; i++) {
		memset(buf_extend(&file, size - 12), 'a' + (int)i, size - 12);
		buf_puts(&file, "\nfrontier \n\n");
	}
	assert_int_equal(file.n, 3 * size);
	set_file(&l, CHECKPOINTS_NAME, buf_bytes(&file));
	assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &last), 0);
	assert_int_equal(last.n, size - 1);
	assert_memory_equal(last.p, file.p + 2 * size, size - 1);
	/* without room for two, and where there is no file */
	assert_int_equal(checkpoints_last(l.store->checkpoints_fd, &little), -EIO);
	assert_int_equal(checkpoints_last(-1, &last), -EBADF);
	assert_int_equal(checkpoints_last(l.dirfd, &last), -EIO);
	buf_done(&file);
	buf_done(&last);
	buf_done(&little);
	log_done(&l);
}

int main(void)
{
	static const unsigned char seed[NOTE_SEED_BYTES] = {1};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_last_of_many),
		cmocka_unit_test(test_last_of_long_ones),
	};

	note_signer_init(&signer, BYTES("gateway.example/audit"), seed);
	return cmocka_run_group_tests_name("checkpoints_records", tests, NULL, NULL);
}
