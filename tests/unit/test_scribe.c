/* SPDX-License-Identifier: ISC */
/* The scribe: what is confirmed stands in the log; what is not is said to be not; and an intent of which nobody will tell the end is closed. */
#include "scribe_rig.h"

#include <sys/file.h>
#include <sys/socket.h>

/* ---- lines ---- */

/* The last line that the log has. */
static struct bytes last_line(void)
{
	char name[SEGMENT_NAME_MAX];
	struct bytes text;
	struct buf b;
	size_t at;

	segment_name(name, 0);
	b = get_file(&there, name);
	text = rig_copy(buf_bytes(&b));
	buf_done(&b);
	while (text.n && !text.p[text.n - 1])
		text.n--; /* room that was reserved */
	assert_true(text.n > 0 && text.p[text.n - 1] == '\n');
	text.n--;
	for (at = text.n; at > 0 && text.p[at - 1] != '\n';)
		at--;
	return bytes_skip(text, at);
}

TEST(line)
{
	unsigned char leaf[LEAF_HASH_BYTES];
	const struct sv_written *m;
	struct bytes text;

	scribe_and_vault();
	say(PROC_VAULT, vs_line, .token = 7, .event = BYTES("add_record.outcome"),
	    .request_id = BYTES("r1"), .caller = BYTES("backend"), .customer = BYTES("acme"),
	    .integration = BYTES("6964"), .provider = BYTES("desec"), .zone = BYTES("z.example"),
	    .fqdn = BYTES("f.z.example"), .type = BYTES("TXT"), .value = BYTES("proof"),
	    .mode = BYTES("replace"), .profile = BYTES("strict"), .result = BYTES("error"),
	    .code = BYTES("conflict"), .provider_record_id = BYTES("id-1"),
	    .replaced = list_of("one|two"), .duration_ms = 12);
	m = expect_written(7, true);
	text = last_line();
	assert_holds(text, "\"event\":\"add_record.outcome\"");
	assert_holds(text, "\"time\":\"2030-03-17T17:46:40.000000Z\"");
	assert_holds(text, "\"request_id\":\"r1\"");
	assert_holds(text, "\"caller\":\"backend\"");
	assert_holds(text, "\"customer\":\"acme\"");
	assert_holds(text, "\"integration\":\"6964\"");
	assert_holds(text, "\"provider\":\"desec\"");
	assert_holds(text, "\"zone\":\"z.example\"");
	assert_holds(text, "\"fqdn\":\"f.z.example\"");
	assert_holds(text, "\"type\":\"TXT\"");
	assert_holds(text, "\"value\":\"proof\"");
	assert_holds(text, "\"mode\":\"replace\"");
	assert_holds(text, "\"profile\":\"strict\"");
	assert_holds(text, "\"result\":\"error\"");
	assert_holds(text, "\"code\":\"conflict\"");
	assert_holds(text, "\"provider_record_id\":\"id-1\"");
	assert_holds(text, "\"replaced\":[\"one\",\"two\"]");
	assert_holds(text, "\"duration_ms\":12");
	audit_line_leaf(text, leaf);
	assert_memory_equal(m->leaf, leaf, sizeof(leaf));
	assert_true(m->seq == 1);
}

TEST(event)
{
	const struct r_event *m;

	scribe_serves();
	say(PROC_SUPERVISOR, s_event, .number = 5, .event = BYTES("gateway.start"),
	    .value = BYTES("1.0"));
	m = hear(PROC_SUPERVISOR, r_event);
	assert_true(m->number == 5 && m->durable == 1);
	assert_holds(last_line(), "\"value\":\"1.0\"");
	expect(&there, "log.open gateway.start ");
}

/* One sync for all that came together. */
TEST(batch)
{
	scribe_and_vault();
	syncs.n = 0;
	for (uint64_t n = 1; n <= 20; n++)
		say_line(n, "x.outcome", "r");
	for (uint64_t n = 1; n <= 20; n++)
		assert_true(expect_written(n, true)->seq == n);
	assert_int_equal(syncs.n, 1);
}

/* More than one sync may stand for does not wait for the rest. */
TEST(large_batch)
{
	const struct s_event m = {.event = BYTES("x")};

	scribe_serves();
	syncs.n = 0;
	for (unsigned n = 0; n < 1024; n++) {
		assert_int_equal(syncs.n, 0);
		scribe_ops.control(&rig.role, MSG_s_event, &m, -1);
	}
	assert_int_equal(syncs.n, 1);
	for (unsigned n = 0; n < 1024; n++)
		assert_int_equal(hear(PROC_SUPERVISOR, r_event)->durable, 1);
	assert_int_equal(syncs.n, 1);
}

/* ---- what it counts ---- */

static struct sv_numbers numbers(uint64_t call)
{
	struct sv_numbers m;

	say(PROC_VAULT, vs_numbers, .call = call, .epoch = 9);
	m = *hear(PROC_VAULT, sv_numbers);
	assert_true(m.call == call && m.epoch == 9);
	return m;
}

TEST(counts)
{
	struct histogram h;
	struct sv_numbers m;

	scribe_and_vault();
	m = numbers(1);
	assert_true(m.lines == 0 && m.failures == 0 && m.unresolved == 0);
	assert_true(m.signed_at >= RIG_NOW);
	say_line(1, "add_record.intent", "a");
	say_line(2, "get_zones.outcome", "b");
	expect_written(1, true);
	expect_written(2, true);
	m = numbers(2);
	memcpy(&h, m.syncs, sizeof(h));
	assert_true(m.lines == 2 && m.unresolved == 1);
	assert_true(histogram_count(&h) == 1);
	syncs.fail = 1;
	say_line(3, "get_zones.outcome", "c");
	expect_written(3, false);
	expect_told(false, "a sync failed");
	m = numbers(3);
	memcpy(&h, m.syncs, sizeof(h));
	assert_true(m.lines == 2 && m.failures == 1);
	assert_true(histogram_count(&h) == 2);
}

/* Without a log there is nothing in it, and without a signer no checkpoint. */
TEST(counts_of_nothing)
{
	struct sv_numbers m;

	scribe_is_there();
	scribe_starts();
	vault_comes("");
	expect_told(false, "the scribe starts");
	m = numbers(1);
	assert_true(m.unresolved == 0 && m.signed_at == 0);
	give_directory(there.dir);
	later(CHECK_MS);
	expect_told(true, "");
	later(61000);
	assert_true(numbers(2).signed_at == 0);
}

/* ---- the vault ---- */

/* Only what the vault names is still in flight, until the vault is gone. */
TEST(intents)
{
	static const char *const unknown[] = {"add_record.outcome/live/unknown ",
					      "add_record.outcome/new/unknown ",
					      "add_record.outcome/lost/unknown "};
	struct summary log;

	log_open(&there);
	put(&there, "add_record.intent", "live");
	put(&there, "add_record.intent", "dead");
	log_close(&there);
	scribe_serves();
	connect_to(PROC_VAULT);
	say(PROC_VAULT, vs_live, .request_ids = list_of("other"), .more = 1);
	assert_silence(); /* the rest of the list follows */
	expect(&there, "log.open add_record.intent/live add_record.intent/dead ");
	say(PROC_VAULT, vs_live, .request_ids = list_of("live"));
	expect_told(true, "");
	expect(&there, "log.open add_record.intent/live add_record.intent/dead "
		       "add_record.outcome/dead/unknown ");
	say_line(1, "add_record.intent", "new");
	expect_written(1, true);
	say_line(2, "add_record.intent", "lost"); /* nobody hears of it any more */
	disconnect(PROC_VAULT);
	log = read_log(&there);
	assert_int_equal(log.lines, 9);
	for (size_t n = 0; n < ARRAY_LEN(unknown); n++) /* in any order */
		assert_holds(bytes_str(log.events), unknown[n]);
	vault_comes("");
	expect_told(true, "");
}

static void say_again(uint64_t token, const char *event, const char *id)
{
	say(PROC_VAULT, vs_line, .token = token, .event = bytes_str(event),
	    .request_id = bytes_str(id), .duration_ms = -1, .again = 1);
}

/* What a former scribe wrote before it was gone is confirmed, and not written twice; what it did not write is. */
TEST(told_again)
{
	log_open(&there);
	put(&there, "add_record.intent", "a");
	put(&there, "add_record.outcome", "a");
	put(&there, "add_record.intent", "b");
	log_close(&there);
	scribe_serves();
	vault_comes("a|b");
	expect_told(true, "");
	say_again(1, "add_record.outcome", "a");
	expect_written(1, true);
	say_again(2, "add_record.outcome", "b");
	expect_written(2, true);
	say_again(3, "add_record.outcome", "b");
	expect_written(3, true);
	/* what was overwritten the vault never says as told before */
	say_line(4, "add_record.replaced", "b");
	expect_written(4, true);
	expect(&there, "log.open add_record.intent/a add_record.outcome/a add_record.intent/b "
		       "add_record.outcome/b add_record.replaced/b ");
}

/* Without a log nothing is said to be in it. */
TEST(told_again_without_log)
{
	scribe_begins();
	scribe_starts();
	vault_comes("a");
	expect_told(false, "the scribe starts");
	say_again(1, "add_record.outcome", "a");
	expect_written(1, false);
}

/* A new one takes the old one's place at once. */
TEST(new_vault)
{
	scribe_and_vault();
	vault_comes("");
	expect_told(true, "");
	say_line(1, "x.outcome", "r");
	expect_written(1, true);
}

TEST(line_before_greeting)
{
	scribe_serves();
	connect_to(PROC_VAULT);
	say_line(1, "x.outcome", "r");
	expect_denounced(PROC_VAULT);
	expect(&there, "log.open ");
}

TEST(greeting_twice)
{
	scribe_and_vault();
	say(PROC_VAULT, vs_live, .more = 0);
	expect_denounced(PROC_VAULT);
	vault_comes("");
	expect_told(true, "");
}

/* The scribe speaks with nobody else. */
TEST(other_peer)
{
	const struct s_peer m = {.proc = PROC_FRONT};
	unsigned char byte;
	int fds[2];

	scribe_serves();
	assert_int_equal(channel_pair(fds), 0);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_peer, &m, fds[0]);
	close(fds[0]);
	turn();
	assert_int_equal(recv(fds[1], &byte, 1, 0), 0);
	close(fds[1]);
	say(PROC_SUPERVISOR, s_apply, 0); /* not for it */
}

/* ---- a log that cannot be written ---- */

/* It is said at once, and once; the next look mends it, and then that is said. */
TEST(sync_fails)
{
	scribe_and_vault();
	syncs.fail = 2;
	say_line(1, "x.outcome", "1");
	expect_written(1, false);
	expect_told(false, "a sync failed");
	say_line(2, "x.outcome", "2");
	expect_written(2, false);
	assert_silence();
	later(CHECK_MS); /* the new segment's sync fails too */
	assert_silence();
	later(CHECK_MS);
	expect_told(true, "");
	say_line(3, "x.outcome", "3");
	expect_written(3, true);
	assert_int_equal(files(&there), 4); /* two segments, checkpoints, leaves */
}

/* What fits no line is that line's trouble; the vault says again what it has to, when the scribe has looked. */
TEST(line_that_cannot_be)
{
	scribe_and_vault();
	say_line(1, "add_record.intent", ""); /* of no request */
	expect_written(1, false);
	expect_told(false, "a line could not be written");
	later(CHECK_MS);
	expect_told(true, "");
	expect(&there, "log.open ");
}

/* Among others in the same batch they alone are lost. */
TEST(line_among_others)
{
	scribe_and_vault();
	say_line(1, "x.outcome", "1");
	say_line(2, "add_record.intent", "");
	expect_written(1, true);
	expect_written(2, false);
	expect_told(false, "a line could not be written");
	expect(&there, "log.open x.outcome/1 ");
}

/* Intents that could not be closed are closed later; the vault is not told to go on before. */
TEST(closing_fails)
{
	log_open(&there);
	put(&there, "add_record.intent", "dead");
	log_close(&there);
	scribe_serves();
	syncs.fail = 1;
	vault_comes("");
	expect_told(false, "a sync failed");
	later(CHECK_MS);
	expect_told(true, "");
	assert_int_equal(read_log(&there).bad, 0);
	assert_holds(bytes_str(read_log(&there).events), "add_record.outcome/dead/unknown");
}

/* ---- a log that cannot be opened ---- */

static void expect_closed(const char *why)
{
	vault_comes("");
	expect_told(false, why);
	say_line(1, "x.outcome", "1");
	expect_written(1, false);
	say(PROC_SUPERVISOR, s_event, .number = 2, .event = BYTES("gateway.start"));
	assert_int_equal(hear(PROC_SUPERVISOR, r_event)->durable, 0);
	later(CHECK_MS);
	assert_silence(); /* nothing has changed */
}

TEST(no_directory)
{
	scribe_begins();
	scribe_starts();
	later(600000); /* no heartbeat either */
	expect_closed("the scribe starts");
	give_directory(there.dir);
	later(CHECK_MS);
	expect_told(true, "");
	expect(&there, "log.open ");
}

TEST(log_of_another)
{
	int other = open(there.dir, O_RDONLY | O_CLOEXEC);

	assert_int_equal(flock(other, LOCK_EX), 0);
	scribe_serves();
	expect_closed("another gateway has the log open");
	close(other);
	later(CHECK_MS);
	expect_told(true, "");
	say_line(2, "x.outcome", "2");
	expect_written(2, true);
}

/* The vault may ask before the log was tried: what it is told then is not the last word. */
TEST(another_reason)
{
	int other = open(there.dir, O_RDONLY | O_CLOEXEC);

	assert_int_equal(flock(other, LOCK_EX), 0);
	scribe_begins();
	vault_comes("");
	expect_told(false, "the scribe starts");
	give_directory(there.dir);
	scribe_starts();
	expect_told(false, "another gateway has the log open");
	later(CHECK_MS);
	assert_silence();
	close(other);
	later(CHECK_MS);
	expect_told(true, "");
}

TEST(damaged_log)
{
	set_segment(&there, 1, "no line\n{\"seq\":2}\n");
	set_segment(&there, 3, "");
	scribe_serves();
	expect_closed("the log was damaged elsewhere than at its end");
}

TEST(no_log_there)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", there.dir);
	set_file(&there, "file", BYTES(""));
	scribe_begins();
	give_directory(path);
	scribe_starts();
	expect_closed("the log cannot be opened");
}

/* ---- by the clock ---- */

TEST(heartbeat)
{
	scribe_serves();
	later(599999);
	expect(&there, "log.open ");
	later(1);
	expect(&there, "log.open gateway.heartbeat ");
	later(600000);
	expect(&there, "log.open gateway.heartbeat gateway.heartbeat ");
}

static size_t checkpoints(void)
{
	struct buf b = get_file(&there, CHECKPOINTS_NAME);
	struct bytes rest = buf_bytes(&b);
	size_t n = 0, at;

	while ((at = bytes_find(rest, BYTES("\nfrontier "))) < rest.n) {
		rest = bytes_skip(rest, at + 1);
		n++;
	}
	buf_done(&b);
	return n;
}

/* Each minute, if there is something new; at the start; and at the end. */
TEST(signs)
{
	scribe_and_vault();
	assert_int_equal(checkpoints(), 1);
	say_line(1, "x.outcome", "1");
	expect_written(1, true);
	later(59999);
	assert_int_equal(checkpoints(), 1);
	later(1001);
	assert_int_equal(checkpoints(), 2);
	later(61000);
	assert_int_equal(checkpoints(), 2);
	say_line(2, "x.outcome", "2");
	expect_written(2, true);
	say(PROC_SUPERVISOR, s_stop, 0);
	turn();
	assert_int_equal(checkpoints(), 3);
}

/* What was said before s_stop is written; then the log is somebody else's. */
TEST(stop)
{
	int other = open(there.dir, O_RDONLY | O_CLOEXEC);

	scribe_serves();
	say(PROC_SUPERVISOR, s_event, .number = 1, .event = BYTES("gateway.stop"));
	say(PROC_SUPERVISOR, s_stop, 0);
	rig.stopped = false;
	turn();
	assert_true(rig.stopped);
	assert_int_equal(hear(PROC_SUPERVISOR, r_event)->durable, 1);
	expect(&there, "log.open gateway.stop ");
	/* It looks after it no more, not even in the turn in which it ends: its keys are gone. */
	later(600000);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scribe_test(test_line),
		scribe_test(test_event),
		scribe_test(test_batch),
		scribe_test(test_counts),
		scribe_test(test_counts_of_nothing),
		scribe_test(test_large_batch),
		scribe_test(test_intents),
		scribe_test(test_told_again),
		scribe_test(test_told_again_without_log),
		scribe_test(test_new_vault),
		scribe_test(test_line_before_greeting),
		scribe_test(test_greeting_twice),
		scribe_test(test_other_peer),
		scribe_test(test_sync_fails),
		scribe_test(test_line_that_cannot_be),
		scribe_test(test_line_among_others),
		scribe_test(test_closing_fails),
		scribe_test(test_no_directory),
		scribe_test(test_log_of_another),
		scribe_test(test_another_reason),
		scribe_test(test_damaged_log),
		scribe_test(test_no_log_there),
		scribe_test(test_heartbeat),
		scribe_test(test_signs),
		scribe_test(test_stop),
	};

	return cmocka_run_group_tests_name("scribe", tests, NULL, NULL);
}
