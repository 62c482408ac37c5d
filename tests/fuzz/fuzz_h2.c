/* SPDX-License-Identifier: ISC */
/*
 * The HTTPS client against a hostile server that speaks HTTP/2, from the end of the handshake on; now and then it speaks HTTP/1.1. The input is what happens: calls begin and are given up, time passes, the server sends frames or
 * anything else, hangs up, or takes no more (see enum step). Sockets are pairs, TLS and the clock are ours.
 *
 * Each call is told once, or was cancelled, and that not before egress_start() has returned; what is OK is an answer. Once all servers have hung up nobody waits any more. What is not safe is seen by a second server, or a second
 * time, only where the first one said that it has not looked at it; and where one may have, its caller is told so. Nothing is left when the client is freed, whatever it was at.
 */
#include "h2_world.h"

#define BEGIN_MS    1000000
#define FRAME_LARGE 16384	      /* what may be in one */
#define SERVED_MAX  (6 * 1024 * 1024) /* of all servers together: more than an answer may have */
#define SHORT_READS 256
#define LAST_TURNS  16

/* The low four bits of a byte, modulo STEPS. MORE are the three above; with the highest the loop does not run yet. */
enum step {
	STEP_FRAME, /* type, flags, stream, length; the payload. 2^MORE times */
	STEP_LARGE, /* the same, and the payload is filled up */
	STEP_BYTES, /* length; whatever it is */
	STEP_START, /* START_… */
	STEP_CANCEL,
	STEP_TIME,   /* MORE: how much */
	STEP_TAKES,  /* how many bytes the socket takes; MORE: all, or then what */
	STEP_READS,  /* how many bytes are read at once, SHORT_READS times; 0: all there are */
	STEP_HANGUP, /* MORE: with or without a word */
	STEP_NEXT,   /* NEXT_… of the connections that are to come */
	STEP_WHICH,  /* of the connections the server is to speak on */
	STEP_TURNS,
	STEPS,
};

enum {
	START_METHOD = 3,
	START_BODY = 3 << 2,
	START_SHORT = 1 << 4, /* its time is */
	START_OTHER = 1 << 5, /* another server */
	START_THEN = 3 << 6, /* what is done when it is told: nothing, GET, POST, one is given up */
};

static enum egress_failure last_told;

/* ---- calls ---- */

static void start(unsigned how);

static void cancel(size_t i)
{
	struct egress_call *c = i < at.n_calls ? at.calls[i].call : NULL;

	if (!c)
		return;
	at.calls[i].call = NULL;
	egress_cancel(c);
}

static void cancel_first(void)
{
	size_t i = 0;

	while (i < at.n_calls && !at.calls[i].call)
		i++;
	cancel(i);
}

static void check_answer(const struct egress_answer *a)
{
	if (a->failure != EGRESS_OK) {
		CHECK(a->status == 0 && a->body->n == 0 && a->headers->n == 0);
		return;
	}
	CHECK(a->status >= 200 && a->status <= 999);
	CHECK(a->body->n <= EGRESS_BODY_MAX);
	CHECK(plist_valid(buf_bytes(a->headers), 2 * EGRESS_HEADERS_MAX, EGRESS_HEADERS_MAX) &&
	      plist_count(buf_bytes(a->headers)) % 2 == 0);
	CHECK(!a->has_retry_after || a->retry_after <= 24 * 60 * 60);
}

static void done(void *arg, const struct egress_answer *a)
{
	struct call *c = arg;

	CHECK(c->call && !at.starting && !at.freed);
	c->call = NULL;
	check_answer(a);
	CHECK(a->sent || !c->conn || not_looked_at(c->conn, c->stream));
	last_told = a->failure;
	switch ((c->how & START_THEN) >> 6) {
	case 1:
		start(0);
		break;
	case 2:
		start(1);
		break;
	case 3:
		cancel_first();
		break;
	default:
		break;
	}
}

static void start(unsigned how)
{
	/* The second and the fourth are not safe. */
	static const char *const methods[] = {"GET", "POST", "HEAD", "PUT"}, *const want[] = {
										     "X-Wanted"};
	static const size_t sizes[] = {0, 6, 20000, 70000};
	static unsigned char body[70000];
	struct call *c = &at.calls[at.n_calls];
	struct buf headers = BUF_INIT(64);
	struct url u;
	char target[16];
	struct egress_request r = {.url = &u, .want_headers = want, .wanted = 1};

	if (at.n_calls == CALLS_MAX)
		return;
	*c = (struct call){.how = how};
	CHECK(url_parse(bytes_str(how & START_OTHER ? "https://9.9.9.9" : "https://1.1.1.1"), &u) ==
	      0);
	snprintf(target, sizeof(target), "/%zu", at.n_calls++);
	plist_put(&headers, BYTES("Authorization: secret"));
	r.method = methods[how & START_METHOD];
	r.target = bytes_str(target);
	r.headers = buf_bytes(&headers);
	/* Large ones take their time: not every one. */
	r.body = bytes_of(body,
			  how & 1 ? sizes[(how & START_BODY) >> 2 & (at.n_calls > 4 ? 1 : 3)] : 0);
	r.timeout_ms = how & START_SHORT ? 1000 : 20000;
	CHECK(!at.starting);
	at.starting = true;
	CHECK(egress_start(at.egress, &r, done, c, &c->call) == 0);
	at.starting = false;
	buf_done(&headers);
}

/* ---- the server ---- */

/* As often, in few pieces. */
static void serve_often(struct tls_conn *c, struct bytes frame, size_t times)
{
	static unsigned char room[4 * (FRAME_HEAD + FRAME_LARGE)];

	while (times && at.served < SERVED_MAX) {
		size_t n = 0;

		for (; times && n + frame.n <= sizeof(room); times--, n += frame.n)
			memcpy(room + n, frame.p, frame.n);
		at.served += n;
		serve(c, bytes_of(room, n));
	}
}

static void serve_frame(struct tls_conn *c, struct bytes *in, bool large, unsigned more)
{
	static unsigned char frame[FRAME_HEAD + FRAME_LARGE];
	unsigned char *p = frame;
	struct bytes payload;
	size_t n;

	p[3] = (unsigned char)fuzz_byte(in);
	p[4] = (unsigned char)fuzz_byte(in);
	p[8] = (unsigned char)fuzz_byte(in);
	payload = fuzz_take(in, fuzz_byte(in));
	if (payload.n)
		memcpy(p + FRAME_HEAD, payload.p, payload.n);
	n = large ? FRAME_LARGE : payload.n;
	memset(p + FRAME_HEAD + payload.n, 0, n - payload.n);
	p[1] = (unsigned char)(n >> 8);
	p[2] = (unsigned char)n;
	if (c)
		serve_often(c, bytes_of(p, FRAME_HEAD + n), (size_t)1 << more);
}

/* ---- */

static void take_step(struct bytes *in)
{
	static const int64_t times[] = {1, 100, 400, 1000, 5000, 20000, 60000, 600000};
	unsigned op = fuzz_byte(in), more = op >> 4 & 7, step = op % 16 % STEPS;
	struct tls_conn *c = at.n_conns > at.which ? at.conns[at.n_conns - 1 - at.which] : NULL;

	switch ((enum step)step) {
	case STEP_FRAME:
	case STEP_LARGE:
		serve_frame(c, in, step == STEP_LARGE, more);
		break;
	case STEP_BYTES: {
		struct bytes b = fuzz_take(in, fuzz_byte(in));
		if (c)
			serve(c, b);
		break;
	}
	case STEP_START:
		start(fuzz_byte(in));
		break;
	case STEP_CANCEL:
		cancel(fuzz_byte(in) % CALLS_MAX);
		break;
	case STEP_TIME:
		now += times[more];
		break;
	case STEP_TAKES:
		at.takes = fuzz_byte(in);
		at.takes = more & 3 ? at.takes : SIZE_MAX;
		at.blocked = more & 3;
		break;
	case STEP_READS:
		at.reads = fuzz_byte(in);
		at.short_reads = at.reads ? SHORT_READS : 0;
		break;
	case STEP_HANGUP:
		if (c)
			hang_up(c, more & 1);
		break;
	case STEP_NEXT:
		at.next = fuzz_byte(in);
		break;
	case STEP_WHICH:
		at.which = fuzz_byte(in) % CONNS_MAX;
		break;
	case STEP_TURNS:
	case STEPS:
		turns(more);
		break;
	}
	/* A call that begins takes two, until it was sent. */
	if (!(op & 0x80))
		turns(step == STEP_START ? 2 : 1);
}

static void all_hang_up(void)
{
	at.takes = SIZE_MAX;
	at.short_reads = 0;
	at.blocked = 0;
	at.next = NEXT_FAILS;
	for (size_t i = 0; i < at.n_conns; i++)
		hang_up(at.conns[i], i % 2);
	turns(LAST_TURNS);
	for (size_t i = 0; i < at.n_calls; i++)
		CHECK(!at.calls[i].call);
}

static void begin(void)
{
	static const struct address_rules none = {.n = 0};
	const struct egress_config config = {.rules = &none, .idle_connections = 2, .http2 = true};

	now = BEGIN_MS;
	memset(&at, 0, sizeof(at));
	at.takes = SIZE_MAX;
	if (!loop)
		CHECK(loop_new(&loop) == 0);
	turns(1);
	CHECK(egress_new(&at.egress, loop, &config) == 0);
}

static void end(void)
{
	at.freed = true;
	egress_free(at.egress);
	/* No timer is left. */
	turns(1);
	CHECK(patience == -1);
	for (size_t i = 0; i < at.n_conns; i++) {
		struct tls_conn *c = at.conns[i];

		/* The client has closed its end: else there are soon no sockets any more. */
		hang_up(c, false);
		nghttp2_hd_inflate_del(c->heads);
		free(c);
	}
}

/* The name begins with how the last call ended. */
bool fuzz_seed(const char *name, struct bytes seed)
{
	static const char *const ends[] = {
		[EGRESS_OK] = "ok_",	       [EGRESS_REFUSED] = "refused_",
		[EGRESS_CONNECT] = "connect_", [EGRESS_TLS] = "tls_",
		[EGRESS_TIMEOUT] = "timeout_", [EGRESS_RESET] = "reset_",
		[EGRESS_TOO_LARGE] = "large_", [EGRESS_INTERNAL] = "internal_"};

	last_told = EGRESS_RESOLVE;
	(void)LLVMFuzzerTestOneInput(seed.p, seed.n);
	return ends[last_told] && bytes_starts(bytes_str(name), bytes_str(ends[last_told]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	bool at_once;

	begin();
	/* The client is freed in whatever it is at. */
	at_once = fuzz_byte(&in) & 1;
	while (in.n)
		take_step(&in);
	if (!at_once)
		all_hang_up();
	end();
	return 0;
}
