/* SPDX-License-Identifier: ISC */
#pragma once

/* The scribe on role_rig.h, each time in a process and with a directory of its own; what came into the log is read from there. */
#include "role_rig.h"
#include "store_rig.h"

#define CHECK_MS 1000 /* how often it looks after its log */

static struct log there; /* its directory; NOW is what a line that was there before says */

static const struct s_signer rig_signer = {.name = BYTES("postern.example/log"),
					   .seed = "a seed of thirty-two bytes, well"};

/* ---- syncs of lines ---- */

static struct {
	unsigned n;
	unsigned fail; /* so many from now on */
} syncs;

static inline int rig_sync(int fd)
{
	syncs.n++;
	if (!syncs.fail)
		return 0;
	syncs.fail--;
	errno = EIO;
	return -1;
}

/* ---- its life ---- */

/* It knows nothing yet. */
static inline void scribe_is_there(void)
{
	store_sync = rig_sync;
	assert_int_equal(rig_begin_as(PROC_SCRIBE, &scribe_ops), 0);
	rig_init_end(PROC_VAULT, &edge_vault_scribe, SIDE_A);
	rig.role.ops->init(&rig.role);
	say(PROC_SUPERVISOR, s_scribe, .segment_bytes = 1 << 20);
}

/* It knows who signs. */
static inline void scribe_begins(void)
{
	scribe_is_there();
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_signer, &rig_signer, -1);
}

static inline void give_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	channel_send_fd(&rig.ends[PROC_SUPERVISOR], MSG_s_log_dir, &(struct s_log_dir){0}, fd);
	close(fd);
}

static inline void scribe_starts(void)
{
	say(PROC_SUPERVISOR, s_start, 0);
	hear(PROC_SUPERVISOR, r_ready);
}

/* It serves, and nobody is there. */
static inline void scribe_serves(void)
{
	scribe_begins();
	give_directory(there.dir);
	scribe_starts();
}

static inline void expect_told(bool writable, const char *reason)
{
	const struct sv_status *m = hear(PROC_VAULT, sv_status);

	assert_int_equal(m->writable, writable);
	assert_bytes(m->reason, reason);
}

/* A vault, with those intents in flight. */
static inline void vault_comes(const char *live)
{
	connect_to(PROC_VAULT);
	say(PROC_VAULT, vs_live, .request_ids = list_of(live));
	turn();
}

/* It serves, and a vault is there that heard so. */
static inline void scribe_and_vault(void)
{
	scribe_serves();
	vault_comes("");
	expect_told(true, "");
}

static inline void say_line(uint64_t token, const char *event, const char *id)
{
	say(PROC_VAULT, vs_line, .token = token, .event = bytes_str(event),
	    .request_id = bytes_str(id), .caller = BYTES("backend"), .duration_ms = -1);
}

static inline const struct sv_written *expect_written(uint64_t token, bool durable)
{
	const struct sv_written *m = hear(PROC_VAULT, sv_written);

	assert_true(m->token == token);
	assert_int_equal(m->durable, durable);
	return m;
}

/* ---- a process for each test ---- */

static inline void in_scribe(void *arg)
{
	(*(void (**)(void))arg)();
	assert_silence();
}

/* BODY with a directory of its own; how its process ended. QUIET: it is meant to end badly. */
static inline int scribe_end_of(void (*body)(void), bool quiet)
{
	int status;

	there = log_none();
	there.config = (struct store_config){.segment_bytes = 1 << 20};
	there.now = RIG_NOW * 1000000;
	status = fork_for(in_scribe, &body, quiet);
	log_done(&there);
	return status;
}

/* TEST(name) { … } is a test named test_name. */
#define scribe_test(f) cmocka_unit_test_teardown(f, fault_no_child)
#define TEST(name)                                                                                 \
	static void name(void);                                                                    \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		assert_int_equal(scribe_end_of(name, false), 0);                                   \
	}                                                                                          \
	static void name(void)
